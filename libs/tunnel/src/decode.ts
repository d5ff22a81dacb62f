/**
 * Cuts the carrier's byte stream into frames. Holds no more than one header or one control payload between two
 * messages: DATA payloads are passed on piece by piece, each a copy in memory of its own. One copy here is less than what
 * slices cost: they would make the carrier allocate for each read, and keep whole messages alive.
 *
 * Everything a header can be wrong about is checked before a byte of its payload is stored. After an error, or
 * once `stop` was called from within a callback, nothing more is read.
 */
import {
  FIRST_EXTENSION_TYPE,
  FrameType,
  GoAwayCode,
  HEADER_BYTES,
  MAX_DATA_BYTES,
  MAX_JSON_BYTES,
  MAX_TEXT_BYTES,
} from './frame.js';
import { TunnelError } from './errors.js';

export interface FrameSink {
  /** A frame other than DATA. `payload` is valid during the call only. */
  onFrame(type: number, id: number, payload: Buffer): void;
  /** Part of a DATA frame's payload, never empty. It belongs to the sink. */
  onData(id: number, piece: Buffer): void;
}

const DecodeState = { HEADER: 0, DATA: 1, CONTROL: 2, SKIP: 3, STOPPED: 4 } as const;
type DecodeState = (typeof DecodeState)[keyof typeof DecodeState];

/** Payload limits by frame type (docs/protocol.md §2); a largest payload of -1 marks unknown types. */
const minPayload = new Int32Array(256);
const maxPayload = new Int32Array(256).fill(-1);
function limit(type: FrameType, min: number, max: number): void {
  minPayload[type] = min;
  maxPayload[type] = max;
}
limit(FrameType.HELLO, 2, MAX_JSON_BYTES);
limit(FrameType.WELCOME, 2, MAX_JSON_BYTES);
limit(FrameType.PING, 8, 8);
limit(FrameType.PONG, 8, 8);
limit(FrameType.GOAWAY, 2, 2 + MAX_TEXT_BYTES);
limit(FrameType.OPEN, 6, MAX_JSON_BYTES);
limit(FrameType.OPENED, 4, 4);
limit(FrameType.DATA, 1, MAX_DATA_BYTES);
limit(FrameType.END, 0, 0);
limit(FrameType.RESET, 2, 2 + MAX_TEXT_BYTES);
limit(FrameType.WINDOW, 4, 4);
maxPayload.fill(MAX_DATA_BYTES, FIRST_EXTENSION_TYPE);

const EMPTY = Buffer.alloc(0);

export class FrameDecoder {
  private state: DecodeState = DecodeState.HEADER;
  private type = 0;
  private id = 0;
  /** Payload bytes of the current frame that are still to come. */
  private remaining = 0;
  /** The beginning of a header or control payload that continues in the next message. */
  private partial: Buffer = EMPTY;
  private partialBytes = 0;

  constructor(private readonly sink: FrameSink) {}

  /** Throws TunnelError when the peer broke a rule; what the sink throws passes through. */
  push(message: Buffer): void {
    let at = 0;
    while (at < message.length) {
      switch (this.state) {
        case DecodeState.HEADER:
          at = this.readHeader(message, at);
          break;
        case DecodeState.DATA:
          at = this.readData(message, at);
          break;
        case DecodeState.CONTROL:
          at = this.readControl(message, at);
          break;
        case DecodeState.SKIP:
          at = this.skip(message, at);
          break;
        case DecodeState.STOPPED:
          return;
        default:
          throw new Error('unhandled decoder state');
      }
    }
  }

  /** Ignores everything from here on. */
  stop(): void {
    this.state = DecodeState.STOPPED;
    this.partial = EMPTY;
  }

  private readHeader(message: Buffer, at: number): number {
    if (this.partialBytes === 0 && message.length - at >= HEADER_BYTES) {
      this.handleHeader(message, at);
      return at + HEADER_BYTES;
    }
    if (this.partialBytes === 0) this.partial = Buffer.allocUnsafeSlow(HEADER_BYTES);
    const taken = this.store(message, at, HEADER_BYTES);
    if (this.partialBytes === HEADER_BYTES) {
      const header = this.partial;
      this.forget();
      this.handleHeader(header, 0);
    }
    return at + taken;
  }

  private handleHeader(buffer: Buffer, at: number): void {
    const type = buffer[at];
    const length = (buffer[at + 1] << 16) | (buffer[at + 2] << 8) | buffer[at + 3];
    const id =
      ((buffer[at + 4] << 24) | (buffer[at + 5] << 16) | (buffer[at + 6] << 8) | buffer[at + 7]) >>> 0;
    this.type = type;
    this.id = id;
    this.remaining = length;

    const max = maxPayload[type];
    if (max < 0) this.fail(GoAwayCode.PROTOCOL_ERROR, `unknown frame type ${type}`);
    if (length > max) {
      this.fail(GoAwayCode.FRAME_TOO_LARGE, `payload of ${length} bytes in a frame of type ${type}`);
    }
    if (type >= FIRST_EXTENSION_TYPE) {
      if (length > 0) this.state = DecodeState.SKIP;
      return;
    }
    if (length < minPayload[type]) {
      this.fail(GoAwayCode.PROTOCOL_ERROR, `payload of ${length} bytes in a frame of type ${type}`);
    }
    if (id === 0 ? type >= FrameType.OPEN : type < FrameType.OPEN) {
      this.fail(GoAwayCode.PROTOCOL_ERROR, `stream id ${id} in a frame of type ${type}`);
    }
    if (type === FrameType.DATA) this.state = DecodeState.DATA;
    else if (length > 0) this.state = DecodeState.CONTROL;
    else this.sink.onFrame(type, id, EMPTY);
  }

  private readData(message: Buffer, at: number): number {
    const available = message.length - at;
    const end = available < this.remaining ? message.length : at + this.remaining;
    this.remaining -= end - at;
    if (this.remaining === 0) this.state = DecodeState.HEADER;
    const piece = Buffer.allocUnsafe(end - at);
    message.copy(piece, 0, at, end);
    this.sink.onData(this.id, piece);
    return end;
  }

  private readControl(message: Buffer, at: number): number {
    const length = this.remaining;
    if (this.partialBytes === 0 && message.length - at >= length) {
      this.state = DecodeState.HEADER;
      this.sink.onFrame(this.type, this.id, message.subarray(at, at + length));
      return at + length;
    }
    if (this.partialBytes === 0) this.partial = Buffer.allocUnsafeSlow(length);
    const taken = this.store(message, at, length);
    if (this.partialBytes === length) {
      const payload = this.partial;
      this.forget();
      this.state = DecodeState.HEADER;
      this.sink.onFrame(this.type, this.id, payload);
    }
    return at + taken;
  }

  private skip(message: Buffer, at: number): number {
    const taken = Math.min(message.length - at, this.remaining);
    this.remaining -= taken;
    if (this.remaining === 0) this.state = DecodeState.HEADER;
    return at + taken;
  }

  /** Copies bytes to `partial` until it holds `wanted`. Returns how many it took. */
  private store(message: Buffer, at: number, wanted: number): number {
    const taken = Math.min(message.length - at, wanted - this.partialBytes);
    message.copy(this.partial, this.partialBytes, at, at + taken);
    this.partialBytes += taken;
    return taken;
  }

  private forget(): void {
    this.partial = EMPTY;
    this.partialBytes = 0;
  }

  private fail(code: GoAwayCode, message: string): never {
    this.stop();
    throw new TunnelError(code, message);
  }
}
