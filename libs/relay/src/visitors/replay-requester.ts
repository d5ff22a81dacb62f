/**
 * A requester in memory: it has its one request from the start, reads the response without delay, and keeps the
 * beginning. To its exchange it is like any other.
 */
import { type Fields, HeadReader, type RequestHead, type ResponseHead } from '@culvert/http1';
import { RelayError } from '../answers/relay-error.js';
import { Exchange } from '../exchange/exchange.js';
import { BodyCapture, type ReplayMark } from '../exchange/exchange-trace.js';
import type { ExchangeHost } from '../exchange/host.js';
import type { Requester } from '../exchange/requester.js';
import { requestHeadText } from '../routing/header-rules.js';
import { makeRequestId } from '../request-id.js';
import type { Route } from '../routing/route.js';
import { ForwardedFields, TrustedProxies } from './forwarded.js';
import type { VisitorConnection } from './visitor-connection.js';

/** Bytes of a request body that are offered at once. */
const SLICE_BYTES = 65_536;
/** Bytes of a response body that are read; then the exchange ends. */
const MAX_READ_BYTES = 16 * 1024 * 1024;

/** The address of the caller is known: what a replayed request claims counts for nothing. */
const NO_PROXIES = new TrustedProxies([]);

export interface ReplayOptions {
  readonly request: RequestHead;
  readonly body: Buffer;
  readonly mark: ReplayMark;
  /** Address of the caller that has it sent. */
  readonly peer: string;
  readonly isSecure: boolean;
  /** Time for the whole response; what has arrived by then is returned. */
  readonly maxMs: number;
  /** Bytes of the response's body. */
  readonly maxKeptBytes: number;
}

export interface ReplayAnswer {
  readonly head: ResponseHead;
  readonly body: BodyCapture;
  /** Times from the request to the head, and to the end. */
  readonly firstByteMs: number;
  readonly durationMs: number;
  /** `cut`: the body exceeded the limit or took too long; `broken`: the service or the tunnel broke it off. */
  readonly end: 'complete' | 'cut' | 'broken';
}

export class ReplayRequester implements Requester, VisitorConnection {
  readonly isHttp2 = false;
  readonly isIdleCarrier = false;
  readonly responseReader: HeadReader;
  readonly replay: ReplayMark;
  readonly peer: string;
  private readonly exchange: Exchange;
  private readonly startedAt = performance.now();
  private readonly kept: BodyCapture;
  private bodyOffset = 0;
  private head: ResponseHead | null = null;
  private firstByteMs = 0;
  private isOver = false;

  /** @param settle receives the result, once */
  constructor(
    host: ExchangeHost,
    private readonly options: ReplayOptions,
    hostname: string,
    private readonly settle: (outcome: ReplayAnswer | RelayError) => void,
  ) {
    this.responseReader = new HeadReader(host.limits.head, 'response');
    this.replay = options.mark;
    this.peer = options.peer;
    this.kept = new BodyCapture(options.maxKeptBytes, (bytes) => bytes);
    this.exchange = new Exchange(host, this, options.request, hostname);
  }

  start(route: Route): void {
    this.exchange.startOn(route);
  }

  // --- VisitorConnection ----------------------------------------------------------------------------------

  exchanges(): readonly Exchange[] {
    return [this.exchange];
  }

  sweep(now: number): void {
    this.exchange.sweep(now);
    if (this.isOver || performance.now() - this.startedAt <= this.options.maxMs) return;
    if (this.head !== null) {
      this.cut();
      return;
    }
    const seconds = Math.round(this.options.maxMs / 1000);
    const error = new RelayError('response_timeout', `The service did not answer within ${seconds} seconds.`);
    this.exchange.cancel(error);
    this.fail(error);
  }

  /** Does nothing, nor does `drain`: the replay ends by itself soon. */
  giveNotice(): void {}

  drain(): void {}

  stop(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.isOver) return;
    this.exchange.cancel();
    // Not `shutting_down`: the service may have seen the request.
    this.fail(new RelayError('tunnel_lost', 'This part of Culvert stopped before the service had answered.'));
  }

  // --- Visitor --------------------------------------------------------------------------------------------

  requestIdOf(): string {
    return makeRequestId();
  }

  outgoingHead(request: RequestHead, route: Route): Buffer {
    const forwarded = new ForwardedFields(this.peer, this.options.isSecure, NO_PROXIES);
    const lines = forwarded.linesOf(request, route.forwards);
    return Buffer.from(requestHeadText(request, route, lines, this.exchange.record.requestId), 'latin1');
  }

  resumeBody(): void {
    const { body } = this.options;
    while (this.bodyOffset < body.length && this.exchange.wantsBody) {
      const slice = body.subarray(this.bodyOffset, this.bodyOffset + SLICE_BYTES);
      this.bodyOffset += this.exchange.pushBody(slice, 0);
    }
  }

  pauseBody(): void {}

  chunkedOutput(): 'decoded' {
    return 'decoded';
  }

  sendInterim(): void {}

  sendHead(response: ResponseHead): void {
    this.head = response;
    this.firstByteMs = performance.now() - this.startedAt;
  }

  sendBody(buffer: Buffer, start: number, end: number): boolean {
    this.kept.add(buffer, start, end);
    // Deferred: the exchange is still handling these bytes.
    if (this.kept.bytes > MAX_READ_BYTES) queueMicrotask(() => this.cut());
    return true;
  }

  flush(): void {}

  complete(_trailers: Fields | null): void {
    this.answer('complete');
  }

  sendError(error: RelayError): void {
    this.fail(error);
  }

  /** Only the gate and a redirect make such answers, and a replay passes neither. */
  sendAnswer(): void {
    throw new Error('a replay has no answer of its own');
  }

  /** Returns false: the caller of a replay receives the head as well. */
  withdraw(): boolean {
    return false;
  }

  abort(): void {
    this.answer('broken');
  }

  endEarly(): void {
    this.abort();
  }

  // The exchange rejects an upgrade that the request did not ask for.

  switchProtocols(): void {
    throw new Error('a replay cannot switch protocols');
  }

  sendRaw(): boolean {
    throw new Error('a replay cannot switch protocols');
  }

  endRaw(): void {
    throw new Error('a replay cannot switch protocols');
  }

  finishRaw(): void {
    throw new Error('a replay cannot switch protocols');
  }

  // --- Ends -----------------------------------------------------------------------------------------------

  private cut(): void {
    if (this.isOver) return;
    this.exchange.cancel();
    this.answer('cut');
  }

  private answer(end: ReplayAnswer['end']): void {
    const durationMs = performance.now() - this.startedAt;
    const { head, kept: body, firstByteMs } = this;
    this.finish({ head: head!, body, firstByteMs, durationMs, end });
  }

  private fail(error: RelayError): void {
    this.finish(error);
  }

  private finish(outcome: ReplayAnswer | RelayError): void {
    if (this.isOver) return;
    this.isOver = true;
    this.settle(outcome);
  }
}
