/** Secrets and identity of the programs in a cluster. All functions throw ConfigurationErrors that name the variable. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { ConfigurationError } from './configuration-error.js';

const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/**
 * Returns a reader of a secret: the value of `variable`, or the content of the file that `<variable>_FILE` names, which is
 * read again every time. Undefined if neither is set. Secrets have no flags, because all users of a machine see command
 * lines.
 * @param check returns the secret, or throws ConfigurationError; called now and at every read
 */
export function readSecret(
  env: NodeJS.ProcessEnv,
  variable: string,
  check: (secret: string) => string,
): (() => Promise<string>) | undefined {
  const secret = env[variable];
  if (secret) {
    const checked = check(secret.trim());
    return () => Promise.resolve(checked);
  }
  const path = env[`${variable}_FILE`];
  if (!path) return undefined;
  check(readText(`${variable}_FILE`, path).trim());
  return async () => check((await readFile(path, 'utf8')).trim());
}

/** Returns `key`. @throws ConfigurationError unless it fits into a header; the message does not quote it */
export function checkKey(key: string): string {
  if (/^[!-~]{1,512}$/.test(key)) return key;
  throw new ConfigurationError(
    'CULVERT_API_KEY (or the content of CULVERT_API_KEY_FILE) must be an API key of Culvert',
  );
}

/** Returns the content of the file at `path`, which `variable` names. */
export function readText(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ConfigurationError(
      `${variable} names a file that cannot be read: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** Returns the namespace of this pod; empty outside Kubernetes. */
export function podNamespace(env: NodeJS.ProcessEnv): string {
  if (env['POD_NAMESPACE']) return env['POD_NAMESPACE'];
  try {
    return readFileSync(NAMESPACE_FILE, 'utf8').trim();
  } catch {
    return '';
  }
}

/** Returns the items of a list that is separated by commas. Spaces around them, and empty items, are left out. */
export function splitList(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Returns `value` without the fields that are undefined. */
export function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Defined<T>;
}
