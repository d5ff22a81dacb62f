import { describe, expect, it } from 'vitest';
import { ChunkQueue } from './chunk-queue.js';
import { SeededRandom } from '@culvert/testkit';

/** Distinct buffers that the queue keeps alive. */
function backing(chunks: readonly Buffer[]): number {
  const buffers = new Set(chunks.map(({ buffer }) => buffer));
  return [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

function drain(queue: ChunkQueue): Buffer[] {
  const chunks: Buffer[] = [];
  while (queue.bytes > 0) chunks.push(queue.take(65_536));
  return chunks;
}

describe('ChunkQueue', () => {
  it('gives back what was put in, in order, however it is put in and taken out', () => {
    const random = new SeededRandom(5);
    for (let round = 0; round < 200; round++) {
      const queue = new ChunkQueue();
      const put: Buffer[] = [];
      const taken: Buffer[] = [];
      let bytes = 0;
      for (let step = 0; step < 100; step++) {
        if (random.next() < 0.6) {
          const piece = random.bytes(random.next() < 0.1 ? random.integer(1, 20_000) : random.integer(1, 50));
          if (random.next() < 0.5) queue.push(piece);
          else queue.pushCompact(piece);
          put.push(Buffer.from(piece));
          bytes += piece.length;
        } else if (queue.bytes > 0) {
          const max = random.integer(1, 10_000);
          const chunk = queue.take(max);
          expect(chunk.length).toBeGreaterThan(0);
          expect(chunk.length).toBeLessThanOrEqual(max);
          taken.push(Buffer.from(chunk));
          bytes -= chunk.length;
        }
        expect(queue.bytes).toBe(bytes);
      }
      expect(Buffer.concat([...taken, ...drain(queue)]).equals(Buffer.concat(put))).toBe(true);
    }
  });

  it('does not keep the message that a small piece was cut from', () => {
    const queue = new ChunkQueue();
    for (let i = 0; i < 1000; i++) queue.pushCompact(Buffer.alloc(1_048_576).subarray(0, 10));
    expect(backing(drain(queue))).toBeLessThanOrEqual(2 * 8192);
  });

  it.each([
    ['large and tiny pieces in turns', [4096, 1]],
    ['pieces just below a block', [4095]],
    ['pieces just above a block', [8193, 1]],
    ['whole frames', [65_536]],
  ])('keeps at most four times the memory of %s, beside one block', (_case, sizes) => {
    const queue = new ChunkQueue();
    for (let i = 0; i < 400; i++) {
      queue.pushCompact(Buffer.allocUnsafeSlow(131_072).subarray(0, sizes[i % sizes.length]));
      const size = sizes[i % sizes.length];
      // A message that holds hardly more than the piece.
      queue.pushCompact(Buffer.allocUnsafeSlow(size + 8).subarray(0, size));
    }
    const { bytes } = queue;
    expect(backing(drain(queue))).toBeLessThanOrEqual(4 * bytes + 8192);
  });

  it('holds nothing after it was cleared', () => {
    const queue = new ChunkQueue();
    queue.pushCompact(Buffer.from('abc'));
    queue.clear();
    expect(queue.bytes).toBe(0);
    queue.pushCompact(Buffer.from('def'));
    expect(queue.take(10).toString()).toBe('def');
  });

  it('does not keep chunks that were taken while it never becomes empty', () => {
    const queue = new ChunkQueue();
    queue.push(Buffer.from('x'));
    for (let i = 0; i < 100_000; i++) {
      queue.push(Buffer.from('y'));
      queue.take(1);
    }
    expect(queue.bytes).toBe(1);
    expect((queue as unknown as { chunks: Buffer[] }).chunks.length).toBeLessThan(200);
  });
});
