/**
 * One HTTP/1.1 connection from a visitor: reads heads, runs one exchange after the other in order, writes
 * responses. Buffers at most `MAX_PENDING_BYTES` and one socket read of input; output is bounded by pausing the
 * exchange's stream while the socket is full.
 */
import type { Socket } from 'node:net';
import {
  type Fields,
  Framing,
  HeadReader,
  lastChunk,
  parseRequestHead,
  type RequestHead,
  type ResponseHead,
} from '@culvert/http1';
import { MAX_JOINED_BYTES, plainAddress, readShared, SocketWriter } from '@culvert/sockets';
import { errorResponse, isForPage } from '../answers/error-response.js';
import { relayErrorOf } from '../answers/failures.js';
import { RelayError } from '../answers/relay-error.js';
import { peekWishes } from '../answers/request-faults.js';
import { Exchange } from '../exchange/exchange.js';
import type { Visitor } from '../exchange/visitor.js';
import { HALF_CLOSED_IDLE_MS, LINGER_MS, MAX_PENDING_BYTES } from '../limits.js';
import { bodylessLine, requestHeadText, responseFieldLines } from '../routing/header-rules.js';
import { hostnameOf } from '../routing/hostname.js';
import { RepeatedHead } from '../routing/repeated-head.js';
import type { Route } from '../routing/route.js';
import { switchedTo } from '../routing/upgrade.js';
import { forwardedLines } from './forwarded.js';
import type { SocketTaker } from './hand-off.js';
import type { ConnectionHost } from './host.js';
import { Lingering } from './lingering.js';
import type { VisitorConnection } from './visitor-connection.js';

/**
 * - `idle`: between two requests
 * - `head`: some bytes of a head are here
 * - `exchange`: a request is being handled
 * - `upgraded`: raw bytes both ways
 * - `lingering`: the last response is out; input is dropped until the visitor has read it (`Lingering`)
 * - `closed`: the socket is gone, or somebody else's
 */
type State = 'idle' | 'head' | 'exchange' | 'upgraded' | 'lingering' | 'closed';

/** How body bytes become the visitor's: `wrapped` ones get chunk framing here, `chunked` ones have it. */
type BodyCoding = 'as-is' | 'chunked' | 'wrapped';

/** Slices below this size are copied before they wait in the socket. */
const MAX_COPIED_BYTES = 4096;

/** A connection that was idle for so long repeats nothing. */
const REPEAT_MS = 1000;

const CRLF = Buffer.from('\r\n');

export class Http1Connection implements Visitor, VisitorConnection {
  readonly responseReader: HeadReader;
  readonly isHttp2 = false;
  readonly peer: string;
  private readonly reader: HeadReader;
  private readonly writer: SocketWriter;
  private readonly isTrustedProxy: boolean;
  private state: State = 'idle';
  private exchange: Exchange | null = null;
  private isConsuming = false;
  private isBodyPaused = false;
  private hasInputEnded = false;
  private pending: Buffer | null = null;
  /** When the current state began, or bytes last moved; on the relay's clock. */
  private activeAt: number;

  /** A response head that waits for the first bytes of its body. */
  private heldHead: string | Buffer = '';
  private coding: BodyCoding = 'as-is';
  private isLastExchange = false;
  /** There when the visitor had not sent its whole request before it was answered. */
  private lingering: Lingering | null = null;

  /** Host of the last request: most requests of a connection name the same. What follows from it is kept. */
  private cachedHost: string | null = null;
  private cachedHostname = '';
  private cachedForwardedLines = '';

  private readonly repeated = new RepeatedHead<RequestHead>();
  /** What `repeated.outgoing` was made for. */
  private repeatedRoute: Route | null = null;

  /** Nothing has been read yet. */
  private isNew = true;
  /** True while the bytes at hand lie in shared memory: what is kept must be copied. */
  private isBorrowing = false;
  private isHandedOver = false;

  constructor(
    private readonly host: ConnectionHost,
    private readonly socket: Socket,
    private readonly isSecure: boolean,
  ) {
    this.reader = new HeadReader(host.limits.head);
    this.responseReader = new HeadReader(host.limits.head, 'response');
    this.peer = plainAddress(socket.remoteAddress);
    this.isTrustedProxy = host.trustedProxies.has(this.peer);
    this.activeAt = host.clock.now;
    if (readShared(socket, this.handleSharedBytes)) socket.resume();
    else socket.on('data', this.handleData);
    this.writer = new SocketWriter(socket, this.handleDrain);
    socket.on('end', this.handleEnd);
    socket.on('error', this.handleError);
    socket.on('close', this.handleClose);
  }

  get isIdleCarrier(): boolean {
    return false;
  }

  exchanges(): readonly Exchange[] {
    return this.exchange ? [this.exchange] : [];
  }

  sweep(now: number): void {
    const { limits } = this.host;
    const quietMs = now - this.activeAt;
    switch (this.state) {
      case 'idle':
        if (this.repeated.head !== null && quietMs > REPEAT_MS) this.repeated.forget();
        if (quietMs > limits.idleTimeoutMs) this.socket.destroy();
        return;
      case 'head':
        if (quietMs > limits.headTimeoutMs) {
          this.refuse(
            new RelayError('request_timeout', 'The request head did not arrive in time.'),
            this.reader.buffer,
          );
        }
        return;
      case 'exchange':
      case 'upgraded':
        if (this.hasInputEnded && quietMs > HALF_CLOSED_IDLE_MS && !this.writer.needsDrain)
          this.socket.destroy();
        else this.exchange!.sweep(now);
        return;
      case 'lingering':
        // Output that is still in this process counts as progress: only then does the visitor's time begin.
        if (!this.socket.writableFinished && quietMs <= limits.stallTimeoutMs) return;
        if (this.lingering?.isOver(now) ?? quietMs > LINGER_MS) this.socket.destroy();
        return;
      case 'closed':
        return;
      default:
        throw new Error(`unhandled state ${String(this.state satisfies never)}`);
    }
  }

  drain(): void {
    if (this.state === 'idle' || this.state === 'head')
      this.closeAfterOutput({ isRequestDone: this.state === 'idle' });
    else this.isLastExchange = true;
  }

  destroy(): void {
    this.socket.destroy();
  }

  // --- Socket events --------------------------------------------------------------------------------------

  private readonly handleSharedBytes = (bytes: Buffer): void => {
    if (this.isHandedOver) {
      this.socket.push(Buffer.from(bytes));
      return;
    }
    this.isBorrowing = true;
    this.handleData(bytes);
    this.isBorrowing = false;
  };

  private readonly handleData = (chunk: Buffer): void => {
    this.host.counters.bytesIn += chunk.length;
    switch (this.state) {
      case 'idle':
        if (this.isNew && this.isHandedOff(chunk)) return;
        this.consume(chunk);
        return;
      case 'head':
        this.consume(chunk);
        return;
      case 'exchange':
        this.feedExchange(this.pending === null ? this.owned(chunk) : Buffer.concat([this.pending, chunk]));
        return;
      case 'upgraded':
        this.activeAt = this.host.clock.now;
        this.exchange!.pushRaw(this.owned(chunk));
        return;
      case 'lingering':
        if (this.lingering?.drop(chunk.length, this.host.clock.now) === false) this.socket.destroy();
        return;
      case 'closed':
        return;
      default:
        throw new Error(`unhandled state ${String(this.state satisfies never)}`);
    }
  };

  private readonly handleDrain = (): void => {
    this.activeAt = this.host.clock.now;
    this.exchange?.handleVisitorDrain();
  };

  private readonly handleEnd = (): void => {
    this.hasInputEnded = true;
    this.activeAt = this.host.clock.now;
    switch (this.state) {
      case 'idle':
      case 'head':
      case 'lingering':
        this.socket.end();
        return;
      case 'exchange':
        // A whole request may be followed by the end of input; a part of one is worth nothing.
        if (this.exchange!.wantsBody) this.socket.destroy();
        else this.isLastExchange = true;
        return;
      case 'upgraded':
        this.exchange!.endRaw();
        return;
      case 'closed':
        return;
      default:
        throw new Error(`unhandled state ${String(this.state satisfies never)}`);
    }
  };

  private readonly handleError = (): void => {
    this.socket.destroy();
  };

  private readonly handleClose = (): void => {
    this.state = 'closed';
    this.pending = null;
    this.host.forget(this);
    const { exchange } = this;
    this.exchange = null;
    exchange?.cancel();
  };

  // --- Requests -------------------------------------------------------------------------------------------

  /** Starts the exchanges of the requests in `chunk`, as far as they can start now. */
  private consume(chunk: Buffer): void {
    let offset = 0;
    this.isConsuming = true;
    while (offset < chunk.length && (this.state === 'idle' || this.state === 'head')) {
      offset = this.readHead(chunk, offset);
    }
    this.isConsuming = false;
    if (this.state === 'exchange' && offset < chunk.length) {
      this.feedExchange(this.owned(chunk.subarray(offset)));
    }
  }

  /** Returns the offset of the first byte that was not used. */
  private readHead(chunk: Buffer, offset: number): number {
    const { repeated } = this;
    const known = this.reader.isPartial ? null : repeated.find(chunk, offset, '');
    if (known !== null) {
      this.reader.reset();
      this.begin(known);
      return offset + repeated.length;
    }
    let request: RequestHead;
    let next: number;
    try {
      next = this.reader.push(chunk, offset);
      if (next < 0) {
        if (this.reader.isPartial && this.state === 'idle') {
          this.state = 'head';
          this.activeAt = this.host.clock.now;
        }
        return chunk.length;
      }
      request = parseRequestHead(
        this.reader.buffer,
        this.reader.start,
        this.reader.end,
        this.host.limits.head,
      );
    } catch (error) {
      const bytes = this.reader.isPartial ? this.reader.buffer : chunk.subarray(offset);
      const { head } = this.host.limits;
      this.refuse(
        relayErrorOf(error, 'request', head, (fault) => this.host.reportFault(fault)),
        bytes,
      );
      return chunk.length;
    }
    if (request.upgrade !== '') {
      const take = this.host.handOff.ofUpgrade(request, hostnameOf(request.host));
      if (take !== null) {
        this.reader.reset();
        this.handOver(Buffer.concat([Buffer.from(request.text, 'latin1'), chunk.subarray(next)]), take);
        return chunk.length;
      }
    } else {
      repeated.learn(request, this.reader.buffer, this.reader, '', this.host.clock.now);
    }
    this.reader.reset();
    this.begin(request);
    return next;
  }

  private begin(request: RequestHead): void {
    this.state = 'exchange';
    this.activeAt = this.host.clock.now;
    this.isLastExchange = !request.keepAlive || this.hasInputEnded || this.host.isDraining;
    this.isBodyPaused = false;
    if (this.cachedHost !== request.host) {
      this.cachedHost = request.host;
      this.cachedHostname = hostnameOf(request.host);
      this.cachedForwardedLines = '';
    }
    this.exchange = new Exchange(this.host, this, request, this.cachedHostname);
    this.exchange.start();
  }

  /** Gives the exchange what it wants of `bytes` and keeps the rest, within bounds. */
  private feedExchange(bytes: Buffer): void {
    this.pending = null;
    const taken = this.exchange!.wantsBody ? this.exchange!.pushBody(bytes, 0) : 0;
    if (taken < bytes.length && this.state === 'exchange') {
      this.pending = taken === 0 ? bytes : bytes.subarray(taken);
    }
    this.adjustReading();
  }

  /** Reads from the socket exactly while there is room for what it brings. */
  private adjustReading(): void {
    const hasRoom = !this.isBodyPaused && (this.pending === null || this.pending.length < MAX_PENDING_BYTES);
    if (hasRoom !== this.socket.isPaused()) return;
    if (hasRoom) this.socket.resume();
    else this.socket.pause();
  }

  /** `bytes`, or a copy when they are only lent. */
  private owned(bytes: Buffer): Buffer {
    return this.isBorrowing ? Buffer.from(bytes) : bytes;
  }

  /** Whether the first bytes show that this connection must be handed off; then it is. */
  private isHandedOff(chunk: Buffer): boolean {
    this.isNew = false;
    const take = this.host.handOff.ofBytes(chunk);
    if (take === null) return false;
    this.handOver(Buffer.from(chunk), take);
    return true;
  }

  /** @param bytes what has been read, in memory of its own */
  private handOver(bytes: Buffer, take: SocketTaker): void {
    const { socket } = this;
    this.state = 'closed';
    this.isHandedOver = true;
    this.host.forget(this);
    socket.off('data', this.handleData);
    socket.off('drain', this.handleDrain);
    socket.off('end', this.handleEnd);
    socket.off('error', this.handleError);
    socket.off('close', this.handleClose);
    socket.pause();
    socket.unshift(bytes);
    take(socket);
  }

  // --- Visitor: what the exchange asks of this connection -------------------------------------------------

  outgoingHead(request: RequestHead, route: Route): Buffer {
    const { repeated } = this;
    if (request !== repeated.head) return this.encodeHead(request, route);
    if (repeated.outgoing === null || this.repeatedRoute !== route) {
      repeated.outgoing = this.encodeHead(request, route);
      this.repeatedRoute = route;
    }
    return repeated.outgoing;
  }

  private encodeHead(request: RequestHead, route: Route): Buffer {
    const forwarded = route.kind === 'transparent' ? '' : this.forwardedLines(request);
    return Buffer.from(requestHeadText(request, route, forwarded), 'latin1');
  }

  private forwardedLines(request: RequestHead): string {
    if (this.isTrustedProxy)
      return forwardedLines(request, this.peer, this.isSecure, this.host.trustedProxies);
    return (this.cachedForwardedLines ||= forwardedLines(request, this.peer, this.isSecure, null));
  }

  chunkedOutput(): 'decoded' | 'encoded' {
    return this.exchange!.request.minorVersion === 1 ? 'encoded' : 'decoded';
  }

  sendInterim(response: ResponseHead, route: Route): void {
    if (this.exchange!.request.minorVersion === 0) return;
    this.write(Buffer.from(`${statusLine(response)}${responseFieldLines(response, route)}\r\n`, 'latin1'));
  }

  sendHead(response: ResponseHead, route: Route): void {
    const isHttp11 = this.exchange!.request.minorVersion === 1;
    // Should the response end before the request does, the rest of the request cannot be told from the next one.
    if (!this.exchange!.isRequestDone) this.isLastExchange = true;
    let framingLine = bodylessLine(response);
    this.coding = 'as-is';
    if (response.framing === Framing.CHUNKED || response.framing === Framing.UNTIL_CLOSE) {
      if (isHttp11) {
        framingLine = 'Transfer-Encoding: chunked\r\n';
        this.coding = response.framing === Framing.CHUNKED ? 'chunked' : 'wrapped';
      } else {
        this.isLastExchange = true;
      }
    }
    if (isHttp11 && !this.isLastExchange && response === route.repeated.head) {
      this.heldHead = route.repeated.outgoing ??= Buffer.from(
        `${statusLine(response)}${responseFieldLines(response, route)}${framingLine}\r\n`,
        'latin1',
      );
      return;
    }
    let text = statusLine(response) + responseFieldLines(response, route) + framingLine;
    if (this.isLastExchange) text += 'Connection: close\r\n';
    else if (!isHttp11) text += 'Connection: keep-alive\r\n';
    this.heldHead = `${text}\r\n`;
  }

  sendBody(buffer: Buffer, start: number, end: number): boolean {
    const body = start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end);
    if (this.coding === 'wrapped') {
      this.flush();
      this.socket.cork();
      this.write(Buffer.from(`${body.length.toString(16)}\r\n`, 'latin1'));
      this.write(body);
      const hasRoom = this.write(CRLF);
      this.socket.uncork();
      return hasRoom;
    }
    if (this.heldHead === '') return this.write(body);
    const head = this.heldHead;
    this.heldHead = '';
    if (head.length + body.length > MAX_JOINED_BYTES) {
      this.write(bytesOf(head));
      return this.write(body);
    }
    this.host.counters.bytesOut += head.length + body.length;
    this.activeAt = this.host.clock.now;
    return this.writer.writeJoined(head, body);
  }

  flush(): void {
    if (this.heldHead === '') return;
    const head = this.heldHead;
    this.heldHead = '';
    this.write(bytesOf(head));
  }

  switchProtocols(response: ResponseHead, route: Route): void {
    this.state = 'upgraded';
    this.activeAt = this.host.clock.now;
    const lines = `${responseFieldLines(response, route)}Connection: Upgrade\r\nUpgrade: ${switchedTo(response)}\r\n\r\n`;
    this.write(Buffer.from(statusLine(response) + lines, 'latin1'));
    if (this.hasInputEnded) this.exchange!.endRaw();
  }

  sendRaw(chunk: Buffer): boolean {
    return this.write(chunk);
  }

  endRaw(): void {
    this.socket.end();
  }

  complete(trailers: Fields | null, isRequestDone: boolean): void {
    this.flush();
    if (this.coding !== 'as-is') this.write(Buffer.from(lastChunk(trailers), 'latin1'));
    this.finishExchange(isRequestDone);
  }

  sendError(error: RelayError, isRequestDone: boolean): void {
    const { request } = this.exchange!;
    if (!isRequestDone) this.isLastExchange = true;
    this.heldHead = '';
    this.write(errorResponse(error, { request, connection: connectionLine(this.isLastExchange, request) }));
    this.finishExchange(isRequestDone);
  }

  takeBack(): boolean {
    if (this.heldHead === '') return false;
    this.heldHead = '';
    return true;
  }

  abort(): void {
    this.exchange = null;
    this.state = 'closed';
    // A reset instead of an orderly end: the visitor must see that the response is not complete. (TLS has no
    // reset; there the missing close_notify tells.)
    // A socket that has ended cannot be reset: Node 20 fails with EINVAL and keeps it.
    if (this.isSecure || this.socket.writableEnded) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  pauseBody(): void {
    this.isBodyPaused = true;
    this.adjustReading();
  }

  resumeBody(): void {
    this.isBodyPaused = false;
    const { pending } = this;
    if (pending !== null && this.state === 'upgraded') {
      this.pending = null;
      this.exchange!.pushRaw(pending);
    } else if (pending !== null) {
      this.feedExchange(pending);
    }
    this.adjustReading();
  }

  // --- Ends -----------------------------------------------------------------------------------------------

  private finishExchange(isRequestDone: boolean): void {
    this.exchange = null;
    this.activeAt = this.host.clock.now;
    if (this.isLastExchange || !isRequestDone || this.host.isDraining) {
      this.closeAfterOutput({ isRequestDone });
      return;
    }
    this.state = 'idle';
    this.isBodyPaused = false;
    const { pending } = this;
    this.pending = null;
    // While consume() runs, it goes on with the rest by itself.
    if (pending !== null && !this.isConsuming) this.consume(pending);
    this.adjustReading();
  }

  /**
   * Answers bytes that are no request.
   * @param bytes as far as they came: they may tell whether a person waits for the answer
   */
  private refuse(error: RelayError, bytes: Buffer): void {
    this.host.recordFailure(error, '');
    const { accept, destination } = peekWishes(bytes);
    const isPage = accept !== null && isForPage(accept, () => destination);
    this.write(errorResponse(error, { request: null, isPage, connection: 'Connection: close\r\n' }));
    this.closeAfterOutput({ isRequestDone: false });
  }

  private closeAfterOutput({ isRequestDone }: { isRequestDone: boolean }): void {
    this.state = 'lingering';
    if (!isRequestDone) this.lingering = new Lingering(this.host.limits.linger);
    this.activeAt = this.host.clock.now;
    this.pending = null;
    this.socket.resume();
    this.socket.end();
  }

  private write(chunk: Buffer): boolean {
    this.host.counters.bytesOut += chunk.length;
    this.activeAt = this.host.clock.now;
    // What has to wait must not pin the whole tunnel message it is a slice of: a visitor that reads events
    // slowly would hold a megabyte for each of them.
    const isPinning = chunk.length < MAX_COPIED_BYTES && this.writer.hasBacklog;
    return this.writer.write(isPinning ? Buffer.from(chunk) : chunk);
  }
}

/** A held head as bytes: latin1, one byte per character. */
function bytesOf(head: string | Buffer): Buffer {
  return typeof head === 'string' ? Buffer.from(head, 'latin1') : head;
}

function statusLine(response: ResponseHead): string {
  return `HTTP/1.1 ${response.status} ${response.reason}\r\n`;
}

function connectionLine(isLast: boolean, request: RequestHead): string {
  if (isLast) return 'Connection: close\r\n';
  return request.minorVersion === 0 ? 'Connection: keep-alive\r\n' : '';
}
