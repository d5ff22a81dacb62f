/**
 * One HTTP/2 connection to an ingress, over one stream of a tunnel. libs/http2 does frames, HPACK and flow control; this
 * class has the tunnel's stream, decides which requests it carries and when, and reports why they failed.
 */
import {
  ClientConnection,
  type ClientOwner,
  type ClientStream,
  ErrorCode,
  HIGH_WATER_BYTES,
} from '@culvert/http2';
import { ResetCode, type Stream, type StreamHandler } from '@culvert/tunnel';
import { errorName } from './http2-error-names.js';
import { KnownHeads } from './http2-known-heads.js';
import type { Http2StreamHost, Http2UpstreamStream } from './http2-stream.js';
import type { Dialed, Dialer } from './stream-pool.js';

/** Requests of one session under way at once, however many the ingress would take. */
const MAX_STREAMS = 100;

const LIMITS = {
  /** Bytes of a response that may arrive ahead of a visitor that does not read. */
  windowBytes: 262_144,
  // Above what an exchange accepts: its limit is the one that is reported.
  maxListBytes: 65_536,
  maxFields: 256,
  maxControlFrames: 1000,
} as const;

/** How often an idle session checks whether it should stay: its stream keeps a tunnel that is leaving from ending. */
const CHECK_MS = 2000;
const MAX_IDLE_MS = 20_000;

/** How long an ingress may take to end a response that is whole by its length, or to close after this end has. */
const LINGER_MS = 5000;

/** A session that reaches this stream id is replaced, long before its ids run out (RFC 9113 §5.1.1). */
const LAST_STREAM_ID = 0x7000_0000;

/** What a session reports to the dialer that made it. */
export interface Http2SessionOwner {
  readonly dialer: Dialer;
  /** The session takes no more requests. */
  onRetired(session: Http2UpstreamSession): void;
  /** The session cannot carry `stream` after all; nothing of it was processed. */
  onReturned(stream: Http2UpstreamStream): void;
  /** An unexpected exception was thrown. */
  reportFault(error: unknown): void;
}

/** The states follow each other in the order of their numbers. */
const State = {
  /** Takes requests. */
  OPEN: 0,
  /** Refuses new requests, and ends with those it has. */
  RETIRED: 1,
  /** The HTTP/2 connection has ended; the ingress has yet to close. */
  ENDING: 2,
  /** The tunnel's stream is gone. */
  CLOSED: 3,
} as const;
type State = (typeof State)[keyof typeof State];

/** Placeholder handler until the session of a stream exists, in the turn that opened it: no events occur. */
const NO_HANDLER: StreamHandler = {
  onOpen() {},
  onData() {},
  onEnd() {},
  onReset() {},
  onDrain() {},
};

export class Http2UpstreamSession implements Http2StreamHost, StreamHandler, ClientOwner {
  readonly heads = new KnownHeads();
  /** Whether the tunnel's stream is open: what was written to it may have reached the ingress. */
  hasOpened = false;
  /** The tunnel below. */
  readonly origin: object;
  private readonly stream: Stream;
  private state: State = State.OPEN;
  private readonly connection: ClientConnection<ClientStream>;
  /** Whether the tunnel's stream asked to pause writes. */
  private isFull = false;
  /** Requests that hold a place, begun or not. */
  private readonly members = new Set<Http2UpstreamStream>();
  /** Requests whose heads are complete, until the session may begin them. */
  private waiting: Http2UpstreamStream[] = [];
  /** Requests that received something for their exchanges from the bytes that are being read. */
  private noted: Http2UpstreamStream[] = [];
  private isReading = false;
  /** Time when the session lost its last request, or began to end; milliseconds. */
  private quietSince = performance.now();
  private readonly timer: NodeJS.Timeout;

  private constructor(
    private readonly owner: Http2SessionOwner,
    private readonly dialed: Dialed,
  ) {
    this.origin = dialed.origin;
    this.stream = dialed.stream;
    this.stream.handler = this;
    this.connection = new ClientConnection(this, LIMITS);
    this.timer = setInterval(() => this.check(), CHECK_MS);
    this.timer.unref();
    this.connection.start();
  }

  /**
   * Opens a session over a new stream of `owner.dialer`.
   * @param inUse as for `Dialer.dial`: of the tunnel's streams, which are sessions here
   */
  static open(owner: Http2SessionOwner, inUse: number): Http2UpstreamSession | 'absent' | 'full' {
    const dialed = owner.dialer.dial(NO_HANDLER, inUse);
    return typeof dialed === 'string' ? dialed : new Http2UpstreamSession(owner, dialed);
  }

  get hasRoom(): boolean {
    return this.state === State.OPEN && this.connection.mayOpen && this.members.size < this.maxStreams;
  }

  /** Whether it was connected before now: the ingress may have closed it meanwhile. */
  get isReused(): boolean {
    return this.connection.isReady;
  }

  /** Whether another edge may still refuse the tunnel's stream, and with it every request of the session. */
  get mayBeRefused(): boolean {
    return !this.hasOpened && this.dialed.mayBeRefused === true;
  }

  private get maxStreams(): number {
    return Math.min(this.connection.peer.maxStreams, MAX_STREAMS);
  }

  /** Keeps a place for `stream`, until `release`. */
  reserve(stream: Http2UpstreamStream): void {
    this.members.add(stream);
  }

  /** The first request starts at once. Others wait for the ingress's SETTINGS, so that none is refused. */
  submit(stream: Http2UpstreamStream): void {
    const { connection } = this;
    if (!connection.mayOpen) this.giveBack(stream);
    else if (connection.isReady && connection.streamCount >= this.maxStreams) this.giveBack(stream);
    else if (connection.isReady || (connection.streamCount === 0 && !stream.isUpgrade)) this.begin(stream);
    else this.waiting.push(stream);
  }

  noteOutput(stream: Http2UpstreamStream): void {
    // Outside of a read, bytes come only from a stream that its exchange resumes, and the exchange then flushes by itself.
    if (this.isReading) this.noted.push(stream);
  }

  release(stream: Http2UpstreamStream): void {
    if (!this.members.delete(stream)) return;
    const at = this.waiting.indexOf(stream);
    if (at >= 0) this.waiting.splice(at, 1);
    if (this.members.size > 0) return;
    this.quietSince = performance.now();
    if (this.state === State.RETIRED) this.connection.drain();
  }

  /** Refuses new requests, and ends with those it has. */
  retire(): void {
    if (this.state === State.OPEN) {
      this.transition(State.RETIRED);
      this.owner.onRetired(this);
    }
    if (this.state === State.RETIRED && this.members.size === 0) this.connection.drain();
  }

  // --- The tunnel's stream --------------------------------------------------------------------------------

  /** The connection's bytes are on their way already. Requests that are among them can no longer be refused. */
  onOpen(): void {
    if (this.hasOpened) return;
    this.hasOpened = true;
    for (const stream of this.members) stream.handleOpen();
  }

  onData(chunk: Buffer): void {
    if (this.state >= State.ENDING) return;
    // A socket does not report that it is connected.
    if (!this.hasOpened) this.onOpen();
    this.isReading = true;
    this.connection.push(chunk);
    this.isReading = false;
    this.flush();
  }

  onEnd(): void {
    this.lose(ResetCode.INGRESS_RESET, 'closed its HTTP/2 connection');
    this.destroy();
  }

  onReset(code: ResetCode, detail: string): void {
    this.lose(code, detail);
    this.destroy();
  }

  onDrain(): void {
    this.isFull = false;
    this.connection.handleSent();
  }

  // --- The HTTP/2 connection ------------------------------------------------------------------------------

  now(): number {
    return performance.now();
  }

  bufferedBytes(): number {
    return this.isFull ? HIGH_WATER_BYTES : 0;
  }

  write(bytes: Buffer): void {
    this.isFull = !this.stream.write(bytes);
  }

  pauseInput(): void {
    this.stream.pause();
  }

  resumeInput(): void {
    this.stream.resume();
  }

  onPong(): void {
    // Liveness is the tunnel's.
  }

  onAcknowledged(): void {
    // No caller waits for this promise.
  }

  onSettings(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const stream of waiting) this.submit(stream);
  }

  /** RFC 9113 §6.8: the requests that the ingress has not seen were refused before. */
  onGoAway(code: number): void {
    if (code !== 0) {
      this.lose(ResetCode.INGRESS_RESET, `ended its HTTP/2 connection (${errorName(code)})`);
      this.destroy();
      return;
    }
    this.retire();
    const { waiting } = this;
    this.waiting = [];
    for (const stream of waiting) this.giveBack(stream);
  }

  onFailed(code: ErrorCode): void {
    if (code === ErrorCode.INTERNAL_ERROR) {
      this.lose(ResetCode.INTERNAL, 'the HTTP/2 connection with the ingress failed');
    } else {
      const detail = this.connection.isReady
        ? `broke the rules of HTTP/2 (${errorName(code)})`
        : 'does not speak HTTP/2';
      this.lose(ResetCode.INGRESS_PROTOCOL, detail);
    }
    this.finish();
  }

  onDrained(): void {
    this.retire();
    this.finish();
  }

  onFault(error: unknown): void {
    this.owner.reportFault(error);
  }

  // --- Parts ----------------------------------------------------------------------------------------------

  private begin(stream: Http2UpstreamStream): void {
    const { connection } = this;
    stream.start(connection, connection.peer.takesConnect);
    if (connection.nextStreamId >= LAST_STREAM_ID) this.retire();
  }

  private giveBack(stream: Http2UpstreamStream): void {
    if (!this.members.has(stream)) return;
    this.release(stream);
    this.owner.onReturned(stream);
  }

  /** Passes every exchange the bytes that were read for it, in one piece each. */
  private flush(): void {
    const { noted } = this;
    if (noted.length === 0) return;
    this.noted = [];
    for (const stream of noted) stream.flush();
  }

  /** Fails every request whose response is incomplete; complete responses may still be read. */
  private lose(code: ResetCode, detail: string): void {
    if (this.state >= State.ENDING) return;
    this.flush();
    if (this.state === State.OPEN) this.owner.onRetired(this);
    this.beginEnding();
    this.waiting = [];
    this.connection.close();
    for (const stream of this.members) stream.handleLoss(code, detail);
  }

  /** Stops reading from the ingress. An exchange that left early may have done so before. */
  private beginEnding(): void {
    if (this.state < State.ENDING) this.transition(State.ENDING);
  }

  /** Ends this side of the tunnel's stream, and waits for the ingress to end its own. */
  private finish(): void {
    this.beginEnding();
    this.quietSince = performance.now();
    this.stream.end();
  }

  private destroy(): void {
    if (this.state === State.CLOSED) return;
    this.transition(State.CLOSED);
    clearInterval(this.timer);
    this.heads.clear();
    if (this.stream.isOpen) this.stream.reset(ResetCode.CANCEL);
  }

  private check(): void {
    const now = performance.now();
    if (this.state === State.ENDING) {
      if (now - this.quietSince >= LINGER_MS) this.destroy();
      return;
    }
    for (const stream of this.members) stream.checkLingering(now, LINGER_MS);
    if (this.members.size > 0) return;
    this.heads.clear();
    const isWanted = this.owner.dialer.isPreferred(this.origin);
    if (!isWanted || now - this.quietSince >= MAX_IDLE_MS) this.retire();
  }

  private transition(to: State): void {
    if (to <= this.state) throw new Error(`a session cannot go from state ${this.state} to ${to}`);
    this.state = to;
  }
}
