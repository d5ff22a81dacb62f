/**
 * The streams of one tunnel: their ids, how many there may be, the memory that they share, and the limits on abuse
 * by the peer. stream.ts has the effect of a frame on one stream.
 */
import { RateWindow, ReceiveBudget } from '@culvert/flow';
import type { TunnelHandler } from './connection.js';
import { ProtocolError, TunnelError } from './errors.js';
import {
  FrameType,
  GoAwayCode,
  LAST_LINK_RESET_CODE,
  LAST_WIRE_RESET_CODE,
  MAX_CREDIT,
  MAX_STREAM_ID,
} from './frame.js';
import type { Welcome } from './handshake.js';
import type { Outbox } from './outbox.js';
import type { TunnelSettings } from './settings.js';
import { type StreamHost, TunnelStream } from './stream.js';
import { decodeTarget, encodeTarget, type PeerKind } from './target.js';
import { decodeText } from './text.js';
import { ResetCode } from './types.js';
import type { Stream, StreamHandler, StreamTarget } from './types.js';

/** One overrun may be a peer's bug. This many are abuse. */
const MAX_OVERRUNS = 16;

/** The tunnel as its streams use it. */
export interface StreamTableHost {
  readonly outbox: Outbox;
  /** Round trip without what waits in the tunnel, in milliseconds. */
  readonly baseRoundTripMs: number;
  /** Whether the peer has sent GOAWAY, and may open no more streams. */
  readonly hasPeerLeft: boolean;
  /** Receives the streams that the peer opens. */
  readonly handler: TunnelHandler;
  readonly peer: PeerKind;
  /** What windows borrow from; undefined: the tunnel has a budget of its own. */
  readonly sharedBudget: ReceiveBudget | undefined;
  /** The last stream is gone. */
  handleEmpty(): void;
  /** This end has used all its ids and can open no further stream. */
  handleExhausted(): void;
}

export class StreamTable implements StreamHost {
  maxStreams: number;
  budget = new ReceiveBudget(0);
  windowBytes: number;
  openWindowBytes: number;
  maxWindowBytes: number;
  readonly outbox: Outbox;
  readonly lastResetCode: ResetCode;
  private readonly streams = new Map<number, TunnelStream>();
  /** Open streams that this end opened over a link, by traffic manager. */
  private readonly perManager = new Map<string, number>();
  /** Lowest bit of the ids that this end gives out. */
  private readonly ownParity: number;
  private nextId: number;
  private highestPeerId = 0;
  private overruns = 0;
  private readonly aborts: RateWindow;

  /** @param role whose ids this end gives out: those of a dialer are odd */
  constructor(
    private readonly host: StreamTableHost,
    private readonly settings: TunnelSettings,
    role: 'acceptor' | 'dialer',
  ) {
    this.outbox = host.outbox;
    this.lastResetCode = host.peer === 'link' ? LAST_LINK_RESET_CODE : LAST_WIRE_RESET_CODE;
    this.ownParity = role === 'dialer' ? 1 : 0;
    this.nextId = role === 'dialer' ? 1 : 2;
    this.maxStreams = settings.maxStreams;
    this.windowBytes = settings.windowBytes;
    this.openWindowBytes = settings.openWindowBytes;
    this.maxWindowBytes = settings.maxWindowBytes;
    this.aborts = new RateWindow(settings.maxAbortsPerSecond, 1000);
  }

  get size(): number {
    return this.streams.size;
  }

  get baseRoundTripMs(): number {
    return this.host.baseRoundTripMs;
  }

  /** Takes over the numbers that both ends agreed on. */
  agree({ maxStreams, windowBytes, maxWindowBytes }: Welcome): void {
    const { settings } = this;
    this.maxStreams = maxStreams;
    this.windowBytes = windowBytes;
    this.maxWindowBytes = maxWindowBytes;
    this.openWindowBytes = Math.min(settings.openWindowBytes, maxWindowBytes);
    this.budget =
      this.host.sharedBudget ?? new ReceiveBudget(settings.receiveBudgetBytes - maxStreams * windowBytes);
  }

  /** Returns how many streams that this end opened over a link for this traffic manager are open. */
  countOf(trafficManagerId: string): number {
    return this.perManager.get(trafficManagerId) ?? 0;
  }

  /** Opens a stream, or returns null when the tunnel has reached its limit. */
  open(target: StreamTarget, handler: StreamHandler): Stream | null {
    if (this.streams.size >= this.maxStreams) return null;
    if (this.nextId > MAX_STREAM_ID) {
      this.host.handleExhausted();
      return null;
    }
    const stream = new TunnelStream(this, this.nextId, 'local', handler);
    this.nextId += 2;
    this.streams.set(stream.id, stream);
    const { peer } = this.host;
    if (peer === 'link') {
      const id = (stream.trafficManagerId = target.trafficManagerId ?? '');
      this.perManager.set(id, this.countOf(id) + 1);
    }
    const encoded = encodeTarget(target, peer);
    if (encoded === null) {
      // Reported later, as for an unreachable ingress. The far end never sees this id, which leaves a gap.
      queueMicrotask(() =>
        stream.handleReset(ResetCode.INTERNAL, 'the target breaks a limit of the protocol'),
      );
      return stream;
    }
    this.outbox.control().open(stream.id, stream.borrowOpenWindow(), encoded);
    return stream;
  }

  handleData(id: number, piece: Buffer): void {
    const stream = this.streams.get(id);
    if (stream !== undefined) stream.handleData(piece);
    else this.checkClosed(id);
  }

  /** Handles a frame with the id of a stream, other than DATA. */
  handleFrame(type: number, id: number, payload: Buffer): void {
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
      default:
        throw new ProtocolError(`unhandled frame type ${type}`);
    }
  }

  /** Removes every stream, and returns them. */
  drain(): TunnelStream[] {
    const all = [...this.streams.values()];
    this.streams.clear();
    this.perManager.clear();
    return all;
  }

  // From streams.

  forget(stream: TunnelStream): void {
    if (this.streams.delete(stream.id) && stream.trafficManagerId !== '')
      this.uncount(stream.trafficManagerId);
    if (this.streams.size === 0) this.host.handleEmpty();
  }

  countOverrun(): void {
    if (++this.overruns > MAX_OVERRUNS)
      throw new TunnelError(GoAwayCode.FLOW_CONTROL, 'too many window overruns');
  }

  private uncount(trafficManagerId: string): void {
    const left = this.countOf(trafficManagerId) - 1;
    if (left <= 0) this.perManager.delete(trafficManagerId);
    else this.perManager.set(trafficManagerId, left);
  }

  private handleOpen(id: number, payload: Buffer): void {
    const { handler } = this.host;
    if ((id & 1) === this.ownParity || id > MAX_STREAM_ID) throw new ProtocolError(`OPEN with id ${id}`);
    if (id <= this.highestPeerId) throw new ProtocolError(`OPEN with id ${id} after ${this.highestPeerId}`);
    // An OPEN that crossed this end's own GOAWAY is served: a request may be under way on it already.
    if (this.host.hasPeerLeft) throw new ProtocolError('OPEN after GOAWAY');
    this.highestPeerId = id;
    const target = decodeTarget(payload, this.host.peer);
    if (this.streams.size >= this.maxStreams)
      return this.refuse(id, ResetCode.STREAM_LIMIT, 'too many streams');
    if (!handler.onStream) return this.refuse(id, ResetCode.FORBIDDEN, 'this end accepts no streams');
    const stream = new TunnelStream(this, id, 'remote');
    stream.addSendCredit(credit(payload));
    this.streams.set(id, stream);
    handler.onStream(stream, target);
  }

  private refuse(id: number, code: ResetCode, detail: string): void {
    this.countAbort();
    this.outbox.control().reset(id, code, detail);
  }

  private handleReset(id: number, payload: Buffer): void {
    const stream = this.streamOf(id);
    if (stream === undefined) return;
    if ((id & 1) !== this.ownParity) this.countAbort();
    const code = this.toResetCode(payload.readUInt16BE(0));
    const isRefusal = code === ResetCode.NO_TUNNEL || code === ResetCode.STREAM_LIMIT;
    // Once the stream is open, the code proves nothing.
    if (isRefusal && stream.trafficManagerId !== '' && stream.isUnanswered) {
      this.host.handler.onRefused?.(stream.trafficManagerId, code);
    }
    stream.handleReset(code, decodeText(payload.subarray(2)));
  }

  /** A code from the wire; INTERNAL when it is not one that may be sent. */
  private toResetCode(value: number): ResetCode {
    return value >= ResetCode.CANCEL && value <= this.lastResetCode
      ? (value as ResetCode)
      : ResetCode.INTERNAL;
  }

  private countAbort(): void {
    if (this.aborts.exceeds(performance.now()))
      throw new TunnelError(GoAwayCode.LIMIT, 'too many streams opened and reset');
  }

  /** Returns the open stream with this id, or undefined when it is closed. Throws when it never was open. */
  private streamOf(id: number): TunnelStream | undefined {
    const stream = this.streams.get(id);
    if (stream === undefined) this.checkClosed(id);
    return stream;
  }

  /** A frame for a closed stream crossed its RESET. A frame for one that was never opened is an error. */
  private checkClosed(id: number): void {
    const highest = (id & 1) === this.ownParity ? this.nextId - 2 : this.highestPeerId;
    if (id > highest) throw new ProtocolError(`a frame for stream ${id}, which was never opened`);
  }
}

/** Returns the credit of OPEN, OPENED or WINDOW. */
function credit(payload: Buffer): number {
  const value = payload.readUInt32BE(0);
  if (value > MAX_CREDIT) throw new TunnelError(GoAwayCode.FLOW_CONTROL, `credit of ${value}`);
  return value;
}
