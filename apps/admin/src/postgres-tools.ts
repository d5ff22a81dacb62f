/** Postgres' own tools for dumps. Passwords go to them by the environment: all users of a machine see command lines. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { BackupError } from '@culvert/store';

const MAX_STDERR_BYTES = 4096;

/** Parameters of a URL that the tools understand; pg has others, at which they would fail. */
const URL_PARAMETERS = new Set([
  'application_name',
  'channel_binding',
  'connect_timeout',
  'host',
  'options',
  'port',
  'sslcert',
  'sslcrl',
  'sslkey',
  'sslmode',
  'sslrootcert',
  'target_session_attrs',
  'user',
]);

export interface ToolOptions {
  readonly databaseUrl: string;
  /** Folder of the tools; undefined: `PATH`. */
  readonly folder?: string | undefined;
}

/**
 * Checks that a tool can read what `version` of Postgres wrote.
 * @param of what has this version
 * @throws BackupError if the tool is missing or older
 */
export async function checkTool(
  tool: 'pg_dump' | 'pg_restore',
  { folder }: Pick<ToolOptions, 'folder'>,
  { version, of }: { readonly version: number; readonly of: string },
): Promise<void> {
  let printed: string;
  try {
    ({ stdout: printed } = await promisify(execFile)(pathOf(tool, folder), ['--version']));
  } catch (cause) {
    throw new BackupError(
      `${tool} cannot be run (${(cause as Error).message.split('\n')[0]}): install the client tools of PostgreSQL ${version} ` +
        `or later (Debian: postgresql-client-${version}), or name their folder with --postgres-tools`,
      { cause },
    );
  }
  const found = Number(/\(PostgreSQL\) (\d+)/.exec(printed)?.[1]);
  if (found >= version) return;
  throw new BackupError(
    `${tool} is of PostgreSQL ${found}, and ${of} is of PostgreSQL ${version}: install the client tools of PostgreSQL ${version} ` +
      `or later (Debian: postgresql-client-${version}), and name their folder with --postgres-tools if they are not in PATH`,
  );
}

/** Yields a dump of the snapshot. @throws BackupError with what the tool prints if it fails */
export async function* dump(options: ToolOptions, snapshotId: string): AsyncGenerator<Uint8Array, void> {
  const running = start('pg_dump', options, [
    '--format=custom',
    '--no-owner',
    '--no-privileges',
    `--snapshot=${snapshotId}`,
  ]);
  try {
    for await (const chunk of running.child.stdout as Readable & AsyncIterable<Buffer>) yield chunk;
    await running.finished;
  } finally {
    running.child.kill();
  }
}

/**
 * Restores a dump in one transaction, which is committed only if `source` comes to its end.
 * @throws BackupError with what the tool prints if it fails
 */
export async function restore(options: ToolOptions, source: AsyncIterable<Buffer>): Promise<void> {
  const args = ['--single-transaction', '--exit-on-error', '--no-owner', '--no-privileges'];
  const running = start('pg_restore', options, args);
  try {
    // A tool that ends early breaks the pipe: what it prints says why.
    await Promise.all([pipeline(source, running.child.stdin).catch(ignoreBrokenPipe), running.finished]);
  } finally {
    running.child.kill('SIGKILL');
  }
}

function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
}

function start(
  tool: 'pg_dump' | 'pg_restore',
  { databaseUrl, folder }: ToolOptions,
  args: readonly string[],
) {
  const { url, password } = splitUrl(databaseUrl);
  const child = spawn(pathOf(tool, folder), [...args, '--no-password', `--dbname=${url}`], {
    env: { ...process.env, ...(password !== null && { PGPASSWORD: password }) },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-MAX_STDERR_BYTES);
  });
  // The writer of stdin has an error handler only while it writes.
  child.stdin.on('error', () => {});
  const finished = once(child, 'close').then(([code]: unknown[]) => {
    if (code !== 0)
      throw new BackupError(`${tool} failed: ${stderr.trim() || `it ended with code ${String(code)}`}`);
  });
  // Awaited only after all output was read.
  finished.catch(() => {});
  return { child, finished };
}

/** Splits a URL of pg into one for the tools, and its password. */
export function splitUrl(databaseUrl: string): { readonly url: string; readonly password: string | null } {
  const url = new URL(databaseUrl);
  const password = url.password === '' ? url.searchParams.get('password') : decodeURIComponent(url.password);
  url.password = '';
  const [ssl, mode] = [url.searchParams.get('ssl'), url.searchParams.get('sslmode')];
  const unknown = Array.from(url.searchParams.keys()).filter((name) => !URL_PARAMETERS.has(name));
  for (const name of unknown) url.searchParams.delete(name);
  // pg's names: TLS without checking the certificate, and TLS.
  if (mode === 'no-verify' || (mode === null && ssl !== null && ssl !== 'false'))
    url.searchParams.set('sslmode', 'require');
  return { url: url.href, password };
}

function pathOf(tool: string, folder: string | undefined): string {
  return folder === undefined ? tool : join(folder, tool);
}
