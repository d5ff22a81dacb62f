import { describe, expect, it } from 'vitest';
import { WatchMemory } from './watch-memory.js';

describe(WatchMemory.name, () => {
  it('leaves room for others when one of its parts has used up its share', () => {
    const all = new WatchMemory(100);
    const [greedy, other] = [new WatchMemory(60, all), new WatchMemory(60, all)];
    expect([greedy.reserve(60), greedy.reserve(1)]).toEqual([true, false]);
    expect([other.reserve(41), other.reserve(40)]).toEqual([false, true]);
    expect([greedy.heldBytes, other.heldBytes, all.heldBytes]).toEqual([60, 40, 100]);
    greedy.release(10);
    expect([other.reserve(10), all.heldBytes]).toEqual([true, 100]);
  });
});
