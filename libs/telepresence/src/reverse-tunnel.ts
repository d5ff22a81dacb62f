/** A ReverseConnection call as a tunnel: docs/telepresence-tunnel.md. */
import { ReceiveBudget } from '@culvert/flow';
import { ErrorCode, Http2Error } from '@culvert/http2';
import type { Stream, StreamHandler, StreamTarget, Tunnel, TunnelState } from '@culvert/tunnel';
import { GrpcStatus } from './grpc-status.js';
import { type ConnectionOwner, Http2Connection } from './http2/connection.js';
import { Outbox, type OutboxOwner } from './http2/outbox.js';
import { ManagerCalls, MAX_CALLS } from './manager-calls.js';
import type { ManagerClient } from './manager-client.js';
import { type BytesSink, MessageReader } from './message-reader.js';
import { MessageError } from './messages/codec.js';
import type { ReverseCarrier, ReverseCarrierHandler } from './reverse-carrier.js';
import { ReverseStream, type ReverseStreamHost } from './reverse-stream.js';
import { DEFAULT_REVERSE_SETTINGS, type ReverseTunnelSettings } from './settings.js';

/** Below the 2 s after which the most impatient of common servers closes an idle connection. */
const MAX_IDLE_STREAM_MS = 1000;

const HANDLE_CONNECTION = '/telepresence.manager.ManagerProxy/HandleConnection';

/** `Chunk.content`. */
const CONTENT_FIELD = 1;

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
  /** Opens no more streams, and ends the call with `status` once those that are open have ended. */
  drain(status: GrpcStatus, message: string): void;
  /** Ends every stream and the call at once. The manager dials again after at most 5 s, whatever the status. */
  close(status: GrpcStatus, message: string): void;
}

/** Makes a tunnel of a call that has been accepted. `handler` is called later, never from within. */
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
  implements
    ReverseTunnelConnection,
    ReverseCarrierHandler,
    ReverseStreamHost,
    BytesSink,
    ConnectionOwner,
    OutboxOwner
{
  readonly kind = 'telepresence';
  readonly maxIdleStreamMs = MAX_IDLE_STREAM_MS;
  readonly outbox: Outbox;
  readonly connection: Http2Connection;
  readonly budget: ReceiveBudget;
  readonly manager: ManagerCalls;
  state: TunnelState = 'handshake';
  streamCount = 0;
  receivedBytes = 0;
  private readonly chunks = new MessageReader(this, CONTENT_FIELD);
  /** What came before the preface was sent: nothing may be answered ahead of that. */
  private early: Buffer[] | null = [];
  private handshakeTimer: NodeJS.Timeout | null = null;
  private measureTimer: NodeJS.Timeout | null = null;
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
    this.outbox = new Outbox(carrier, this);
    this.connection = new Http2Connection(this.outbox, this, settings.windowBytes);
    this.budget = new ReceiveBudget(settings.growthBudgetBytes);
    this.manager = new ManagerCalls(this);
  }

  start(): void {
    this.handshakeTimer = setTimeout(
      () => this.fail('the traffic manager did not answer the HTTP/2 preface'),
      this.settings.handshakeTimeoutMs,
    );
    this.handshakeTimer.unref();
    // Later: managers up to 2.3.1 have spoken already, and whoever asked for the tunnel does not have it yet.
    queueMicrotask(() => this.begin());
  }

  private begin(): void {
    if (this.state === 'closed') return;
    this.carrier.start(this);
    this.connection.start();
    const { early } = this;
    this.early = null;
    for (const bytes of early ?? []) this.onData(bytes);
  }

  // --- For the tunnel's user ------------------------------------------------------------------------------

  get isOpen(): boolean {
    return this.state === 'open';
  }

  get maxStreams(): number {
    return Math.max(1, Math.min(this.settings.maxStreams, this.connection.peerMaxStreams - MAX_CALLS));
  }

  get roundTripMs(): number {
    return this.connection.roundTripMs;
  }

  get sentBytes(): number {
    return this.outbox.sentBytes;
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
    if (this.state !== 'open' || this.streamCount >= this.maxStreams) return null;
    const stream = this.connection.open(HANDLE_CONNECTION, (id) => new ReverseStream(this, id, handler));
    if (stream === null) {
      this.drain(GrpcStatus.OK, 'out of stream ids');
      return null;
    }
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
      this.onFault(error);
    }
  }

  onBytes(bytes: Buffer, start: number, end: number): void {
    this.connection.read(bytes, start, end);
  }

  onDrain(): void {
    this.outbox.handleDrain();
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

  // --- From the parts -------------------------------------------------------------------------------------

  onReady(): void {
    if (this.handshakeTimer !== null) clearTimeout(this.handshakeTimer);
    this.handshakeTimer = null;
    if (this.state !== 'handshake') return;
    this.state = 'open';
    this.measureTimer = setInterval(() => this.connection.measure(), this.settings.measureIntervalMs);
    this.measureTimer.unref();
    this.handler.onOpen();
  }

  onMeasured(): void {
    if (this.isOpen) this.handler.onMeasured();
  }

  onGoAway(detail: string): void {
    this.beginDraining({ status: GrpcStatus.OK, message: detail, by: 'manager' });
  }

  onStuck(): void {
    this.fail('the traffic manager does not read');
  }

  onFault(error: unknown): void {
    if (error instanceof Http2Error) {
      this.connection.goAway(error.code);
      this.fail(`the traffic manager broke the rules of HTTP/2: ${error.message}`);
    } else if (error instanceof MessageError) {
      this.fail(`the traffic manager sent garbage: ${error.message}`);
    } else {
      this.connection.goAway(ErrorCode.INTERNAL_ERROR);
      this.fail(
        `a fault in the edge: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
    }
  }

  // --- The end --------------------------------------------------------------------------------------------

  private beginDraining(farewell: ReverseTunnel['farewell']): void {
    if (this.state === 'closed' || this.state === 'draining') return;
    this.state = 'draining';
    this.farewell = farewell;
    this.finishWhenDrained();
  }

  private finishWhenDrained(): void {
    if (this.state !== 'draining' || this.streamCount > 0) return;
    const { status, message, by } = this.farewell;
    this.finish({ by, detail: message }, status);
  }

  private fail(detail: string): void {
    this.finish({ by: 'fault', detail }, GrpcStatus.INTERNAL);
  }

  /** @param status how the call is ended, or null when it is gone */
  private finish(end: ReverseTunnelEnd, status: GrpcStatus | null): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    if (this.handshakeTimer !== null) clearTimeout(this.handshakeTimer);
    if (this.measureTimer !== null) clearInterval(this.measureTimer);
    this.chunks.isStopped = true;
    this.outbox.close();
    this.connection.lose(end.detail);
    if (status !== null) this.carrier.end(status, publicMessage(end, status));
    this.handler.onClose(end);
  }
}

/** A fault of our own is for the log, not for the manager's. */
function publicMessage({ by, detail }: ReverseTunnelEnd, status: GrpcStatus): string {
  return by === 'fault' && detail.startsWith('a fault in the edge') ? `error ${status} in the edge` : detail;
}
