import { createLog, stopOnSignal } from '@culvert/runtime';
import { boundBufferGarbage } from './buffer-garbage.js';
import { readPodDaemonCommand } from './command.js';
import { startPodDaemon, STOP_GRACE_MS } from './pod-daemon.js';

/** Share of its 100 MiB. */
const MAX_GARBAGE_BYTES = 4 * 1024 * 1024;

/**
 * Runs a pod daemon until the process ends: with 0 after a signal, with 1 if the pod daemon gives up.
 * @throws ConfigurationError
 */
export async function run(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const { options, logLevel, isCheck } = readPodDaemonCommand(argv, env);
  if (isCheck) {
    const [{ checkAndExit }, { podDaemonChecks }] = await Promise.all([
      import('../check.js'),
      import('./pod-daemon-checks.js'),
    ]);
    return checkAndExit(await podDaemonChecks(options));
  }
  boundBufferGarbage(MAX_GARBAGE_BYTES);
  const log = createLog({ app: 'pod-daemon', level: logLevel });
  const daemon = startPodDaemon(options, log, printLine);
  stopOnSignal({ stop: () => daemon.stop(), graceMs: STOP_GRACE_MS, log });
  if ((await daemon.ended) !== null) process.exit(1);
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
