import { RequestError, type Exchange, type Handler } from './exchange.js';

/** Limit of visitors that watch the clock at once. */
const MAX_WATCHERS = 1000;

/**
 * A server-sent event clock: one numbered event per interval. A visitor that reconnects with `Last-Event-ID` continues with
 * the next number.
 */
export class Clock {
  private readonly watchers = new Set<() => void>();

  constructor(private readonly intervalMs: number) {}

  readonly handle: Handler = ({ request, response }: Exchange) => {
    if (this.watchers.size >= MAX_WATCHERS) throw new RequestError(503, 'too many visitors watch the clock');
    const last = request.headers['last-event-id'];
    let tick = typeof last === 'string' && /^\d{1,15}$/.test(last) ? Number(last) : 0;

    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const send = () => {
      tick += 1;
      const time = new Date().toISOString();
      // A watcher that does not read misses ticks instead of filling memory.
      if (!response.writableNeedDrain)
        response.write(`id: ${tick}\ndata: ${JSON.stringify({ tick, time })}\n\n`);
    };
    response.write('retry: 1000\n\n');
    send();
    const timer = setInterval(send, this.intervalMs);
    const stop = () => {
      clearInterval(timer);
      this.watchers.delete(stop);
      response.end();
    };
    this.watchers.add(stop);
    response.on('close', stop);
  };

  /** Ends every stream of events. */
  close(): void {
    for (const stop of this.watchers) stop();
  }
}
