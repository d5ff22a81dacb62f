/**
 * One request of an HTTP/2 connection, as its exchange sees it. The stream carries the bytes, keeps the flow control
 * and holds what waits in either direction; this class turns HTTP/1.1 semantics into HTTP/2's and back (RFC 9113 §8,
 * RFC 8441).
 */
import {
  acceptOf,
  chunkOf,
  Field,
  type Fields,
  Framing,
  HeadReader,
  type RequestHead,
  type ResponseHead,
} from '@culvert/http1';
import {
  ErrorCode,
  type HeaderField,
  type HpackEncoder,
  type ServerStream,
  type StreamHandler,
} from '@culvert/http2';
import type { OwnAnswer } from '../answers/own-answer.js';
import { RelayError } from '../answers/relay-error.js';
import { Exchange } from '../exchange/exchange.js';
import type { ExchangeHost } from '../exchange/host.js';
import type { Requester } from '../exchange/requester.js';
import { BROKEN_IDLE_MS } from '../limits.js';
import { requestHeadText } from '../routing/header-rules.js';
import type { Route } from '../routing/route.js';
import { respondWithAnswer, respondWithError } from './http2-error.js';
import { addResponseFields, addUpgradeFields, trailersOf } from './http2-fields.js';
import type { Http2Request } from './http2-request.js';

const CRLF = '\r\n';

/** The part of a connection that the visitors on its streams use. */
export interface Http2StreamOwner {
  readonly host: ExchangeHost;
  /** Address of the connection's other end. */
  readonly peer: string;
  /** Returns the name that decides the route of a request. */
  hostnameOf(request: RequestHead): string;
  /** Returns the id of a request: that of a trusted proxy, or a new one. */
  requestIdOf(request: RequestHead): string;
  /** Returns the lines that tell the service of a route who its visitor is, each with its CRLF. */
  forwardedLines(request: RequestHead, route: Route): string;
  /** Adds the fields of a final response to its block, and a `date` where there is none. */
  addResponse(encoder: HpackEncoder, response: ResponseHead, route: Route): void;
  /** The stream is over. */
  handleStreamEnd(requester: Http2Requester, options: { readonly isReset: boolean }): void;
}

export class Http2Requester implements Requester, StreamHandler {
  readonly responseReader: HeadReader;
  readonly isHttp2 = true;
  private readonly host: ExchangeHost;
  private readonly head: RequestHead;
  private readonly webSocketKey: string;
  private readonly requestId: string;
  private exchange: Exchange | null;
  private isUpgraded = false;
  private isRequestDone: boolean;

  /** The response's head, until it is known whether a body follows, and the route whose rules it passes by. */
  private heldHead: ResponseHead | null = null;
  private route: Route | null = null;
  /** The first bytes of its body, until it is known whether they are the last. */
  private heldBody: Buffer | null = null;
  /** Whether the stream was ended early from this side. */
  private isAborted = false;
  /** Time when bytes last moved towards the visitor, on the relay's clock, and how many had until then. */
  private activeAt: number;
  private movedBytes = 0;

  constructor(
    private readonly connection: Http2StreamOwner,
    private readonly stream: ServerStream,
    request: Http2Request,
    hasBody: boolean,
  ) {
    this.host = connection.host;
    this.responseReader = new HeadReader(this.host.limits.head, 'response');
    this.head = request.head;
    this.webSocketKey = request.webSocketKey;
    this.isRequestDone = !hasBody;
    this.activeAt = this.host.clock.now;
    this.exchange = new Exchange(this.host, this, this.head, connection.hostnameOf(this.head));
    this.requestId = this.exchange.record.requestId;
    stream.attach(this);
  }

  get peer(): string {
    return this.connection.peer;
  }

  get currentExchange(): Exchange | null {
    return this.exchange;
  }

  start(): void {
    this.exchange!.start();
  }

  /** Called with the relay's clock a few times a second. */
  sweep(now: number): void {
    if (this.exchange) {
      this.exchange.sweep(now);
      return;
    }
    if (this.stream.sentBytes !== this.movedBytes) {
      this.movedBytes = this.stream.sentBytes;
      this.activeAt = now;
    }
    if (!this.isRequestDone && this.stream.isResponseSent) {
      // RFC 9113 §8.1: the response is complete, the rest of the request is not wanted.
      this.stream.reset(ErrorCode.NO_ERROR);
      return;
    }
    const quietMs = now - this.activeAt;
    const { stallTimeoutMs } = this.host.limits;
    if (this.isAborted) {
      if (quietMs > Math.min(stallTimeoutMs, BROKEN_IDLE_MS)) this.stream.reset(this.breakCode);
    } else if (quietMs > stallTimeoutMs) {
      this.stream.reset(ErrorCode.CANCEL);
    }
  }

  // --- Stream events --------------------------------------------------------------------------------------

  onData(chunk: Buffer): void {
    const { exchange } = this;
    // Without an exchange the rest of the request is read and dropped until the sweep ends the stream.
    if (exchange === null) return;
    if (this.isUpgraded) exchange.pushRaw(chunk);
    else if (this.head.framing === Framing.CHUNKED) exchange.pushBody(chunkOf(chunk), 0);
    else exchange.pushBody(chunk, 0);
  }

  onEnd(trailers: readonly HeaderField[]): void {
    const { exchange } = this;
    this.isRequestDone = true;
    if (exchange === null) return;
    if (this.webSocketKey !== '') {
      exchange.endRaw();
    } else if (this.head.framing === Framing.CHUNKED) {
      let lines = '';
      for (const field of trailers) lines += field.line;
      exchange.pushBody(Buffer.from(`0${CRLF}${lines}${CRLF}`, 'latin1'), 0);
    }
  }

  onDrain(): void {
    this.activeAt = this.host.clock.now;
    this.exchange?.handleRequesterDrain();
  }

  onClose(): void {
    const { exchange } = this;
    this.exchange = null;
    exchange?.cancel();
    const isComplete = this.stream.isResponseSent && (exchange === null || this.isUpgraded);
    this.connection.handleStreamEnd(this, { isReset: !isComplete && !this.isAborted });
  }

  // --- Visitor: what the exchange asks of this stream -----------------------------------------------------

  requestIdOf(request: RequestHead): string {
    return this.connection.requestIdOf(request);
  }

  outgoingHead(request: RequestHead, route: Route): Buffer {
    const forwarded = this.connection.forwardedLines(request, route);
    return Buffer.from(requestHeadText(request, route, forwarded, this.requestId), 'latin1');
  }

  chunkedOutput(): 'decoded' | 'encoded' {
    return 'decoded';
  }

  sendInterim(response: ResponseHead, route: Route): void {
    if (this.stream.isClosed) return;
    addResponseFields(this.stream.beginHeaders(response.status), response, route);
    this.stream.sendHeaders({ endStream: false });
  }

  sendHead(response: ResponseHead, route: Route): void {
    if (this.webSocketKey !== '' && response.status < 300) {
      // To the visitor any 2xx would mean that the WebSocket is open.
      this.failUpgrade('The service answered a WebSocket handshake without switching protocols.');
      return;
    }
    this.heldHead = response;
    this.route = route;
  }

  sendBody(buffer: Buffer, start: number, end: number): boolean {
    const body = start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end);
    if (this.heldHead !== null && this.heldBody === null) {
      this.heldBody = body;
      return true;
    }
    this.flush();
    return this.write(body);
  }

  flush(): void {
    if (this.heldHead === null) return;
    const body = this.heldBody;
    this.heldBody = null;
    this.startResponse({ endStream: false });
    if (body !== null) this.write(body);
  }

  switchProtocols(response: ResponseHead, route: Route): void {
    const accept = response.find(Field.SEC_WEBSOCKET_ACCEPT);
    if (accept < 0 || response.value(accept) !== acceptOf(this.webSocketKey)) {
      this.failUpgrade('The service answered a WebSocket handshake with a wrong Sec-WebSocket-Accept.');
      return;
    }
    this.isUpgraded = true;
    this.activeAt = this.host.clock.now;
    if (this.stream.isClosed) return;
    addUpgradeFields(this.stream.beginHeaders(200), response, route);
    this.stream.sendHeaders({ endStream: false });
  }

  sendRaw(chunk: Buffer): boolean {
    return this.write(chunk);
  }

  endRaw(): void {
    this.stream.end();
  }

  finishRaw(): void {
    this.exchange = null;
    this.finish();
  }

  complete(trailers: Fields | null): void {
    this.exchange = null;
    if (!this.stream.isClosed) {
      const fields = trailers === null ? [] : trailersOf(trailers);
      if (fields.length > 0) {
        this.flush();
        this.stream.endWithTrailers(fields);
      } else if (this.heldHead === null) {
        this.stream.end();
      } else {
        const body = this.heldBody;
        this.heldBody = null;
        // Without a body HEADERS carries END_STREAM, which gRPC calls a trailers-only response.
        this.startResponse({ endStream: body === null });
        if (body !== null) this.stream.end(body);
      }
    }
    this.finish();
  }

  sendError(error: RelayError): void {
    this.exchange = null;
    this.heldHead = null;
    if (!this.stream.isClosed)
      respondWithError(this.stream, error, { request: this.head, requestId: this.requestId });
    this.finish();
  }

  sendAnswer(answer: OwnAnswer): void {
    this.exchange = null;
    this.heldHead = null;
    if (!this.stream.isClosed) respondWithAnswer(this.stream, answer, this.requestId);
    this.finish();
  }

  withdraw(): boolean {
    if (this.heldHead === null) return false;
    this.heldHead = null;
    this.heldBody = null;
    return true;
  }

  abort(): void {
    this.exchange = null;
    this.isAborted = true;
    // A separate write: clients that read the reset together with the head may show neither head nor status.
    setImmediate(() => this.stream.breakOff(this.breakCode));
    this.finish();
  }

  endEarly(): void {
    this.abort();
  }

  /** RFC 8441 §5: a reset of a WebSocket's connection appears as CANCEL. */
  private get breakCode(): ErrorCode {
    return this.isUpgraded ? ErrorCode.CANCEL : ErrorCode.INTERNAL_ERROR;
  }

  pauseBody(): void {
    this.stream.pause();
  }

  resumeBody(): void {
    // An extended CONNECT is a GET upstream: what follows it belongs to the protocol switched to.
    if (this.webSocketKey === '' || this.isUpgraded) this.stream.resume();
  }

  // --- Ends -----------------------------------------------------------------------------------------------

  /** Refuses a switch of protocols that the exchange has already accepted. */
  private failUpgrade(detail: string): void {
    const error = new RelayError('bad_response', detail);
    this.exchange!.cancel(error);
    this.sendError(error);
  }

  /** Sends the head that was held. */
  private startResponse(options: { readonly endStream: boolean }): void {
    const { heldHead: head, route, stream } = this;
    this.heldHead = null;
    this.activeAt = this.host.clock.now;
    if (stream.isClosed) return;
    const encoder = stream.beginHeaders(head!.status);
    this.connection.addResponse(encoder, head!, route!);
    if (this.requestId !== '' && head!.find(Field.REQUEST_ID) < 0)
      encoder.addOnce('x-request-id', this.requestId);
    stream.sendHeaders(options);
  }

  /** The response is over: what is left of the request is read, so that its sender then reads the response. */
  private finish(): void {
    this.activeAt = this.host.clock.now;
    this.stream.resume();
  }

  private write(chunk: Buffer): boolean {
    this.activeAt = this.host.clock.now;
    return this.stream.write(chunk);
  }
}
