import { ConfigurationError, startLog } from '@culvert/process';
import { readCommand } from './command.js';
import { startTrafficAgent } from './traffic-agent.js';

try {
  const { options, logLevel } = readCommand(process.argv.slice(2), process.env);
  const agent = await startTrafficAgent(options, startLog('traffic-agent', logLevel));
  // The first signal drains; the second ends the process as it would end any other.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void agent.stop().then(() => process.exit(0)));
  }
} catch (error) {
  const text = error instanceof ConfigurationError ? error.message : String((error as Error).stack);
  process.stderr.write(`traffic-agent: ${text}\n`);
  process.exit(1);
}
