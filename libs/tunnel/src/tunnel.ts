/**
 * One native tunnel, either end: the handshake, the table of streams, liveness and leaving. What a frame means is
 * decided here; what it does to a stream is in stream.ts, and how frames leave is in outbox.ts.
 *
 * A handler may throw TunnelError from any depth of a frame's handling: `onMessage` closes the tunnel with its code.
 */
import { RateWindow, ReceiveBudget } from '@culvert/flow';
import type { Carrier, CarrierHandler } from './carrier.js';
import { FrameDecoder } from './decode.js';
import type { FrameSink } from './decode.js';
import { ProtocolError, TunnelError } from './errors.js';
import {
  fromCloseStatus,
  FrameType,
  GoAwayCode,
  isFault,
  LAST_WIRE_RESET_CODE,
  MAX_CREDIT,
  MAX_STREAM_ID,
  PROTOCOL_VERSION,
  toCloseStatus,
  toGoAwayCode,
} from './frame.js';
import { decodeHello, decodeWelcome, encodeHello, encodeWelcome } from './handshake.js';
import type { Hello, HelloFrame, Welcome } from './handshake.js';
import { Liveness } from './liveness.js';
import type { LivenessHost, LivenessTimes } from './liveness.js';
import { Outbox } from './outbox.js';
import type { OutboxOwner } from './outbox.js';
import { tunnelSettings } from './settings.js';
import type { TunnelSettings } from './settings.js';
import { TunnelStream } from './stream.js';
import type { IncomingStream, StreamHost } from './stream.js';
import { decodeTarget, encodeTarget } from './target.js';
import { decodeText } from './text.js';
import { ResetCode } from './types.js';
import type { Stream, StreamHandler, StreamTarget, Tunnel, TunnelState } from './types.js';

/** Receives the events of a tunnel. Every method but `onClose` is optional; only `onFault` may follow `onClose`. */
export interface TunnelHandler {
  /** The handshake succeeded: streams may be opened from now on. */
  onOpen?(welcome: Welcome): void;
  /** The peer opens no more streams and takes no more; those that are open go on. `openStream` returns null. */
  onGoAway?(code: GoAwayCode, reason: string): void;
  /**
   * The peer opened a stream. Set `stream.handler` before returning; data may follow at once, or call
   * `stream.pause()`. Without this method every stream of the peer is refused with FORBIDDEN.
   */
  onStream?(stream: IncomingStream, target: StreamTarget): void;
  /** The tunnel is gone, handshake or not. Called exactly once, after every open stream was told TUNNEL_LOST. */
  onClose(code: GoAwayCode, reason: string, wasError: boolean): void;
  /** A handler threw. The tunnel closes with INTERNAL; without this method the process is warned. */
  onFault?(error: unknown): void;
}

/** What an acceptor answers to a HELLO. */
export type HelloAnswer =
  | { readonly accept: { readonly sessionId: string; readonly resumed: boolean } }
  | { readonly refuse: { readonly code: GoAwayCode; readonly reason: string } };

export interface DialOptions extends TunnelHandler {
  readonly settings?: Partial<TunnelSettings>;
}

export interface AcceptOptions extends DialOptions {
  /**
   * Decides about a dialer. The tunnel may have closed when the promise settles: register what depends on an open
   * tunnel in `onOpen`, which is then not called.
   */
  onHello(hello: Hello): Promise<HelloAnswer>;
}

export interface GoAwayOptions {
  /** How long open streams may go on, in milliseconds. */
  readonly graceMs: number;
}

/** A tunnel that speaks docs/protocol.md, either end. */
export interface TunnelConnection extends Tunnel {
  readonly kind: 'native';
  /** Opens no more streams and asks the peer for the same; closes when none is left or the grace is over. */
  goAway(code: GoAwayCode, reason: string, options?: GoAwayOptions): void;
  /** Ends the tunnel at once, telling the peer why. Open streams are lost. Does nothing once closed. */
  close(code: GoAwayCode, reason: string): void;
}

/** The edge's end: waits for HELLO on `carrier`. */
export function acceptTunnel(carrier: Carrier, options: AcceptOptions): TunnelConnection {
  return new NativeTunnel(carrier, { role: 'acceptor', options });
}

/** The traffic manager's end: sends HELLO on `carrier`. Throws RangeError when `settings` make no sense. */
export function dialTunnel(carrier: Carrier, hello: Hello, options: DialOptions): TunnelConnection {
  return new NativeTunnel(carrier, { role: 'dialer', hello, options });
}

type End =
  | { readonly role: 'acceptor'; readonly options: AcceptOptions }
  | { readonly role: 'dialer'; readonly options: DialOptions; readonly hello: Hello };

/** One overrun may be a peer's bug. This many are abuse. */
const MAX_OVERRUNS = 16;

const DEFAULT_GRACE_MS = 30_000;

class NativeTunnel
  implements TunnelConnection, StreamHost, FrameSink, CarrierHandler, LivenessHost, OutboxOwner
{
  readonly kind = 'native';
  readonly outbox: Outbox;
  budget: ReceiveBudget;
  windowBytes: number;
  openWindowBytes: number;
  maxWindowBytes: number;
  receivedBytes = 0;

  private phase: TunnelState = 'handshake';
  private readonly handler: TunnelHandler;
  private readonly settings: TunnelSettings;
  private readonly decoder: FrameDecoder;
  private readonly streams = new Map<number, TunnelStream>();
  private liveness: Liveness | null = null;
  private readonly handshakeTimer: NodeJS.Timeout;
  private helloSeen = false;
  maxStreams: number;

  /** Lowest bit of the ids that this end gives out. */
  private readonly ownParity: number;
  private nextId: number;
  private highestPeerId = 0;

  private goAwaySent = false;
  private goAwayReceived = false;
  /** Why the tunnel ends, once either end has said so. */
  private goAwayCode: GoAwayCode = GoAwayCode.CONNECTION_LOST;
  private goAwayReason = '';
  private graceTimer: NodeJS.Timeout | null = null;

  private overruns = 0;
  private readonly pings: RateWindow;
  private readonly aborts: RateWindow;

  constructor(
    private readonly carrier: Carrier,
    private readonly end: End,
  ) {
    const settings = tunnelSettings(end.options.settings);
    this.settings = settings;
    this.handler = end.options;
    this.ownParity = end.role === 'dialer' ? 1 : 0;
    this.nextId = end.role === 'dialer' ? 1 : 2;
    this.maxStreams = settings.maxStreams;
    this.windowBytes = settings.windowBytes;
    this.openWindowBytes = settings.openWindowBytes;
    this.maxWindowBytes = settings.maxWindowBytes;
    this.budget = new ReceiveBudget(0);
    this.pings = new RateWindow(settings.maxPingsPerSecond, 1000);
    this.aborts = new RateWindow(settings.maxAbortsPerSecond, 1000);
    this.decoder = new FrameDecoder(this);
    this.outbox = new Outbox(carrier, settings, this);
    this.handshakeTimer = setTimeout(
      () => this.close(GoAwayCode.TIMEOUT, 'the handshake took too long'),
      settings.handshakeTimeoutMs,
    );
    carrier.start(this);
    if (end.role === 'dialer') {
      this.outbox.control().tunnelFrame(FrameType.HELLO, encodeHello(end.hello, settings.maxStreams));
    }
  }

  get state(): TunnelState {
    return this.phase;
  }

  get streamCount(): number {
    return this.streams.size;
  }

  get roundTripMs(): number {
    return this.liveness === null ? 0 : this.liveness.roundTripMs;
  }

  get sentBytes(): number {
    return this.outbox.sentBytes;
  }

  openStream(target: StreamTarget, handler: StreamHandler): Stream | null {
    if (this.phase !== 'open' || this.streams.size >= this.maxStreams) return null;
    if (this.nextId > MAX_STREAM_ID) {
      this.goAway(GoAwayCode.SHUTTING_DOWN, 'out of stream ids');
      return null;
    }
    const stream = new TunnelStream(this, this.nextId, 'local', handler);
    this.nextId += 2;
    this.streams.set(stream.id, stream);
    const encoded = encodeTarget(target);
    if (encoded === null) {
      // Told later, like any ingress that cannot be reached. The far end never hears of this id: a gap.
      queueMicrotask(() =>
        stream.handleReset(ResetCode.INTERNAL, 'the target breaks a limit of the protocol'),
      );
      return stream;
    }
    this.outbox.control().open(stream.id, stream.borrowOpenWindow(), encoded);
    return stream;
  }

  goAway(code: GoAwayCode, reason: string, options: GoAwayOptions = { graceMs: DEFAULT_GRACE_MS }): void {
    if (this.phase === 'closed') return;
    if (this.phase === 'handshake') return this.close(code, reason);
    this.phase = 'draining';
    this.goAwaySent = true;
    if (!this.goAwayReceived) this.rememberGoAway(code, reason);
    this.outbox.control().goAway(code, reason);
    if (this.graceTimer !== null) clearTimeout(this.graceTimer);
    this.graceTimer = setTimeout(() => this.close(code, reason), options.graceMs);
  }

  close(code: GoAwayCode, reason: string): void {
    if (this.phase === 'closed') return;
    this.outbox.close((batch) => batch.goAway(code, reason));
    this.carrier.close(toCloseStatus(code), reason);
    this.finish(code, reason);
  }

  // From the carrier.

  onMessage(bytes: Buffer): void {
    if (this.phase === 'closed') return;
    this.receivedBytes += bytes.length;
    this.liveness?.heard();
    try {
      this.decoder.push(bytes);
    } catch (error) {
      if (error instanceof TunnelError) this.close(error.code, error.message);
      else this.onFault(error);
    }
  }

  onSent(): void {
    this.outbox.handleSent();
  }

  onClose(status: number, reason: string): void {
    if (this.phase === 'closed') return;
    this.outbox.close();
    if (this.goAwaySent || this.goAwayReceived) this.finish(this.goAwayCode, this.goAwayReason);
    else this.finish(fromCloseStatus(status), reason);
  }

  // From the decoder.

  onData(id: number, piece: Buffer): void {
    const stream = this.streams.get(id);
    if (stream !== undefined) stream.handleData(piece);
    else this.checkClosed(id);
  }

  onFrame(type: number, id: number, payload: Buffer): void {
    if (this.phase === 'handshake') return this.handleHandshake(type, payload);
    switch (type) {
      case FrameType.WINDOW:
        return this.streamOf(id)?.handleWindow(credit(payload));
      case FrameType.OPEN:
        return this.handleOpen(id, payload);
      case FrameType.OPENED:
        return this.streamOf(id)?.handleOpened(credit(payload));
      case FrameType.END:
        return this.streamOf(id)?.handleEnd();
      case FrameType.RESET:
        return this.handleReset(id, payload);
      case FrameType.PING:
        return this.handlePing(payload);
      case FrameType.PONG:
        return this.liveness?.handlePong(payload);
      case FrameType.GOAWAY:
        return this.handleGoAway(payload);
      case FrameType.HELLO:
      case FrameType.WELCOME:
        throw new ProtocolError('a second handshake');
      default:
        throw new ProtocolError(`unhandled frame type ${type}`);
    }
  }

  // From liveness.

  sendPing(payload: Buffer): void {
    this.outbox.control().tunnelFrame(FrameType.PING, payload);
  }

  onSilence(): void {
    this.close(GoAwayCode.TIMEOUT, 'nothing was heard from the peer');
  }

  // From the outbox.

  onStuck(): void {
    this.close(GoAwayCode.LIMIT, 'the peer does not read');
  }

  onFault(error: unknown): void {
    this.close(GoAwayCode.INTERNAL, 'internal error');
    if (this.handler.onFault) this.handler.onFault(error);
    else process.emitWarning(error instanceof Error ? error : String(error));
  }

  // From streams.

  forget(stream: TunnelStream): void {
    this.streams.delete(stream.id);
    if (this.goAwayReceived && this.streams.size === 0 && this.phase === 'draining') this.finishDrain();
  }

  countOverrun(): void {
    if (++this.overruns > MAX_OVERRUNS)
      throw new TunnelError(GoAwayCode.FLOW_CONTROL, 'too many window overruns');
  }

  private handleHandshake(type: number, payload: Buffer): void {
    if (type === FrameType.GOAWAY) return this.handleGoAway(payload);
    if (this.end.role === 'dialer') {
      if (type !== FrameType.WELCOME) throw new ProtocolError('the first frame is not WELCOME');
      return this.handleWelcome(decodeWelcome(payload));
    }
    if (this.helloSeen) throw new ProtocolError('a frame before WELCOME');
    if (type !== FrameType.HELLO) throw new ProtocolError('the first frame is not HELLO');
    this.helloSeen = true;
    this.handleHello(decodeHello(payload), this.end.options);
  }

  private handleHello(hello: HelloFrame, options: AcceptOptions): void {
    if (!hello.versions.includes(PROTOCOL_VERSION)) {
      this.close(GoAwayCode.UNSUPPORTED_VERSION, `this end speaks version ${PROTOCOL_VERSION}`);
      return;
    }
    options.onHello(hello).then(
      (answer) => this.answerHello(hello, answer),
      (error: unknown) => this.onFault(error),
    );
  }

  private answerHello(hello: HelloFrame, answer: HelloAnswer): void {
    if (this.phase !== 'handshake') return;
    if ('refuse' in answer) return this.close(answer.refuse.code, answer.refuse.reason);
    const { settings } = this;
    const welcome: Welcome = {
      version: PROTOCOL_VERSION,
      sessionId: answer.accept.sessionId,
      resumed: answer.accept.resumed,
      maxStreams: Math.min(settings.maxStreams, hello.maxStreams ?? settings.maxStreams),
      windowBytes: settings.windowBytes,
      maxWindowBytes: settings.maxWindowBytes,
      pingIntervalMs: settings.pingIntervalMs,
      pingTimeoutMs: settings.pingTimeoutMs,
    };
    this.outbox.control().tunnelFrame(FrameType.WELCOME, encodeWelcome(welcome));
    this.opened(welcome);
  }

  private handleWelcome(welcome: Welcome): void {
    if (welcome.maxStreams * welcome.windowBytes > this.settings.receiveBudgetBytes) {
      throw new TunnelError(GoAwayCode.LIMIT, 'the offered windows exceed the memory for them');
    }
    this.opened(welcome);
  }

  private opened(welcome: Welcome): void {
    clearTimeout(this.handshakeTimer);
    this.phase = 'open';
    this.maxStreams = welcome.maxStreams;
    this.windowBytes = welcome.windowBytes;
    this.maxWindowBytes = welcome.maxWindowBytes;
    this.openWindowBytes = Math.min(this.settings.openWindowBytes, welcome.maxWindowBytes);
    this.budget = new ReceiveBudget(
      this.settings.receiveBudgetBytes - welcome.maxStreams * welcome.windowBytes,
    );
    this.startLiveness(welcome);
    try {
      this.handler.onOpen?.(welcome);
    } catch (error) {
      this.onFault(error);
    }
  }

  private startLiveness(times: LivenessTimes): void {
    this.liveness = new Liveness(this, times);
  }

  private handleOpen(id: number, payload: Buffer): void {
    if ((id & 1) === this.ownParity || id > MAX_STREAM_ID) throw new ProtocolError(`OPEN with id ${id}`);
    if (id <= this.highestPeerId) throw new ProtocolError(`OPEN with id ${id} after ${this.highestPeerId}`);
    // An OPEN that crossed this end's own GOAWAY is served: a request may be under way on it already.
    if (this.goAwayReceived) throw new ProtocolError('OPEN after GOAWAY');
    this.highestPeerId = id;
    const target = decodeTarget(payload);
    if (this.streams.size >= this.maxStreams)
      return this.refuse(id, ResetCode.STREAM_LIMIT, 'too many streams');
    if (!this.handler.onStream) return this.refuse(id, ResetCode.FORBIDDEN, 'this end accepts no streams');
    const stream = new TunnelStream(this, id, 'remote');
    stream.addSendCredit(credit(payload));
    this.streams.set(id, stream);
    this.handler.onStream(stream, target);
  }

  private refuse(id: number, code: ResetCode, detail: string): void {
    this.countAbort();
    this.outbox.control().reset(id, code, detail);
  }

  private handleReset(id: number, payload: Buffer): void {
    const stream = this.streamOf(id);
    if (stream === undefined) return;
    if ((id & 1) !== this.ownParity) this.countAbort();
    stream.handleReset(toResetCode(payload.readUInt16BE(0)), decodeText(payload.subarray(2)));
  }

  private countAbort(): void {
    if (this.aborts.exceeds(performance.now()))
      throw new TunnelError(GoAwayCode.LIMIT, 'too many streams opened and reset');
  }

  private handlePing(payload: Buffer): void {
    if (this.pings.exceeds(performance.now())) throw new TunnelError(GoAwayCode.LIMIT, 'too many pings');
    this.outbox.control().tunnelFrame(FrameType.PONG, payload);
  }

  private handleGoAway(payload: Buffer): void {
    const code = toGoAwayCode(payload.readUInt16BE(0));
    const reason = decodeText(payload.subarray(2));
    this.goAwayReceived = true;
    this.rememberGoAway(code, reason);
    // In the handshake nothing can be finished: the peer refuses.
    if (this.phase === 'handshake') return this.finishDrain();
    this.phase = 'draining';
    this.handler.onGoAway?.(code, reason);
    if (this.streams.size === 0) this.finishDrain();
  }

  private rememberGoAway(code: GoAwayCode, reason: string): void {
    this.goAwayCode = code;
    this.goAwayReason = reason;
  }

  /** The peer said GOAWAY and nothing is left to wait for. */
  private finishDrain(): void {
    if (this.phase === 'closed') return;
    this.outbox.close();
    this.carrier.close(toCloseStatus(GoAwayCode.NORMAL), '');
    this.finish(this.goAwayCode, this.goAwayReason);
  }

  private finish(code: GoAwayCode, reason: string): void {
    this.phase = 'closed';
    clearTimeout(this.handshakeTimer);
    if (this.graceTimer !== null) clearTimeout(this.graceTimer);
    this.liveness?.stop();
    this.decoder.stop();
    const lost = [...this.streams.values()];
    this.streams.clear();
    for (const stream of lost) {
      try {
        stream.handleTunnelLost(reason);
      } catch (error) {
        this.onFault(error);
      }
    }
    try {
      this.handler.onClose(code, reason, isFault(code));
    } catch (error) {
      this.onFault(error);
    }
  }

  /** The open stream with this id, or undefined when it is closed. Throws when it never was open. */
  private streamOf(id: number): TunnelStream | undefined {
    const stream = this.streams.get(id);
    if (stream === undefined) this.checkClosed(id);
    return stream;
  }

  /** A frame for a closed stream crossed its RESET. A frame for one that was never opened is an error. */
  private checkClosed(id: number): void {
    if (this.phase === 'handshake') throw new ProtocolError('a frame before the handshake');
    const highest = (id & 1) === this.ownParity ? this.nextId - 2 : this.highestPeerId;
    if (id > highest) throw new ProtocolError(`a frame for stream ${id}, which was never opened`);
  }
}

/** The credit of OPEN, OPENED or WINDOW. */
function credit(payload: Buffer): number {
  const value = payload.readUInt32BE(0);
  if (value > MAX_CREDIT) throw new TunnelError(GoAwayCode.FLOW_CONTROL, `credit of ${value}`);
  return value;
}

/** A code from the wire; INTERNAL when it is not one that may be sent. */
function toResetCode(value: number): ResetCode {
  return value >= ResetCode.CANCEL && value <= LAST_WIRE_RESET_CODE
    ? (value as ResetCode)
    : ResetCode.INTERNAL;
}
