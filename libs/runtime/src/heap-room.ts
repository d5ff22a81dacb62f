import { getHeapStatistics, setFlagsFromString } from 'node:v8';

const MIB = 2 ** 20;

const DEFAULT_ROOM_MIB = 128;

/** Heaps that are so many times larger than the room get as much from V8 itself. */
const MAX_RATIO = 4;

/** The live part of a heap changes slowly. */
const INTERVAL_MS = 5000;

/**
 * Gives a small heap room for the buffers that pass through it. V8 counts their memory, though it lies elsewhere, as if
 * the heap had grown, and allows a heap of 50 MiB to grow by a quarter: a bulk transfer made it collect the whole heap
 * after every 25 MiB, which cost three times as much as the transfer. Programs that move visitors' bytes call it once.
 * Costs at most this room in garbage that is freed later.
 * @param roomMiB how far the old generation may grow beyond what is alive, in MiB
 */
export function keepHeapRoom(roomMiB = DEFAULT_ROOM_MIB): void {
  const update = (): void => {
    const { used_heap_size: usedBytes } = getHeapStatistics();
    // V8 reads the flag whenever it computes the next limit, at the end of a full collection.
    setFlagsFromString(`--heap-growing-percent=${growthPercent(usedBytes, roomMiB)}`);
  };
  update();
  setInterval(update, INTERVAL_MS).unref();
}

/** Returns by how many percent a heap of `usedBytes` may grow; 0 leaves it to V8. */
export function growthPercent(usedBytes: number, roomMiB: number): number {
  const usedMiB = Math.max(usedBytes / MIB, 1);
  return usedMiB > MAX_RATIO * roomMiB ? 0 : Math.ceil((100 * roomMiB) / usedMiB);
}
