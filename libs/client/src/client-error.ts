/**
 * What kind of failure an error is. Programs depend on these codes, so their meaning never changes.
 *
 * - `usage`: an argument, a setting or a value is wrong
 * - `not_signed_in`: there is no credential, or Culvert no longer accepts it
 * - `refused`: the credential is known but lacks permission
 * - `not_found`: the thing does not exist, or was removed
 * - `conflict`: a thing that already exists, or a limit that is reached, prevents it
 * - `unreachable`: Culvert or the cluster does not answer as expected
 * - `local`: this machine does not answer as expected
 * - `interrupted`: the caller asked for the end
 * - `failure`: any other failure
 */
export type ClientErrorCode =
  | 'usage'
  | 'not_signed_in'
  | 'refused'
  | 'not_found'
  | 'conflict'
  | 'unreachable'
  | 'local'
  | 'interrupted'
  | 'failure';

export interface ClientErrorOptions {
  readonly hint?: string;
  readonly cause?: unknown;
}

/** A failure that people can act on. `message` says what happened, `hint` what to do next: one line each. */
export class ClientError extends Error {
  override readonly name: string = 'ClientError';
  /** What to do next, if anything helps. */
  readonly hint: string | undefined;

  constructor(
    readonly code: ClientErrorCode,
    message: string,
    options: ClientErrorOptions = {},
  ) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
  }
}

/** Returns the error itself if it is one that people can act on, and otherwise one that reports a fault of this program. */
export function asClientError(error: unknown): ClientError {
  if (error instanceof ClientError) return error;
  return new ClientError('failure', `internal error in culvert: ${(error as Error).message}`, {
    cause: error,
  });
}
