/** Writes frames (RFC 9113 §4.1) to a batch, which the connection writes as one piece. */
import { Slab, SlabBatch } from '@culvert/flow';
import {
  type ErrorCode,
  Flag,
  FrameType,
  HEADER_BYTES,
  INITIAL_FRAME_BYTES,
  PREFACE,
  writeFrameHeader,
} from './frame.js';

/** The slab that all connections of the process share. */
const slab = new Slab();

export class FrameBatch extends SlabBatch {
  /** @param headroomBytes room at the start of each batch, which the transport may fill in */
  constructor(private readonly headroomBytes = 0) {
    super(slab);
  }

  /** Writes the preface, which a client sends before its first frame. */
  preface(): void {
    this.makeHeadroom();
    this.copy(PREFACE, 0, PREFACE.length);
  }

  /** Writes DATA. `payload` is at most INITIAL_FRAME_BYTES, and not changed afterwards. */
  data(streamId: number, payload: Buffer, flags: number): void {
    this.header(FrameType.DATA, flags, streamId, payload.length);
    this.bytes(payload);
  }

  /** Writes DATA of two pieces: `head[0..headBytes)`, a few bytes that may be overwritten afterwards, and `payload`, which may not. */
  message(streamId: number, head: Buffer, headBytes: number, payload: Buffer): void {
    this.header(FrameType.DATA, 0, streamId, headBytes + payload.length);
    const at = this.reserve(headBytes);
    for (let i = 0; i < headBytes; i++) this.memory[at + i] = head[i];
    this.bytes(payload);
  }

  /** Writes HEADERS, and CONTINUATION as needed, of the block `bytes[0..length)`, which may be overwritten afterwards. */
  headers(streamId: number, bytes: Buffer, length: number, flags: number): void {
    let from = 0;
    do {
      const to = Math.min(length, from + INITIAL_FRAME_BYTES);
      const first = from === 0 ? flags : 0;
      const last = to === length ? Flag.END_HEADERS : 0;
      this.header(from === 0 ? FrameType.HEADERS : FrameType.CONTINUATION, first | last, streamId, to - from);
      this.copy(bytes, from, to);
      from = to;
    } while (from < length);
  }

  reset(streamId: number, code: ErrorCode): void {
    this.header(FrameType.RST_STREAM, 0, streamId, 4);
    this.u32(code);
  }

  windowUpdate(streamId: number, bytes: number): void {
    this.header(FrameType.WINDOW_UPDATE, 0, streamId, 4);
    this.u32(bytes);
  }

  /** `settings` are ids and values in turn. */
  settings(settings: readonly number[]): void {
    this.header(FrameType.SETTINGS, 0, 0, settings.length * 3);
    for (let i = 0; i < settings.length; i += 2) {
      this.u16(settings[i]);
      this.u32(settings[i + 1]);
    }
  }

  settingsAck(): void {
    this.header(FrameType.SETTINGS, Flag.ACK, 0, 0);
  }

  /** The payload is `source[from..from + 8)`. */
  ping(flags: number, source: Buffer, from: number): void {
    this.header(FrameType.PING, flags, 0, 8);
    this.copy(source, from, from + 8);
  }

  goAway(lastStreamId: number, code: ErrorCode): void {
    this.header(FrameType.GOAWAY, 0, 0, 8);
    this.u32(lastStreamId);
    this.u32(code);
  }

  private header(type: FrameType, flags: number, streamId: number, length: number): void {
    this.makeHeadroom();
    const at = this.reserve(HEADER_BYTES);
    writeFrameHeader(this.memory, at, length, type, flags, streamId);
  }

  private makeHeadroom(): void {
    if (this.size === 0 && this.headroomBytes > 0) this.reserve(this.headroomBytes);
  }
}
