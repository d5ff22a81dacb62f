/**
 * Keeps the memory of dead buffers small. V8 collects them when small objects have filled its young generation, or when they
 * amount to 32 MiB, whatever its flags say: a third of the memory of a pod daemon. So this checks, and triggers a
 * collection. Memory that is freed at once is reused while it is in the CPU's caches, which saves more than the collections
 * cost.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Interval of checks while bytes move, and while none do. */
const BUSY_LOOK_MS = 20;
const IDLE_LOOK_MS = 200;

/** Share of `maxBytes` for buffers that outlived two collections, which only a full collection frees. */
const OLD_SHARE = 3;

/**
 * Collects dead buffers whenever about `maxBytes` have accumulated since the last time. Returns a function that stops it.
 * Never keeps a process alive.
 */
export function boundBufferGarbage(maxBytes: number): () => void {
  const collect = garbageCollector();
  let keptBytes = 0;
  let oldBytes = 0;
  let lastBytes = 0;
  const look = (): void => {
    const bytes = bufferBytes();
    keptBytes = Math.min(keptBytes, bytes);
    oldBytes = Math.min(oldBytes, bytes);
    if (bytes - keptBytes > maxBytes) {
      collect({ type: 'minor' });
      keptBytes = bufferBytes();
      if (keptBytes - oldBytes > OLD_SHARE * maxBytes) {
        collect({ type: 'major' });
        keptBytes = oldBytes = bufferBytes();
      }
    }
    timer = setTimeout(look, bytes === lastBytes ? IDLE_LOOK_MS : BUSY_LOOK_MS).unref();
    lastBytes = bytes;
  };
  let timer = setTimeout(look, 0).unref();
  return () => clearTimeout(timer);
}

/** Memory outside the heap of V8. */
function bufferBytes(): number {
  return getHeapStatistics().external_memory;
}

type Collect = (options: { readonly type: 'minor' | 'major' }) => void;

/** V8 offers `gc` to contexts that are created while a flag is set. */
function garbageCollector(): Collect {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  // Other threads would return the memory to malloc arenas from which no thread allocates.
  setFlagsFromString('--no-concurrent-array-buffer-sweeping');
  return collect;
}
