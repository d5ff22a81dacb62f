import { destination, pino } from 'pino';
import { readCommand } from './command.js';
import type { CommandSettings } from './command.js';
import { ConfigurationError } from './configuration-error.js';
import { startTrafficManager } from './traffic-manager.js';
import type { TrafficManager } from './traffic-manager.js';

const STDERR = 2;

async function run({ options, logLevel }: CommandSettings): Promise<number> {
  const log = pino(
    {
      level: logLevel,
      base: { app: 'traffic-manager' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination({ dest: STDERR, sync: true }),
  );
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
