import {
  ChunkedScanner,
  type Fields,
  Framing,
  Oddity,
  parseResponseHead,
  type RangeSink,
  type RequestHead,
  type ResponseHead,
} from '@culvert/http1';
import { ResetCode, type Stream } from '@culvert/tunnel';
import { RelayError, type RelayErrorCode } from '../answers/relay-error.js';
import { CHUNKED_LIMITS, MAX_INTERIM_RESPONSES } from '../limits.js';
import type { BodySink, FilteredBody } from '../routing/body-filter.js';
import type { Route } from '../routing/route.js';
import { isMatchingSwitch, isWebSocket } from '../routing/upgrade.js';
import type { PooledStream } from '../upstream/stream-pool.js';
import { ExchangeState as State } from './exchange-state.js';
import { protocolOf, routeOf } from './exchange-end.js';
import type { ExchangeRecord } from './exchange-record.js';
import type { BodyCapture, ExchangeTrace } from './exchange-trace.js';
import type { ExchangeHost } from './host.js';
import type { Requester } from './requester.js';
import { closeStatusOf, WebSocketDirections, WebSocketEnding } from './web-socket-ending.js';

/** The part of an exchange that its response uses. */
export interface ResponseTransferHost {
  readonly request: RequestHead;
  readonly isRequestDone: boolean;
  /** Whether the visitor has closed its side of an upgraded connection. */
  readonly hasRequesterEnded: boolean;
  readonly state: State;
  /** Null unless the preview is watched. */
  readonly trace: ExchangeTrace | null;
  readonly requester: Requester;
  readonly record: ExchangeRecord;
  /** Notes that bytes have moved, which restarts time-outs. */
  touch(): void;
  /** The service switches protocols as it was asked to, or has sent what a filter still works on. */
  advance(to: typeof State.UPGRADED | typeof State.FINISHING): void;
  /** The visitor has the whole body. */
  complete(transfer: ResponseTransfer, trailers: Fields | null): void;
  /** Ends the exchange, because the filter cannot read the body. */
  failWith(cause: RelayError): void;
}

/** One station of a response body on its way: the visitor, or a filter that passes the body on to the next station. */
interface BodyStation {
  /** Takes chunk[start..end). Returns false when it has enough for now. */
  push(chunk: Buffer, start: number, end: number): boolean;
}

/** Keeps the first bytes of a body as the service sent them, and passes all of them on. */
class CapturingStation implements BodyStation {
  constructor(
    private readonly capture: BodyCapture,
    private readonly next: BodyStation,
  ) {}

  push(chunk: Buffer, start: number, end: number): boolean {
    this.capture.add(chunk, start, end);
    return this.next.push(chunk, start, end);
  }
}

/**
 * The stream that an exchange uses, and the response that arrives on it. It exists while the exchange has a stream: from
 * ACTIVE on, and anew for each stream. A body passes a chain of stations, first the capture, then the filter, then the
 * visitor; most responses have the last one alone, which is this object.
 */
export class ResponseTransfer implements BodySink, BodyStation {
  /** The final head, or that of a 101; null until it has arrived. */
  head: ResponseHead | null = null;
  /** Whether any byte of a response has arrived. */
  hasBytes = false;
  /** The service has closed its side of the stream. */
  hasEnded = false;
  /** Whether the visitor, or the filter, has enough for now. */
  isPaused = false;
  /** The filter that the body passes on its way to the visitor; null where the route has no filter for it. */
  filtered: FilteredBody | null = null;
  /** What is wrong with the response, as bits of `Oddity`. Any of them keeps its stream from being reused. */
  private oddities = 0;
  private interimCount = 0;
  /** Where the frames of a WebSocket begin and end; null for every other response. */
  private webSocket: WebSocketDirections | null = null;
  /** There once Culvert ends the WebSocket. */
  private ending: WebSocketEnding | null = null;
  private bytesLeft = 0;
  /** Null unless the response is chunked, as is `sink`. */
  private scanner: ChunkedScanner | null = null;
  private sink: RangeSink | null = null;
  private firstStation: BodyStation = this;

  constructor(
    private readonly exchange: ResponseTransferHost,
    private readonly relay: ExchangeHost,
    private readonly requester: Requester,
    readonly route: Route,
    private readonly pooled: PooledStream,
  ) {}

  get stream(): Stream {
    return this.pooled.stream;
  }

  /** Whether the stream has served another exchange before, so that the service may be closing it already. */
  get isReused(): boolean {
    return this.pooled.uses > 0;
  }

  /** Whether the far end has reported that the stream is open, for this exchange or an earlier one. */
  get hasOpened(): boolean {
    return this.pooled.hasOpened;
  }

  /** The far end reports that the stream is open. */
  handleOpen(): void {
    this.measureDial(true);
    this.pooled.hasOpened = true;
  }

  /** Measures how long a new stream took until it was open, or failed. Does nothing for one that is open. */
  measureDial(isOpen: boolean): void {
    const { pooled, route } = this;
    if (pooled.hasOpened || pooled.uses > 0) return;
    const via = pooled.isRemote ? 'hop' : route.kind === 'preview' ? 'tunnel' : 'app';
    this.relay.measures.observeDial(via, isOpen, performance.now() - pooled.dialedAt);
  }

  /** Whether the stream can serve another exchange, as far as the response goes. */
  get isReusable(): boolean {
    return (
      this.head !== null && this.head.keepAlive && !this.hasEnded && this.oddities === 0 && this.stream.isOpen
    );
  }

  /**
   * Handles bytes of the stream. Throws HttpSyntaxError if they break HTTP, and RelayError if they break a rule of the
   * relay.
   */
  receive(chunk: Buffer): void {
    const { trace, state, record } = this.exchange;
    this.route.traffic.bytesOut += chunk.length;
    record.bytesOut += chunk.length;
    if (trace !== null) trace.bytesOut += chunk.length;
    if (state === State.UPGRADED) this.sendRaw(chunk);
    else if (state === State.FINISHING) this.note(Oddity.UNEXPECTED_BYTES);
    else this.read(chunk);
  }

  /** Sends bytes of an upgraded connection to the service. Returns false when it has enough for now. */
  pushRaw(chunk: Buffer): boolean {
    this.webSocket?.fromVisitor.follow(chunk);
    this.exchange.trace?.showUpgraded('request', chunk);
    return this.stream.write(chunk);
  }

  /** Takes bytes that the visitor sent after the exchange had ended. */
  pushLast(chunk: Buffer): void {
    this.ending?.pushToService(chunk);
  }

  /**
   * Ends a response of which the visitor has a part, after the exchange has ended: a WebSocket with close frames, and others
   * visibly incomplete.
   */
  cutOff(code: RelayErrorCode): void {
    const { webSocket: directions, requester, stream } = this;
    if (directions === null) {
      this.reset();
      // A visitor of a relay that stops gets all bytes that were sent so far. An error does not wait for that.
      if (code === 'shutting_down') requester.endEarly();
      else requester.abort();
      return;
    }
    const ended = {
      directions,
      requester,
      stream,
      hasServiceEnded: this.hasEnded,
      hasVisitorEnded: this.exchange.hasRequesterEnded,
      pause: () => {
        this.isPaused = true;
        stream.pause();
      },
    };
    this.ending = new WebSocketEnding(ended, closeStatusOf(code), this.relay);
    this.ending.begin();
  }

  /** The visitor has room again. */
  handleRequesterDrain(): void {
    if (this.filtered !== null) this.filtered.resume();
    else this.resume();
  }

  /** Gives the stream, which must be reusable, back to its pool. */
  release(): void {
    this.route.pool.release(this.pooled, this.relay.clock.now, this.head?.maxIdleMs ?? 0);
    this.resume();
  }

  /** Resets the stream, which drops what is still to come on it. */
  reset(): void {
    this.stream.reset(ResetCode.CANCEL);
  }

  private resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.stream.resume();
  }

  /** Stops reading from the stream, unless the exchange is over and the stream no longer its own. */
  private pause(): void {
    if (this.isPaused || this.exchange.state === State.DONE) return;
    this.isPaused = true;
    this.stream.pause();
  }

  private note(oddities: number): void {
    this.oddities |= oddities;
    const { trace } = this.exchange;
    if (trace !== null) trace.oddities = this.oddities;
  }

  // --- Heads ----------------------------------------------------------------------------------------------

  private read(chunk: Buffer): void {
    this.hasBytes = true;
    let offset = 0;
    if (this.head === null) {
      offset = this.readHeads(chunk);
      // The head is incomplete, or the exchange is over, or the rest is no longer HTTP.
      if (this.head === null || this.exchange.state !== State.ACTIVE) return;
    }
    this.readBody(this.head, chunk, offset);
    // At the end of the response the visitor may have been handed to the next exchange, which flushes for itself.
    if (this.exchange.state === State.ACTIVE) this.requester.flush();
  }

  /** Handles heads until the final one. Returns the offset of the first byte after it. */
  private readHeads(chunk: Buffer): number {
    const reader = this.requester.responseReader;
    const { repeated } = this.route;
    const { method } = this.exchange.request;
    if (!reader.isPartial) {
      const known = repeated.find(chunk, 0, method);
      if (known !== null) {
        this.begin(known);
        return repeated.length;
      }
    }
    const { limits, clock } = this.relay;
    let offset = 0;
    while (offset < chunk.length) {
      offset = reader.push(chunk, offset);
      if (offset < 0) return chunk.length;
      const head = parseResponseHead(reader.buffer, reader.start, reader.end, limits.head, method);
      offset -= head.surplus;
      this.note(head.oddities);
      if (head.status >= 200) {
        if (head.oddities === 0) repeated.learn(head, reader.buffer, reader, method, clock.now);
        reader.reset();
        this.begin(head);
        return offset;
      }
      reader.reset();
      if (head.status === 101) {
        this.switchProtocols(head, chunk.subarray(offset));
        return chunk.length;
      }
      if (++this.interimCount > MAX_INTERIM_RESPONSES)
        throw new RelayError('bad_response', 'The service sent too many interim responses.');
      this.requester.sendInterim(head, this.route);
    }
    return offset;
  }

  /** @param rest what follows the head of the 101 response */
  private switchProtocols(head: ResponseHead, rest: Buffer): void {
    const { exchange, requester, route } = this;
    if (!isMatchingSwitch(head, exchange.request, route))
      throw new RelayError('bad_response', 'The service switched protocols without being asked.');
    // The bytes that follow could not be distinguished from the rest of the body.
    if (!exchange.isRequestDone)
      throw new RelayError('bad_response', 'The service switched protocols before it had the whole request.');
    if (isWebSocket(head)) this.webSocket = new WebSocketDirections();
    exchange.advance(State.UPGRADED);
    this.accept(head);
    exchange.trace?.answer(head, false);
    requester.switchProtocols(head, route);
    // The visitor may have canceled.
    if (exchange.state === State.DONE) return;
    if (rest.length > 0) this.sendRaw(rest);
    requester.resumeBody();
  }

  /** Makes `head` the answer of the service. */
  private accept(head: ResponseHead): void {
    this.head = head;
    const { exchange, relay, route } = this;
    const ms = exchange.record.answer(head.status);
    route.traffic.countAnswer(head.status, ms);
    relay.measures.observeFirstByte(protocolOf(exchange), routeOf(route), head.status, ms);
  }

  /** Sends the final head to the visitor and sets up the path of the body. */
  private begin(head: ResponseHead): void {
    const { exchange, route, requester } = this;
    const { trace } = exchange;
    this.accept(head);
    this.bytesLeft = head.contentLength;
    const filtered =
      route.bodyFilter === null
        ? null
        : route.bodyFilter.open(exchange.request, head, this.relay.limits.head, this);
    this.filtered = filtered;
    let isEncoded = false;
    if (head.framing === Framing.CHUNKED) {
      const output = filtered === null ? requester.chunkedOutput() : 'decoded';
      isEncoded = output === 'encoded';
      this.scanner = new ChunkedScanner(output, CHUNKED_LIMITS);
      this.sink = (buffer, start, end) => this.send(buffer, start, end);
    }
    trace?.answer(head, isEncoded);
    if (filtered !== null) this.firstStation = filtered;
    const capture = trace === null ? null : trace.responseBody;
    if (capture !== null) this.firstStation = new CapturingStation(capture, this.firstStation);
    requester.sendHead(filtered === null ? head : filtered.head, route);
  }

  // --- Body -----------------------------------------------------------------------------------------------

  private readBody(head: ResponseHead, chunk: Buffer, offset: number): void {
    let next = offset;
    let trailers: Fields | null = null;
    switch (head.framing) {
      case Framing.NONE:
        break;
      case Framing.LENGTH:
        next = Math.min(chunk.length, offset + this.bytesLeft);
        this.bytesLeft -= next - offset;
        if (next > offset) this.send(chunk, offset, next);
        if (this.bytesLeft > 0) return;
        break;
      case Framing.CHUNKED: {
        const { scanner, sink } = this;
        if (scanner === null || sink === null) throw new Error('a chunked body was not begun');
        next = scanner.scan(chunk, offset, sink);
        if (!scanner.done) return;
        trailers = scanner.trailers;
        break;
      }
      case Framing.UNTIL_CLOSE:
        if (chunk.length > offset) this.send(chunk, offset, chunk.length);
        return;
      default:
        throw new Error(`unhandled framing ${String(head.framing satisfies never)}`);
    }
    if (next < chunk.length) this.note(Oddity.UNEXPECTED_BYTES);
    this.finish(trailers);
  }

  /** The service has sent the whole body. */
  finish(trailers: Fields | null): void {
    const { exchange, filtered } = this;
    if (trailers !== null) exchange.trace?.addTrailers(trailers);
    if (filtered === null) {
      exchange.complete(this, trailers);
    } else {
      exchange.advance(State.FINISHING);
      filtered.end();
    }
  }

  private sendRaw(chunk: Buffer): void {
    this.webSocket?.fromService.follow(chunk);
    this.exchange.trace?.showUpgraded('response', chunk);
    if (!this.requester.sendRaw(chunk)) this.pause();
  }

  private send(chunk: Buffer, start: number, end: number): void {
    if (!this.firstStation.push(chunk, start, end)) this.pause();
  }

  /** The last station of a body: the visitor. */
  push(chunk: Buffer, start: number, end: number): boolean {
    return this.requester.sendBody(chunk, start, end);
  }

  // --- A body that goes through a filter ------------------------------------------------------------------

  sendFiltered(bytes: Buffer): boolean {
    if (this.exchange.state === State.DONE) return false;
    this.exchange.touch();
    const hasRoom = this.push(bytes, 0, bytes.length);
    // Later output arrives without a caller that flushes after it.
    if (this.filtered?.isDeferred === true) this.requester.flush();
    return hasRoom;
  }

  handleFilterRoom(): void {
    this.resume();
  }

  handleFilterEnd(): void {
    // Trailers may hold digests of the body as the service sent it.
    if (this.exchange.state === State.FINISHING) this.exchange.complete(this, null);
  }

  handleFilterFault(detail: string): void {
    this.exchange.failWith(new RelayError('bad_response', detail));
  }
}
