/**
 * One HTTP/2 connection to an ingress, over one stream of a tunnel. Node's session does framing, HPACK and flow
 * control; this class decides which requests it carries and when, and says why they failed.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { ResetCode } from '@culvert/tunnel';
import { errorName } from './http2-error-names.js';
import { CLIENT_PREFACE_BYTES, type FrameObserver, FrameScanner } from './http2-frames.js';
import type { Http2StreamHost, Http2UpstreamStream } from './http2-stream.js';
import { Http2Transport, type TransportObserver } from './http2-transport.js';
import type { Dialer } from './stream-pool.js';

/** Requests of one session under way at once, however many the ingress would take. */
const MAX_STREAMS = 100;

/** What a response may send ahead of a visitor that does not read. */
const STREAM_WINDOW_BYTES = 262_144;

/** For all responses together. Node gives credit back as bytes arrive, so this is the speed of one round trip, not memory. */
const SESSION_WINDOW_BYTES = 8 * 1_048_576;

/** Fields of a response, above what an exchange accepts: its limit is the one that is reported. */
const MAX_HEADER_PAIRS = 256;
const MAX_HEADER_BYTES = 65_536;

/** MiB that Node may hold for one session before it refuses header fields: all windows and more. */
const MAX_MEMORY_MIB = 64;

/** How often an idle session asks whether it should stay: its stream keeps a tunnel that is leaving from ending. */
const IDLE_CHECK_MS = 2000;
const MAX_IDLE_MS = 20_000;

/** A session that comes here makes way for another one, long before its ids run out (RFC 9113 §5.1.1). */
const LAST_STREAM_ID = 0x7000_0000;

/** What a session tells the dialer that made it. */
export interface Http2SessionOwner {
  readonly dialer: Dialer;
  /** The session takes no more requests. */
  onRetired(session: Http2UpstreamSession): void;
  /** The session cannot carry `stream` after all; nothing of it was processed. */
  onReturned(stream: Http2UpstreamStream): void;
}

export class Http2UpstreamSession implements Http2StreamHost, FrameObserver, TransportObserver {
  private readonly session: ClientHttp2Session;
  private readonly received = new FrameScanner(this);
  private readonly sent = new FrameScanner(
    { onGoAway: (code) => this.handleOwnGoAway(code) },
    CLIENT_PREFACE_BYTES,
  );
  /** Requests that hold a place, started or not. */
  private readonly members = new Set<Http2UpstreamStream>();
  private readonly byId = new Map<number, Http2UpstreamStream>();
  /** Requests whose heads are complete, until the session may start them. */
  private waiting: Http2UpstreamStream[] = [];
  private isConnected = false;
  private hasSettings = false;
  private maxStreams = MAX_STREAMS;
  private isRetired = false;
  private isLost = false;
  private idleSince = performance.now();

  private constructor(
    private readonly owner: Http2SessionOwner,
    private readonly transport: Http2Transport,
    /** The tunnel below. */
    readonly origin: object,
  ) {
    // The authority is never used: each request has its own.
    this.session = connect('http://ingress', {
      createConnection: () => transport,
      settings: {
        enablePush: false,
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxHeaderListSize: MAX_HEADER_BYTES,
      },
      maxHeaderListPairs: MAX_HEADER_PAIRS,
      maxSessionMemory: MAX_MEMORY_MIB,
    });
    this.session.on('connect', () => this.handleConnect());
    this.session.on('remoteSettings', () => this.handleSettings());
    this.session.on('goaway', () => this.handleGoAway());
    this.session.on('error', (error) => this.handleError(error));
    this.session.on('close', () => this.lose(ResetCode.INGRESS_RESET, 'closed its HTTP/2 connection'));
    this.session.on('timeout', () => this.checkIdle());
    this.session.setTimeout(IDLE_CHECK_MS);
  }

  /**
   * A session over a new stream of `owner.dialer`.
   * @param inUse as for `Dialer.dial`: of the tunnel's streams, which are sessions here
   */
  static open(owner: Http2SessionOwner, inUse: number): Http2UpstreamSession | 'absent' | 'full' {
    const transport = new Http2Transport();
    const dialed = owner.dialer.dial(transport, inUse);
    if (typeof dialed === 'string') return dialed;
    const session = new Http2UpstreamSession(owner, transport, dialed.origin);
    transport.attach(dialed.stream, session);
    return session;
  }

  get hasRoom(): boolean {
    return !this.isRetired && !this.session.closed && this.members.size < this.maxStreams;
  }

  /** Whether it was connected before now: the ingress may have closed it meanwhile. */
  get isReused(): boolean {
    return this.hasSettings;
  }

  get takesWebSockets(): boolean {
    return this.session.remoteSettings?.enableConnectProtocol === true;
  }

  /** Keeps a place for `stream`, until `release`. */
  reserve(stream: Http2UpstreamStream): void {
    this.members.add(stream);
  }

  submit(stream: Http2UpstreamStream): void {
    const isFirst = this.isConnected && this.byId.size === 0 && !stream.isUpgrade;
    if (this.hasSettings || isFirst) this.start(stream);
    else this.waiting.push(stream);
  }

  request(
    stream: Http2UpstreamStream,
    fields: OutgoingHttpHeaders,
    options: { readonly endStream: boolean },
  ): ClientHttp2Stream {
    const { endStream } = options;
    // Without `waitForTrailers` Node ends a request that is cancelled: half of it would look like all of it.
    const request = this.session.request(fields, { endStream, waitForTrailers: !endStream });
    const id = request.id ?? 0;
    this.byId.set(id, stream);
    if (id >= LAST_STREAM_ID) this.retire();
    return request;
  }

  release(stream: Http2UpstreamStream, id: number | undefined): void {
    if (id !== undefined) this.byId.delete(id);
    if (!this.members.delete(stream) || this.members.size > 0) return;
    this.idleSince = performance.now();
    if (this.isRetired) this.session.close();
  }

  /** Takes no more requests, and ends with those it has. */
  retire(): void {
    if (!this.isRetired) {
      this.isRetired = true;
      this.owner.onRetired(this);
    }
    if (this.members.size === 0) this.session.close();
  }

  // --- Frames and transport -------------------------------------------------------------------------------

  onReceived(chunk: Buffer): void {
    this.received.scan(chunk);
  }

  onSent(chunk: Buffer): void {
    this.sent.scan(chunk);
  }

  onEndStream(streamId: number): void {
    this.byId.get(streamId)?.handleEndStream();
  }

  onReset(streamId: number): void {
    this.byId.get(streamId)?.handlePeerReset();
  }

  onDataFrame(streamId: number, chunkNumber: number, chunkBytes: number): void {
    this.byId.get(streamId)?.handleDataFrame(chunkNumber, chunkBytes);
  }

  onForeign(): void {
    this.lose(ResetCode.INGRESS_PROTOCOL, 'does not speak HTTP/2');
    this.transport.destroy();
  }

  onEnd(): void {
    // What came before the end is handled in this turn of the event loop.
    setImmediate(() => {
      this.lose(ResetCode.INGRESS_RESET, 'closed its HTTP/2 connection');
      this.transport.destroy();
    });
  }

  onLost(code: ResetCode, detail: string): void {
    this.lose(code, detail);
  }

  // --- Session events -------------------------------------------------------------------------------------

  private handleConnect(): void {
    this.isConnected = true;
    this.session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    this.startWaiting();
  }

  private handleSettings(): void {
    const offered = this.session.remoteSettings.maxConcurrentStreams;
    this.maxStreams = Math.min(offered ?? MAX_STREAMS, MAX_STREAMS);
    this.hasSettings = true;
    this.startWaiting();
  }

  /** RFC 9113 §6.8: nghttp2 refuses the requests that the ingress has not seen, and Node closes the session. */
  private handleGoAway(): void {
    this.retire();
    this.returnWaiting();
  }

  private handleError(error: NodeJS.ErrnoException): void {
    if (error.code === 'ERR_HTTP2_SESSION_ERROR') {
      this.lose(ResetCode.INGRESS_RESET, `ended its HTTP/2 connection (${error.message})`);
    } else {
      this.lose(ResetCode.INGRESS_PROTOCOL, `broke the rules of HTTP/2 (${error.message})`);
    }
  }

  /** Node says NO_ERROR for a session that closes, nghttp2 anything else for one that cannot go on. */
  private handleOwnGoAway(code: number): void {
    if (code === 0) return;
    this.lose(ResetCode.INGRESS_PROTOCOL, `broke the rules of HTTP/2 (${errorName(code)})`);
    setImmediate(() => this.transport.destroy());
  }

  private checkIdle(): void {
    const isIdle = this.members.size === 0;
    const isWanted = this.owner.dialer.isPreferred(this.origin);
    if (isIdle && (!isWanted || performance.now() - this.idleSince >= MAX_IDLE_MS)) this.retire();
    else this.session.setTimeout(IDLE_CHECK_MS);
  }

  // --- Requests -------------------------------------------------------------------------------------------

  /** The first request needs no leave. Others wait for the ingress's SETTINGS, so that none is refused. */
  private startWaiting(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const stream of waiting) {
      if (this.hasSettings && this.byId.size >= this.maxStreams) this.giveBack(stream);
      else this.submit(stream);
    }
  }

  private start(stream: Http2UpstreamStream): void {
    try {
      stream.start(this);
    } catch {
      // Node's session is closing, or out of stream ids.
      this.retire();
      this.giveBack(stream);
    }
  }

  private returnWaiting(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const stream of waiting) this.giveBack(stream);
  }

  private giveBack(stream: Http2UpstreamStream): void {
    if (!this.members.has(stream)) return;
    this.release(stream, undefined);
    this.owner.onReturned(stream);
  }

  /** Fails every request whose response is not here in full; those that are may still be read. */
  private lose(code: ResetCode, detail: string): void {
    if (this.isLost) return;
    this.isLost = true;
    this.waiting = [];
    if (!this.isRetired) {
      this.isRetired = true;
      this.owner.onRetired(this);
    }
    for (const stream of this.members) stream.handleLoss(code, detail);
  }
}
