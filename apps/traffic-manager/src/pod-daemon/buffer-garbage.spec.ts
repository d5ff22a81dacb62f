import { setTimeout as delay } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { afterEach, expect, it } from 'vitest';
import { boundBufferGarbage } from './buffer-garbage.js';

const MIB = 1024 * 1024;

let end = (): void => {};
afterEach(() => end());

/** Returns the peak of uncollected memory while so many MiB were allocated and dropped, 1 MiB at a time. */
async function peakWhile(mib: number): Promise<number> {
  const before = getHeapStatistics().external_memory;
  let peak = 0;
  for (let i = 0; i < mib; i++) {
    Buffer.allocUnsafeSlow(MIB);
    peak = Math.max(peak, getHeapStatistics().external_memory - before);
    // The collector needs a turn: both run in lockstep, not by time.
    await delay(25);
  }
  return peak / MIB;
}

it('boundBufferGarbage collects dead buffers long before V8 would', async () => {
  end = boundBufferGarbage(4 * MIB);
  expect(await peakWhile(30)).toBeLessThan(20);
});
