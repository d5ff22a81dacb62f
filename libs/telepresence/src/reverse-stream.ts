/**
 * One HandleConnection call as a stream. It differs from a TCP connection (docs/telepresence-tunnel.md): the manager does
 * not report that the ingress is connected, or that it closed. A half-close is not passed on, because then the call could
 * not end. So the call is always canceled in the end, and a call whose user has ended ends after a silence.
 */
import { ByteQueue, type ReadyStream, type ReceiveBudget, ReceiveWindow } from '@culvert/flow';
import {
  type ClientCall,
  type ClientConnection,
  ErrorCode,
  type FieldSection,
  Http2Error,
  MAX_WINDOW_BYTES,
} from '@culvert/http2';
import { ResetCode, type Stream, type StreamHandler } from '@culvert/tunnel';
import { readResponseFields } from './grpc-fields.js';
import { GrpcStatus } from './grpc-status.js';
import { resetCodeOf, resetCodeOfHttp2 } from './ingress-failure.js';
import { type BytesSink, MAX_MESSAGE_HEAD_BYTES, MessageReader, writeMessageHead } from './message-reader.js';
import { MessageError } from './messages/codec.js';

/** `ConnectionChunk`. */
const INTERCEPT_ID_FIELD = 1;
const DATA_FIELD = 2;
const ERROR_FIELD = 3;

/** Bytes of waiting input that are delivered at once. */
const MAX_PIECE_BYTES = 65_536;

/** The head of the message that is being written. */
const head = Buffer.alloc(MAX_MESSAGE_HEAD_BYTES);

/** The tunnel as its streams use it. */
export interface ReverseStreamHost {
  readonly connection: ClientConnection<ClientCall>;
  readonly budget: ReceiveBudget;
  /** Most recent round trip in milliseconds; 0 before the first. */
  readonly roundTripMs: number;
  /** Why the connection ends, for people, once it does. */
  readonly loss: string;
  /** Window that every stream begins with. */
  readonly windowBytes: number;
  readonly maxWindowBytes: number;
  /** Silence of the ingress after `end` that ends the stream, in milliseconds. */
  readonly lingerMs: number;
  /** The stream no longer holds its place. */
  forget(stream: ReverseStream): void;
}

/**
 * - `open`: bytes may pass both ways
 * - `finished`: the manager ended the call well; what arrived waits to be delivered
 * - `closed`: nothing passes, and the handler receives no further events
 */
type State = 'open' | 'finished' | 'closed';

export class ReverseStream implements Stream, ClientCall, BytesSink {
  nextReady: ReadyStream | null = null;
  isReady = false;
  private state: State = 'open';

  /** The message that names the intercept, until it is sent. */
  private intercept: Buffer | null = null;
  private sendCredit: number;
  private readonly unsent = new ByteQueue();
  private endRequested = false;
  private wantsDrain = false;
  private lingerTimer: NodeJS.Timeout | null = null;
  private lastDataAt = 0;

  private readonly reader = new MessageReader(this, DATA_FIELD, ERROR_FIELD);
  /** Window for bytes of DATA frames. Bytes that are not kept count as consumed. */
  private readonly window: ReceiveWindow;
  private readonly waiting = new ByteQueue();
  private paused = false;
  private delivering = false;

  constructor(
    private readonly host: ReverseStreamHost,
    readonly id: number,
    public handler: StreamHandler,
  ) {
    this.sendCredit = host.connection.peer.windowBytes;
    this.window = new ReceiveWindow(host.windowBytes);
  }

  get isOpen(): boolean {
    return this.state !== 'closed';
  }

  get receiveCreditBytes(): number {
    return this.window.creditBytes;
  }

  /** Names the intercept. Nothing acknowledges it: the stream counts as open at once. */
  begin(interceptId: string): void {
    this.intercept = Buffer.from(interceptId);
    if (!this.sendIntercept()) this.enqueue();
    queueMicrotask(() => {
      if (this.state === 'open') this.handler.onOpen();
    });
  }

  // --- Called by the stream's user ------------------------------------------------------------------------

  write(chunk: Buffer): boolean {
    if (this.state !== 'open' || this.endRequested) {
      // After the manager's end nothing reads these bytes, and `onDrain` would never follow.
      return this.state === 'finished';
    }
    let at = 0;
    while (this.unsent.size === 0 && at < chunk.length) {
      const end = Math.min(chunk.length, at + this.sendable());
      if (end <= at) break;
      this.sendPiece(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
      at = end;
    }
    if (at < chunk.length) this.unsent.push(at === 0 ? chunk : chunk.subarray(at));
    else if (this.sendable() > 0) return true;
    this.wantsDrain = true;
    this.enqueue();
    return false;
  }

  end(): void {
    if (this.state === 'closed' || this.endRequested) return;
    this.endRequested = true;
    this.wantsDrain = false;
    this.lastDataAt = performance.now();
    this.linger(this.host.lingerMs);
  }

  reset(): void {
    this.close();
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
        const piece = this.waiting.shift(MAX_PIECE_BYTES);
        this.handler.onData(piece);
        this.consume(piece.length);
      }
    } finally {
      this.delivering = false;
    }
    this.deliverEnd();
  }

  // --- Called by the connection ---------------------------------------------------------------------------

  handleFlow(length: number): void {
    if (!this.window.receive(length)) {
      throw new Http2Error(ErrorCode.FLOW_CONTROL_ERROR, `stream ${this.id} overran its window`);
    }
    this.window.consume(length);
  }

  handleData(bytes: Buffer, start: number, end: number): void {
    try {
      this.reader.read(bytes, start, end);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      this.fail(ResetCode.INTERNAL, `the traffic manager broke its protocol: ${error.message}`);
      return;
    }
    if (this.state === 'open') this.consume(0);
  }

  onBytes(bytes: Buffer, start: number, end: number): void {
    this.lastDataAt = performance.now();
    const piece = bytes.subarray(start, end);
    if (this.paused || this.waiting.size > 0) {
      this.window.consume(-piece.length);
      this.waiting.pushCompact(piece);
    } else {
      this.handler.onData(piece);
    }
  }

  handleFields({ fields }: FieldSection, isLast: boolean): void {
    const { status, grpcStatus, grpcMessage } = readResponseFields(fields);
    if (status !== 0 && status !== 200 && (status >= 200 || isLast)) {
      this.fail(ResetCode.INTERNAL, `the traffic manager answered with HTTP status ${status}`);
    } else if (isLast && grpcStatus === GrpcStatus.OK) {
      this.finish();
    } else if (isLast) {
      this.fail(resetCodeOf(grpcStatus, grpcMessage), grpcMessage || `gRPC status ${grpcStatus}`);
    }
  }

  handleDataEnd(_overhead: number, isLast: boolean): void {
    if (isLast) this.fail(ResetCode.INTERNAL, 'the traffic manager ended a call without a status');
  }

  handleViolation(code: ErrorCode): void {
    this.fail(ResetCode.INTERNAL, `the traffic manager broke the rules of HTTP/2 (error ${code})`);
  }

  handleReset(code: number): void {
    this.leave();
    this.fail(resetCodeOfHttp2(code), `the traffic manager canceled the call (HTTP/2 error ${code})`);
  }

  handleRefused(): void {
    this.handleLost();
  }

  handleLost(): void {
    this.leave();
    this.fail(ResetCode.TUNNEL_LOST, this.host.loss);
  }

  widen(bytes: number): boolean {
    this.sendCredit += bytes;
    if (this.sendCredit > MAX_WINDOW_BYTES) return false;
    if (this.unsent.size > 0 || this.wantsDrain || this.intercept !== null) this.enqueue();
    return true;
  }

  serve(quantum: number): void {
    if (this.state !== 'open') return;
    if (!this.sendIntercept()) {
      this.enqueue();
      return;
    }
    let left = quantum;
    while (left > 0 && this.unsent.size > 0) {
      const bytes = Math.min(left, this.sendable());
      if (bytes <= 0) break;
      const piece = this.unsent.shift(bytes);
      left -= piece.length;
      this.sendPiece(piece);
    }
    if (this.unsent.size > 0 || (this.wantsDrain && this.sendable() <= 0)) {
      this.enqueue();
    } else if (this.wantsDrain) {
      this.wantsDrain = false;
      this.handler.onDrain();
    }
  }

  // --- Sending --------------------------------------------------------------------------------------------

  /** Returns bytes that one message may have now; 0 or less when there is nothing to send with. */
  private sendable(): number {
    const { output, peer } = this.host.connection;
    if (!output.hasRoom || this.intercept !== null) return 0;
    const frame = Math.min(this.sendCredit, output.sendWindow, peer.maxFrameBytes, MAX_PIECE_BYTES);
    return frame - MAX_MESSAGE_HEAD_BYTES;
  }

  /** False while there is no credit for it. */
  private sendIntercept(): boolean {
    const { intercept } = this;
    if (intercept === null) return true;
    if (!this.host.connection.output.hasRoom || this.sendCredit < this.neededCredit()) return false;
    this.intercept = null;
    this.sendMessage(INTERCEPT_ID_FIELD, intercept);
    return true;
  }

  private neededCredit(): number {
    return (this.intercept?.length ?? 1) + MAX_MESSAGE_HEAD_BYTES;
  }

  private sendPiece(piece: Buffer): void {
    this.sendMessage(DATA_FIELD, piece);
  }

  /** Sends a message that has one field. There must be credit for it. */
  private sendMessage(field: number, payload: Buffer): void {
    const headBytes = writeMessageHead(head, 0, field, payload.length);
    this.sendCredit -= headBytes + payload.length;
    this.host.connection.output.sendMessage(this.id, head, headBytes, payload);
  }

  /** Without credit of its own, the stream's turn comes with the next WINDOW_UPDATE. */
  private enqueue(): void {
    if (this.sendCredit >= this.neededCredit()) this.host.connection.output.enqueue(this);
  }

  // --- Receiving ------------------------------------------------------------------------------------------

  /** Grants consumed bytes again, once they are worth a frame. */
  private consume(bytes: number): void {
    const { window } = this;
    if (!window.consume(bytes) || this.state !== 'open') return;
    const { budget, maxWindowBytes, connection, roundTripMs } = this.host;
    const growth = budget.share(window.wantedGrowth(maxWindowBytes, roundTripMs));
    connection.output.frames().windowUpdate(this.id, window.grant(growth));
  }

  // --- The end --------------------------------------------------------------------------------------------

  /** The manager reports that the connection to the ingress ended well. */
  private finish(): void {
    if (this.state !== 'open') return;
    this.transition('finished');
    this.unsent.clear();
    this.intercept = null;
    this.drop();
    if (!this.delivering) this.deliverEnd();
  }

  private deliverEnd(): void {
    if (this.state !== 'finished' || this.waiting.size > 0) return;
    const { handler } = this;
    this.close();
    handler.onEnd();
  }

  /** The ingress does not learn that the visitor ended, so it may never end by itself. */
  private linger(delayMs: number): void {
    this.lingerTimer = setTimeout(() => {
      this.lingerTimer = null;
      const quietMs = performance.now() - this.lastDataAt;
      const isHeld = this.waiting.size > 0 || this.unsent.size > 0;
      if (isHeld || quietMs < this.host.lingerMs) this.linger(Math.max(this.host.lingerMs - quietMs, 100));
      else this.finish();
    }, delayMs);
    this.lingerTimer.unref();
  }

  private fail(code: ResetCode, detail: string): void {
    if (this.state === 'closed') return;
    const { handler } = this;
    this.close();
    handler.onReset(code, detail);
  }

  private close(): void {
    if (this.state === 'closed') return;
    this.transition('closed');
    this.reader.isStopped = true;
    if (this.lingerTimer !== null) clearTimeout(this.lingerTimer);
    this.unsent.clear();
    this.waiting.clear();
    this.drop();
    this.host.budget.release(this.window.shrink());
    this.host.forget(this);
  }

  /** Enters `to`; states only follow each other in the order of their list. */
  private transition(to: State): void {
    const from = this.state;
    if (from === 'closed' || from === to) throw new Error(`a stream must not go from ${from} to ${to}`);
    this.state = to;
  }

  /** Ends the call at the manager, whatever its state: those that are half closed keep their place there. */
  private drop(): void {
    this.host.connection.drop(this, ErrorCode.CANCEL);
  }

  /** The call is gone at the manager already. */
  private leave(): void {
    this.host.connection.forget(this, 0, { isPeerDone: true });
  }
}
