/**
 * Cuts bytes into frames. Frames that lie whole in a chunk are passed on without a copy; one that is cut off is
 * assembled. So the sink receives whole frames, wherever the bytes were cut.
 *
 * With a sink for DATA the payloads of DATA pass through it as they arrive instead, and are never put together: a frame
 * of any size costs no memory.
 */
import { Http2Error, protocolError } from './errors.js';
import { ErrorCode, Flag, FrameType, HEADER_BYTES, PREFACE } from './frame.js';

/** Receives one frame: its payload is `buffer[from..to)`. */
export type FrameSink = (
  type: number,
  flags: number,
  streamId: number,
  buffer: Buffer,
  from: number,
  to: number,
) => void;

/** Receives DATA frames in pieces, without their padding. */
export interface DataSink {
  /** A DATA frame begins. @param length bytes that count in windows, padding included */
  onDataStart(streamId: number, length: number): void;
  /** Part of the frame: `buffer[from..to)`. */
  onData(buffer: Buffer, from: number, to: number): void;
  /** @param isLast whether it ends its stream */
  onDataEnd(isLast: boolean): void;
}

export interface FrameReaderOptions {
  /** Largest payload: the MAX_FRAME_SIZE that was announced to the peer. Longer frames are errors (FRAME_SIZE_ERROR). */
  readonly maxFrameBytes: number;
  /** Largest payload of a frame other than DATA; larger ones end the connection with ENHANCE_YOUR_CALM. Default: `maxFrameBytes`. */
  readonly maxControlBytes?: number;
  /** Whether the peer is a client, whose preface comes first. */
  readonly expectsPreface: boolean;
  /** Receives all DATA; without it, frames of this type go to the other sink. */
  readonly dataSink?: DataSink;
}

const EMPTY = Buffer.alloc(0);

export class FrameReader {
  private isStopped = false;
  /** Bytes of the preface that are still to come. */
  private prefaceLeft = 0;
  private readonly maxFrameBytes: number;
  /** A payload up to this length is within every limit. */
  private readonly maxControlBytes: number;
  private readonly dataSink: DataSink | null;
  /** The beginning of a frame: header, then payload. */
  private held: Buffer = EMPTY;
  private heldBytes = 0;

  // The DATA frame that is passed through: bytes to come of its payload, and of its padding, or -1 before that is known.
  private isInData = false;
  private dataLeft = 0;
  private paddingLeft = 0;
  private isDataLast = false;

  constructor(
    { maxFrameBytes, maxControlBytes = maxFrameBytes, expectsPreface, dataSink }: FrameReaderOptions,
    private readonly sink: FrameSink,
  ) {
    this.maxFrameBytes = maxFrameBytes;
    this.maxControlBytes = Math.min(maxControlBytes, maxFrameBytes);
    this.prefaceLeft = expectsPreface ? PREFACE.length : 0;
    this.dataSink = dataSink ?? null;
  }

  /** Ignores everything from here on, the rest of the current chunk included. */
  stop(): void {
    this.isStopped = true;
    this.held = EMPTY;
    this.heldBytes = 0;
  }

  /** Takes `chunk[from..end)`. Throws Http2Error; what a sink throws passes through. */
  push(chunk: Buffer, from: number, end: number): void {
    let at = from;
    if (this.prefaceLeft > 0) at = this.readPreface(chunk, at, end);
    if (this.isInData) at = this.readData(chunk, at, end);
    else if (this.heldBytes > 0) at = this.complete(chunk, at, end);
    const { dataSink } = this;
    while (end - at >= HEADER_BYTES && !this.isStopped) {
      if (dataSink !== null && chunk[at + 3] === FrameType.DATA) {
        this.beginData(dataSink, chunk, at);
        at = this.readData(chunk, at + HEADER_BYTES, end);
        continue;
      }
      const next = at + HEADER_BYTES + this.lengthAt(chunk, at);
      if (next > end) break;
      this.deliver(chunk, at, next);
      at = next;
    }
    if (at < end && !this.isStopped) this.hold(chunk, at, end);
  }

  private readPreface(chunk: Buffer, from: number, end: number): number {
    let at = from;
    while (at < end && this.prefaceLeft > 0) {
      if (chunk[at++] !== PREFACE[PREFACE.length - this.prefaceLeft--])
        throw protocolError('no connection preface');
    }
    return at;
  }

  /** Continues the held frame. Returns the offset after the bytes that it took of `chunk`. */
  private complete(chunk: Buffer, from: number, end: number): number {
    let at = this.append(chunk, from, end, HEADER_BYTES);
    if (this.heldBytes < HEADER_BYTES) return at;
    if (this.dataSink !== null && this.held[3] === FrameType.DATA) {
      this.beginData(this.dataSink, this.release(), 0);
      return this.readData(chunk, at, end);
    }
    const size = HEADER_BYTES + this.lengthAt(this.held, 0);
    if (this.held.length < size) {
      const grown = Buffer.allocUnsafeSlow(size);
      this.held.copy(grown, 0, 0, this.heldBytes);
      this.held = grown;
    }
    at = this.append(chunk, at, end, size);
    if (this.heldBytes === size) this.deliver(this.release(), 0, size);
    return at;
  }

  private hold(chunk: Buffer, from: number, end: number): void {
    const size = end - from < HEADER_BYTES ? HEADER_BYTES : HEADER_BYTES + this.lengthAt(chunk, from);
    this.held = Buffer.allocUnsafeSlow(size);
    this.append(chunk, from, end, size);
  }

  /** Copies until `size` bytes are held. */
  private append(chunk: Buffer, from: number, end: number, size: number): number {
    const to = Math.min(end, from + Math.max(size - this.heldBytes, 0));
    chunk.copy(this.held, this.heldBytes, from, to);
    this.heldBytes += to - from;
    return to;
  }

  private release(): Buffer {
    const { held } = this;
    this.held = EMPTY;
    this.heldBytes = 0;
    return held;
  }

  private deliver(buffer: Buffer, at: number, end: number): void {
    this.sink(buffer[at + 3], buffer[at + 4], streamIdAt(buffer, at), buffer, at + HEADER_BYTES, end);
  }

  /**
   * Returns the payload's length in the frame header at `at`. Throws when it is more than this side allows (RFC 9113 §4.2).
   */
  private lengthAt(buffer: Buffer, at: number): number {
    const length = (buffer[at] << 16) | (buffer[at + 1] << 8) | buffer[at + 2];
    if (length > this.maxControlBytes) this.judgeLength(length, buffer[at + 3]);
    return length;
  }

  private judgeLength(length: number, type: number): void {
    if (length > this.maxFrameBytes)
      throw new Http2Error(ErrorCode.FRAME_SIZE_ERROR, `a frame of ${length} bytes`);
    if (type !== FrameType.DATA)
      throw new Http2Error(ErrorCode.ENHANCE_YOUR_CALM, `a frame of type ${type} with ${length} bytes`);
  }

  // --- DATA that passes through -----------------------------------------------------------------------------

  private beginData(sink: DataSink, buffer: Buffer, at: number): void {
    const length = this.lengthAt(buffer, at);
    const flags = buffer[at + 4];
    const streamId = streamIdAt(buffer, at);
    if (streamId === 0) throw protocolError('DATA on no stream');
    const isPadded = (flags & Flag.PADDED) !== 0;
    if (isPadded && length === 0) throw protocolError('padding without end');
    this.isInData = true;
    this.dataLeft = length;
    this.paddingLeft = isPadded ? -1 : 0;
    this.isDataLast = (flags & Flag.END_STREAM) !== 0;
    sink.onDataStart(streamId, length);
  }

  /** Continues the DATA frame. Returns the offset after the bytes that belong to it. */
  private readData(chunk: Buffer, from: number, end: number): number {
    let at = from;
    if (this.paddingLeft < 0) {
      if (at === end) return at;
      this.paddingLeft = chunk[at++];
      this.dataLeft -= 1 + this.paddingLeft;
      if (this.dataLeft < 0) throw protocolError('padding without end');
    }
    const piece = Math.min(end - at, this.dataLeft);
    if (piece > 0) {
      this.dataLeft -= piece;
      if (!this.isStopped) this.dataSink!.onData(chunk, at, at + piece);
      at += piece;
    }
    if (this.dataLeft > 0) return at;
    const padding = Math.min(end - at, this.paddingLeft);
    this.paddingLeft -= padding;
    if (this.paddingLeft === 0) {
      this.isInData = false;
      if (!this.isStopped) this.dataSink!.onDataEnd(this.isDataLast);
    }
    return at + padding;
  }
}

function streamIdAt(buffer: Buffer, at: number): number {
  return ((buffer[at + 5] & 0x7f) << 24) | (buffer[at + 6] << 16) | (buffer[at + 7] << 8) | buffer[at + 8];
}
