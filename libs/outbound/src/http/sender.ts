import { Connections, ProtocolChangedError } from './connections.js';
import { Dialer } from './dialer.js';
import { Exchange, type ExchangeLimits } from './exchange.js';
import type { HttpClientOptions } from './http-options.js';
import { HttpError } from './http-error.js';
import { checkRequest, type CheckedRequest, type HttpRequest, type HttpResponse } from './http-message.js';
import { redirected } from './redirect.js';

/** Retries: one for an idle connection that was closed, one for a server that has changed its protocol. */
const MAX_REPEATS = 2;

/** Does the work of an HttpClient. */
export class Sender {
  private readonly connections: Connections;
  private underWay = 0;

  constructor(private readonly options: HttpClientOptions) {
    this.connections = new Connections(new Dialer(options));
  }

  /** Resolves with a whole response of any status. Rejects with an HttpError, or with the reason of the request's signal. */
  async send(request: HttpRequest): Promise<HttpResponse> {
    const { timeoutMs = this.options.timeoutMs, signal } = request;
    const checked = checkRequest(request);
    const ended = new AbortController();
    const abort = (): void => ended.abort(signal?.reason);
    const timer = setTimeout(() => {
      this.connections.probe();
      const message = `${checked.url.origin} did not answer within ${timeoutMs} ms`;
      ended.abort(new HttpError('timeout', message));
    }, timeoutMs);
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
    this.underWay++;
    let isOver = false;
    const { onData } = request;
    const passOn =
      onData &&
      ((part: Buffer): void => {
        if (isOver) return;
        timer.refresh();
        onData(part);
      });
    try {
      return await this.follow(checked, { ...request, onData: passOn }, ended.signal);
    } finally {
      isOver = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      if (--this.underWay === 0) this.connections.settle();
    }
  }

  /** Closes all connections. Requests under way reject. */
  close(): void {
    this.connections.close();
  }

  private async follow(
    request: CheckedRequest,
    {
      maxRedirects = this.options.maxRedirects ?? 0,
      maxResponseBytes = this.options.maxResponseBytes,
      onData,
      isHeadOnly = false,
      isBodyCut = false,
    }: HttpRequest,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    let current = request;
    for (let followed = 0; ; followed++) {
      const response = await this.exchange(current, {
        maxResponseBytes,
        onData: onData ?? null,
        isHeadOnly,
        isBodyCut,
        signal,
      });
      const next = maxRedirects === 0 ? null : redirected(current, response);
      if (next === null) return response;
      if (followed === maxRedirects)
        throw new HttpError('redirect', `${request.url.origin} redirects more than ${maxRedirects} times`);
      current = next;
    }
  }

  /** Sends a request, and again where that is safe. */
  private async exchange(request: CheckedRequest, limits: ExchangeLimits): Promise<HttpResponse> {
    for (let repeated = 0; ; repeated++) {
      const exchange = new Exchange(request, limits);
      try {
        return await exchange.run(this.connections);
      } catch (error) {
        if (error instanceof ProtocolChangedError) this.connections.forget(request.url);
        if (limits.signal.aborted || !exchange.mayBeRepeated || repeated === MAX_REPEATS) throw error;
      }
    }
  }
}
