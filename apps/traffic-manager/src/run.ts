import { createLog, stopOnSignals } from '@culvert/runtime';
import { readCommand } from './command.js';
import { startTrafficManager } from './traffic-manager.js';

/** Runs a traffic manager until it ends. Resolves with the exit code. @throws ConfigurationError */
export async function run(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { options, logLevel } = readCommand(argv, env);
  const manager = startTrafficManager(options, createLog({ app: 'traffic-manager', level: logLevel }));
  stopOnSignals(manager);
  return (await manager.ended) === null ? 0 : 1;
}
