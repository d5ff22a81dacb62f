/**
 * Collects outgoing frames until the connection writes them as one piece.
 *
 * Headers and small payloads are copied into a slab that all connections of the process share, so that an idle
 * connection owns no buffer. Frames of one connection that follow each other there form one run; a batch of one run
 * leaves without another copy. Larger payloads stay where they are until `take` joins the runs: one copy.
 */
import { type ErrorCode, Flag, FrameType, HEADER_BYTES, MAX_FRAME_BYTES } from './frame.js';

const SLAB_BYTES = 65_536;

/** Payloads up to this size are copied into the slab: a copy costs less than another run. */
const MAX_COPIED_BYTES = 8192;

/** A batch below this size that has to wait gets memory of its own, so that it does not pin a slab. */
const MAX_DETACHED_BYTES = 4096;

/** Runs in a batch that has to wait, each of which may pin a slab. */
const MAX_WAITING_RUNS = 16;

// The part of the process's slab that nobody has written yet. Written parts are never reused: the garbage collector
// frees a slab when the last batch in it has left.
let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
let slabUsed = 0;

export class FrameBatch {
  /** Bytes collected. */
  size = 0;
  private runs: Buffer[] = [];
  private runSlab: Buffer | null = null;
  private runStart = 0;
  private runEnd = 0;

  /** `payload` is at most MAX_FRAME_BYTES, and not changed any more. */
  data(streamId: number, payload: Buffer, flags: number): void {
    this.header(FrameType.DATA, flags, streamId, payload.length);
    if (payload.length > 0) this.bytes(payload);
  }

  /** HEADERS, and CONTINUATION as needed, of the block `bytes[0..length)`, which may be overwritten afterwards. */
  headers(streamId: number, bytes: Buffer, length: number, flags: number): void {
    let from = 0;
    do {
      const to = Math.min(length, from + MAX_FRAME_BYTES);
      const first = from === 0 ? flags : 0;
      const last = to === length ? Flag.END_HEADERS : 0;
      this.header(from === 0 ? FrameType.HEADERS : FrameType.CONTINUATION, first | last, streamId, to - from);
      const at = this.grow(to - from);
      bytes.copy(slab, at, from, to);
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
      const at = this.grow(2);
      slab[at] = settings[i] >>> 8;
      slab[at + 1] = settings[i];
      this.u32(settings[i + 1]);
    }
  }

  settingsAck(): void {
    this.header(FrameType.SETTINGS, Flag.ACK, 0, 0);
  }

  /** The payload is `source[from..from + 8)`. */
  ping(flags: number, source: Buffer, from: number): void {
    this.header(FrameType.PING, flags, 0, 8);
    const at = this.grow(8);
    source.copy(slab, at, from, from + 8);
  }

  goAway(lastStreamId: number, code: ErrorCode): void {
    this.header(FrameType.GOAWAY, 0, 0, 8);
    this.u32(lastStreamId);
    this.u32(code);
  }

  /** Everything collected, as one buffer that nobody else writes to. Empties the batch. */
  take(options: { readonly detached: boolean }): Buffer {
    this.endRun();
    const { runs, size } = this;
    this.runs = [];
    this.size = 0;
    if (runs.length > 1 || (options.detached && size < MAX_DETACHED_BYTES)) return join(runs, size);
    return runs[0];
  }

  /** Keeps a batch that has to wait from pinning many slabs. */
  settle(): void {
    if (this.runs.length < MAX_WAITING_RUNS) return;
    this.endRun();
    this.runs = [join(this.runs, this.size)];
  }

  private header(type: number, flags: number, streamId: number, length: number): void {
    const at = this.grow(HEADER_BYTES);
    const target = slab;
    target[at] = length >>> 16;
    target[at + 1] = length >>> 8;
    target[at + 2] = length;
    target[at + 3] = type;
    target[at + 4] = flags;
    target[at + 5] = streamId >>> 24;
    target[at + 6] = streamId >>> 16;
    target[at + 7] = streamId >>> 8;
    target[at + 8] = streamId;
  }

  private u32(value: number): void {
    const at = this.grow(4);
    slab[at] = value >>> 24;
    slab[at + 1] = value >>> 16;
    slab[at + 2] = value >>> 8;
    slab[at + 3] = value;
  }

  private bytes(payload: Buffer): void {
    if (payload.length > MAX_COPIED_BYTES) {
      this.endRun();
      this.runs.push(payload);
      this.size += payload.length;
    } else {
      const at = this.grow(payload.length);
      slab.set(payload, at);
    }
  }

  /** Makes room for `length` more bytes in the slab and returns where they go. */
  private grow(length: number): number {
    if (slabUsed + length > SLAB_BYTES) {
      slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      slabUsed = 0;
    }
    if (this.runSlab !== slab || this.runEnd !== slabUsed) {
      this.endRun();
      this.runSlab = slab;
      this.runStart = slabUsed;
    }
    const at = slabUsed;
    slabUsed += length;
    this.runEnd = slabUsed;
    this.size += length;
    return at;
  }

  private endRun(): void {
    if (this.runSlab === null) return;
    this.runs.push(this.runSlab.subarray(this.runStart, this.runEnd));
    this.runSlab = null;
  }
}

/** A copy in memory of its own: the pool of `Buffer.allocUnsafe` would be pinned like a slab. */
function join(runs: readonly Buffer[], size: number): Buffer {
  const joined = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (const run of runs) {
    joined.set(run, at);
    at += run.length;
  }
  return joined;
}
