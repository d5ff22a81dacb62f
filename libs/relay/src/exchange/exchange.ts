/**
 * One request and its response: the state machine from the route to the end of the response. It waits,
 * retries and maps failures. Bodies pass through `RequestTransfer` and `ResponseTransfer`; the visitor's half is behind
 * `Visitor`. It lives as long as the request, owns one stream at a time, and runs per message: no promises on the way of a
 * public preview whose route is cached.
 */
import { type Fields, Framing, type RequestHead } from '@culvert/http1';
import { ResetCode, type StreamHandler } from '@culvert/tunnel';
import { relayErrorOf } from '../answers/failures.js';
import type { OwnAnswer } from '../answers/own-answer.js';
import type { RelayError, RelayErrorCode } from '../answers/relay-error.js';
import type { Route } from '../routing/route.js';
import type { PooledStream } from '../upstream/stream-pool.js';
import { admitTo, beginTrace, judgeAgain, refusalOf, seekAdmission } from './admission.js';
import { closedEarly, streamReset } from './exchange-errors.js';
import { finishRecord } from './exchange-end.js';
import { ExchangeRecord } from './exchange-record.js';
import { ExchangeState as State, isWaiting, mayFollow } from './exchange-state.js';
import type { ExchangeTrace } from './exchange-trace.js';
import type { ExchangeHost } from './host.js';
import { openStream } from './open-stream.js';
import { type Loss, lossOf, Retries } from './repeatable.js';
import { hasBody, RequestTransfer, type RequestTransferHost } from './request-transfer.js';
import { ResponseTransfer, type ResponseTransferHost } from './response-transfer.js';
import { timeLimitError, waitRefusal } from './time-limits.js';
import type { Requester } from './requester.js';

export class Exchange implements StreamHandler, RequestTransferHost, ResponseTransferHost {
  /** The route that the exchange was let in to; null in ROUTING, and in DONE if it never was. */
  route: Route | null = null;
  /** The stream in use and its response; null before ACTIVE, and while the exchange waits for another stream. */
  upstream: ResponseTransfer | null = null;
  /** Null unless the preview is watched. */
  trace: ExchangeTrace | null = null;
  readonly record: ExchangeRecord;
  /** Whether the stream takes no more of the request, or of raw bytes, for now. */
  isBodyPaused = false;
  /** Whether the visitor has closed its side of an upgraded connection. */
  hasRequesterEnded = false;

  private current: State = State.ROUTING;
  private retries: Retries | null = null;
  private cancelWait: (() => void) | null = null;
  /** The request's body on its way; null while there is no stream, and for a request without a body. */
  private body: RequestTransfer | null = null;
  /** The route changed during routing or the gate's check: their results may be out of date. */
  private isRouteOutdated = false;
  /** Time when bytes last moved, on the relay's clock. */
  private activeAt: number;

  constructor(
    private readonly host: ExchangeHost,
    readonly requester: Requester,
    readonly request: RequestHead,
    /** The lower-case name that decided the route, without its port. */
    readonly hostname: string,
  ) {
    this.activeAt = host.clock.now;
    this.record = new ExchangeRecord(host.hasRequestIds ? requester.requestIdOf(request) : '');
  }

  get state(): State {
    return this.current;
  }

  /** Whether the whole request has arrived. */
  get isRequestDone(): boolean {
    return this.body === null ? !hasBody(this.request) : this.body.isDone;
  }

  /** Whether body bytes can be pushed now. */
  get wantsBody(): boolean {
    return this.current === State.ACTIVE && !this.isRequestDone && !this.isBodyPaused;
  }

  start(): void {
    seekAdmission(this, this.host);
  }

  /** Like `start`, for a request that another process has admitted to a known route. */
  startOn(route: Route): void {
    admitTo(this, route, this.host);
  }

  /** The visitor is gone, or cannot use the answer and gets `failure` instead: drops the rest. */
  cancel(failure: RelayError | null = null): void {
    if (this.current === State.DONE) return;
    this.trace?.end(this.record.cancel(failure), null);
    if (failure !== null) this.host.recordFailure(failure);
    this.settle();
    this.upstream?.reset();
  }

  // --- Request body and raw bytes, from the visitor -------------------------------------------------------

  /** Sends body bytes of chunk[offset..) while `wantsBody`. Returns the offset after the last one that was taken. */
  pushBody(chunk: Buffer, offset: number): number {
    this.touch();
    return this.body === null ? offset : this.body.push(chunk, offset);
  }

  /** Bytes of an upgraded connection. */
  pushRaw(chunk: Buffer): void {
    this.touch();
    if (this.current !== State.UPGRADED) {
      this.upstream?.pushLast(chunk);
      return;
    }
    this.countIn(chunk.length);
    if (!this.activeUpstream.pushRaw(chunk)) this.pauseBody();
  }

  /** The visitor has ended its side. Only meaningful on an upgraded connection. */
  endRaw(): void {
    if (this.current !== State.UPGRADED || this.hasRequesterEnded) return;
    const upstream = this.activeUpstream;
    this.hasRequesterEnded = true;
    upstream.stream.end();
    if (upstream.hasEnded) this.settle();
  }

  handleRequesterDrain(): void {
    this.touch();
    this.upstream?.handleRequesterDrain();
  }

  // --- Stream events --------------------------------------------------------------------------------------

  onOpen(): void {
    this.touch();
    this.upstream?.handleOpen();
    this.trace?.open();
    if (this.body?.handleOpen() === true) this.resumeBody();
  }

  onDrain(): void {
    this.touch();
    if (this.isBodyPaused && this.body?.isHeld !== true) this.resumeBody();
  }

  onData(chunk: Buffer): void {
    this.touch();
    try {
      this.activeUpstream.receive(chunk);
    } catch (error) {
      this.failWith(error);
    }
  }

  onEnd(): void {
    const upstream = this.activeUpstream;
    upstream.hasEnded = true;
    if (this.current === State.UPGRADED) {
      this.requester.endRaw();
      if (this.hasRequesterEnded) this.settle();
      return;
    }
    if (this.current === State.FINISHING) return;
    if (upstream.head?.framing === Framing.UNTIL_CLOSE) {
      upstream.finish(null);
    } else if (!this.retry(upstream, upstream.isReused ? 'lost' : 'failed')) {
      this.failWith(closedEarly(this.request, upstream));
    }
  }

  onReset(code: ResetCode, detail: string): void {
    const upstream = this.activeUpstream;
    upstream.measureDial(false);
    if (this.current === State.UPGRADED) {
      if (code === ResetCode.TUNNEL_LOST) this.record.error = 'tunnel_lost';
      this.settle();
      if (code === ResetCode.TUNNEL_LOST) upstream.cutOff('tunnel_lost');
      else this.requester.abort();
    } else if (this.current === State.FINISHING) {
      upstream.hasEnded = true;
    } else if (!this.retry(upstream, lossOf(code, upstream))) {
      this.failWith(streamReset(this.request, upstream, code, detail));
    }
  }

  // --- Time and change ------------------------------------------------------------------------------------

  /** Called with the relay's clock while the exchange lives. */
  sweep(now: number): void {
    const since = isWaiting(this.current) ? this.record.waitingSince : this.activeAt;
    const error = timeLimitError(this, now - since, this.host.limits);
    if (error !== null) this.failWith(error);
    // Tries again at each sweep, since streams end all the time, for as long as it would wait for a manager.
    else if (this.current === State.WAITING_FOR_ROOM) this.connect({ isFresh: false });
  }

  /**
   * Ends the exchange if the changed route or access would not let it in. An exchange that was not let in yet is
   * not judged again, as that would use up its one-time code. Its route is looked up anew once the gate lets it in.
   */
  async revalidate(route: Route | null): Promise<void> {
    if (this.current === State.ROUTING) this.isRouteOutdated = true;
    else if (this.current !== State.DONE) await judgeAgain(this, route, this.host);
  }

  // --- From request to stream -----------------------------------------------------------------------------

  /** The gate lets the exchange in to `route`. */
  enter(route: Route): void {
    if (this.isRouteOutdated) {
      this.isRouteOutdated = false;
      this.start();
      return;
    }
    if (this.host.observers.size > 0) this.trace = beginTrace(this, route, this.host);
    const refusal = refusalOf(this.request, route, this.host);
    if (refusal !== null) {
      this.failWith(refusal);
      return;
    }
    route.active++;
    route.traffic.requests++;
    this.route = route;
    this.connect({ isFresh: false });
  }

  private connect(options: { readonly isFresh: boolean }): void {
    const route = this.admittedRoute;
    const pooled = openStream(this, route, options, this.host.clock.now);
    if (pooled === 'absent' || pooled === 'full') this.wait(route, pooled);
    else this.sendOn(pooled, route);
  }

  private sendOn(pooled: PooledStream, route: Route): void {
    const { request, host, requester, body } = this;
    this.upstream = new ResponseTransfer(this, host, requester, route, pooled);
    this.transition(State.ACTIVE);
    this.trace?.connect(this.upstream.isReused);
    if (body === null && hasBody(request))
      this.body = new RequestTransfer(this, route, pooled, host.limits.maxBodyBytes);
    const head = requester.outgoingHead(request, route);
    this.countIn(head.length);
    if (!pooled.stream.write(head)) this.pauseBody();
    body?.moveTo(pooled);
    if (!this.isBodyPaused) requester.resumeBody();
  }

  private wait(route: Route, lack: 'absent' | 'full'): void {
    const refusal = waitRefusal(lack, this.host);
    if (refusal !== null) return this.failWith(refusal);
    if (lack === 'full') return this.transition(State.WAITING_FOR_ROOM);
    this.transition(State.WAITING_FOR_MANAGER);
    this.cancelWait = route.pool.dialer.onArrival(() => {
      this.cancelWait = null;
      this.connect({ isFresh: true });
    });
  }

  /** Sends the request once more, if it was lost and repeating is safe (RFC 9110 §9.2.2), or was refused as a whole. */
  private retry(upstream: ResponseTransfer, loss: Loss): boolean {
    const retries = (this.retries ??= new Retries());
    if (upstream.hasBytes || !retries.take(loss, this.request, this.body?.isMovable !== false)) return false;
    if (loss === 'lost') this.record.waitingSince = -1;
    upstream.reset();
    this.upstream = null;
    if (this.body !== null) this.requester.pauseBody();
    this.isBodyPaused = false;
    if (loss === 'full') this.wait(this.admittedRoute, loss);
    else this.connect({ isFresh: true });
    return true;
  }

  // --- What the transfers report --------------------------------------------------------------------------

  touch(): void {
    this.activeAt = this.host.clock.now;
  }

  countIn(bytes: number): void {
    this.admittedRoute.traffic.bytesIn += bytes;
    this.record.bytesIn += bytes;
    if (this.trace !== null) this.trace.bytesIn += bytes;
  }

  pauseBody(): void {
    this.isBodyPaused = true;
    this.requester.pauseBody();
  }

  private resumeBody(): void {
    this.isBodyPaused = false;
    this.requester.resumeBody();
  }

  advance(to: typeof State.UPGRADED | typeof State.FINISHING): void {
    this.transition(to);
  }

  // --- Ends -----------------------------------------------------------------------------------------------

  complete(upstream: ResponseTransfer, trailers: Fields | null): void {
    const { isRequestDone } = this;
    const isReusable = isRequestDone && upstream.isReusable;
    this.settle();
    if (isReusable) upstream.release();
    else upstream.reset();
    this.host.counters.exchanges++;
    this.requester.complete(trailers, isRequestDone);
  }

  /** Ends the exchange with an error, which the visitor gets as long as it has nothing of a response. */
  failWith(cause: unknown, side: 'request' | 'response' = 'response'): void {
    if (this.current === State.DONE) return;
    const error = relayErrorOf(cause, side, this.host.limits.head, (fault) => this.host.reportFault(fault));
    this.record.failure = error;
    const hasResponded = this.breakOff(error.code, error.status);
    this.host.recordFailure(error);
    if (!hasResponded) this.requester.sendError(error, this.isRequestDone);
  }

  /** Ends the exchange with an answer of Culvert's own, which the visitor gets as long as it has nothing of a response. */
  answerWith(answer: OwnAnswer): void {
    if (this.current === State.DONE) return;
    if (!this.breakOff('access_denied', answer.status)) this.requester.sendAnswer(answer, this.isRequestDone);
  }

  /** Ends the exchange in place of the service. Returns whether a part of a response breaks off; otherwise `status` is sent. */
  private breakOff(code: RelayErrorCode, status: number): boolean {
    const { upstream } = this;
    const hasResponded = upstream !== null && upstream.head !== null && !this.requester.withdraw();
    if (this.route !== null) this.route.traffic.edgeErrors++;
    this.trace?.end(code, hasResponded ? null : status);
    if (this.record.failure !== null) this.record.error = code;
    if (!hasResponded) this.record.answerOwn(status);
    this.settle();
    if (hasResponded) upstream.cutOff(code);
    else upstream?.reset();
    return hasResponded;
  }

  /** Ends the exchange, unless it has ended. This is final. */
  private settle(): void {
    if (this.current !== State.DONE) this.transition(State.DONE);
  }

  /** Enters `to`. Throws if docs/relay.md has no such transition. */
  private transition(to: State): void {
    const from = this.current;
    if (!mayFollow(from, to)) throw new Error(`an exchange must not go from state ${from} to state ${to}`);
    this.current = to;
    if (isWaiting(from) && !isWaiting(to)) this.admittedRoute.waiting--;
    if (!isWaiting(to)) this.record.endWait(to === State.ACTIVE, this.host.measures);
    if (from === State.ROUTING && this.host.isDraining) this.host.handleRouted();
    if (isWaiting(to)) {
      this.trace?.wait();
      this.record.wait(this.host.clock.now);
      if (!isWaiting(from)) this.admittedRoute.waiting++;
    } else if (to === State.ACTIVE) {
      this.touch();
    } else if (to === State.DONE) {
      this.trace?.end(null, null);
      finishRecord(this, this.host);
      this.cancelWait?.();
      this.upstream?.filtered?.destroy();
      if (this.route !== null) this.route.active--;
      this.requester.responseReader.reset();
    }
  }

  /** The route, in any state but ROUTING. */
  private get admittedRoute(): Route {
    if (this.route === null) throw new Error('an exchange that was not let in has no route');
    return this.route;
  }

  /** The stream and its response, from ACTIVE on. A stream reports events only while it is in use. */
  private get activeUpstream(): ResponseTransfer {
    if (this.upstream === null) throw new Error('an exchange that is not active has no stream');
    return this.upstream;
  }
}
