/**
 * One HTTP/2 connection from a visitor (docs/http2.md). Node's `http2` has the frames, HPACK and flow control; this
 * class makes an exchange of every stream, each routed by its own authority, and ends connections that cost more
 * than they ask for. Streams belong to the session, and end with it.
 */
import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { HttpSyntaxError, type RequestHead } from '@culvert/http1';
import type { Exchange } from './exchange.js';
import { forwardedLines, plainAddress } from './forwarded.js';
import { type Http2Request, readHttp2Request } from './http2-request.js';
import { Http2TakenStream } from './http2-taken-stream.js';
import { Http2Visitor, respondWithError } from './http2-visitor.js';
import {
  HTTP2_MAX_INVALID_FRAMES,
  HTTP2_RATE_WINDOW_MS,
  HTTP2_SESSION_MEMORY_MIB,
  LINGER_MS,
} from './limits.js';
import type { Relay } from './relay.js';
import { RelayError } from './relay-error.js';
import type { VisitorConnection } from './visitor.js';

/**
 * - `opening`: the visitor has not acknowledged our SETTINGS, some of which bind it only then
 * - `open`: takes streams
 * - `closing`: takes no more streams; ends with the last one
 * - `failed`: ended with an error code, which is on its way out
 * - `closed`: the session is gone
 */
type State = 'opening' | 'open' | 'closing' | 'failed' | 'closed';

const {
  NGHTTP2_ENHANCE_YOUR_CALM,
  NGHTTP2_FLAG_END_STREAM,
  NGHTTP2_INTERNAL_ERROR,
  NGHTTP2_SETTINGS_TIMEOUT,
} = constants;

const MAX_WINDOW_BYTES = 2 ** 31 - 1;

/** How often a connection that carries a taken stream is asked whether it is still there, and for how long. */
const PING_INTERVAL_MS = 15_000;
const PING_TIMEOUT_MS = 15_000;

/** Streams of the size of a window that one connection can keep busy. */
const WINDOWS_PER_CONNECTION = 4;

export class Http2Connection implements VisitorConnection {
  readonly peer: string;
  private readonly session: ServerHttp2Session;
  private readonly isTrustedProxy: boolean;
  private readonly visitors = new Set<Http2Visitor>();
  private readonly takenStreams = new Set<Http2TakenStream>();
  /** Of the PING that keeps a carrier alive: when it was sent, and whether the answer is still out. */
  private pingedAt = 0;
  private isPingOpen = false;
  private state: State = 'opening';
  /** When the current state began, or the last stream ended; on the relay's clock. */
  private activeAt: number;

  private readonly resets: RateWindow;
  private readonly controlFrames: RateWindow;
  private countedBytesIn = 0;
  private countedBytesOut = 0;

  private cachedHost: string | null = null;
  private cachedForwardedLines = '';

  constructor(
    readonly relay: Relay,
    private readonly socket: Socket,
    private readonly isSecure: boolean,
  ) {
    const { head, http2 } = relay.limits;
    this.peer = plainAddress(socket.remoteAddress);
    this.isTrustedProxy = relay.trustedProxies.has(this.peer);
    this.activeAt = relay.clock;
    this.resets = new RateWindow(http2.maxResets);
    this.controlFrames = new RateWindow(http2.maxControlFrames);
    // A visitor that has closed its side can never answer a PING or open a window: it is gone.
    socket.allowHalfOpen = false;
    this.session = performServerHandshake(socket, {
      settings: {
        enableConnectProtocol: true,
        maxConcurrentStreams: http2.maxStreams,
        initialWindowSize: http2.windowBytes,
        // Twice the real limit: what is a little too large is answered with 431, like over HTTP/1.1.
        maxHeaderListSize: 2 * head.maxHeadBytes,
      },
      // Beside the fields, cookies come in any number of crumbs.
      maxHeaderListPairs: 2 * head.maxFieldCount + 4,
      maxSessionMemory: HTTP2_SESSION_MEMORY_MIB,
      maxSessionInvalidFrames: HTTP2_MAX_INVALID_FRAMES,
    });
    this.session.setLocalWindowSize(Math.min(WINDOWS_PER_CONNECTION * http2.windowBytes, MAX_WINDOW_BYTES));
    this.session.on('stream', this.handleStream);
    this.session.on('localSettings', this.handleAcknowledgement);
    this.session.on('remoteSettings', this.handleControlFrame);
    this.session.on('ping', this.handleControlFrame);
    // What is wrong with a session concerns only the one at its other end; 'close' follows.
    this.session.on('error', ignore);
    this.session.on('close', this.handleClose);
  }

  get isIdleCarrier(): boolean {
    return this.visitors.size === 0 && this.takenStreams.size > 0;
  }

  exchanges(): readonly Exchange[] {
    return [...this.visitors].flatMap((visitor) => visitor.currentExchange ?? []);
  }

  sweep(now: number): void {
    this.countBytes();
    for (const visitor of this.visitors) visitor.sweep(now);
    for (const taken of this.takenStreams) taken.sweep();
    if (this.takenStreams.size > 0) this.keepAlive(now);
    const { limits } = this.relay;
    const quietMs = now - this.activeAt;
    switch (this.state) {
      case 'opening':
        if (quietMs > limits.headTimeoutMs) this.fail(NGHTTP2_SETTINGS_TIMEOUT);
        return;
      case 'open':
        if (this.isUnused && quietMs > limits.idleTimeoutMs) this.close();
        return;
      case 'closing':
        if (this.isUnused && quietMs > LINGER_MS) this.destroy();
        return;
      case 'failed':
        if (quietMs > LINGER_MS) this.destroy();
        return;
      case 'closed':
        return;
      default:
        throw new Error(`unhandled state ${String(this.state satisfies never)}`);
    }
  }

  drain(): void {
    if (this.state === 'opening' || this.state === 'open') this.close();
  }

  destroy(): void {
    this.session.destroy();
    this.socket.destroy();
  }

  // --- For streams ----------------------------------------------------------------------------------------

  forwardedLines(request: RequestHead): string {
    if (this.isTrustedProxy) return forwardedLines(request, this.peer, this.isSecure, true);
    if (this.cachedHost !== request.host) {
      this.cachedHost = request.host;
      this.cachedForwardedLines = forwardedLines(request, this.peer, this.isSecure, false);
    }
    return this.cachedForwardedLines;
  }

  /** A stream is gone. May be called more than once. */
  handleStreamEnd(visitor: Http2Visitor): void {
    if (!this.visitors.delete(visitor)) return;
    this.activeAt = this.relay.clock;
    if (visitor.handleClose()) this.countReset();
    if (this.isIdleCarrier) this.relay.handleIdleCarrier();
  }

  // --- Session events -------------------------------------------------------------------------------------

  private readonly handleStream = (
    stream: ServerHttp2Stream,
    _fields: unknown,
    flags: number,
    rawFields?: readonly string[],
  ): void => {
    // Node has ended it already, and says so again in 'close'.
    stream.on('error', ignore);
    if (stream.destroyed || stream.closed) {
      this.countReset();
      return;
    }
    try {
      this.begin(stream, rawFields!, (flags & NGHTTP2_FLAG_END_STREAM) === 0);
    } catch (error) {
      this.relay.reportFault(error);
      stream.close(NGHTTP2_INTERNAL_ERROR);
    }
  };

  private begin(stream: ServerHttp2Stream, rawFields: readonly string[], hasBody: boolean): void {
    let request: Http2Request;
    try {
      request = readHttp2Request(rawFields, {
        scheme: this.isSecure ? 'https' : 'http',
        hasBody,
        limits: this.relay.limits.head,
      });
      if (this.relay.takesOver(request.head))
        throw new RelayError('bad_request', 'This is only available over HTTP/1.1.', 501);
    } catch (error) {
      this.refuse(stream, error);
      return;
    }
    this.activeAt = this.relay.clock;
    if (this.relay.takesOverStream(request.head)) {
      this.giveAway(stream, request.head, hasBody);
      return;
    }
    const visitor = new Http2Visitor(this, stream, request, hasBody);
    this.visitors.add(visitor);
    stream.on('close', () => this.handleStreamEnd(visitor));
    visitor.start();
  }

  private giveAway(stream: ServerHttp2Stream, head: RequestHead, hasBody: boolean): void {
    const taken = new Http2TakenStream(stream, head, this.peer, hasBody);
    this.takenStreams.add(taken);
    stream.on('close', () => this.handleTakenStreamEnd(taken));
    // 'close' only follows when all input was read. nghttp2 may be on the stack here.
    stream.on('aborted', () => process.nextTick(() => this.handleTakenStreamEnd(taken)));
    this.relay.takeOverStream(taken);
  }

  private handleTakenStreamEnd(taken: Http2TakenStream): void {
    if (!this.takenStreams.delete(taken)) return;
    this.activeAt = this.relay.clock;
    taken.handleClose();
  }

  /** Answers a request that is none. Node resets the rest of it once the answer is out. */
  private refuse(stream: ServerHttp2Stream, cause: unknown): void {
    let error: RelayError;
    if (cause instanceof RelayError) error = cause;
    else if (cause instanceof HttpSyntaxError)
      error = new RelayError('bad_request', `${cause.message}.`, cause.status);
    else throw cause;
    this.relay.recordFailure(error, '');
    this.countReset();
    if (!stream.closed) respondWithError(stream, error, null);
  }

  private readonly handleAcknowledgement = (): void => {
    if (this.state === 'opening') this.enter('open');
  };

  private readonly handleControlFrame = (): void => {
    if (!this.controlFrames.take(this.relay.clock)) this.fail(NGHTTP2_ENHANCE_YOUR_CALM);
  };

  private readonly handleClose = (): void => {
    this.countBytes();
    this.state = 'closed';
    for (const visitor of this.visitors) this.handleStreamEnd(visitor);
    for (const taken of this.takenStreams) this.handleTakenStreamEnd(taken);
    this.relay.forget(this);
  };

  // --- Ends -----------------------------------------------------------------------------------------------

  /** Resets are free for who sends them and cost an exchange here (CVE-2023-44487, CVE-2025-8671). */
  private countReset(): void {
    if (!this.resets.take(this.relay.clock)) this.fail(NGHTTP2_ENHANCE_YOUR_CALM);
  }

  /** Ends the connection, its streams and all, with this error code. */
  private fail(code: number): void {
    if (this.state === 'failed' || this.state === 'closed') return;
    this.enter('failed');
    // Not from within a callback of nghttp2, which may be on the stack.
    setImmediate(() => this.session.destroy(new Error('HTTP/2 session refused'), code));
  }

  /** Takes no more streams and ends with the last one. Streams on their way are refused: safe to repeat. */
  private close(): void {
    this.enter('closing');
    this.session.close();
  }

  private get isUnused(): boolean {
    return this.visitors.size === 0 && this.takenStreams.size === 0;
  }

  /** NATs forget connections that are silent for minutes, and neither side would notice. */
  private keepAlive(now: number): void {
    if (this.isPingOpen) {
      if (now - this.pingedAt > PING_TIMEOUT_MS) this.destroy();
    } else if (now - this.pingedAt > PING_INTERVAL_MS && this.state !== 'failed') {
      this.pingedAt = now;
      this.isPingOpen = this.session.ping(() => (this.isPingOpen = false));
    }
  }

  private enter(state: State): void {
    this.state = state;
    this.activeAt = this.relay.clock;
  }

  /** Frames included: what the socket has carried since the last count. */
  private countBytes(): void {
    const { bytesRead, bytesWritten } = this.socket;
    const { counters } = this.relay;
    counters.bytesIn += bytesRead - this.countedBytesIn;
    counters.bytesOut += bytesWritten - this.countedBytesOut;
    this.countedBytesIn = bytesRead;
    this.countedBytesOut = bytesWritten;
  }
}

/** Counts events in windows of `HTTP2_RATE_WINDOW_MS`. */
class RateWindow {
  private beganAt = -Infinity;
  private count = 0;

  constructor(private readonly max: number) {}

  /** Counts one. Returns false when there were too many. */
  take(now: number): boolean {
    if (now - this.beganAt > HTTP2_RATE_WINDOW_MS) {
      this.beganAt = now;
      this.count = 0;
    }
    return ++this.count <= this.max;
  }
}

function ignore(): void {}
