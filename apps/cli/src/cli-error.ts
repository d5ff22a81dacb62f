import { ClientError, type ClientErrorCode, type ClientErrorOptions } from '@culvert/client';
import { EXIT, type ExitCode } from './exit-code.js';

const CODES: Readonly<Record<ExitCode, ClientErrorCode>> = {
  [EXIT.ok]: 'interrupted',
  [EXIT.failure]: 'failure',
  [EXIT.usage]: 'usage',
  [EXIT.notSignedIn]: 'not_signed_in',
  [EXIT.refused]: 'refused',
  [EXIT.notFound]: 'not_found',
  [EXIT.conflict]: 'conflict',
  [EXIT.unreachable]: 'unreachable',
  [EXIT.localTarget]: 'local',
  [EXIT.hungUp]: 'interrupted',
  [EXIT.interrupted]: 'interrupted',
  [EXIT.terminated]: 'interrupted',
};

const EXIT_CODES: Readonly<Record<ClientErrorCode, ExitCode>> = {
  failure: EXIT.failure,
  usage: EXIT.usage,
  not_signed_in: EXIT.notSignedIn,
  refused: EXIT.refused,
  not_found: EXIT.notFound,
  conflict: EXIT.conflict,
  unreachable: EXIT.unreachable,
  local: EXIT.localTarget,
  interrupted: EXIT.interrupted,
};

/** Ends a command with an exit code. `message` says what happened, `hint` what to do next: one line each. */
export class CliError extends ClientError {
  override readonly name = 'CliError';

  constructor(
    readonly exitCode: ExitCode,
    message: string,
    options: ClientErrorOptions = {},
  ) {
    super(CODES[exitCode], message, options);
  }
}

/** Returns the error with the exit code that it ends a command with. Any other error is a fault of this program. */
export function asCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof ClientError) {
    const { code, message, hint, cause } = error;
    return new CliError(EXIT_CODES[code], message, { ...(hint !== undefined && { hint }), cause });
  }
  return new CliError(EXIT.failure, `internal error in culvert: ${(error as Error).message}`, {
    cause: error,
  });
}
