/**
 * Reads flags and environment of the programs in a cluster. All functions throw ConfigurationErrors that name the variable.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { ConfigurationError } from './configuration-error.js';

const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** Reads settings one by one: from the flag, else from the environment variable. An empty value counts as absent. */
export class SettingReader<Flags extends object> {
  constructor(
    private readonly flags: Flags,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  text(flag: keyof Flags, variable: string): string | undefined {
    const given = this.flags[flag] ?? this.env[variable];
    return typeof given === 'string' && given !== '' ? given : undefined;
  }

  /** Returns the content of the file that the setting names. */
  file(flag: keyof Flags, variable: string): string | undefined {
    const path = this.text(flag, variable);
    return path === undefined ? undefined : readText(variable, path);
  }

  /** Returns a reader of the PEM certificates in the file that the setting names. Checks them now and at every read. */
  certificates(flag: keyof Flags, variable: string): (() => Promise<string>) | undefined {
    const path = this.text(flag, variable);
    if (path === undefined) return undefined;
    checkCertificates(variable, readText(variable, path));
    return async () => checkCertificates(variable, await readFile(path, 'utf8'));
  }

  integer(flag: keyof Flags, variable: string, min: number, max: number): number | undefined {
    const text = this.text(flag, variable);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new ConfigurationError(`${variable} must be an integer from ${min} to ${max}; it is "${text}"`);
  }
}

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

function checkCertificates(variable: string, pem: string): string {
  if (beginsWithCertificate(pem)) return pem;
  throw new ConfigurationError(`${variable} names a file without certificates in PEM`);
}

function beginsWithCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
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
