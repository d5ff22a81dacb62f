/**
 * Bytes to frames. Frames that lie whole in what was read are handed on where they lie; one that is cut off is copied
 * together, at most `MAX_FRAME_BYTES` of it. So everything beyond sees whole frames, wherever the bytes were cut.
 */
import { Http2Error } from './errors.js';
import { ErrorCode, HEADER_BYTES, MAX_FRAME_BYTES, PREFACE } from './frame.js';

/** Gets one frame: its payload is `buffer[from..to)`. Returns false to be given no more. */
export type FrameSink = (
  type: number,
  flags: number,
  streamId: number,
  buffer: Buffer,
  from: number,
  to: number,
) => boolean;

const EMPTY = Buffer.alloc(0);

export class FrameReader {
  private prefaceBytes = 0;
  /** The beginning of a frame: header, then payload. */
  private held: Buffer = EMPTY;
  private heldBytes = 0;

  constructor(private readonly sink: FrameSink) {}

  /** Whether the connection preface has been read. */
  get hasBegun(): boolean {
    return this.prefaceBytes === PREFACE.length;
  }

  /** Takes all of `chunk`. Throws Http2Error; what the sink throws passes through. */
  push(chunk: Buffer): void {
    let at = this.hasBegun ? 0 : this.readPreface(chunk);
    if (this.heldBytes > 0) at = this.complete(chunk, at);
    while (chunk.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + lengthAt(chunk, at);
      if (end > chunk.length) break;
      if (!this.deliver(chunk, at, end)) return;
      at = end;
    }
    if (at < chunk.length) this.hold(chunk, at);
  }

  private readPreface(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length && this.prefaceBytes < PREFACE.length) {
      if (chunk[at++] !== PREFACE[this.prefaceBytes++])
        throw new Http2Error(ErrorCode.PROTOCOL_ERROR, 'no connection preface');
    }
    return at;
  }

  /** Goes on with the frame that is held. Returns the offset after what it took of `chunk`. */
  private complete(chunk: Buffer, from: number): number {
    let at = this.append(chunk, from, HEADER_BYTES);
    if (this.heldBytes < HEADER_BYTES) return at;
    const size = HEADER_BYTES + lengthAt(this.held, 0);
    if (this.held.length < size) {
      const grown = Buffer.allocUnsafeSlow(size);
      this.held.copy(grown, 0, 0, this.heldBytes);
      this.held = grown;
    }
    at = this.append(chunk, at, size);
    if (this.heldBytes < size) return at;
    const frame = this.held;
    this.held = EMPTY;
    this.heldBytes = 0;
    return this.deliver(frame, 0, size) ? at : chunk.length;
  }

  private hold(chunk: Buffer, from: number): void {
    const available = chunk.length - from;
    const size = available < HEADER_BYTES ? HEADER_BYTES : HEADER_BYTES + lengthAt(chunk, from);
    this.held = Buffer.allocUnsafeSlow(size);
    this.append(chunk, from, size);
  }

  /** Copies until `size` bytes are held. */
  private append(chunk: Buffer, from: number, size: number): number {
    const to = Math.min(chunk.length, from + Math.max(size - this.heldBytes, 0));
    chunk.copy(this.held, this.heldBytes, from, to);
    this.heldBytes += to - from;
    return to;
  }

  private deliver(buffer: Buffer, at: number, end: number): boolean {
    const streamId =
      ((buffer[at + 5] & 0x7f) << 24) | (buffer[at + 6] << 16) | (buffer[at + 7] << 8) | buffer[at + 8];
    return this.sink(buffer[at + 3], buffer[at + 4], streamId, buffer, at + HEADER_BYTES, end);
  }
}

/** The payload's length in the frame header at `at`. Throws when it is more than this side allows (RFC 9113 §4.2). */
function lengthAt(buffer: Buffer, at: number): number {
  const length = (buffer[at] << 16) | (buffer[at + 1] << 8) | buffer[at + 2];
  if (length > MAX_FRAME_BYTES) throw new Http2Error(ErrorCode.FRAME_SIZE_ERROR, `frame of ${length} bytes`);
  return length;
}
