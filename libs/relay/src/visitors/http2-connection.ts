/**
 * One HTTP/2 connection from a visitor (docs/http2.md). libs/http2 has the frames, HPACK, flow control and the limits
 * on them; this class has the socket and the clock, makes an exchange of every stream, each routed by its own
 * authority, and ends connections that are idle or do not answer.
 */
import type { Socket } from 'node:net';
import { Field, HttpSyntaxError, type RequestHead, type ResponseHead } from '@culvert/http1';
import {
  type ConnectionOwner,
  ErrorCode,
  type HpackEncoder,
  type RequestFields,
  ServerConnection,
  type ServerStream,
} from '@culvert/http2';
import { plainAddress } from '@culvert/sockets';
import { isForPage } from '../answers/error-response.js';
import { RelayError } from '../answers/relay-error.js';
import { requestFault } from '../answers/request-faults.js';
import type { Exchange } from '../exchange/exchange.js';
import { stopExchange } from '../exchange/stopping.js';
import { LINGER_MS } from '../limits.js';
import { hostnameOf } from '../routing/hostname.js';
import type { Route } from '../routing/route.js';
import { ForwardedFields } from './forwarded.js';
import type { ConnectionHost } from './host.js';
import { respondWithError } from './http2-error.js';
import { addResponseFields } from './http2-fields.js';
import { type Http2Request, readHttp2Request } from './http2-request.js';
import { Http2HandedOffStream } from './http2-handed-off-stream.js';
import { type Http2StreamOwner, Http2Requester } from './http2-requester.js';
import type { VisitorConnection } from './visitor-connection.js';

/**
 * - `opening`: the visitor has not acknowledged our SETTINGS, some of which bind it only then
 * - `open`: takes streams
 * - `closing`: takes no more streams; ends with the last one
 * - `leaving`: the last frame is on its way out
 * - `closed`: the socket is gone
 */
type State = 'opening' | 'open' | 'closing' | 'leaving' | 'closed';

/** How often a connection that carries a handed-off stream is asked whether it is still there, and for how long. */
const PING_INTERVAL_MS = 15_000;
const PING_TIMEOUT_MS = 15_000;

const EMPTY = Buffer.alloc(0);

export class Http2Connection implements VisitorConnection, Http2StreamOwner, ConnectionOwner {
  readonly peer: string;
  private readonly protocol: ServerConnection;
  private readonly forwarded: ForwardedFields;
  private readonly requesters = new Set<Http2Requester>();
  private readonly handedOffStreams = new Set<Http2HandedOffStream>();
  /** Streams that were answered without an exchange and whose request is still coming. */
  private readonly refused = new Set<ServerStream>();
  /** The PING that keeps a carrier alive: when it was sent, and whether its answer is outstanding. */
  private pingedAt = 0;
  private isPingOpen = false;
  /** Whether GOAWAY has announced the end, and the visitor has yet to confirm that it read this. */
  private hasGivenNotice = false;
  private state: State = 'opening';
  /** Time when the current state began, or the last stream ended; on the relay's clock. */
  private activeAt: number;
  /** Time when output last left, or began to wait. */
  private sentAt: number;
  private countedBytesIn = 0;
  private countedBytesOut = 0;

  /** Host of the last request, and what was derived from it: most requests of a connection name the same host. */
  private cachedHost: string | null = null;
  private cachedHostname = '';

  /** The last response whose head its service repeats, and its fields as encoded at a generation of the table. */
  private repeatedHead: ResponseHead | null = null;
  private repeatedFields: Buffer = EMPTY;
  private repeatedGeneration = -1;
  private dateAt = -Infinity;
  private date = '';

  constructor(
    readonly host: ConnectionHost,
    private readonly socket: Socket,
    private readonly isSecure: boolean,
  ) {
    const { head, http2 } = host.limits;
    this.peer = plainAddress(socket.remoteAddress);
    this.forwarded = new ForwardedFields(this.peer, isSecure, host.trustedProxies);
    this.activeAt = host.clock.now;
    this.sentAt = host.clock.now;
    this.protocol = new ServerConnection(this, {
      ...http2,
      // Twice the real limit: what is a little too large is answered with 431, like over HTTP/1.1.
      maxListBytes: 2 * head.maxHeadBytes,
      // Beside the fields, cookies come in any number of crumbs.
      maxFields: 2 * head.maxFieldCount + 4,
    });
    socket.on('data', this.handleData);
    socket.on('drain', this.handleDrain);
    // A visitor that has closed its side can never answer a PING or open a window: it is gone.
    socket.on('end', this.handleGone);
    socket.on('error', this.handleGone);
    socket.on('close', this.handleClose);
  }

  get isIdleCarrier(): boolean {
    return this.requesters.size === 0 && this.handedOffStreams.size > 0;
  }

  exchanges(): readonly Exchange[] {
    return [...this.requesters].flatMap((requester) => requester.currentExchange ?? []);
  }

  sweep(now: number): void {
    this.countBytes();
    for (const requester of this.requesters) requester.sweep(now);
    for (const stream of this.handedOffStreams) stream.sweep();
    this.endRefused(now);
    if (this.handedOffStreams.size > 0) this.keepAlive(now);
    const { limits } = this.host;
    if (this.socket.writableLength > 0 && now - this.sentAt > limits.stallTimeoutMs) this.destroy();
    const quietMs = now - this.activeAt;
    switch (this.state) {
      case 'opening':
        if (quietMs > limits.headTimeoutMs) this.protocol.fail(ErrorCode.SETTINGS_TIMEOUT);
        return;
      case 'open':
        if (this.isUnused && quietMs > limits.idleTimeoutMs) this.close();
        return;
      case 'closing':
        if (this.isUnused && quietMs > LINGER_MS) this.destroy();
        return;
      case 'leaving':
        if (quietMs > LINGER_MS) this.destroy();
        return;
      case 'closed':
        return;
      default:
        throw new Error(`unhandled state ${String(this.state satisfies never)}`);
    }
  }

  giveNotice(): void {
    // Handed-off streams are tunnels, which move to another edge once all visitors have had time to do so.
    if (this.hasGivenNotice || this.handedOffStreams.size > 0) return;
    this.hasGivenNotice = true;
    this.protocol.giveNotice();
  }

  drain(): void {
    if (this.state === 'opening' || this.state === 'open') this.close();
  }

  stop(): void {
    for (const exchange of this.exchanges()) stopExchange(exchange);
  }

  destroy(): void {
    this.socket.destroy();
  }

  // --- Http2StreamOwner -----------------------------------------------------------------------------------

  hostnameOf({ host }: RequestHead): string {
    if (this.cachedHost !== host) {
      this.cachedHost = host;
      this.cachedHostname = hostnameOf(host);
    }
    return this.cachedHostname;
  }

  requestIdOf(request: RequestHead): string {
    return this.forwarded.requestIdOf(request);
  }

  forwardedLines(request: RequestHead, route: Route): string {
    return this.forwarded.linesOf(request, route.forwards);
  }

  addResponse(encoder: HpackEncoder, response: ResponseHead, route: Route): void {
    if (response === this.repeatedHead && encoder.generation === this.repeatedGeneration) {
      encoder.addEncoded(this.repeatedFields);
    } else {
      const start = encoder.length;
      const { generation } = encoder;
      addResponseFields(encoder, response, route);
      // Fields that were only now entered into the table are references from the next time on.
      if (response === route.repeated.head && generation === encoder.generation) {
        this.repeatedHead = response;
        this.repeatedFields = Buffer.from(encoder.bytes.subarray(start, encoder.length));
        this.repeatedGeneration = generation;
      }
    }
    if (response.find(Field.DATE) < 0) encoder.add('date', this.currentDate());
  }

  handleStreamEnd(requester: Http2Requester, { isReset }: { readonly isReset: boolean }): void {
    if (!this.requesters.delete(requester)) return;
    this.activeAt = this.host.clock.now;
    if (isReset) this.protocol.countReset();
    if (this.isIdleCarrier) this.host.handleIdleCarrier();
  }

  // --- Socket events --------------------------------------------------------------------------------------

  private readonly handleData = (chunk: Buffer): void => {
    this.protocol.push(chunk);
  };

  private readonly handleDrain = (): void => {
    this.sentAt = this.host.clock.now;
    this.protocol.handleSent();
  };

  private readonly handleGone = (): void => {
    this.socket.destroy();
  };

  private readonly handleClose = (): void => {
    this.countBytes();
    this.state = 'closed';
    this.protocol.close();
    this.host.forget(this);
  };

  // --- ConnectionOwner: what the protocol asks of this connection -----------------------------------------

  now(): number {
    return this.host.clock.now;
  }

  bufferedBytes(): number {
    return this.socket.writableLength;
  }

  write(bytes: Buffer): void {
    if (this.socket.writableLength === 0) this.sentAt = this.host.clock.now;
    this.socket.write(bytes);
  }

  pauseInput(): void {
    this.socket.pause();
  }

  resumeInput(): void {
    this.socket.resume();
  }

  onAcknowledged(): void {
    if (this.state === 'opening') this.enter('open');
  }

  onPong(): void {
    this.isPingOpen = false;
    // Requests that the visitor sent before it read the notice are here by now.
    if (this.hasGivenNotice) this.drain();
  }

  onRequest(stream: ServerStream, fields: RequestFields, isRequestDone: boolean): void {
    const { handOff } = this.host;
    let request: Http2Request;
    try {
      request = readHttp2Request(fields, {
        scheme: this.isSecure ? 'https' : 'http',
        hasBody: !isRequestDone,
        limits: this.host.limits.head,
      });
      if (
        request.head.upgrade !== '' &&
        handOff.ofUpgrade(request.head, this.hostnameOf(request.head)) !== null
      )
        throw new RelayError('bad_request', 'This is only available over HTTP/1.1.', { status: 501 });
    } catch (error) {
      this.refuse(stream, error, fields);
      return;
    }
    this.activeAt = this.host.clock.now;
    const { head } = request;
    const receive = handOff.ofStream(head, this.hostnameOf(head));
    if (receive !== null) {
      const handedOff = new Http2HandedOffStream(
        stream,
        head,
        this.peer,
        !isRequestDone,
        this.handleHandedOffStreamEnd,
      );
      this.handedOffStreams.add(handedOff);
      receive(handedOff);
      return;
    }
    if (this.host.isLeaving) this.giveNotice();
    const requester = new Http2Requester(this, stream, request, !isRequestDone);
    this.requesters.add(requester);
    requester.start();
  }

  onFailed(): void {
    this.leave();
  }

  onDrained(): void {
    this.leave();
  }

  onFault(error: unknown): void {
    this.host.reportFault(error);
  }

  // --- Streams without an exchange ------------------------------------------------------------------------

  private readonly handleHandedOffStreamEnd = (stream: Http2HandedOffStream): void => {
    this.handedOffStreams.delete(stream);
    this.activeAt = this.host.clock.now;
  };

  /** Rejects a malformed request. */
  private refuse(stream: ServerStream, cause: unknown, { fields }: RequestFields): void {
    let error: RelayError;
    if (cause instanceof RelayError) error = cause;
    else if (cause instanceof HttpSyntaxError) error = requestFault(cause, this.host.limits.head);
    else throw cause;
    this.host.recordRefusal(error, this.peer);
    this.protocol.countReset();
    if (stream.isClosed) return;
    const valueOf = (wanted: string) => fields.find(({ name }) => name === wanted)?.value ?? null;
    const isPage = isForPage(valueOf('accept') ?? '', () => valueOf('sec-fetch-dest'));
    respondWithError(stream, error, { request: null, requestId: '', isPage });
    this.activeAt = this.host.clock.now;
    // The end of the request closes the stream.
    stream.resume();
    if (!stream.isClosed) this.refused.add(stream);
  }

  private endRefused(now: number): void {
    const isStale = now - this.activeAt > LINGER_MS;
    for (const stream of this.refused) {
      if (!stream.isClosed && !stream.isResponseSent && !isStale) continue;
      this.refused.delete(stream);
      stream.reset(stream.isResponseSent ? ErrorCode.NO_ERROR : ErrorCode.CANCEL);
    }
  }

  /** Returns the time as `date` has it. */
  private currentDate(): string {
    if (this.dateAt !== this.host.clock.now) {
      this.dateAt = this.host.clock.now;
      this.date = new Date().toUTCString();
    }
    return this.date;
  }

  // --- Ends -----------------------------------------------------------------------------------------------

  /** Refuses new streams, and ends with the last one. */
  private close(): void {
    this.enter('closing');
    this.protocol.drain();
  }

  /** Ends the socket behind what was written; the visitor has some time to read it. */
  private leave(): void {
    if (this.state === 'closed') return;
    this.enter('leaving');
    this.socket.resume();
    this.socket.end();
  }

  private get isUnused(): boolean {
    return this.requesters.size === 0 && this.handedOffStreams.size === 0;
  }

  /** NATs forget connections that are silent for minutes, and neither side would notice. */
  private keepAlive(now: number): void {
    if (this.isPingOpen) {
      if (now - this.pingedAt > PING_TIMEOUT_MS) this.destroy();
    } else if (now - this.pingedAt > PING_INTERVAL_MS && this.state !== 'leaving') {
      this.pingedAt = now;
      this.isPingOpen = true;
      this.protocol.ping();
    }
  }

  private enter(state: State): void {
    this.state = state;
    this.activeAt = this.host.clock.now;
  }

  /** Frames included: what the socket has carried since the last count. */
  private countBytes(): void {
    const { bytesRead, bytesWritten } = this.socket;
    const { counters } = this.host;
    counters.bytesIn += bytesRead - this.countedBytesIn;
    counters.bytesOut += bytesWritten - this.countedBytesOut;
    this.countedBytesIn = bytesRead;
    this.countedBytesOut = bytesWritten;
  }
}
