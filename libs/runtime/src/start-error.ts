import type { Logger } from 'pino';
import { redactText } from './log/redact.js';
import { ConfigurationError } from './settings/configuration-error.js';

/**
 * A process cannot start, and its operator can fix that. The message is one line: the setting, what is wrong with it, what
 * would be right.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
}

const LISTEN_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program, possibly another Culvert (stop it, or choose another port)',
  EACCES:
    'needs permissions that this process does not have (many systems require them for ports below 1024)',
  EADDRNOTAVAIL: 'cannot be opened at HOST, which is not an address of this machine',
};

/**
 * Translates an error of opening a port. @param variable the setting that names the port
 * @returns a StartError, or `error` itself if it is not about the port
 */
export function listenError(error: unknown, variable: string, port: number): unknown {
  const problem = LISTEN_PROBLEMS[(error as NodeJS.ErrnoException).code ?? ''];
  return problem === undefined ? error : new StartError(`${variable}: ${port} ${problem}`, { cause: error });
}

export interface FailureOptions {
  /** Prefix of the line on stderr. Default: `culvert`. */
  readonly program?: string;
  /** Log for errors that the operator cannot fix, with their stack. Default: stderr, redacted like the log. */
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

/** Returns the result of `load`. Its ConfigurationError ends the process. */
export function exitOnConfigurationError<T>(load: () => T): T {
  try {
    return load();
  } catch (error) {
    if (error instanceof ConfigurationError) failToStart(error);
    throw error;
  }
}
