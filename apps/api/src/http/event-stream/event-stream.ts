import type { StreamEnd } from '@culvert/contract';
import type { ServerResponse } from 'node:http';
import type { WaitingShare } from './waiting-budget.js';

const HEARTBEAT_MS = 15_000;
/** Milliseconds after which a browser reconnects. */
const RETRY_MS = 2000;
/** The same when this process stops and another one takes over. */
const INTERRUPTED_RETRY_MS = 100;
/** Milliseconds that a reader has to read why its stream ended, after it was too slow. */
const LINGER_MS = 5000;

export interface StreamEvent {
  readonly name: string;
  /** JSON on one line. */
  readonly data: string;
  readonly id?: string;
}

export interface EventStreamOptions {
  readonly waiting: WaitingShare;
  /** Called once, when the last event is sent or the reader has disconnected. */
  readonly onClose: () => void;
}

/** One answer of server-sent events, from its head to its last event. What waits for its reader is bounded. */
export class EventStream {
  private readonly heartbeat: NodeJS.Timeout;
  private isClosed = false;

  /**
   * Sends the head.
   */
  constructor(
    private readonly response: ServerResponse,
    private readonly options: EventStreamOptions,
  ) {
    response.statusCode = 200;
    response.setHeader('Content-Type', 'text/event-stream');
    // Stops proxies from holding back events.
    response.setHeader('X-Accel-Buffering', 'no');
    response.on('drain', () => options.waiting.note(response.writableLength));
    response.on('close', () => {
      options.waiting.note(0);
      this.close();
    });
    response.write(`retry: ${RETRY_MS}\n\n`);
    this.heartbeat = setInterval(() => this.write(':\n\n'), HEARTBEAT_MS).unref();
  }

  get isOpen(): boolean {
    return !this.isClosed;
  }

  send({ name, data, id }: StreamEvent): void {
    this.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${data}\n\n`);
  }

  /** Sends the reason and ends. */
  end(reason: StreamEnd['reason']): void {
    if (this.isClosed) return;
    const retry = reason === 'interrupted' ? `retry: ${INTERRUPTED_RETRY_MS}\n` : '';
    this.response.end(`${retry}event: end\ndata: ${JSON.stringify({ reason } satisfies StreamEnd)}\n\n`);
    setTimeout(() => this.response.destroy(), LINGER_MS).unref();
    this.close();
  }

  private write(text: string): void {
    if (this.isClosed) return;
    this.response.write(text);
    if (!this.options.waiting.note(this.response.writableLength)) this.end('too_slow');
  }

  private close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    clearInterval(this.heartbeat);
    this.options.onClose();
  }
}
