import type { Logger } from 'pino';
import { redactText } from './log/redact.js';
import { ConfigurationError } from './settings/configuration-error.js';

/** A process cannot start, and its operator can fix that. The message is one line: a setting, what is wrong with it, what would be right. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

const LISTEN_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program, maybe another Culvert (stop that, or choose another port)',
  EACCES: 'needs rights that this process does not have (ports below 1024 do on many systems)',
  EADDRNOTAVAIL: 'cannot be opened at HOST, which is not an address of this machine',
};

/**
 * Translates the error with which opening a port ended. @param variable the setting that names the port
 * @returns a StartError, or `error` itself when it says nothing about the port
 */
export function listenError(error: unknown, variable: string, port: number): unknown {
  const problem = LISTEN_PROBLEMS[(error as NodeJS.ErrnoException).code ?? ''];
  return problem === undefined ? error : new StartError(`${variable}: ${port} ${problem}`, { cause: error });
}

export interface FailureOptions {
  /** What the line on stderr begins with. Default: `culvert`. */
  readonly program?: string;
  /** Where an error that its operator cannot fix is logged with its stack. Default: stderr, redacted like the log. */
  readonly log?: Logger;
  /** Exit code for a ConfigurationError. Default: 1, as for all others. */
  readonly configurationCode?: number;
}

/** Ends the process because it cannot start. Errors that the operator can fix take one line on stderr. */
export function failToStart(error: unknown, options: FailureOptions = {}): never {
  const { program = 'culvert', log, configurationCode = 1 } = options;
  const isConfiguration = error instanceof ConfigurationError;
  const isKnown =
    isConfiguration ||
    error instanceof StartError ||
    (error as { code?: unknown } | null)?.code === 'DATA_DIR_IN_USE';
  if (isKnown) process.stderr.write(`${program}: ${error instanceof Error ? error.message : ''}\n`);
  else if (log !== undefined) log.fatal({ err: error }, 'cannot start');
  else process.stderr.write(`${program}: ${redactText(stackOf(error))}\n`);
  process.exit(isConfiguration ? configurationCode : 1);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Returns what `load` returns. A ConfigurationError of it ends the process. */
export function exitOnConfigurationError<T>(load: () => T): T {
  try {
    return load();
  } catch (error) {
    if (error instanceof ConfigurationError) failToStart(error);
    throw error;
  }
}
