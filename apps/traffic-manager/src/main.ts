import { ConfigurationError, startLog } from '@culvert/process';
import { readCommand } from './command.js';
import type { CommandSettings } from './command.js';
import { isPodDaemon, readPodDaemonCommand, type PodDaemonCommand } from './pod-daemon/command.js';
import { startPodDaemon } from './pod-daemon/pod-daemon.js';
import { startTrafficManager } from './traffic-manager.js';

async function run({ options, logLevel }: CommandSettings): Promise<number> {
  const log = startLog('traffic-manager', logLevel);
  const manager = startTrafficManager(options, log);
  stopOnSignals(manager);
  return (await manager.ended) === null ? 0 : 1;
}

async function runPodDaemon({ options, logLevel }: PodDaemonCommand): Promise<number> {
  const log = startLog('pod-daemon', logLevel);
  const daemon = startPodDaemon(options, log, (line) => void process.stdout.write(`${line}\n`));
  stopOnSignals(daemon);
  return (await daemon.ended) === null ? 0 : 1;
}

/** The first signal drains; the second ends the process as it would end any other. */
function stopOnSignals(manager: { stop(): Promise<void> }): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void manager.stop());
  }
}

const argv = process.argv.slice(2);
const isDaemon = isPodDaemon(argv, process.env);
try {
  const code = isDaemon
    ? await runPodDaemon(readPodDaemonCommand(argv, process.env))
    : await run(readCommand(argv, process.env));
  process.exit(code);
} catch (error) {
  const text = error instanceof ConfigurationError ? error.message : String((error as Error).stack);
  process.stderr.write(`${isDaemon ? 'pod-daemon' : 'traffic-manager'}: ${text}\n`);
  // 2 is what Telepresence's pod daemon says of its flags.
  process.exit(isDaemon && error instanceof ConfigurationError ? 2 : 1);
}
