/** A ReverseConnection call as a tunnel: docs/telepresence-tunnel.md. */
import { ReceiveBudget } from '@culvert/flow';
import {
  type ClientCall,
  ClientConnection,
  type ClientOwner,
  type ErrorCode,
  HIGH_WATER_BYTES,
} from '@culvert/http2';
import type { Stream, StreamHandler, StreamTarget, Tunnel, TunnelState } from '@culvert/tunnel';
import { addRequestFields } from './grpc-fields.js';
import { GrpcStatus } from './grpc-status.js';
import { ManagerCalls, MAX_CALLS } from './manager-calls.js';
import type { ManagerClient } from './manager-client.js';
import {
  type BytesSink,
  MAX_MESSAGE_HEAD_BYTES,
  messageHeadBytes,
  MessageReader,
  writeMessageHead,
} from './message-reader.js';
import { MessageError } from './messages/codec.js';
import type { ReverseCarrier, ReverseCarrierHandler } from './reverse-carrier.js';
import { mayFollow } from './reverse-tunnel-state.js';
import { ReverseStream, type ReverseStreamHost } from './reverse-stream.js';
import { RoundTrip } from './round-trip.js';
import { DEFAULT_REVERSE_SETTINGS, type ReverseTunnelSettings } from './settings.js';

/** Below the 2 s after which the most impatient of common servers closes an idle connection. */
const MAX_IDLE_STREAM_MS = 1000;

const HANDLE_CONNECTION = '/telepresence.manager.ManagerProxy/HandleConnection';

/** `Chunk.content`. */
const CONTENT_FIELD = 1;

const MAX_HEADER_LIST_BYTES = 65_536;

/** Limits of a manager's responses, beside the windows of its streams. */
const LIMITS = {
  maxListBytes: MAX_HEADER_LIST_BYTES,
  // No more fit: each counts 32 bytes beside its text.
  maxFields: MAX_HEADER_LIST_BYTES / 32,
  maxControlFrames: 1000,
};

/** How managers need the HTTP/2 inside a reverse connection (docs/telepresence-tunnel.md). */
const OPTIONS = {
  // With SETTINGS behind the preface in one Chunk, managers up to 2.4.7 wait forever.
  isPrefaceApart: true,
  // No response depends on another one, and literals spare a table of requests, which are few.
  tableBytes: 0,
  maxFrameBytes: 1_048_576,
  maxControlBytes: 65_536,
  // Room for the head of a Chunk.
  headroomBytes: MAX_MESSAGE_HEAD_BYTES,
  // Enough for the longest message that cannot be cut.
  minCreditBytes: 1024,
};

/** Why a reverse connection ended. */
export interface ReverseTunnelEnd {
  /**
   * `manager`: it half-closed, or ended its HTTP/2. `lost`: the call or its connection broke off. `fault`: it broke a
   * rule, or its silence did. `edge`: `close` or `drain`.
   */
  readonly by: 'manager' | 'lost' | 'fault' | 'edge';
  /** For people. */
  readonly detail: string;
}

export interface ReverseTunnelHandler {
  /** The manager speaks HTTP/2: streams may be opened and calls made. */
  onOpen(): void;
  /** After `onOpen`: `roundTripMs` is known. Called at most once. */
  onMeasured(): void;
  /** The tunnel has ended, and with it every stream. The call below has been ended too. Called once. */
  onClose(end: ReverseTunnelEnd): void;
}

/** A tunnel over one ReverseConnection call, and the calls that can be made through it. */
export interface ReverseTunnelConnection extends Tunnel {
  readonly kind: 'telepresence';
  readonly manager: ManagerClient;
  /** Opens no further streams, and ends the call with `status` once those that are open have ended. */
  drain(status: GrpcStatus, message: string): void;
  /** Ends every stream and the call at once. The manager dials again after at most 5 s, whatever the status. */
  close(status: GrpcStatus, message: string): void;
}

/** Creates a tunnel over an accepted call. `handler` is called later, never from within. */
export function acceptReverseConnection(
  carrier: ReverseCarrier,
  handler: ReverseTunnelHandler,
  changes: Partial<ReverseTunnelSettings> = {},
): ReverseTunnelConnection {
  const tunnel = new ReverseTunnel(carrier, handler, { ...DEFAULT_REVERSE_SETTINGS, ...changes });
  tunnel.start();
  return tunnel;
}

class ReverseTunnel
  implements ReverseTunnelConnection, ReverseCarrierHandler, ReverseStreamHost, BytesSink, ClientOwner
{
  readonly kind = 'telepresence';
  readonly maxIdleStreamMs = MAX_IDLE_STREAM_MS;
  readonly connection: ClientConnection<ClientCall>;
  readonly budget: ReceiveBudget;
  readonly manager: ManagerCalls;
  private current: TunnelState = 'handshake';
  streamCount = 0;
  receivedBytes = 0;
  sentBytes = 0;
  loss = 'the reverse connection was lost';
  private readonly roundTrip: RoundTrip;
  /** Whether the carrier has enough for now. */
  private isFull = false;
  /** The fault of this side, once a callback threw, which must never happen. */
  private fault: string | null = null;
  private readonly chunks = new MessageReader(this, CONTENT_FIELD);
  /** Bytes that came before the preface was sent. Nothing may be sent before the preface. */
  private early: Buffer[] | null = [];
  private handshakeTimer: NodeJS.Timeout | null = null;
  private measureTimer: NodeJS.Timeout | null = null;
  /** Why the tunnel has ended, once it has. */
  private result: ReverseTunnelEnd = { by: 'lost', detail: '' };
  /** How the call ends when its last stream has. */
  private farewell = {
    status: GrpcStatus.OK as GrpcStatus,
    message: '',
    by: 'edge' as ReverseTunnelEnd['by'],
  };

  constructor(
    private readonly carrier: ReverseCarrier,
    private readonly handler: ReverseTunnelHandler,
    private readonly settings: ReverseTunnelSettings,
  ) {
    this.connection = new ClientConnection(this, { ...LIMITS, windowBytes: settings.windowBytes }, OPTIONS);
    this.roundTrip = new RoundTrip(this.connection, () => this.handleMeasured());
    this.budget = new ReceiveBudget(settings.growthBudgetBytes);
    this.manager = new ManagerCalls(this);
  }

  start(): void {
    this.handshakeTimer = setTimeout(
      () => this.fail('the traffic manager did not answer the HTTP/2 preface'),
      this.settings.handshakeTimeoutMs,
    );
    this.handshakeTimer.unref();
    // Later: managers up to 2.3.1 have spoken already, and the caller does not have the tunnel yet.
    queueMicrotask(() => this.begin());
  }

  private begin(): void {
    if (this.current === 'closed') return;
    this.carrier.start(this);
    this.connection.start();
    this.connection.output.flush();
    this.roundTrip.start();
    const { early } = this;
    this.early = null;
    for (const bytes of early ?? []) this.onData(bytes);
  }

  // --- For the tunnel's user ------------------------------------------------------------------------------

  get state(): TunnelState {
    return this.current;
  }

  get isOpen(): boolean {
    return this.current === 'open';
  }

  get maxStreams(): number {
    return Math.max(1, Math.min(this.settings.maxStreams, this.connection.peer.maxStreams - MAX_CALLS));
  }

  get roundTripMs(): number {
    return this.roundTrip.ms;
  }

  get windowBytes(): number {
    return this.settings.windowBytes;
  }

  get maxWindowBytes(): number {
    return this.settings.maxWindowBytes;
  }

  get lingerMs(): number {
    return this.settings.lingerMs;
  }

  openStream(target: StreamTarget, handler: StreamHandler): Stream | null {
    if (this.current !== 'open' || this.streamCount >= this.maxStreams) return null;
    const { connection } = this;
    if (connection.isExhausted) this.drain(GrpcStatus.OK, 'out of stream ids');
    if (!connection.mayOpen) return null;
    const stream = new ReverseStream(this, connection.nextStreamId, handler);
    addRequestFields(connection.beginHeaders(), HANDLE_CONNECTION);
    connection.open(stream, { endStream: false });
    this.streamCount++;
    stream.begin(target.interceptId);
    return stream;
  }

  drain(status: GrpcStatus, message: string): void {
    this.beginDraining({ status, message, by: 'edge' });
  }

  close(status: GrpcStatus, message: string): void {
    this.finish({ by: 'edge', detail: message }, status);
  }

  forget(): void {
    this.streamCount--;
    this.finishWhenDrained();
  }

  // --- From the carrier -----------------------------------------------------------------------------------

  onData(bytes: Buffer): void {
    if (this.early !== null) {
      this.early.push(bytes);
      return;
    }
    this.receivedBytes += bytes.length;
    try {
      this.chunks.read(bytes, 0, bytes.length);
    } catch (error) {
      if (error instanceof MessageError) this.fail(`the traffic manager sent garbage: ${error.message}`);
      else this.connection.handleFault(error);
    }
  }

  onBytes(bytes: Buffer, start: number, end: number): void {
    this.connection.push(bytes, start, end);
  }

  onDrain(): void {
    this.isFull = false;
    this.connection.handleSent();
  }

  onEnd(): void {
    // Managers from 2.4.8 do nothing until the call has ended.
    this.finish(
      { by: 'manager', detail: 'the traffic manager closed its reverse connection' },
      GrpcStatus.OK,
    );
  }

  onClose(reason: string): void {
    this.finish({ by: 'lost', detail: reason }, null);
  }

  // --- From the connection --------------------------------------------------------------------------------

  now(): number {
    return performance.now();
  }

  bufferedBytes(): number {
    return this.isFull ? HIGH_WATER_BYTES : 0;
  }

  /** Sends one Chunk, whose head goes to the room before its content. */
  write(bytes: Buffer): void {
    const contentBytes = bytes.length - MAX_MESSAGE_HEAD_BYTES;
    const start = MAX_MESSAGE_HEAD_BYTES - messageHeadBytes(contentBytes);
    writeMessageHead(bytes, start, CONTENT_FIELD, contentBytes);
    this.sentBytes += bytes.length - start;
    if (!this.carrier.write(bytes.subarray(start))) this.isFull = true;
  }

  /** Ends the tunnel later: a user may be about to receive the stream that it opens, or be writing to one. */
  pauseInput(): void {
    setImmediate(() => this.fail('the traffic manager does not read'));
  }

  resumeInput(): void {
    // The tunnel has ended.
  }

  onSettings(): void {
    if (this.current !== 'handshake') return;
    this.transition('open');
    this.handler.onOpen();
  }

  onAcknowledged(): void {
    this.roundTrip.handleAcknowledged();
  }

  onPong(): void {
    // No PING is sent.
  }

  /** Comes before streams are refused, whose users may open others at once: this tunnel must not be open then. */
  onGoingAway(code: number): void {
    const message = `the traffic manager ended its HTTP/2 connection (error ${code})`;
    this.loss = message;
    this.beginDraining({ status: GrpcStatus.OK, message, by: 'manager' });
  }

  onGoAway(): void {
    // `onGoingAway` did everything.
  }

  onDrained(): void {
    // `finishWhenDrained` decides.
  }

  onFault(error: unknown): void {
    this.fault = `a fault in the edge: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }

  /** Comes before streams are lost, as `onGoingAway` does: else the last one would end a draining tunnel without a fault. */
  onFailing(_code: ErrorCode, reason: string): void {
    const detail = this.fault ?? `the traffic manager broke the rules of HTTP/2: ${reason}`;
    this.stop({ by: 'fault', detail });
  }

  onFailed(): void {
    this.complete(GrpcStatus.INTERNAL);
  }

  private handleMeasured(): void {
    if (this.isOpen) this.handler.onMeasured();
  }

  // --- The end --------------------------------------------------------------------------------------------

  private beginDraining(farewell: ReverseTunnel['farewell']): void {
    if (this.current === 'closed' || this.current === 'draining') return;
    this.transition('draining');
    this.farewell = farewell;
    this.finishWhenDrained();
  }

  private finishWhenDrained(): void {
    if (this.current !== 'draining' || this.streamCount > 0) return;
    const { status, message, by } = this.farewell;
    this.finish({ by, detail: message }, status);
  }

  private fail(detail: string): void {
    this.finish({ by: 'fault', detail }, GrpcStatus.INTERNAL);
  }

  /** @param status how the call is ended, or null when it is gone */
  private finish(end: ReverseTunnelEnd, status: GrpcStatus | null): void {
    if (this.current === 'closed') return;
    this.stop(end);
    this.complete(status);
  }

  /** Opens and reads nothing from here on. */
  private stop(end: ReverseTunnelEnd): void {
    this.transition('closed');
    this.result = end;
    this.loss = end.detail;
  }

  /** Ends the connection and its streams, then the call. */
  private complete(status: GrpcStatus | null): void {
    const { result, connection } = this;
    connection.output.finish();
    connection.close();
    if (status !== null) this.carrier.end(status, publicMessage(result, status));
    // A fault raised by a stream's end is not why the tunnel ends, but must be reported.
    const { by, detail } = result;
    const isKnown = this.fault === null || this.fault === detail;
    this.handler.onClose(isKnown ? result : { by, detail: `${detail}; ${this.fault}` });
  }

  /** Enters `to`. Throws if docs/telepresence-tunnel.md has no such transition. */
  private transition(to: TunnelState): void {
    const from = this.current;
    if (!mayFollow(from, to)) throw new Error(`a reverse connection must not go from ${from} to ${to}`);
    this.current = to;
    switch (to) {
      case 'open':
        this.clearHandshakeTimer();
        this.measureTimer = setInterval(() => this.roundTrip.measure(), this.settings.measureIntervalMs);
        this.measureTimer.unref();
        return;
      case 'draining':
        return;
      case 'closed':
        this.clearHandshakeTimer();
        if (this.measureTimer !== null) clearInterval(this.measureTimer);
        this.chunks.isStopped = true;
        return;
      default:
        throw new Error(`unhandled state ${to}`);
    }
  }

  private clearHandshakeTimer(): void {
    if (this.handshakeTimer !== null) clearTimeout(this.handshakeTimer);
    this.handshakeTimer = null;
  }
}

/** A fault of this side belongs in its own log, not in the manager's. */
function publicMessage({ by, detail }: ReverseTunnelEnd, status: GrpcStatus): string {
  return by === 'fault' && detail.startsWith('a fault in the edge') ? `error ${status} in the edge` : detail;
}
