/**
 * One request of an HTTP/2 connection, as its exchange sees it. Node's stream carries the bytes and keeps the flow
 * control; this class turns HTTP/1.1 semantics into HTTP/2's and back (RFC 9113 §8, RFC 8441).
 *
 * Input is read only once the exchange wants it, so nothing is held here: what waits, waits in the stream, bounded
 * by its window. Output is bounded by pausing the exchange while the stream holds `HTTP2_STREAM_BUFFER_BYTES`.
 */
import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { Field, type Fields, Framing, HeadReader, type RequestHead, type ResponseHead } from '@culvert/http1';
import { chunkOf } from './chunked-coding.js';
import { hostnameOf } from './client-connection.js';
import { errorResponse } from './error-response.js';
import { Exchange } from './exchange.js';
import { responseFields } from './header-rules.js';
import { http2Fields } from './http2-fields.js';
import type { Http2Connection } from './http2-connection.js';
import type { Http2Request } from './http2-request.js';
import { HTTP2_STREAM_BUFFER_BYTES } from './limits.js';
import type { Relay } from './relay.js';
import { RelayError } from './relay-error.js';
import type { Route } from './route.js';
import { trailerLines } from './trailers.js';
import type { Visitor } from './visitor.js';
import { acceptOf } from './websocket-accept.js';

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

const END_STREAM = { endStream: true };
const WITH_TRAILERS = { waitForTrailers: true };

const CRLF = '\r\n';

export class Http2Visitor implements Visitor {
  readonly responseReader: HeadReader;
  private readonly relay: Relay;
  private readonly head: RequestHead;
  private readonly webSocketKey: string;
  private exchange: Exchange | null;
  private isUpgraded = false;
  private isReading = false;
  private isRequestDone: boolean;
  private requestTrailers = '';

  /** The response's fields, until it is known whether a body follows. */
  private heldFields: OutgoingHttpHeaders | null = null;
  /** The first bytes of its body, until it is known whether they are the last. */
  private heldBody: Buffer | null = null;
  private responseTrailers = '';
  private isDrainExpected = false;
  /** Whether the stream was ended early from this side. */
  private isAborted = false;
  /** When bytes last moved towards the visitor, on the relay's clock. */
  private activeAt: number;

  constructor(
    private readonly connection: Http2Connection,
    private readonly stream: ServerHttp2Stream,
    request: Http2Request,
    hasBody: boolean,
  ) {
    this.relay = connection.relay;
    this.responseReader = new HeadReader(this.relay.limits.head, 'response');
    this.head = request.head;
    this.webSocketKey = request.webSocketKey;
    this.isRequestDone = !hasBody;
    this.activeAt = this.relay.clock;
    this.exchange = new Exchange(this.relay, this, this.head, hostnameOf(this.head.host));
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
    if (!this.isRequestDone && this.stream.writableFinished) {
      // RFC 9113 §8.1: the response is complete, the rest of the request is not wanted.
      this.stream.close(NGHTTP2_NO_ERROR);
    } else if (now - this.activeAt > this.relay.limits.stallTimeoutMs) {
      this.stream.close(NGHTTP2_CANCEL);
    }
  }

  /** The stream is gone. Returns whether it ended before its response did, and not by our doing. */
  handleClose(): boolean {
    const { exchange } = this;
    this.exchange = null;
    exchange?.cancel();
    const isComplete = this.stream.writableFinished && (exchange === null || this.isUpgraded);
    return !isComplete && !this.isAborted;
  }

  // --- Request body ---------------------------------------------------------------------------------------

  private startReading(): void {
    this.isReading = true;
    const { stream } = this;
    // 'close' only follows when all input was read. nghttp2 may be on the stack here.
    stream.on('aborted', () => process.nextTick(() => this.connection.handleStreamEnd(this)));
    stream.on('trailers', (_fields: unknown, _flags: number, raw?: readonly string[]) => {
      for (let i = 0; raw && i < raw.length; i += 2)
        this.requestTrailers += `${raw[i]}: ${raw[i + 1]}${CRLF}`;
    });
    stream.on('end', () => this.handleRequestEnd());
    stream.on('data', (chunk: Buffer) => this.handleData(chunk));
  }

  private handleData(chunk: Buffer): void {
    const { exchange } = this;
    // Without an exchange the rest of the request is read and dropped until the sweep ends the stream. A chunk of
    // no bytes would be the last one.
    if (exchange === null || chunk.length === 0) return;
    if (this.isUpgraded) exchange.pushRaw(chunk);
    else if (this.head.framing === Framing.CHUNKED) exchange.pushBody(chunkOf(chunk), 0);
    else exchange.pushBody(chunk, 0);
  }

  private handleRequestEnd(): void {
    const { exchange } = this;
    // A stream that was reset ends too: what came of its request is not all of it.
    if (this.isRequestDone || this.stream.closed) return;
    this.isRequestDone = true;
    if (exchange === null) return;
    if (this.webSocketKey !== '') exchange.endRaw();
    else if (this.head.framing === Framing.CHUNKED)
      exchange.pushBody(Buffer.from(`0${CRLF}${this.requestTrailers}${CRLF}`, 'latin1'), 0);
  }

  // --- Visitor: what the exchange asks of this stream -----------------------------------------------------

  forwardedLines(request: RequestHead): string {
    return this.connection.forwardedLines(request);
  }

  chunkedOutput(): 'decoded' | 'encoded' {
    return 'decoded';
  }

  sendInterim(response: ResponseHead, route: Route): void {
    if (this.isGone) return;
    const fields = responseFields(response, route);
    fields[':status'] = response.status;
    this.stream.additionalHeaders(fields);
  }

  sendHead(response: ResponseHead, route: Route): void {
    if (this.webSocketKey !== '' && response.status < 300) {
      // To the visitor any 2xx would mean that the WebSocket is open.
      this.failUpgrade('The service answered a WebSocket handshake without switching protocols.');
      return;
    }
    this.heldFields = responseFields(response, route);
    this.heldFields[':status'] = response.status;
  }

  sendBody(buffer: Buffer, start: number, end: number): boolean {
    const body = start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end);
    if (this.heldFields !== null && this.heldBody === null) {
      this.heldBody = body;
      return true;
    }
    this.flush();
    return this.write(body);
  }

  flush(): void {
    if (this.heldFields === null) return;
    const body = this.heldBody;
    this.heldBody = null;
    this.startResponse();
    if (body !== null) this.write(body);
  }

  switchProtocols(response: ResponseHead, route: Route): void {
    const accept = response.find(Field.SEC_WEBSOCKET_ACCEPT);
    if (accept < 0 || response.value(accept) !== acceptOf(this.webSocketKey)) {
      this.failUpgrade('The service answered a WebSocket handshake with a wrong Sec-WebSocket-Accept.');
      return;
    }
    const fields = responseFields(response, route);
    // RFC 8441 §5: HTTP/2 makes the key, and what answers it, superfluous. CONNECT has no length (RFC 9110 §9.3.6).
    delete fields['sec-websocket-accept'];
    delete fields['content-length'];
    fields[':status'] = 200;
    this.isUpgraded = true;
    this.heldFields = fields;
    this.flush();
  }

  sendRaw(chunk: Buffer): boolean {
    return this.write(chunk);
  }

  endRaw(): void {
    this.stream.end();
  }

  complete(trailers: Fields | null): void {
    this.exchange = null;
    if (trailers !== null) this.responseTrailers = trailerLines(trailers);
    if (!this.isGone) {
      if (this.responseTrailers !== '') this.flush();
      if (this.heldFields === null) this.stream.end();
      else this.sendWhole(this.heldFields, this.heldBody);
    }
    this.finish();
  }

  sendError(error: RelayError): void {
    this.exchange = null;
    this.heldFields = null;
    if (!this.isGone) this.respondWith(error);
    this.finish();
  }

  abort(): void {
    this.exchange = null;
    this.isAborted = true;
    // RFC 8441 §5: a WebSocket's connection that was reset shows as CANCEL.
    this.stream.close(this.isUpgraded ? NGHTTP2_CANCEL : NGHTTP2_INTERNAL_ERROR);
  }

  pauseBody(): void {
    if (this.isReading) this.stream.pause();
  }

  resumeBody(): void {
    if (this.isRequestDone) return;
    // An extended CONNECT is a GET upstream: what follows it belongs to the protocol switched to.
    if (this.webSocketKey !== '' && !this.isUpgraded) return;
    if (this.isReading) this.stream.resume();
    else this.startReading();
  }

  // --- Ends -----------------------------------------------------------------------------------------------

  private get isGone(): boolean {
    return this.stream.destroyed || this.stream.closed;
  }

  /** Refuses a switch that the exchange believes in. */
  private failUpgrade(detail: string): void {
    const error = new RelayError('bad_response', detail);
    this.exchange!.cancel();
    this.relay.recordFailure(error, hostnameOf(this.head.host));
    this.sendError(error);
  }

  private respondWith(error: RelayError): void {
    respondWithError(this.stream, error, this.head);
  }

  /** Sends a response that is here as a whole. */
  private sendWhole(fields: OutgoingHttpHeaders, body: Buffer | null): void {
    const { stream } = this;
    if (body === null) {
      // END_STREAM goes on HEADERS, which is what gRPC calls a response of trailers only.
      stream.respond(fields, END_STREAM);
      return;
    }
    stream.respond(fields);
    if (!stream.writableEnded) stream.end(body);
  }

  /**
   * Sends the head of a response whose body comes bit by bit. `waitForTrailers` holds END_STREAM back until
   * `sendTrailers`, also when there are none: without it, Node lets END_STREAM go out before the RST_STREAM of
   * `abort`, and a response that is cut off looks complete.
   */
  private startResponse(): void {
    const fields = this.heldFields!;
    this.heldFields = null;
    this.activeAt = this.relay.clock;
    if (this.isGone) return;
    this.stream.on('wantTrailers', () => this.sendTrailers());
    this.stream.respond(fields, WITH_TRAILERS);
  }

  private sendTrailers(): void {
    if (!this.isGone) this.stream.sendTrailers(http2Fields(this.responseTrailers));
  }

  /** The response is complete: what is left of the request is read, so that its sender gets on to the response. */
  private finish(): void {
    this.activeAt = this.relay.clock;
    if (this.isRequestDone || this.isGone) return;
    if (this.isReading) this.stream.resume();
    else this.startReading();
  }

  private write(chunk: Buffer): boolean {
    const { stream } = this;
    // A response to HEAD and 205 have no body, whatever the service sent (RFC 9110 §9.3.2, §15.3.6).
    if (this.isGone || stream.writableEnded) return true;
    this.activeAt = this.relay.clock;
    stream.write(chunk);
    if (stream.writableLength < HTTP2_STREAM_BUFFER_BYTES) return true;
    if (!this.isDrainExpected) {
      this.isDrainExpected = true;
      stream.on('drain', () => {
        this.activeAt = this.relay.clock;
        this.exchange?.handleVisitorDrain();
      });
    }
    return false;
  }
}

/** Answers with an error of ours. */
export function respondWithError(
  stream: ServerHttp2Stream,
  error: RelayError,
  request: RequestHead | null,
): void {
  const response = errorResponse(error, { request, connection: '' });
  const headEnd = response.indexOf('\r\n\r\n') + 2;
  const head = response.toString('latin1', 0, headEnd);
  const fields = http2Fields(head, head.indexOf(CRLF) + 2);
  fields[':status'] = error.status;
  if (request?.method === 'HEAD') {
    stream.respond(fields, { endStream: true });
  } else {
    stream.respond(fields);
    stream.end(response.subarray(headEnd + 2));
  }
}
