import { describe, expect, it } from 'vitest';
import { SeededRandom } from '@culvert/testkit';
import { ByteQueue } from './byte-queue.js';

/** Bytes of the distinct buffers that `pieces` keep alive. */
function backing(pieces: readonly Buffer[]): number {
  const buffers = new Set(pieces.map(({ buffer }) => buffer));
  return [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

function drain(queue: ByteQueue): Buffer[] {
  const pieces: Buffer[] = [];
  while (queue.size > 0) pieces.push(queue.shift(65_536));
  return pieces;
}

/** Returns every buffer that the queue or its array refers to. */
function held(queue: ByteQueue): Buffer[] {
  const { pieces, tail } = queue as unknown as { pieces: Buffer[]; tail: Buffer };
  return [...pieces, tail].filter(({ length }) => length > 0);
}

describe('ByteQueue', () => {
  it('returns the bytes in order, however they are added and removed', () => {
    const random = new SeededRandom(5);
    for (let round = 0; round < 150; round++) {
      const queue = new ByteQueue();
      const put: Buffer[] = [];
      const taken: Buffer[] = [];
      let size = 0;
      // Some rounds let the queue grow, others keep it nearly empty.
      const pushes = [0.4, 0.5, 0.6][round % 3];
      for (let step = 0; step < 200; step++) {
        if (random.next() < pushes) {
          const piece = random.bytes(random.next() < 0.1 ? random.integer(1, 20_000) : random.integer(0, 50));
          const way = random.integer(0, 2);
          if (way === 0) queue.push(piece);
          else if (way === 1) queue.pushJoined(piece);
          else queue.pushCompact(piece);
          put.push(Buffer.from(piece));
          size += piece.length;
        } else if (queue.size > 0) {
          const max = random.integer(1, 10_000);
          const piece = queue.shift(max);
          // Not `expect`, which costs more than what is tested.
          if (piece.length === 0 || piece.length > max) throw new Error(`took ${piece.length} of ${max}`);
          taken.push(Buffer.from(piece));
          size -= piece.length;
        }
        if (queue.size !== size) throw new Error(`${queue.size} bytes instead of ${size}`);
      }
      expect(Buffer.concat([...taken, ...drain(queue)]).equals(Buffer.concat(put))).toBe(true);
      expect(held(queue)).toEqual([]);
    }
  });

  it('never writes again into removed bytes', () => {
    const random = new SeededRandom(6);
    const queue = new ByteQueue();
    const taken: Buffer[] = [];
    const copies: Buffer[] = [];
    for (let i = 0; i < 5000; i++) {
      queue.pushJoined(random.bytes(random.integer(1, 500)));
      if (random.next() < 0.6 && queue.size > 0) {
        const piece = queue.shift(random.integer(1, 600));
        taken.push(piece);
        copies.push(Buffer.from(piece));
      }
    }
    for (const [index, piece] of taken.entries()) expect(piece.equals(copies[index])).toBe(true);
  });

  it('keeps pushed pieces without copying, whatever their size', () => {
    const queue = new ByteQueue();
    const pieces = [Buffer.alloc(10), Buffer.alloc(100_000).subarray(0, 5000)];
    for (const piece of pieces) queue.push(piece);
    expect(queue.shift(65_536)).toBe(pieces[0]);
    expect(queue.shift(65_536)).toBe(pieces[1]);
  });

  it('returns small pieces joined as one, and a large one itself', () => {
    const queue = new ByteQueue();
    const large = Buffer.alloc(4097);
    queue.pushJoined(Buffer.from('ab'));
    queue.pushJoined(Buffer.from('cd'));
    queue.pushJoined(large);
    queue.pushJoined(Buffer.from('ef'));
    expect(queue.shift(65_536).toString()).toBe('abcd');
    expect(queue.shift(65_536)).toBe(large);
    expect(queue.shift(65_536).toString()).toBe('ef');
  });

  it('does not keep the message that a small piece was cut from', () => {
    for (const way of ['pushJoined', 'pushCompact'] as const) {
      const queue = new ByteQueue();
      for (let i = 0; i < 1000; i++) queue[way](Buffer.allocUnsafeSlow(65_536).subarray(0, 10));
      expect(backing(drain(queue))).toBeLessThanOrEqual(2 * 8192);
    }
  });

  it.each([
    ['large and tiny pieces in turns', [4096, 1]],
    ['pieces just too large to be copied and tiny ones in turns', [4097, 1]],
    ['pieces just below a tail', [4095]],
    ['pieces just above a tail', [8193, 1]],
    ['whole frames', [65_536]],
  ])('keeps at most four times the memory of %s, beside one tail', (_case, sizes) => {
    const queue = new ByteQueue();
    for (let i = 0; i < 400; i++) {
      queue.pushCompact(Buffer.allocUnsafeSlow(131_072).subarray(0, sizes[i % sizes.length]));
      const size = sizes[i % sizes.length];
      // A message that holds hardly more than the piece.
      queue.pushCompact(Buffer.allocUnsafeSlow(size + 8).subarray(0, size));
    }
    const { size } = queue;
    expect(backing(drain(queue))).toBeLessThanOrEqual(4 * size + 8192);
  });

  it('holds nothing after a clear', () => {
    const queue = new ByteQueue();
    queue.push(Buffer.from('abc'));
    queue.pushCompact(Buffer.from('abc'));
    queue.clear();
    expect(queue.size).toBe(0);
    expect(held(queue)).toEqual([]);
    queue.pushCompact(Buffer.from('def'));
    expect(queue.shift(10).toString()).toBe('def');
  });

  it('does not keep removed pieces even if it never becomes empty', () => {
    const queue = new ByteQueue();
    queue.push(Buffer.from('x'));
    for (let i = 0; i < 100_000; i++) {
      queue.push(Buffer.from('y'));
      queue.shift(1);
    }
    expect(queue.size).toBe(1);
    expect(placesOf(queue)).toBeLessThan(200);
  });

  it('does not keep its array of many pieces once it is empty', () => {
    const queue = new ByteQueue();
    for (let i = 0; i < 1000; i++) queue.push(Buffer.from('x'));
    drain(queue);
    expect(placesOf(queue)).toBeLessThanOrEqual(64);
  });
});

function placesOf(queue: ByteQueue): number {
  return (queue as unknown as { pieces: Buffer[] }).pieces.length;
}
