/**
 * One request and its response. Knows the upstream half: route, gate, stream, request out, response in; the
 * visitor's half is behind `Visitor`. Lives as long as the request, owns one stream at a time, and runs per
 * message: no promises on the way of a public preview whose route is cached.
 */
import {
  ChunkedScanner,
  Field,
  type Fields,
  Framing,
  Oddity,
  parseResponseHead,
  type RangeSink,
  type RequestHead,
  type ResponseHead,
} from '@culvert/http1';
import { ResetCode, type Stream, type StreamHandler } from '@culvert/tunnel';
import { closedDetail, DENIALS, errorCodeOf, relayErrorOf, sentence } from '../answers/failures.js';
import { redirectToPlainHost } from '../answers/final-dot.js';
import { GateAnswer } from '../answers/gate-answer.js';
import { RelayError, type RelayErrorCode } from '../answers/relay-error.js';
import { CHUNKED_LIMITS, MAX_INTERIM_RESPONSES } from '../limits.js';
import type { Verdict } from '../routing/access-gate.js';
import type { BodySink, FilteredBody } from '../routing/body-filter.js';
import type { Route } from '../routing/route.js';
import { isMatchingSwitch, isRefusedUpgrade, upgradeOf } from '../routing/upgrade.js';
import type { PooledStream } from '../upstream/stream-pool.js';
import { refusalOf } from './admission.js';
import { ExchangeState as State, isWaiting, mayFollow } from './exchange-state.js';
import type { BodyCapture, ExchangeError, ExchangeTrace } from './exchange-trace.js';
import type { ExchangeHost } from './host.js';
import { isRepeatable } from './repeatable.js';
import { hasBody, RequestTransfer, type RequestTransferHost, tooLarge } from './request-transfer.js';
import type { Visitor } from './visitor.js';

export class Exchange implements StreamHandler, BodySink, RequestTransferHost {
  private current: State = State.ROUTING;
  private route: Route | null = null;
  private pooled: PooledStream | null = null;
  private attempts = 0;
  private cancelWait: (() => void) | null = null;

  /** The request's body on its way; null while there is no stream, and for a request without a body. */
  private body: RequestTransfer | null = null;
  private isBodyPaused = false;

  private response: ResponseHead | null = null;
  private hasResponseBytes = false;
  /** What is wrong with the response, as bits of `Oddity`: with any, its stream serves no other exchange. */
  private oddities = 0;
  private interimCount = 0;
  private responseBytesLeft = 0;
  private responseScanner: ChunkedScanner | null = null;
  private isResponsePaused = false;
  /** What the body passes through on its way to the visitor, where the route has a filter. */
  private filtered: FilteredBody | null = null;
  private hasIngressEnded = false;
  private hasVisitorEnded = false;
  /** The route changed while route and gate were being asked: what they answer may be out of date. */
  private isRouteOutdated = false;

  /** When bytes last moved, on the relay's clock. */
  private activeAt: number;
  /** Where the preview is watched. */
  private trace: ExchangeTrace | null = null;
  /** On the clock of `performance.now`. */
  private readonly startedAt = performance.now();

  constructor(
    private readonly host: ExchangeHost,
    private readonly visitor: Visitor,
    readonly request: RequestHead,
    /** The lower-case name that decided the route, without its port. */
    readonly hostname: string,
  ) {
    this.activeAt = host.clock.now;
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
    if (this.hasTooLargeBody()) return;
    const redirect = this.request.hasFinalDot ? redirectToPlainHost(this.request) : null;
    if (redirect !== null) {
      this.failWith(redirect);
      return;
    }
    const found = this.host.routes.find(this.hostname, this.request);
    if (found instanceof Promise) {
      found.then(
        (route) => this.enter(route),
        (error: unknown) => this.failWith(error),
      );
    } else {
      this.enter(found);
    }
  }

  /** Like `start`, for what was let in elsewhere and knows its route. */
  startOn(route: Route): void {
    if (this.hasTooLargeBody()) return;
    if (route.expiresAt <= Date.now()) this.fail('preview_expired', DENIALS.preview_expired);
    else this.admit(route, 'allow');
  }

  get state(): State {
    return this.current;
  }

  /** The relay stops: it will not see another traffic manager. */
  drain(): void {
    if (isWaiting(this.current)) this.failStopping();
  }

  /** Whether it may still need a new stream. */
  get isRouting(): boolean {
    return this.current === State.ROUTING;
  }

  // --- Request body and raw bytes, from the visitor -------------------------------------------------------

  /** Sends body bytes of chunk[offset..) while `wantsBody`. Returns the offset after the last one that was taken. */
  pushBody(chunk: Buffer, offset: number): number {
    this.activeAt = this.host.clock.now;
    return this.body === null ? offset : this.body.push(chunk, offset);
  }

  /** Bytes of an upgraded connection. */
  pushRaw(chunk: Buffer): void {
    this.activeAt = this.host.clock.now;
    if (this.current !== State.UPGRADED) return;
    this.countIn(chunk.length);
    if (!this.pooled!.stream.write(chunk)) this.pauseBody();
  }

  /** The visitor will send no more. Only meaningful on an upgraded connection. */
  endRaw(): void {
    if (this.current !== State.UPGRADED || this.hasVisitorEnded) return;
    this.hasVisitorEnded = true;
    this.pooled!.stream.end();
    if (this.hasIngressEnded) this.settle();
  }

  handleVisitorDrain(): void {
    this.activeAt = this.host.clock.now;
    if (this.filtered !== null) this.filtered.resume();
    else this.resumeResponse();
  }

  /** The visitor is gone, or cannot use the answer: nobody is interested in the rest. */
  cancel(error: ExchangeError = 'cancelled'): void {
    if (this.current === State.DONE) return;
    this.trace?.end(error, null);
    const stream = this.pooled?.stream;
    this.settle();
    stream?.reset(ResetCode.CANCEL);
  }

  // --- Stream events --------------------------------------------------------------------------------------

  onOpen(): void {
    this.activeAt = this.host.clock.now;
    this.trace?.open();
  }

  onDrain(): void {
    this.activeAt = this.host.clock.now;
    if (!this.isBodyPaused) return;
    this.isBodyPaused = false;
    this.visitor.resumeBody();
  }

  onData(chunk: Buffer): void {
    this.activeAt = this.host.clock.now;
    this.route!.traffic.bytesOut += chunk.length;
    if (this.trace !== null) this.trace.bytesOut += chunk.length;
    if (this.current === State.UPGRADED) {
      if (!this.visitor.sendRaw(chunk)) this.pauseResponse();
      return;
    }
    if (this.current === State.FINISHING) {
      this.note(Oddity.UNEXPECTED_BYTES);
      return;
    }
    this.hasResponseBytes = true;
    try {
      this.handleResponseBytes(chunk);
    } catch (error) {
      this.failWith(error);
    }
  }

  onEnd(): void {
    this.hasIngressEnded = true;
    if (this.current === State.UPGRADED) {
      this.visitor.endRaw();
      if (this.hasVisitorEnded) this.settle();
      return;
    }
    if (this.current === State.FINISHING) return;
    if (this.response?.framing === Framing.UNTIL_CLOSE) {
      this.finish(null);
    } else if (!this.retry(this.pooled!.uses > 0)) {
      this.fail('ingress_closed', closedDetail(this.route!.ingress, this.asked));
    }
  }

  onReset(code: ResetCode, detail: string): void {
    const isStale =
      code === ResetCode.TUNNEL_LOST || (code === ResetCode.INGRESS_RESET && this.pooled!.uses > 0);
    if (this.current === State.UPGRADED) {
      this.settle();
      this.visitor.abort();
    } else if (this.current === State.FINISHING) {
      this.hasIngressEnded = true;
    } else if (!this.retry(isStale)) {
      const isClosed = code === ResetCode.INGRESS_RESET && this.asked === 'upgrade';
      const { ingress } = this.route!;
      this.fail(
        errorCodeOf(code),
        isClosed ? closedDetail(ingress, 'upgrade') : sentence(`Ingress ${ingress}: ${detail}`),
      );
    }
  }

  /** What the service owes: an upgrade is refused when the connection ends before any answer. */
  private get asked(): 'upgrade' | 'response' {
    return this.request.upgrade !== '' && this.response === null ? 'upgrade' : 'response';
  }

  // --- Time and change ------------------------------------------------------------------------------------

  /** Called with the relay's clock while the exchange lives. */
  sweep(now: number): void {
    const { limits } = this.host;
    const quietMs = now - this.activeAt;
    if (this.route && this.route.expiresAt <= Date.now()) {
      this.fail('preview_expired', DENIALS.preview_expired);
      return;
    }
    switch (this.current) {
      case State.ROUTING:
        if (quietMs > limits.responseTimeoutMs)
          this.fail('internal_error', 'The preview could not be looked up in time.');
        return;
      case State.WAITING_FOR_MANAGER:
        if (quietMs > limits.managerWaitMs) this.failUnavailable();
        return;
      case State.WAITING_FOR_ROOM:
        // Streams end all the time: asks again at each sweep, for as long as one would wait for a manager.
        if (quietMs > limits.managerWaitMs) this.failCrowded();
        else this.connect({ isFresh: false });
        return;
      case State.ACTIVE:
        this.sweepActive(quietMs);
        return;
      case State.UPGRADED: {
        const limitMs = this.isResponsePaused ? limits.stallTimeoutMs : limits.upgradeIdleTimeoutMs;
        if (limitMs > 0 && quietMs > limitMs)
          this.fail('response_timeout', 'The connection was silent for too long.');
        return;
      }
      case State.FINISHING:
        if (quietMs > limits.stallTimeoutMs)
          this.fail('response_timeout', 'The response was not read in time.');
        return;
      case State.DONE:
        return;
      default:
        throw new Error(`unhandled state ${String(this.current satisfies never)}`);
    }
  }

  /**
   * Route or access changed while this exchange runs: ends it when it would not be let in now. An exchange that was not
   * let in yet is not judged a second time, as that would use up its one-time code. Its route is looked up again once
   * the gate lets it in.
   */
  async revalidate(route: Route | null): Promise<void> {
    if (this.current === State.DONE) return;
    if (this.current === State.ROUTING) {
      this.isRouteOutdated = true;
      return;
    }
    if (route?.kind === 'app') return;
    const { gate } = this.host;
    try {
      const live = route !== null && route.expiresAt > Date.now() ? route : null;
      // Who was let in elsewhere shows nothing that the gate could judge.
      const verdict =
        this.visitor.replay === undefined
          ? await gate.check(live, this.request, this.hostname, this.visitor.peer)
          : 'allow';
      if (live === null || verdict !== 'allow') this.refuse(verdict);
      else if (isRefusedUpgrade(this.request, live))
        this.fail('upgrade_not_allowed', DENIALS.upgrade_not_allowed);
    } catch {
      this.refuse('access_denied');
    }
  }

  private sweepActive(quietMs: number): void {
    const { limits } = this.host;
    if (this.response) {
      // A response may be silent for as long as the service likes; only an unread one is given up.
      if (this.isResponsePaused && quietMs > limits.stallTimeoutMs) {
        this.fail('response_timeout', 'The response was not read in time.');
      }
    } else if (!this.isRequestDone && !this.isBodyPaused) {
      if (quietMs > limits.idleTimeoutMs)
        this.fail('request_timeout', 'The request body did not arrive in time.');
    } else if (quietMs > limits.responseTimeoutMs && !(this.isRequestDone && this.isGrpc())) {
      // A gRPC call sets its own deadline, and one that watches is silent until its first message. Only a whole
      // request earns that: a visitor could name this type to send a slow body without end.
      this.fail(
        'response_timeout',
        `Ingress ${this.route!.ingress} sent nothing for ${Math.round(limits.responseTimeoutMs / 1000)} seconds.`,
      );
    }
  }

  private isGrpc(): boolean {
    const i = this.request.find(Field.CONTENT_TYPE);
    return i >= 0 && this.request.value(i).startsWith('application/grpc');
  }

  // --- From request to stream -----------------------------------------------------------------------------

  private hasTooLargeBody(): boolean {
    const { maxBodyBytes } = this.host.limits;
    if (maxBodyBytes === 0 || this.request.contentLength <= maxBodyBytes) return false;
    this.failWith(tooLarge(maxBodyBytes));
    return true;
  }

  private enter(route: Route | null): void {
    if (this.current === State.DONE) return;
    let live = route;
    if (route !== null && route.expiresAt <= Date.now()) {
      // Whoever knows the name of a public preview may know that it was there.
      if (route.access === 'public') {
        this.fail('preview_expired', DENIALS.preview_expired);
        return;
      }
      live = null;
    }
    const verdict = this.host.gate.check(live, this.request, this.hostname, this.visitor.peer);
    if (verdict instanceof Promise) {
      verdict.then(
        (answer) => this.admit(live, answer),
        (error: unknown) => this.failWith(error),
      );
    } else {
      this.admit(live, verdict);
    }
  }

  private admit(route: Route | null, verdict: Verdict): void {
    if (this.current === State.DONE) return;
    if (verdict !== 'allow' || route === null) {
      this.refuse(verdict);
      return;
    }
    if (this.isRouteOutdated) {
      this.isRouteOutdated = false;
      this.start();
      return;
    }
    const { observers } = this.host;
    if (observers.size > 0) this.observe(route);
    const refusal = refusalOf(this.request, route, this.host);
    if (refusal !== null) {
      route.traffic.countRefused();
      this.failWith(refusal);
      return;
    }
    route.active++;
    route.traffic.requests++;
    this.route = route;
    this.connect({ isFresh: false });
  }

  private connect({ isFresh }: { isFresh: boolean }): void {
    const { pool, active, waiting } = this.route!;
    // Waiting exchanges hold no tunnel stream. If they counted, a burst would block itself indefinitely.
    const inUse = active - waiting + (isWaiting(this.current) ? 1 : 0);
    // An upgraded stream is never given back: it takes no place from requests that could use an idle one.
    const pooled =
      isFresh || upgradeOf(this.request, this.route!) !== ''
        ? pool.dial(this, inUse)
        : pool.acquire(this, this.host.clock.now, isRepeatable(this.request), inUse);
    if (pooled === 'full') {
      this.waitForRoom();
    } else if (pooled === 'absent') {
      this.waitForManager();
    } else {
      this.pooled = pooled;
      this.transition(State.ACTIVE);
      this.trace?.connect(pooled.uses > 0);
      if (hasBody(this.request)) this.body = this.transferOn(pooled.stream, this.route!);
      const head = this.visitor.outgoingHead(this.request, this.route!);
      this.countIn(head.length);
      if (!pooled.stream.write(head)) this.pauseBody();
      else this.visitor.resumeBody();
    }
  }

  private transferOn(stream: Stream, route: Route): RequestTransfer {
    const capture = this.trace?.requestBody ?? null;
    return new RequestTransfer(this, this.request, route, stream, capture, this.host.limits.maxBodyBytes);
  }

  private waitForRoom(): void {
    if (this.host.limits.managerWaitMs === 0) this.failCrowded();
    else this.transition(State.WAITING_FOR_ROOM);
  }

  private waitForManager(): void {
    if (this.host.isDraining) {
      this.failStopping();
      return;
    }
    if (this.host.limits.managerWaitMs === 0) {
      this.failUnavailable();
      return;
    }
    this.transition(State.WAITING_FOR_MANAGER);
    this.cancelWait = this.route!.pool.dialer.onArrival(() => {
      this.cancelWait = null;
      this.connect({ isFresh: true });
    });
  }

  /** Tries once more on another stream where that cannot do any harm (RFC 9110 §9.2.2). */
  private retry(isStale: boolean): boolean {
    const isHarmless = isStale && this.attempts === 0 && !this.hasResponseBytes && isRepeatable(this.request);
    if (!isHarmless) return false;
    this.attempts++;
    this.pooled!.stream.reset(ResetCode.CANCEL);
    this.pooled = null;
    this.hasIngressEnded = false;
    this.connect({ isFresh: true });
    return true;
  }

  // --- From stream to response ----------------------------------------------------------------------------

  private handleResponseBytes(chunk: Buffer): void {
    let offset = 0;
    if (this.response === null) {
      offset = this.readResponseHead(chunk);
      // More of the head is to come, or the exchange is over, or the rest is no HTTP any more.
      if (this.response === null || this.current !== State.ACTIVE) return;
    }
    this.handleResponseBody(this.response, chunk, offset);
    // finish() may have handed the visitor to the next exchange, which flushes for itself.
    if (this.current === State.ACTIVE) this.visitor.flush();
  }

  /** Handles heads until the final one. Returns the offset of the first byte after it. */
  private readResponseHead(chunk: Buffer): number {
    const reader = this.visitor.responseReader;
    const { repeated } = this.route!;
    const { method } = this.request;
    if (!reader.isPartial) {
      const known = repeated.find(chunk, 0, method);
      if (known !== null) {
        this.beginResponse(known);
        return repeated.length;
      }
    }
    let offset = 0;
    while (offset < chunk.length) {
      offset = reader.push(chunk, offset);
      if (offset < 0) return chunk.length;
      const head = parseResponseHead(reader.buffer, reader.start, reader.end, this.host.limits.head, method);
      offset -= head.surplus;
      this.note(head.oddities);
      if (head.status >= 200) {
        if (head.oddities === 0) repeated.learn(head, reader.buffer, reader, method, this.host.clock.now);
        reader.reset();
        this.beginResponse(head);
        return offset;
      }
      reader.reset();
      if (head.status === 101) {
        this.switchProtocols(head, chunk.subarray(offset));
        return chunk.length;
      }
      if (++this.interimCount > MAX_INTERIM_RESPONSES) {
        this.fail('bad_response', 'The service sent interim responses without end.');
        return chunk.length;
      }
      this.visitor.sendInterim(head, this.route!);
    }
    return offset;
  }

  private beginResponse(head: ResponseHead): void {
    this.response = head;
    this.route!.traffic.countAnswer(head.status, performance.now() - this.startedAt);
    this.responseBytesLeft = head.contentLength;
    const { bodyFilter } = this.route!;
    const filtered =
      bodyFilter === null ? null : bodyFilter.open(this.request, head, this.host.limits.head, this);
    this.filtered = filtered;
    let isEncoded = false;
    if (head.framing === Framing.CHUNKED) {
      const output = filtered === null ? this.visitor.chunkedOutput() : 'decoded';
      isEncoded = output === 'encoded';
      this.responseScanner = new ChunkedScanner(output, CHUNKED_LIMITS);
    }
    this.trace?.answer(head, isEncoded);
    if (filtered !== null || this.trace !== null)
      this.layBodyPath(filtered, this.trace?.responseBody ?? null);
    this.visitor.sendHead(filtered === null ? head : filtered.head, this.route!);
  }

  /** Has body bytes captured as the service sent them, and then filtered, on their way to the visitor. */
  private layBodyPath(filtered: FilteredBody | null, capture: BodyCapture | null): void {
    let send: RangeSink = this.sendBody;
    if (filtered !== null) {
      send = (buffer, start, end) => {
        if (!filtered.push(buffer, start, end)) this.pauseResponse();
      };
    }
    this.sendBody =
      capture === null
        ? send
        : (buffer, start, end) => {
            capture.add(buffer, start, end);
            send(buffer, start, end);
          };
  }

  // --- A body that goes through a filter ------------------------------------------------------------------

  sendFiltered(bytes: Buffer): boolean {
    if (this.current === State.DONE) return false;
    this.activeAt = this.host.clock.now;
    const hasRoom = this.visitor.sendBody(bytes, 0, bytes.length);
    // What comes later comes by itself, with nobody to flush behind it.
    if (this.filtered!.isDeferred) this.visitor.flush();
    return hasRoom;
  }

  handleFilterRoom(): void {
    this.resumeResponse();
  }

  handleFilterEnd(): void {
    // Trailers may hold digests of the body as the service sent it.
    if (this.current === State.FINISHING) this.complete(null);
  }

  handleFilterFault(detail: string): void {
    this.fail('bad_response', detail);
  }

  private handleResponseBody(response: ResponseHead, chunk: Buffer, offset: number): void {
    let next = offset;
    switch (response.framing) {
      case Framing.NONE:
        break;
      case Framing.LENGTH:
        next = Math.min(chunk.length, offset + this.responseBytesLeft);
        this.responseBytesLeft -= next - offset;
        if (next > offset) this.sendBody(chunk, offset, next);
        if (this.responseBytesLeft > 0) return;
        break;
      case Framing.CHUNKED:
        next = this.responseScanner!.scan(chunk, offset, this.sendBody);
        if (!this.responseScanner!.done) return;
        break;
      case Framing.UNTIL_CLOSE:
        if (chunk.length > offset) this.sendBody(chunk, offset, chunk.length);
        return;
      default:
        throw new Error(`unhandled framing ${String(response.framing satisfies never)}`);
    }
    if (next < chunk.length) this.note(Oddity.UNEXPECTED_BYTES);
    this.finish(this.responseScanner?.trailers ?? null);
  }

  /** Where body bytes go: to the visitor, unless `layBodyPath` put something between. */
  private sendBody: RangeSink = (buffer, start, end) => {
    if (!this.visitor.sendBody(buffer, start, end)) this.pauseResponse();
  };

  private switchProtocols(head: ResponseHead, rest: Buffer): void {
    if (!isMatchingSwitch(head, this.request, this.route!)) {
      this.fail('bad_response', 'The service switched protocols without being asked.');
      return;
    }
    // What follows could not be told from the rest of the body.
    if (!this.isRequestDone) {
      this.fail('bad_response', 'The service switched protocols before it had the whole request.');
      return;
    }
    this.transition(State.UPGRADED);
    this.response = head;
    this.route!.traffic.countAnswer(head.status, performance.now() - this.startedAt);
    this.trace?.answer(head, false);
    this.visitor.switchProtocols(head, this.route!);
    if (this.isOver()) return;
    if (rest.length > 0) this.onData(rest);
    this.visitor.resumeBody();
  }

  private finish(trailers: Fields | null): void {
    if (this.filtered === null) {
      this.complete(trailers);
    } else {
      this.transition(State.FINISHING);
      this.filtered.end();
    }
  }

  private complete(trailers: Fields | null): void {
    const { pooled, route, isRequestDone } = this;
    const isReusable =
      isRequestDone &&
      !this.hasIngressEnded &&
      this.oddities === 0 &&
      this.response!.keepAlive &&
      pooled!.stream.isOpen;
    const wasPaused = this.isResponsePaused;
    this.settle();
    if (isReusable) {
      route!.pool.release(pooled!, this.host.clock.now, this.response!.maxIdleMs);
      if (wasPaused) pooled!.stream.resume();
    } else {
      pooled!.stream.reset(ResetCode.CANCEL);
    }
    this.host.counters.exchanges++;
    this.visitor.complete(trailers, isRequestDone);
  }

  // --- Ends -----------------------------------------------------------------------------------------------

  private fail(code: RelayErrorCode, detail: string): void {
    this.failWith(new RelayError(code, detail));
  }

  /** 'allow' to where there is nothing is no leave. */
  private refuse(verdict: Verdict): void {
    if (verdict instanceof GateAnswer) this.failWith(verdict);
    else if (verdict === 'allow') this.fail('unknown_host', DENIALS.unknown_host);
    else this.fail(verdict, DENIALS[verdict]);
  }

  private failCrowded(): void {
    this.fail('stream_limit', 'Too many connections are open to this cluster.');
  }

  private failUnavailable(): void {
    this.fail('manager_unavailable', 'No traffic manager is connected for this preview at the moment.');
  }

  private failStopping(): void {
    this.fail('shutting_down', 'This part of Culvert is being stopped. Another will answer.');
  }

  failWith(cause: unknown, side: 'request' | 'response' = 'response'): void {
    if (this.current === State.DONE) return;
    const error = relayErrorOf(cause, side, this.host.limits.head, (fault) => this.host.reportFault(fault));
    const stream = this.pooled?.stream;
    const hasResponded = this.response !== null && !this.visitor.takeBack();
    if (this.route !== null) this.route.traffic.edgeErrors++;
    this.trace?.end(error.code, hasResponded ? null : error.status);
    this.settle();
    stream?.reset(ResetCode.CANCEL);
    if (!(error instanceof GateAnswer)) this.host.recordFailure(error, this.hostname);
    if (hasResponded) this.visitor.abort();
    else this.visitor.sendError(error, this.isRequestDone);
  }

  /** Ends the exchange, unless it has ended. Nothing happens to it afterwards. */
  private settle(): void {
    if (this.current !== State.DONE) this.transition(State.DONE);
  }

  /** Enters `to`, along an edge of docs/relay.md: throws where there is none. */
  private transition(to: State): void {
    const from = this.current;
    if (!mayFollow(from, to)) throw new Error(`an exchange must not go from state ${from} to state ${to}`);
    this.current = to;
    if (isWaiting(from) && !isWaiting(to)) this.route!.waiting--;
    if (from === State.ROUTING && this.host.isDraining) this.host.handleRouted();
    switch (to) {
      case State.WAITING_FOR_MANAGER:
      case State.WAITING_FOR_ROOM:
        this.trace?.wait();
        // A spurious wake-up must not restart the wait timeout.
        if (isWaiting(from)) return;
        this.route!.waiting++;
        this.activeAt = this.host.clock.now;
        return;
      case State.ACTIVE:
        this.activeAt = this.host.clock.now;
        return;
      case State.UPGRADED:
      case State.FINISHING:
        return;
      case State.DONE:
        this.trace?.end(null, null);
        this.cancelWait?.();
        this.filtered?.destroy();
        if (this.route !== null) this.route.active--;
        this.visitor.responseReader.reset();
        return;
      default:
        throw new Error(`unhandled state ${to}`);
    }
  }

  private note(oddities: number): void {
    this.oddities |= oddities;
    if (this.trace !== null) this.trace.oddities = this.oddities;
  }

  /** A visitor may cancel from within a call: asks again, past what the compiler thinks it knows. */
  private isOver(): boolean {
    return this.current === State.DONE;
  }

  countIn(bytes: number): void {
    this.route!.traffic.bytesIn += bytes;
    if (this.trace !== null) this.trace.bytesIn += bytes;
  }

  private observe(route: Route): void {
    const { request, visitor, startedAt } = this;
    const httpVersion = visitor.isHttp2 ? '2' : request.minorVersion === 0 ? '1.0' : '1.1';
    const observer = this.host.observers.get(route.id);
    const { peer, replay = null } = visitor;
    this.trace = observer?.begin({ request, peer, replay, httpVersion, startedAt }) ?? null;
  }

  pauseBody(): void {
    this.isBodyPaused = true;
    this.visitor.pauseBody();
  }

  private resumeResponse(): void {
    if (!this.isResponsePaused) return;
    this.isResponsePaused = false;
    this.pooled?.stream.resume();
  }

  private pauseResponse(): void {
    if (this.isResponsePaused || this.current === State.DONE) return;
    this.isResponsePaused = true;
    this.pooled!.stream.pause();
  }
}
