import { redactText } from '../log/redact.js';

/** A problem with one setting. */
export interface ConfigurationProblem {
  readonly variable: string;
  /** The expected value. */
  readonly expected: string;
  /** The actual value, unless it is absent or may be a secret. */
  readonly got?: string;
}

/**
 * Settings are missing or wrong. The message names each and what it should be; it is for the operator, who needs no stack. A
 * reader that sees all settings at once lists every problem, so that one restart fixes them all.
 */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  /** Empty if the error was created from a message. */
  readonly problems: readonly ConfigurationProblem[];

  constructor(what: string | readonly ConfigurationProblem[], options?: ErrorOptions) {
    super(typeof what === 'string' ? what : messageOf(what), options);
    this.problems = typeof what === 'string' ? [] : what;
  }
}

const MAX_SHOWN_LENGTH = 100;

function messageOf(problems: readonly ConfigurationProblem[]): string {
  return `the configuration is not valid:\n${problems.map((problem) => `  ${describe(problem)}`).join('\n')}`;
}

function describe({ variable, expected, got }: ConfigurationProblem): string {
  // A misplaced value may be a secret: a password in a URL that must not contain one.
  const shown =
    got === undefined ? '' : `; it is ${JSON.stringify(redactText(got.slice(0, MAX_SHOWN_LENGTH)))}`;
  return `${variable} must be ${expected}${shown}`;
}
