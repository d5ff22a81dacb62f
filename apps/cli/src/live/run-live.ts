import type { CommandContext } from '../command-context.js';
import { asCliError, CliError } from '../cli-error.js';
import { EXIT, type ExitCode } from '../exit-code.js';

/**
 * Runs work that lasts until a person ends it, and then reports success: Ctrl-C is how such commands end. `work` may also end
 * itself with `done`. Rejects with any other error of `work`.
 */
export async function runLive(
  { signal }: CommandContext,
  work: (signal: AbortSignal, done: () => void) => Promise<unknown>,
): Promise<ExitCode> {
  const finished = new AbortController();
  const either = AbortSignal.any([signal, finished.signal]);
  try {
    await work(either, () => finished.abort(new CliError(EXIT.ok, 'done')));
    return EXIT.ok;
  } catch (error) {
    // An output that cannot be written is a failure; a closed one is not.
    const isEnd = either.aborted && error === either.reason && asCliError(error).exitCode !== EXIT.failure;
    if (!isEnd) throw error;
    return EXIT.ok;
  }
}
