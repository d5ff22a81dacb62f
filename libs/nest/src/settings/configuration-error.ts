/** What is wrong with one environment variable. */
export interface ConfigurationProblem {
  readonly variable: string;
  /** What the value has to be. */
  readonly expected: string;
  /** The value itself, unless it is absent or may be a secret. */
  readonly got?: string;
}

/** The environment does not configure this app. Lists every problem, so that one restart fixes them all. */
export class ConfigurationError extends Error {
  readonly code = 'CONFIGURATION';

  constructor(readonly problems: readonly ConfigurationProblem[]) {
    super(
      `the configuration is not valid:\n${problems.map((problem) => `  ${describe(problem)}`).join('\n')}`,
    );
    this.name = 'ConfigurationError';
  }
}

const MAX_SHOWN_LENGTH = 100;

function describe({ variable, expected, got }: ConfigurationProblem): string {
  const shown = got === undefined ? '' : `; it is ${JSON.stringify(got.slice(0, MAX_SHOWN_LENGTH))}`;
  return `${variable} must be ${expected}${shown}`;
}

/** Runs `load`; a ConfigurationError goes to stderr and ends the process with exit code 1. */
export function exitOnConfigurationError<T>(load: () => T): T {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    process.stderr.write(`culvert: ${error.message}\n`);
    process.exit(1);
  }
}
