/**
 * Cuts a byte stream into frames. The payload of DATA passes through as it arrives; other payloads are small and are put
 * together first.
 */
import { ErrorCode, Flag, FRAME_HEADER_BYTES, FrameType, Http2Error, protocolError } from './frame.js';

/** Payload of a frame other than DATA, at most: header blocks of gRPC have some hundred bytes. */
const MAX_CONTROL_BYTES = 65_536;

const NO_BYTES = Buffer.alloc(0);

export interface FrameSink {
  /** A DATA frame begins: `length` counts against the windows, padding included. */
  onDataStart(streamId: number, length: number): void;
  onData(streamId: number, bytes: Buffer, start: number, end: number): void;
  onDataEnd(streamId: number, isLast: boolean): void;
  /** Any other frame of a known type. */
  onFrame(type: FrameType, flags: number, streamId: number, payload: Buffer): void;
}

export class FrameReader {
  /** Set to end `read` after the current call of the sink. */
  isStopped = false;
  private readonly header = Buffer.alloc(FRAME_HEADER_BYTES);
  private headerBytes = 0;
  private type = 0;
  private flags = 0;
  private streamId = 0;
  /** Bytes of the payload that have not been read, padding excluded. */
  private left = 0;
  /** Padding that follows the payload, or -1 before its length is read. */
  private padding = 0;
  /** Where a payload is put together; null for DATA and frames to skip. */
  private payload: Buffer | null = null;
  private inPayload = false;

  constructor(
    private readonly sink: FrameSink,
    private readonly maxFrameBytes: number,
  ) {}

  /** Throws Http2Error. */
  read(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while ((at < end || this.isComplete()) && !this.isStopped) {
      if (this.inPayload) at = this.readPayload(bytes, at, end);
      else at = this.readHeader(bytes, at, end);
    }
  }

  /** Whether a frame waits for nothing more but has not been handed on: one without payload, at the end of the input. */
  private isComplete(): boolean {
    return this.inPayload && this.left === 0 && this.padding === 0;
  }

  private readHeader(bytes: Buffer, start: number, end: number): number {
    const piece = Math.min(FRAME_HEADER_BYTES - this.headerBytes, end - start);
    let source = bytes;
    let at = start;
    if (piece < FRAME_HEADER_BYTES) {
      bytes.copy(this.header, this.headerBytes, start, start + piece);
      this.headerBytes += piece;
      if (this.headerBytes < FRAME_HEADER_BYTES) return start + piece;
      this.headerBytes = 0;
      source = this.header;
      at = 0;
    }
    const length = source[at] * 65_536 + source[at + 1] * 256 + source[at + 2];
    this.type = source[at + 3];
    this.flags = source[at + 4];
    this.streamId =
      (source[at + 5] & 0x7f) * 16_777_216 + source[at + 6] * 65_536 + source[at + 7] * 256 + source[at + 8];
    this.begin(length);
    return start + piece;
  }

  private begin(length: number): void {
    this.inPayload = true;
    this.left = length;
    this.padding = 0;
    this.payload = null;
    if (length > this.maxFrameBytes)
      throw new Http2Error(ErrorCode.FRAME_SIZE_ERROR, `a frame of ${length} bytes`);
    if (this.type === FrameType.DATA) {
      if (this.streamId === 0) throw protocolError('DATA on stream 0');
      if ((this.flags & Flag.PADDED) !== 0) {
        if (length === 0) throw new Http2Error(ErrorCode.FRAME_SIZE_ERROR, 'padded DATA without a length');
        this.padding = -1;
      }
      this.sink.onDataStart(this.streamId, length);
    } else if (this.type <= FrameType.CONTINUATION) {
      if (length > MAX_CONTROL_BYTES) {
        throw new Http2Error(
          ErrorCode.ENHANCE_YOUR_CALM,
          `a frame of type ${this.type} with ${length} bytes`,
        );
      }
      this.payload = length === 0 ? NO_BYTES : Buffer.allocUnsafe(length);
    }
  }

  private readPayload(bytes: Buffer, start: number, end: number): number {
    if (this.padding < 0) {
      this.padding = bytes[start];
      this.left -= 1 + this.padding;
      if (this.left < 0) throw protocolError('more padding than frame');
      return start + 1;
    }
    if (this.left > 0) {
      const piece = Math.min(this.left, end - start);
      this.left -= piece;
      if (this.payload !== null) {
        bytes.copy(this.payload, this.payload.length - this.left - piece, start, start + piece);
      } else if (this.type === FrameType.DATA) {
        this.sink.onData(this.streamId, bytes, start, start + piece);
      }
      return start + piece;
    }
    const skipped = Math.min(this.padding, end - start);
    this.padding -= skipped;
    if (this.padding === 0) this.finish();
    return start + skipped;
  }

  private finish(): void {
    this.inPayload = false;
    const { type, flags, streamId, payload } = this;
    this.payload = null;
    if (type === FrameType.DATA) this.sink.onDataEnd(streamId, (flags & Flag.END_STREAM) !== 0);
    else if (payload !== null) this.sink.onFrame(type as FrameType, flags, streamId, payload);
  }
}
