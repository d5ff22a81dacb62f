import type { ExitCode } from './exit-code.js';

/** Ends a command. `message` says what happened, `hint` what to do next. Both are for people, one line each. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly hint: string | undefined;

  constructor(
    readonly exitCode: ExitCode,
    message: string,
    options: { readonly hint?: string; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
  }
}
