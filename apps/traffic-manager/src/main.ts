import { ConfigurationError, startLog } from '@culvert/process';
import { readCommand } from './command.js';
import type { CommandSettings } from './command.js';
import { startTrafficManager } from './traffic-manager.js';
import type { TrafficManager } from './traffic-manager.js';

async function run({ options, logLevel }: CommandSettings): Promise<number> {
  const log = startLog('traffic-manager', logLevel);
  const manager = startTrafficManager(options, log);
  stopOnSignals(manager);
  return (await manager.ended) === null ? 0 : 1;
}

/** The first signal drains; the second ends the process as it would end any other. */
function stopOnSignals(manager: TrafficManager): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void manager.stop());
  }
}

try {
  process.exit(await run(readCommand(process.argv.slice(2), process.env)));
} catch (error) {
  const text = error instanceof ConfigurationError ? error.message : String((error as Error).stack);
  process.stderr.write(`traffic-manager: ${text}\n`);
  process.exit(1);
}
