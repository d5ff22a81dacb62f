import type { CulvertNeeds } from './check.js';
import { createLog, keepHeapRoom, stopOnSignal } from '@culvert/runtime';
import { readCommand } from './command.js';
import { DEFAULT_DRAIN_MS, resolveOptions, type ResolvedOptions } from './options.js';
import { startTrafficManager } from './traffic-manager.js';

/** Added to the drain time: for closing what is left, on a busy machine. */
const EXTRA_STOP_MS = 5000;

/** Little, because the chart gives the pod 256 MiB. */
const HEAP_ROOM_MIB = 64;

/**
 * Runs a traffic manager until the process ends: with 0 after a signal, with 1 if the traffic manager gives up.
 * @throws ConfigurationError
 */
export async function run(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const { options, logLevel, isCheck } = readCommand(argv, env);
  if (isCheck) {
    const { checkAndExit, culvertChecks } = await import('./check.js');
    return checkAndExit(culvertChecks(needsOf(resolveOptions(options))));
  }
  const log = createLog({ app: 'traffic-manager', level: logLevel });
  keepHeapRoom(HEAP_ROOM_MIB);
  const manager = startTrafficManager(options, log);
  const graceMs = (options.drainMs ?? DEFAULT_DRAIN_MS) + EXTRA_STOP_MS;
  stopOnSignal({ stop: () => manager.stop(), graceMs, log });
  if ((await manager.ended) !== null) process.exit(1);
}

/** Returns what a traffic manager needs of Culvert. Only one with a port for agents reports intercepts. */
export function needsOf({ url, ca, apiKey, clusterPort }: ResolvedOptions): CulvertNeeds {
  const useful =
    clusterPort === null ? [] : (['sessions:read', 'intercepts:read', 'intercepts:write'] as const);
  return { url, ca, apiKey, required: ['tunnel'], useful };
}
