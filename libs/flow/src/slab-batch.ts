/**
 * Collects outgoing frames until they leave as one piece. The frames themselves are written by the batch of a protocol,
 * which extends this one.
 *
 * Headers and small payloads are copied into a slab that all batches of a protocol share, so that an idle connection
 * owns no buffer. What one batch writes there without another in between forms one run, and a batch of one run leaves
 * without another copy. Large payloads stay where they are, each a run of its own. `drain` joins the runs, which is one
 * copy; `drainPieces` returns them as they are.
 *
 *     slab   | other batch | ours ours ours | other | ours |  free ...
 *                          ^runStart        runEnd^ = slab.used while the run can still grow
 */
const SLAB_BYTES = 65_536;

/** Payloads up to this size are copied into the slab: a copy costs less than another run. */
const MAX_COPIED_BYTES = 8192;

/** Pieces that are smaller on average are joined: to write them one by one would cost more than the copy. */
const MIN_PIECE_BYTES = 4096;

/** A batch that has to wait gets memory of its own if it would pin more than so many times its size. */
const MAX_PINNED_RATIO = 16;

/** Maximum number of runs in a batch that has to wait, since each run may pin a slab. */
const MAX_WAITING_RUNS = 16;

const NO_MEMORY = Buffer.alloc(0);

/**
 * The part of a protocol's memory that its batches have not written yet. Written parts are never reused: the garbage
 * collector frees them when the last batch in them has left.
 */
export class Slab {
  memory = Buffer.allocUnsafeSlow(SLAB_BYTES);
  used = 0;
}

export class SlabBatch {
  /** Bytes collected. */
  size = 0;
  /** The buffer in which `reserve` made room. Valid until the next write. */
  protected memory: Buffer = NO_MEMORY;
  private runs: Buffer[] = [];
  private runStart = 0;
  private runEnd = 0;

  constructor(private readonly slab: Slab) {}

  /** Returns everything collected, as one buffer that is never written to again. Empties the batch, which must have bytes. */
  drain(options: { readonly detached: boolean }): Buffer {
    return joined(this.drainPieces(options));
  }

  /**
   * Returns everything collected, in order, in one or more pieces that are never written to again. Empties the batch, which
   * must have bytes. Small pieces are joined.
   * @param options `detached`: the pieces will wait, and must not pin much more memory than they have bytes
   */
  drainPieces({ detached }: { readonly detached: boolean }): Buffer[] {
    this.endRun();
    const { runs, size } = this;
    this.runs = [];
    this.size = 0;
    const isSmall = runs.length > 1 && runs.length * MIN_PIECE_BYTES > size;
    return isSmall || (detached && isWasteful(runs, size)) ? [join(runs, size)] : runs;
  }

  /** Keeps a batch that has to wait from pinning many slabs. */
  settle(): void {
    if (this.runs.length < MAX_WAITING_RUNS) return;
    this.endRun();
    this.runs = [join(this.runs, this.size)];
  }

  /** Makes room in `memory` for `length` more bytes, at most 64 KiB, and returns the offset where they go. */
  protected reserve(length: number): number {
    const { slab } = this;
    if (slab.used + length > SLAB_BYTES) {
      slab.memory = Buffer.allocUnsafeSlow(SLAB_BYTES);
      slab.used = 0;
    }
    const at = slab.used;
    if (this.memory !== slab.memory || this.runEnd !== at) {
      this.endRun();
      this.memory = slab.memory;
      this.runStart = at;
    }
    this.runEnd = at + length;
    slab.used = this.runEnd;
    this.size += length;
    return at;
  }

  protected u16(value: number): void {
    const at = this.reserve(2);
    this.memory[at] = value >>> 8;
    this.memory[at + 1] = value;
  }

  protected u32(value: number): void {
    const at = this.reserve(4);
    const { memory } = this;
    memory[at] = value >>> 24;
    memory[at + 1] = value >>> 16;
    memory[at + 2] = value >>> 8;
    memory[at + 3] = value;
  }

  /** Adds `payload`, which must never change again: a large one is not copied. */
  protected bytes(payload: Buffer): void {
    const { length } = payload;
    if (length > MAX_COPIED_BYTES) {
      this.endRun();
      this.runs.push(payload);
      this.size += length;
    } else if (length > 0) {
      const at = this.reserve(length);
      this.memory.set(payload, at);
    }
  }

  /** Adds a copy of `source[from..to)`, at most 64 KiB. */
  protected copy(source: Buffer, from: number, to: number): void {
    const at = this.reserve(to - from);
    source.copy(this.memory, at, from, to);
  }

  private endRun(): void {
    if (this.memory === NO_MEMORY) return;
    this.runs.push(this.memory.subarray(this.runStart, this.runEnd));
    this.memory = NO_MEMORY;
  }
}

/** Reports whether `runs` keep much more memory from being freed than they have bytes. */
function isWasteful(runs: readonly Buffer[], size: number): boolean {
  let pinned = 0;
  for (const run of runs) pinned += run.buffer.byteLength;
  return pinned > MAX_PINNED_RATIO * size;
}

/** Returns `pieces`, of which there must be one at least, as one buffer: a copy if there are several. */
export function joined(pieces: readonly Buffer[]): Buffer {
  if (pieces.length === 1) return pieces[0];
  let size = 0;
  for (const piece of pieces) size += piece.length;
  return join(pieces, size);
}

/** Returns a copy in memory of its own: the pool of `Buffer.allocUnsafe` would be pinned like a slab. */
function join(runs: readonly Buffer[], size: number): Buffer {
  const whole = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (const run of runs) {
    whole.set(run, at);
    at += run.length;
  }
  return whole;
}
