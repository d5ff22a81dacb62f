/**
 * One stream of a tunnel: its life (stream-state.ts) and its flow control, which is numbers and never a state.
 *
 * Two things end separately: the exchange of frames (`state`), and the handler's interest (`detached`). Bytes that
 * wait for a paused handler keep a stream alive, and counted, after the far end has sent its last frame.
 */
import { ByteQueue, type ReadyStream, type ReceiveBudget, ReceiveWindow } from '@culvert/flow';
import { ProtocolError, TunnelError } from './errors.js';
import { GoAwayCode, MAX_CREDIT, MAX_DATA_BYTES } from './frame.js';
import type { Outbox } from './outbox.js';
import { mayReceiveData, nextState, StreamEvent, StreamState } from './stream-state.js';
import { ResetCode } from './types.js';
import type { Stream, StreamHandler } from './types.js';

/** A stream that the far end opened. */
export interface IncomingStream extends Stream {
  /** Reports to the opener that the ingress is connected. The first `write` or `end` implies it. */
  accept(): void;
}

/** The tunnel as its streams use it. */
export interface StreamHost {
  readonly outbox: Outbox;
  readonly budget: ReceiveBudget;
  readonly baseRoundTripMs: number;
  /** Credit that every stream starts with. */
  readonly windowBytes: number;
  /** Credit that a stream gets when it opens, while the budget allows. */
  readonly openWindowBytes: number;
  readonly maxWindowBytes: number;
  /** Largest reset code that may be sent; others are sent as INTERNAL. */
  readonly lastResetCode: ResetCode;
  /** The stream has ended and no longer holds any bytes. */
  forget(stream: TunnelStream): void;
  /** The far end sent more than it had credit for. Throws when it did so too often. */
  countOverrun(): void;
}

/** Placeholder until the user sets a handler. */
const NOBODY: StreamHandler = { onOpen() {}, onData() {}, onEnd() {}, onReset() {}, onDrain() {} };

export class TunnelStream implements IncomingStream, ReadyStream {
  handler: StreamHandler;
  /** Links of the outbox's queue. */
  nextReady: ReadyStream | null = null;
  isReady = false;
  /** Traffic manager that this end opened the stream for, over a link; empty on other tunnels. */
  trafficManagerId = '';

  private state: StreamState;
  /** The handler receives no further events. */
  private detached = false;

  /** Bytes that may still be sent. */
  private sendCredit: number;
  /** Bytes written and not yet sent. */
  private readonly unsent = new ByteQueue();
  private endRequested = false;
  private wantsDrain = false;

  private readonly window: ReceiveWindow;
  /** Bytes received while the handler is paused. */
  private readonly waiting = new ByteQueue();
  private paused = false;
  private delivering = false;
  private endDelivered = false;

  constructor(
    private readonly host: StreamHost,
    readonly id: number,
    origin: 'local' | 'remote',
    handler: StreamHandler = NOBODY,
  ) {
    this.handler = handler;
    this.state = origin === 'local' ? StreamState.OPENING : StreamState.OFFERED;
    this.sendCredit = host.windowBytes;
    this.window = new ReceiveWindow(host.windowBytes);
  }

  get isOpen(): boolean {
    return !this.detached;
  }

  /** Whether this end opened the stream, and the far end has not answered yet. */
  get isUnanswered(): boolean {
    return this.state === StreamState.OPENING || this.state === StreamState.OPENING_ENDED;
  }

  // Called by the stream's user.

  accept(): void {
    if (this.state !== StreamState.OFFERED && this.state !== StreamState.OFFERED_ENDED) return;
    const credit = this.state === StreamState.OFFERED ? this.borrowOpenWindow() : 0;
    this.transition(StreamEvent.SEND_OPENED);
    this.host.outbox.control().opened(this.id, credit);
  }

  write(chunk: Buffer): boolean {
    if (this.detached || this.endRequested) return false;
    this.accept();
    const { outbox } = this.host;
    let at = 0;
    while (this.unsent.size === 0 && at < chunk.length && this.sendCredit > 0 && !outbox.congested) {
      const end = at + Math.min(chunk.length - at, this.sendCredit, MAX_DATA_BYTES);
      this.sendCredit -= end - at;
      outbox.sendData(this.id, end - at === chunk.length ? chunk : chunk.subarray(at, end));
      at = end;
    }
    // It may wait for as long as the peer likes, and must not keep a whole message alive of which it is a small part.
    if (at < chunk.length) this.unsent.pushCompact(at === 0 ? chunk : chunk.subarray(at));
    else if (this.unsent.size === 0 && this.sendCredit > 0 && !outbox.congested) return true;
    this.wantsDrain = true;
    if (this.sendCredit > 0) outbox.enqueue(this);
    return false;
  }

  end(): void {
    if (this.detached || this.endRequested) return;
    this.accept();
    this.endRequested = true;
    this.wantsDrain = false;
    if (this.unsent.size === 0) this.sendEnd();
    this.detachWhenEnded();
  }

  reset(code: ResetCode, detail = ''): void {
    if (this.detached && this.state === StreamState.CLOSED) return;
    if (this.state !== StreamState.CLOSED) {
      const sent = code <= this.host.lastResetCode ? code : ResetCode.INTERNAL;
      this.host.outbox.control().reset(this.id, sent, detail);
    }
    this.discard();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    if (this.delivering) return;
    this.delivering = true;
    try {
      while (!this.paused && this.waiting.size > 0) {
        const chunk = this.waiting.shift(MAX_DATA_BYTES);
        this.handler.onData(chunk);
        this.consume(chunk.length);
      }
    } finally {
      this.delivering = false;
    }
    if (this.waiting.size === 0) this.deliverEnd();
  }

  // Called by the tunnel.

  /** Extra credit for the far end, sent with OPEN or OPENED. */
  borrowOpenWindow(): number {
    const credit = this.host.budget.share(this.host.openWindowBytes - this.window.size);
    this.window.widen(credit);
    return credit;
  }

  handleOpened(credit: number): void {
    this.transition(StreamEvent.RECEIVE_OPENED);
    this.addSendCredit(credit);
    if (!this.detached) this.handler.onOpen();
  }

  handleData(piece: Buffer): void {
    if (!mayReceiveData(this.state)) throw new ProtocolError(`DATA on stream ${this.id} out of turn`);
    if (!this.window.receive(piece.length)) {
      this.overrun();
    } else if (this.paused || this.waiting.size > 0) {
      this.waiting.pushCompact(piece);
    } else {
      this.handler.onData(piece);
      this.consume(piece.length);
    }
  }

  handleEnd(): void {
    this.transition(StreamEvent.RECEIVE_END);
    if (this.waiting.size === 0) this.deliverEnd();
  }

  handleReset(code: ResetCode, detail: string): void {
    const tell = !this.detached;
    this.discard();
    if (tell) this.handler.onReset(code, detail);
  }

  handleWindow(credit: number): void {
    if (credit === 0) throw new TunnelError(GoAwayCode.FLOW_CONTROL, `credit of 0 on stream ${this.id}`);
    this.addSendCredit(credit);
  }

  /** Credit given with OPEN, OPENED or WINDOW. */
  addSendCredit(credit: number): void {
    this.sendCredit += credit;
    if (this.sendCredit > MAX_CREDIT) {
      throw new TunnelError(GoAwayCode.FLOW_CONTROL, `too much credit on stream ${this.id}`);
    }
    if (credit > 0 && (this.unsent.size > 0 || this.wantsDrain)) this.host.outbox.enqueue(this);
  }

  /** The tunnel has ended. A stream that arrived in full may still be read. */
  handleTunnelLost(reason: string): void {
    if (this.state === StreamState.CLOSED) return;
    this.state = StreamState.CLOSED;
    this.unsent.clear();
    this.waiting.clear();
    // Other tunnels may use the same budget.
    this.host.budget.release(this.window.shrink());
    if (this.detached) return;
    this.detached = true;
    this.handler.onReset(ResetCode.TUNNEL_LOST, reason);
  }

  /** One turn of sending, at most `quantum` bytes. */
  serve(quantum: number): void {
    if (this.state === StreamState.CLOSED) return;
    const { outbox } = this.host;
    let left = quantum;
    while (left > 0 && this.unsent.size > 0 && this.sendCredit > 0) {
      const chunk = this.unsent.shift(Math.min(left, this.sendCredit, MAX_DATA_BYTES));
      left -= chunk.length;
      this.sendCredit -= chunk.length;
      outbox.sendData(this.id, chunk);
    }
    if (this.unsent.size === 0 && this.endRequested) {
      this.sendEnd();
    } else if (this.sendCredit > 0) {
      // Without credit the next WINDOW gives it a turn.
      if (this.unsent.size > 0 || (this.wantsDrain && outbox.congested)) outbox.enqueue(this);
      else if (this.wantsDrain) this.drain();
    }
  }

  private drain(): void {
    this.wantsDrain = false;
    this.handler.onDrain();
  }

  private sendEnd(): void {
    this.transition(StreamEvent.SEND_END);
    this.host.outbox.control().end(this.id);
    this.forgetWhenDone();
  }

  private deliverEnd(): void {
    const received =
      this.state === StreamState.REMOTE_ENDED ||
      this.state === StreamState.OFFERED_ENDED ||
      this.state === StreamState.CLOSED;
    if (!received || this.endDelivered || this.detached) return;
    this.endDelivered = true;
    const { handler } = this;
    this.detachWhenEnded();
    handler.onEnd();
    this.forgetWhenDone();
  }

  /** Bytes have been passed on: they may be granted again. */
  private consume(bytes: number): void {
    const { window } = this;
    if (!window.consume(bytes) || !mayReceiveData(this.state)) return;
    const { budget, maxWindowBytes, baseRoundTripMs } = this.host;
    // docs/protocol.md §5.
    const credit = window.grant(budget.share(window.wantedGrowth(maxWindowBytes, baseRoundTripMs)));
    this.host.outbox.control().window(this.id, credit);
  }

  private overrun(): void {
    this.host.countOverrun();
    this.host.outbox.control().reset(this.id, ResetCode.FLOW_CONTROL, 'window overrun');
    this.handleReset(ResetCode.FLOW_CONTROL, 'the far end overran its window');
  }

  /** After a reset, either way. */
  private discard(): void {
    this.transition(StreamEvent.RESET);
    this.detached = true;
    this.unsent.clear();
    this.waiting.clear();
    this.leave();
  }

  private detachWhenEnded(): void {
    if (this.endRequested && this.endDelivered) this.detached = true;
  }

  /** A stream counts as open until its handler has received everything that arrived. */
  private forgetWhenDone(): void {
    if (this.state === StreamState.CLOSED && this.endDelivered) this.leave();
  }

  private leave(): void {
    this.host.budget.release(this.window.shrink());
    this.host.forget(this);
  }

  private transition(event: StreamEvent): void {
    const next = nextState(this.state, event);
    if (next === null) throw new ProtocolError(`event ${event} in state ${this.state} of stream ${this.id}`);
    this.state = next;
  }
}
