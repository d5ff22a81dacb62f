import { createLog, stopOnSignals } from '@culvert/runtime';
import { boundBufferGarbage } from './buffer-garbage.js';
import { readPodDaemonCommand } from './command.js';
import { startPodDaemon } from './pod-daemon.js';

/** Of 100 MiB that it has. */
const MAX_GARBAGE_BYTES = 4 * 1024 * 1024;

/** Runs a pod daemon until it ends. Resolves with the exit code. @throws ConfigurationError */
export async function run(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { options, logLevel } = readPodDaemonCommand(argv, env);
  boundBufferGarbage(MAX_GARBAGE_BYTES);
  const daemon = startPodDaemon(options, createLog({ app: 'pod-daemon', level: logLevel }), printLine);
  stopOnSignals(daemon);
  return (await daemon.ended) === null ? 0 : 1;
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
