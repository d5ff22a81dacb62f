import { describe, expect, it } from 'vitest';
import { SeededRandom } from '@culvert/testkit';
import { Slab, SlabBatch } from './slab-batch.js';

/** A protocol in which each write is one frame. */
class PlainBatch extends SlabBatch {
  word(value: number): void {
    this.u32(value);
  }

  half(value: number): void {
    this.u16(value);
  }

  payload(bytes: Buffer): void {
    this.bytes(bytes);
  }

  part(bytes: Buffer, from: number, to: number): void {
    this.copy(bytes, from, to);
  }

  octets(...values: number[]): void {
    const at = this.reserve(values.length);
    this.memory.set(values, at);
  }
}

describe('SlabBatch', () => {
  it('writes numbers in network byte order', () => {
    const batch = new PlainBatch(new Slab());
    batch.word(0xfffe_fdfc);
    batch.half(0x0102);
    batch.octets(7, 8);
    expect(batch.size).toBe(8);
    expect(batch.drain({ detached: false }).toString('hex')).toBe('fffefdfc01020708');
  });

  it('returns what was written, in order, whatever else was written to its slab', () => {
    const random = new SeededRandom(1);
    for (let round = 0; round < 100; round++) {
      const slab = new Slab();
      const batches = [new PlainBatch(slab), new PlainBatch(slab), new PlainBatch(slab)];
      const expected: Buffer[][] = [[], [], []];
      for (let i = random.integer(1, 80); i > 0; i--) {
        const which = random.integer(0, 2);
        const bytes = random.bytes(random.next() < 0.1 ? random.integer(1, 65_536) : random.integer(1, 300));
        const from = random.integer(0, bytes.length - 1);
        if (random.next() < 0.5) {
          batches[which].payload(bytes);
          expected[which].push(bytes);
        } else {
          batches[which].part(bytes, from, bytes.length);
          expected[which].push(bytes.subarray(from));
        }
        if (random.next() < 0.1) batches[which].settle();
      }
      for (const [which, batch] of batches.entries()) {
        const whole = Buffer.concat(expected[which]);
        expect(batch.size).toBe(whole.length);
        if (whole.length === 0) continue;
        expect(batch.drain({ detached: random.next() < 0.5 }).equals(whole)).toBe(true);
        expect(batch.size).toBe(0);
      }
    }
  });

  it('never writes again into bytes that were removed', () => {
    const batch = new PlainBatch(new Slab());
    const taken: Buffer[] = [];
    const copies: Buffer[] = [];
    for (let i = 1; i < 40_000; i++) {
      batch.word(i);
      if (i % 7 !== 0) continue;
      const bytes = batch.drain({ detached: i % 2 === 0 });
      taken.push(bytes);
      copies.push(Buffer.from(bytes));
    }
    for (const [index, bytes] of taken.entries()) expect(bytes.equals(copies[index])).toBe(true);
  });

  it('does not copy a large payload that is alone', () => {
    const batch = new PlainBatch(new Slab());
    const payload = Buffer.alloc(8193);
    batch.payload(payload);
    expect(batch.drain({ detached: true })).toBe(payload);
  });

  it('does not copy a batch of one run', () => {
    const slab = new Slab();
    const batch = new PlainBatch(slab);
    batch.word(1);
    batch.payload(Buffer.alloc(8192));
    expect(batch.drain({ detached: true }).buffer).toBe(slab.memory.buffer);
  });

  it('copies a small batch that has to wait into memory of its own size', () => {
    const batch = new PlainBatch(new Slab());
    batch.word(1);
    expect(batch.drain({ detached: true }).buffer.byteLength).toBe(4);
  });

  it('returns large payloads as pieces of their own, in order and without a copy', () => {
    const batch = new PlainBatch(new Slab());
    const [first, second] = [Buffer.alloc(20_000, 1), Buffer.alloc(20_000, 2)];
    batch.word(1);
    batch.payload(first);
    batch.word(2);
    batch.payload(second);
    const pieces = batch.drainPieces({ detached: true });
    expect(pieces.map(({ length }) => length)).toEqual([4, 20_000, 4, 20_000]);
    expect([pieces[1], pieces[3]]).toEqual([first, second]);
    expect(pieces[1]).toBe(first);
    expect(batch.size).toBe(0);
  });

  it('joins pieces that are small', () => {
    const slab = new Slab();
    const [batch, other] = [new PlainBatch(slab), new PlainBatch(slab)];
    for (let i = 1; i <= 10; i++) {
      batch.word(i);
      other.word(i);
    }
    expect(batch.drainPieces({ detached: false }).map(({ length }) => length)).toEqual([40]);
  });

  it('copies pieces that have to wait and are a small part of the memory that they pin', () => {
    const batch = new PlainBatch(new Slab());
    batch.word(1);
    batch.payload(Buffer.alloc(1_000_000, 7).subarray(0, 20_000));
    const [piece, ...others] = batch.drainPieces({ detached: true });
    expect(others).toEqual([]);
    expect(piece.buffer.byteLength).toBe(20_004);
    expect(piece.subarray(4).equals(Buffer.alloc(20_000, 7))).toBe(true);
  });

  it('joins the runs of a batch that waits for long', () => {
    const slab = new Slab();
    const [batch, other] = [new PlainBatch(slab), new PlainBatch(slab)];
    for (let i = 1; i <= 1000; i++) {
      batch.word(i);
      other.word(i);
      batch.settle();
      expect(runsOf(batch)).toBeLessThanOrEqual(16);
    }
    const bytes = batch.drain({ detached: false });
    expect(bytes.buffer.byteLength).toBe(4000);
    for (let i = 1; i <= 1000; i++) expect(bytes.readUInt32BE((i - 1) * 4)).toBe(i);
  });

  it('owns no memory once its bytes were removed', () => {
    const slab = new Slab();
    const batch = new PlainBatch(slab);
    batch.word(1);
    batch.drain({ detached: false });
    const held = Object.values(batch).filter((value) => Buffer.isBuffer(value) && value.length > 0);
    expect(held).toEqual([]);
    expect(runsOf(batch)).toBe(0);
  });
});

function runsOf(batch: SlabBatch): number {
  return (batch as unknown as { runs: Buffer[] }).runs.length;
}
