/**
 * Keeps memory of dead buffers small. V8 collects them when small objects have filled its young generation, or when 32 MiB of
 * them lie about, whatever its flags say: a third of all that a pod daemon has. So this looks, and has them collected. What is
 * freed at once is used again while it is in the CPU's caches, which saves more than the collections take.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** While bytes move, and while none do. */
const BUSY_LOOK_MS = 20;
const IDLE_LOOK_MS = 200;

/** Of `maxBytes`: buffers that outlived two collections, of which only a whole one finds the dead. */
const OLD_SHARE = 3;

/**
 * Has dead buffers collected whenever about `maxBytes` have come up since the last time. Returns what ends that.
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

/** Outside the heap of V8. */
function bufferBytes(): number {
  return getHeapStatistics().external_memory;
}

type Collect = (options: { readonly type: 'minor' | 'major' }) => void;

/** V8 gives it to contexts that are made while a flag is set. */
function garbageCollector(): Collect {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  // Other threads would free into arenas of malloc that nobody takes from.
  setFlagsFromString('--no-concurrent-array-buffer-sweeping');
  return collect;
}
