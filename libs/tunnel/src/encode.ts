/**
 * Collects outgoing frames until the tunnel hands them to its carrier as one message.
 *
 * Headers and small payloads are copied into a slab that all tunnels of the process share, so that an idle tunnel
 * owns no buffer. Frames of one tunnel that follow each other in the slab form one run; a batch of one run
 * leaves without another copy. Large payloads stay where they are until `take` joins the runs: one copy.
 *
 *     slab   | other tunnel | ours ours ours | other | ours |  free ...
 *                            ^runStart               runEnd^ = slab.used when the run can still grow
 */
import { FrameType, HEADER_BYTES } from './frame.js';
import type { GoAwayCode } from './frame.js';
import { encodeText } from './text.js';
import type { ResetCode } from './types.js';

const SLAB_BYTES = 65_536;

/** Payloads up to this size are copied into the slab: a copy costs less than another run. */
const MAX_COPIED_BYTES = 8192;

/** A message below this size that has to wait gets memory of its own, so that it does not pin a slab. */
const MAX_DETACHED_BYTES = 4096;

/** Runs in a batch that has to wait, each of which may pin a slab. */
const MAX_WAITING_RUNS = 16;

// The part of the process's slab that nobody has written yet. Written parts are never reused: the garbage
// collector frees a slab when the last message in it has left.
let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
let slabUsed = 0;

export class FrameBatch {
  /** Bytes collected. */
  size = 0;
  private runs: Buffer[] = [];
  private runSlab: Buffer | null = null;
  private runStart = 0;
  private runEnd = 0;

  data(id: number, payload: Buffer): void {
    this.header(FrameType.DATA, payload.length, id);
    this.bytes(payload);
  }

  /** HELLO, WELCOME, and PING or PONG, whose stream id is 0. */
  tunnelFrame(type: FrameType, payload: Buffer): void {
    this.header(type, payload.length, 0);
    this.bytes(payload);
  }

  goAway(code: GoAwayCode, reason: string): void {
    this.codeAndText(FrameType.GOAWAY, 0, code, reason);
  }

  /** `target` is OPEN's JSON. */
  open(id: number, credit: number, target: Buffer): void {
    this.header(FrameType.OPEN, 4 + target.length, id);
    this.u32(credit);
    this.bytes(target);
  }

  opened(id: number, credit: number): void {
    this.header(FrameType.OPENED, 4, id);
    this.u32(credit);
  }

  end(id: number): void {
    this.header(FrameType.END, 0, id);
  }

  reset(id: number, code: ResetCode, detail: string): void {
    this.codeAndText(FrameType.RESET, id, code, detail);
  }

  window(id: number, credit: number): void {
    this.header(FrameType.WINDOW, 4, id);
    this.u32(credit);
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

  private codeAndText(type: FrameType, id: number, code: number, text: string): void {
    const bytes = encodeText(text);
    this.header(type, 2 + bytes.length, id);
    const at = this.grow(2);
    slab[at] = code >>> 8;
    slab[at + 1] = code;
    this.bytes(bytes);
  }

  private header(type: FrameType, length: number, id: number): void {
    const at = this.grow(HEADER_BYTES);
    const target = slab;
    target[at] = type;
    target[at + 1] = length >>> 16;
    target[at + 2] = length >>> 8;
    target[at + 3] = length;
    target[at + 4] = id >>> 24;
    target[at + 5] = id >>> 16;
    target[at + 6] = id >>> 8;
    target[at + 7] = id;
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
    } else if (payload.length > 0) {
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
