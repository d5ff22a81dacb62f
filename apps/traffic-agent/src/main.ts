import { createLog, failToStart, stopOnSignal } from '@culvert/runtime';
import { readCommand } from './command.js';
import { startTrafficAgent } from './traffic-agent.js';

/** Added to the time for requests in progress: to close the connection to the traffic manager, and for a busy machine. */
const EXTRA_STOP_MS = 5000;

try {
  const { options, logLevel } = readCommand(process.argv.slice(2), process.env);
  const log = createLog({ app: 'traffic-agent', level: logLevel });
  const agent = await startTrafficAgent(options, log);
  stopOnSignal({ stop: () => agent.stop(), graceMs: options.drainMs + EXTRA_STOP_MS, log });
} catch (error) {
  failToStart(error, { program: 'traffic-agent' });
}
