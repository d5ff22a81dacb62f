import { ConfigurationError, createLog, stopOnSignals } from '@culvert/runtime';
import { readCommand } from './command.js';
import { startTrafficAgent } from './traffic-agent.js';

try {
  const { options, logLevel } = readCommand(process.argv.slice(2), process.env);
  const agent = await startTrafficAgent(options, createLog({ app: 'traffic-agent', level: logLevel }));
  stopOnSignals({ stop: () => agent.stop().then(() => process.exit(0)) });
} catch (error) {
  const text = error instanceof ConfigurationError ? error.message : String((error as Error).stack);
  process.stderr.write(`traffic-agent: ${text}\n`);
  process.exit(1);
}
