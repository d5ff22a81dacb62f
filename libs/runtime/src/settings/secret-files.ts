/** Secrets in files, as container platforms and service managers hand them over: `<NAME>_FILE` in place of `<NAME>`. */
import { readFileSync } from 'node:fs';
import type { ConfigurationProblem } from './configuration-error.js';
import { isSecret, type VariableTable } from './read-variables.js';

type Environment = Readonly<Record<string, string | undefined>>;

const MAX_BYTES = 65_536;

/** Returns the variables of `table` that can be in a file: the secrets, except for those whose file is a variable itself. */
export function secretsWithFiles(table: VariableTable): string[] {
  return Object.entries(table)
    .filter(([variable, schema]) => isSecret(schema) && !(`${variable}_FILE` in table))
    .map(([variable]) => variable);
}

/**
 * Returns the environment with the secrets of `table` that are in files, read once. A line break at the end of a file does not
 * belong to its secret. Files that cannot be used, and secrets that are set in both ways, are added to `problems`.
 */
export function withSecretFiles(
  table: VariableTable,
  env: Environment,
  problems: ConfigurationProblem[],
): Environment {
  const merged: Record<string, string | undefined> = { ...env };
  for (const variable of secretsWithFiles(table)) {
    const file = `${variable}_FILE`;
    const path = env[file];
    if (path === undefined || path === '') continue;
    if (env[variable]) problems.push({ variable, expected: `absent when ${file} is set` });
    else merged[variable] = readSecretFile(file, path, problems);
  }
  return merged;
}

function readSecretFile(
  variable: string,
  path: string,
  problems: ConfigurationProblem[],
): string | undefined {
  const expected = `the path of a readable file with a secret of 1 to ${MAX_BYTES} bytes`;
  try {
    const bytes = readFileSync(path);
    const secret = bytes.toString('utf8').replace(/\r?\n$/, '');
    if (secret !== '' && bytes.length <= MAX_BYTES) return secret;
  } catch {
    // Reported like a file without a secret: the path is what has to change.
  }
  problems.push({ variable, expected, got: path });
  return undefined;
}
