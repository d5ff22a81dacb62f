import type { Logger } from 'pino';
import { ConfigurationError } from './settings/configuration-error.js';
import type { Variable } from './settings/variables.js';

/** Why a process cannot start, in one line for its operator: a setting, what is wrong with it, and what would be right. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

const LISTEN_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program, maybe another Culvert (stop that, or choose another port)',
  EACCES: 'needs rights that this process does not have (ports below 1024 do on many systems)',
  EADDRNOTAVAIL: 'cannot be opened at HOST, which is not an address of this machine',
};

/** What to throw in the place of `error`, with which opening a port ended. */
export function listenError(error: unknown, variable: Variable, port: number): unknown {
  const problem = LISTEN_PROBLEMS[(error as NodeJS.ErrnoException).code ?? ''];
  return problem === undefined ? error : new StartError(`${variable}: ${port} ${problem}`, { cause: error });
}

/** Ends the process with 1. What its operator can mend is said in one line; all else goes to the log with its stack. */
export function failToStart(error: unknown, log?: Logger): never {
  const isKnown =
    error instanceof StartError ||
    error instanceof ConfigurationError ||
    (error as { code?: unknown }).code === 'DATA_DIR_IN_USE';
  if (isKnown || log === undefined) {
    const { message, stack } = error as Error;
    process.stderr.write(`culvert: ${isKnown ? message : stack}\n`);
  } else {
    log.fatal({ err: error }, 'cannot start');
  }
  process.exit(1);
}
