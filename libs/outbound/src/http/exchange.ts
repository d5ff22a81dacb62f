import { ClientRequest, type IncomingMessage } from 'node:http';
import { constants, type ClientHttp2Stream } from 'node:http2';
import { NotSentError, type Connections } from './connections.js';
import { HttpError, reasonOf } from './http-error.js';
import { HttpResponse, type CheckedRequest } from './http-message.js';

/** Methods that change nothing (RFC 9110 §9.2.1). A DELETE that is sent twice may report that nothing was there to delete. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** RFC 9113 §7. */
const { NGHTTP2_NO_ERROR: NO_ERROR, NGHTTP2_REFUSED_STREAM: REFUSED_STREAM } = constants;

export interface ExchangeLimits {
  readonly maxResponseBytes: number;
  /** Ends the exchange, which then rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** Receives the body of a successful response, which is then not collected. */
  readonly onData: ((part: Buffer) => void) | null;
  /** Whether the head of the response is enough. */
  readonly isHeadOnly: boolean;
  /** Whether a body is cut at `maxResponseBytes` instead of refused. */
  readonly isBodyCut: boolean;
}

/** One request and its response, over any protocol. */
export class Exchange {
  /** Whether sending the request again is safe and may succeed. Known once `run` has rejected. */
  mayBeRepeated = false;
  private readonly chunks: Buffer[] = [];
  private bytes = 0;
  private stream: ClientHttp2Stream | null = null;
  private isStreamReused = false;
  private outgoing: ClientRequest | null = null;
  private incoming: IncomingMessage | null = null;
  private resolve!: (response: HttpResponse) => void;
  private reject!: (reason: unknown) => void;

  constructor(
    private readonly request: CheckedRequest,
    private readonly limits: ExchangeLimits,
  ) {}

  /**
   * Sends the request over one of `connections`, and resolves with the whole response. Rejects with an HttpError, or
   * with the signal's reason.
   */
  async run(connections: Connections): Promise<HttpResponse> {
    const { signal } = this.limits;
    const response = new Promise<HttpResponse>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    const abort = (): void => this.reject(signal.reason);
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    connections.open(this.request, { onStream: (...given) => this.begin(...given) }, signal).then(
      (outgoing) => this.send(outgoing),
      (error: unknown) => this.fail(error),
    );
    try {
      return await response;
    } finally {
      signal.removeEventListener('abort', abort);
      // Resets the stream or closes the connection, unless the response has ended.
      if (!this.incoming?.complete) this.outgoing?.destroy();
    }
  }

  private begin(stream: ClientHttp2Stream, isReused: boolean): void {
    this.stream = stream;
    this.isStreamReused = isReused;
  }

  private send(outgoing: ClientRequest): void {
    this.outgoing = outgoing;
    outgoing.on('error', (error) => this.fail(error));
    if (this.limits.signal.aborted) {
      outgoing.destroy();
      return;
    }
    outgoing.once('close', () =>
      this.fail(outgoing.errored ?? new Error('it was closed without a response')),
    );
    outgoing.once('response', (incoming) => this.receive(incoming));
    outgoing.end(this.request.body ?? undefined);
  }

  private receive(incoming: IncomingMessage): void {
    this.incoming = incoming;
    const { statusCode = 0 } = incoming;
    const { onData, isHeadOnly } = this.limits;
    if (isHeadOnly) {
      // `run` ends the exchange, which may break the body.
      incoming.on('error', () => {});
      this.resolve(this.response(incoming));
      return;
    }
    if (onData !== null && statusCode >= 200 && statusCode < 300) this.passOn(incoming, onData);
    else if (!this.collect(incoming)) return;
    const broken = (error?: Error): void => this.fail(error ?? new Error('the response is not complete'));
    incoming.once('end', () => {
      // An HTTP/2 stream that is reset emits `end` as well.
      const { rstCode = NO_ERROR } = this.stream ?? {};
      if (rstCode === NO_ERROR && this.hasWholeBody(incoming)) this.resolve(this.response(incoming));
      else broken();
    });
    incoming.on('error', broken);
    incoming.once('aborted', broken);
    incoming.once('close', broken);
  }

  /** Collects the body. Returns false if the response is too long. */
  private collect(incoming: IncomingMessage): boolean {
    const { maxResponseBytes, isBodyCut } = this.limits;
    if (
      !isBodyCut &&
      this.request.method !== 'HEAD' &&
      Number(incoming.headers['content-length']) > maxResponseBytes
    ) {
      this.refuseLength();
      return false;
    }
    incoming.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      if (this.bytes <= maxResponseBytes) this.chunks.push(chunk);
      else if (isBodyCut) this.cutBody(incoming, chunk);
      else this.refuseLength();
    });
    return true;
  }

  /** Resolves with the body up to the limit, which `chunk` exceeds. */
  private cutBody(incoming: IncomingMessage, chunk: Buffer): void {
    const excess = this.bytes - this.limits.maxResponseBytes;
    if (excess < chunk.length) this.chunks.push(chunk.subarray(0, chunk.length - excess));
    this.resolve(this.response(incoming));
    this.outgoing?.destroy();
  }

  private passOn(incoming: IncomingMessage, onData: (part: Buffer) => void): void {
    incoming.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      try {
        onData(chunk);
      } catch (error) {
        this.reject(error);
        this.outgoing?.destroy();
      }
    });
  }

  /** Reports whether as many bytes came as the response said. */
  private hasWholeBody({ headers, statusCode }: IncomingMessage): boolean {
    const length = headers['content-length'];
    const hasBody = this.request.method !== 'HEAD' && statusCode !== 304;
    return length === undefined || !hasBody || Number(length) === this.bytes;
  }

  private refuseLength(): void {
    const { maxResponseBytes } = this.limits;
    this.chunks.length = 0;
    const message = `${this.request.url.origin}: the response is longer than ${maxResponseBytes} bytes`;
    this.reject(new HttpError('too-large', message));
    this.outgoing?.destroy();
  }

  private fail(cause: unknown): void {
    this.mayBeRepeated ||= this.judge(cause);
    if (cause instanceof HttpError) return this.reject(cause);
    const message = `${this.request.url.origin}: the connection broke: ${reasonOf(cause)}`;
    return this.reject(new HttpError('broken', message, { cause }));
  }

  private judge(cause: unknown): boolean {
    if (this.incoming !== null) return false;
    if (cause instanceof NotSentError) return true;
    // RFC 9113 §8.7: the stream was closed before anything was processed.
    if (this.stream?.rstCode === REFUSED_STREAM) return true;
    // An idle connection may be closed at the moment when a request is sent over it.
    return this.isReused && SAFE.has(this.request.method);
  }

  /** Whether the connection has served an earlier request. `reusedSocket` is always true on requests of http2-wrapper. */
  private get isReused(): boolean {
    return this.outgoing instanceof ClientRequest ? this.outgoing.reusedSocket : this.isStreamReused;
  }

  private response({ statusCode = 0, headers, httpVersion }: IncomingMessage): HttpResponse {
    const plain: Record<string, string | undefined> = {};
    for (const [name, value] of Object.entries(headers)) {
      if (!name.startsWith(':')) plain[name] = Array.isArray(value) ? value.join(', ') : value;
    }
    const body = Buffer.concat(this.chunks);
    return new HttpResponse(
      statusCode,
      plain,
      body,
      this.request.url,
      httpVersion as HttpResponse['httpVersion'],
    );
  }
}
