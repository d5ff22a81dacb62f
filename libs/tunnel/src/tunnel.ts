/**
 * One native tunnel, either end: the machine that takes it from the handshake to its end. Streams are in
 * stream-table.ts, liveness in liveness.ts, and how frames leave in outbox.ts.
 *
 * A handler may throw TunnelError from any depth of a frame's handling: `onMessage` closes the tunnel with its code.
 */
import { RateWindow, type ReceiveBudget } from '@culvert/flow';
import type { Carrier, CarrierHandler } from './carrier.js';
import type {
  AcceptOptions,
  DialOptions,
  GoAwayOptions,
  HelloAnswer,
  TunnelConnection,
  TunnelHandler,
} from './connection.js';
import { FrameDecoder } from './decode.js';
import type { FrameSink } from './decode.js';
import { ProtocolError, TunnelError } from './errors.js';
import {
  fromCloseStatus,
  FrameType,
  GoAwayCode,
  isFault,
  PROTOCOL_VERSION,
  toCloseStatus,
  toGoAwayCode,
} from './frame.js';
import { decodeHello, decodeWelcome, encodeHello, encodeWelcome } from './handshake.js';
import type { Hello, HelloFrame, Welcome } from './handshake.js';
import { Liveness } from './liveness.js';
import type { LivenessHost } from './liveness.js';
import { Outbox } from './outbox.js';
import type { OutboxOwner } from './outbox.js';
import { tunnelSettings, welcomeFor } from './settings.js';
import type { TunnelSettings } from './settings.js';
import { StreamTable } from './stream-table.js';
import type { StreamTableHost } from './stream-table.js';
import type { PeerKind } from './target.js';
import { decodeText } from './text.js';
import { hasPeerLeft, isHandshake, mayFollow, stateOf, TunnelPhase as Phase } from './tunnel-phase.js';
import type { Stream, StreamHandler, StreamTarget, TunnelState } from './types.js';

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

const DEFAULT_GRACE_MS = 30_000;
/** A link that has used all its ids works, and carries the streams of many visitors: they may take an hour to end. */
const EXHAUSTED_LINK_GRACE_MS = 3_600_000;

class NativeTunnel
  implements TunnelConnection, StreamTableHost, FrameSink, CarrierHandler, LivenessHost, OutboxOwner
{
  readonly kind = 'native';
  readonly outbox: Outbox;
  readonly handler: TunnelHandler;
  readonly peer: PeerKind;
  readonly sharedBudget: ReceiveBudget | undefined;
  receivedBytes = 0;

  private phase: Phase;
  private readonly settings: TunnelSettings;
  private readonly decoder: FrameDecoder;
  private readonly streams: StreamTable;
  private readonly pings: RateWindow;
  /** Set from OPEN on. */
  private liveness: Liveness | null = null;
  private readonly handshakeTimer: NodeJS.Timeout;
  /** Set from LEAVING on. */
  private graceTimer: NodeJS.Timeout | null = null;
  /** Why the tunnel ends, once either end has sent GOAWAY. */
  private goAwayCode: GoAwayCode = GoAwayCode.CONNECTION_LOST;
  private goAwayReason = '';

  constructor(
    private readonly carrier: Carrier,
    private readonly end: End,
  ) {
    const settings = tunnelSettings(end.options.settings);
    this.settings = settings;
    this.handler = end.options;
    this.peer = end.options.peer ?? 'tunnel';
    this.sharedBudget = end.options.budget;
    this.phase = end.role === 'dialer' ? Phase.AWAITING_WELCOME : Phase.AWAITING_HELLO;
    this.pings = new RateWindow(settings.maxPingsPerSecond, 1000);
    this.decoder = new FrameDecoder(this);
    this.outbox = new Outbox(carrier, settings, this);
    this.streams = new StreamTable(this, settings, end.role);
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
    return stateOf(this.phase);
  }

  get streamCount(): number {
    return this.streams.size;
  }

  streamCountOf(trafficManagerId: string): number {
    return this.streams.countOf(trafficManagerId);
  }

  get maxStreams(): number {
    return this.streams.maxStreams;
  }

  get roundTripMs(): number {
    return this.liveness === null ? 0 : this.liveness.roundTripMs;
  }

  get baseRoundTripMs(): number {
    return this.liveness === null ? 0 : this.liveness.baseRoundTripMs;
  }

  get sentBytes(): number {
    return this.outbox.sentBytes;
  }

  openStream(target: StreamTarget, handler: StreamHandler): Stream | null {
    if (this.phase !== Phase.OPEN) return null;
    // The peer of a link may stall for a moment. OPEN frames must not pile up until that ends the link.
    if (this.peer === 'link' && this.outbox.isCrowded) return null;
    return this.streams.open(target, handler);
  }

  goAway(code: GoAwayCode, reason: string, options: GoAwayOptions = { graceMs: DEFAULT_GRACE_MS }): void {
    if (this.phase === Phase.CLOSED) return;
    if (isHandshake(this.phase)) return this.close(code, reason);
    if (this.phase === Phase.OPEN) this.transition(Phase.LEAVING);
    else if (this.phase === Phase.DISMISSED) this.transition(Phase.PARTING);
    if (!this.hasPeerLeft) this.rememberGoAway(code, reason);
    this.outbox.control().goAway(code, reason);
    if (this.graceTimer !== null) clearTimeout(this.graceTimer);
    this.graceTimer = setTimeout(() => this.close(code, reason), options.graceMs);
  }

  close(code: GoAwayCode, reason: string): void {
    if (this.phase === Phase.CLOSED) return;
    this.outbox.close((batch) => batch.goAway(code, reason));
    this.carrier.close(toCloseStatus(code), reason);
    this.finish(code, reason);
  }

  // From the carrier.

  onMessage(bytes: Buffer): void {
    if (this.phase === Phase.CLOSED) return;
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
    if (this.phase === Phase.CLOSED) return;
    this.outbox.close();
    if (this.state === 'draining') this.finish(this.goAwayCode, this.goAwayReason);
    else this.finish(fromCloseStatus(status), reason);
  }

  // From the decoder.

  onData(id: number, piece: Buffer): void {
    this.streams.handleData(id, piece);
  }

  onFrame(type: number, id: number, payload: Buffer): void {
    if (isHandshake(this.phase)) return this.handleHandshake(type, payload);
    if (id !== 0) return this.streams.handleFrame(type, id, payload);
    switch (type) {
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
    this.close(GoAwayCode.TIMEOUT, 'the peer was silent for too long');
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

  // From the streams.

  get hasPeerLeft(): boolean {
    return hasPeerLeft(this.phase);
  }

  handleEmpty(): void {
    if (this.hasPeerLeft) this.finishDrain();
  }

  handleExhausted(): void {
    const graceMs = this.peer === 'link' ? EXHAUSTED_LINK_GRACE_MS : DEFAULT_GRACE_MS;
    this.goAway(GoAwayCode.SHUTTING_DOWN, 'out of stream ids', { graceMs });
  }

  // The handshake.

  private handleHandshake(type: number, payload: Buffer): void {
    if (type === FrameType.GOAWAY) return this.handleRefusal(payload);
    if (this.end.role === 'dialer') {
      if (type !== FrameType.WELCOME) throw new ProtocolError('the first frame is not WELCOME');
      return this.handleWelcome(decodeWelcome(payload));
    }
    if (this.phase === Phase.DECIDING) throw new ProtocolError('a frame before WELCOME');
    if (type !== FrameType.HELLO) throw new ProtocolError('the first frame is not HELLO');
    this.transition(Phase.DECIDING);
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
    if (this.phase !== Phase.DECIDING) return;
    if ('refuse' in answer) return this.close(answer.refuse.code, answer.refuse.reason);
    const welcome = welcomeFor(hello, answer.accept, this.settings);
    this.outbox.control().tunnelFrame(FrameType.WELCOME, encodeWelcome(welcome));
    this.open(welcome);
  }

  private handleWelcome(welcome: Welcome): void {
    if (welcome.maxStreams * welcome.windowBytes > this.settings.receiveBudgetBytes) {
      throw new TunnelError(GoAwayCode.LIMIT, 'the offered windows exceed the memory for them');
    }
    this.open(welcome);
  }

  private open(welcome: Welcome): void {
    this.transition(Phase.OPEN);
    this.streams.agree(welcome);
    this.liveness = new Liveness(this, welcome);
    try {
      this.handler.onOpen?.(welcome);
    } catch (error) {
      this.onFault(error);
    }
  }

  /** GOAWAY in the handshake: nothing can be finished. */
  private handleRefusal(payload: Buffer): void {
    this.readGoAway(payload);
    this.finishDrain();
  }

  // Leaving and ends.

  private handlePing(payload: Buffer): void {
    if (this.pings.exceeds(performance.now())) throw new TunnelError(GoAwayCode.LIMIT, 'too many pings');
    this.outbox.control().tunnelFrame(FrameType.PONG, payload);
  }

  private handleGoAway(payload: Buffer): void {
    this.readGoAway(payload);
    if (this.phase === Phase.OPEN) this.transition(Phase.DISMISSED);
    else if (this.phase === Phase.LEAVING) this.transition(Phase.PARTING);
    this.handler.onGoAway?.(this.goAwayCode, this.goAwayReason);
    if (this.streams.size === 0) this.finishDrain();
  }

  private readGoAway(payload: Buffer): void {
    this.rememberGoAway(toGoAwayCode(payload.readUInt16BE(0)), decodeText(payload.subarray(2)));
  }

  private rememberGoAway(code: GoAwayCode, reason: string): void {
    this.goAwayCode = code;
    this.goAwayReason = reason;
  }

  /** The peer has sent GOAWAY and nothing is left to wait for. */
  private finishDrain(): void {
    if (this.phase === Phase.CLOSED) return;
    this.outbox.close();
    this.carrier.close(toCloseStatus(GoAwayCode.NORMAL), '');
    this.finish(this.goAwayCode, this.goAwayReason);
  }

  private finish(code: GoAwayCode, reason: string): void {
    this.transition(Phase.CLOSED);
    for (const stream of this.streams.drain()) {
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

  /** Enters `to`, along an edge of docs/protocol.md §6: throws where the edge does not exist. */
  private transition(to: Phase): void {
    const from = this.phase;
    if (!mayFollow(from, to)) throw new Error(`a tunnel must not go from phase ${from} to phase ${to}`);
    this.phase = to;
    switch (to) {
      case Phase.OPEN:
        clearTimeout(this.handshakeTimer);
        return;
      case Phase.DECIDING:
      case Phase.LEAVING:
      case Phase.DISMISSED:
      case Phase.PARTING:
        return;
      case Phase.CLOSED:
        clearTimeout(this.handshakeTimer);
        if (this.graceTimer !== null) clearTimeout(this.graceTimer);
        this.liveness?.stop();
        this.decoder.stop();
        return;
      default:
        throw new Error(`unhandled phase ${to}`);
    }
  }
}
