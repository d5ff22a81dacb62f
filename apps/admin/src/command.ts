/** The command line of `culvert-admin`. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadDatabaseSettings } from '@culvert/runtime';
import { BackupError } from '@culvert/store';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Manifest } from './archive.js';
import { backupName, backupTimes, removeOldBackups, writeNewFile } from './backup-folder.js';
import { type BackupLocation, beginBackup } from './backup.js';
import { restoreBackup, verifyBackup } from './restore.js';
import { VERSION } from './version.js';

/** What the command reads and writes. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean };
}

interface BackupOptions {
  readonly output?: string;
  readonly dir?: string;
  readonly keep?: number;
  readonly every?: number;
  readonly postgresTools?: string;
}

interface RestoreOptions {
  readonly force: boolean;
  readonly postgresTools?: string;
}

const MAX_KEPT = 10_000;
const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Maximum of a timer. */
const MAX_PAUSE_MS = 24 * 86_400_000;

const ENVIRONMENT = `
Environment:
  DATABASE_URL, DATABASE_URL_FILE  the Postgres server, or the file with its URL, as for the server
  DATA_DIR                         without a URL: folder of the embedded database (default: .culvert)
`;

/** Creates the command. Its actions throw BackupError and ConfigurationError for what the operator can fix. */
export function createCommand(terminal: Terminal): Command {
  const program = new Command('culvert-admin')
    .description('Maintenance of a Culvert server: backups and restores of its database.')
    .version(VERSION)
    .exitOverride()
    .addHelpText('after', ENVIRONMENT);
  program
    .command('backup')
    .description('write a backup of the database, while Culvert is running')
    .addOption(
      new Option('--output <file>', 'new file to write; -: stdout').conflicts(['dir', 'keep', 'every']),
    )
    .option('--dir <folder>', 'folder for backups that are named by their time')
    .option('--keep <n>', 'backups to keep in the folder; older ones are removed', numberOf(1, MAX_KEPT))
    .option('--every <time>', 'repeat until stopped, such as 24h', durationOf)
    .addOption(toolsOption())
    .action((options: BackupOptions) => backup(terminal, options));
  program
    .command('restore')
    .description('replace the database with a backup, and migrate it. Stop Culvert first')
    .argument('<file>', 'file of a backup; -: stdin')
    .option('--force', 'replace a database that has data', false)
    .addOption(toolsOption())
    .action((file: string, options: RestoreOptions) => restore(terminal, file, options));
  program
    .command('verify')
    .description('check that a backup is complete and undamaged')
    .argument('<file>', 'file of a backup; -: stdin')
    .action((file: string) => verify(terminal, file));
  return program;
}

function toolsOption(): Option {
  return new Option('--postgres-tools <folder>', 'folder of pg_dump and pg_restore (default: PATH)');
}

async function backup(terminal: Terminal, options: BackupOptions): Promise<void> {
  const { output, dir, keep, every, postgresTools } = options;
  const location = locationOf(terminal, postgresTools);
  if (output === '-') return backupToStdout(terminal, location);
  if (output !== undefined) return backupToFile(terminal, location, output);
  if (dir === undefined) throw new BackupError('name a file with --output, or a folder with --dir');
  for (;;) {
    if (every !== undefined) await sleep(pauseOf(await backupTimes(dir), every, Date.now()));
    await backupToFile(terminal, location, join(dir, backupName(new Date())));
    const removed = keep === undefined ? [] : await removeOldBackups(dir, keep);
    for (const path of removed) print(terminal, `Removed ${path}`);
    if (every === undefined) return;
  }
}

/** Milliseconds until the newest backup is `everyMs` old. */
function pauseOf([newest]: readonly Date[], everyMs: number, now: number): number {
  return newest === undefined ? 0 : Math.min(Math.max(newest.getTime() + everyMs - now, 0), everyMs);
}

async function backupToFile(terminal: Terminal, location: BackupLocation, path: string): Promise<void> {
  const running = await beginBackup(location);
  try {
    const bytes = await writeNewFile(path, running.bytes);
    print(terminal, `Wrote ${path}: ${sizeText(bytes)}, ${textOf(running.manifest)}`);
  } finally {
    await running.release();
  }
}

async function backupToStdout({ stdout }: Terminal, location: BackupLocation): Promise<void> {
  if (stdout.isTTY === true)
    throw new BackupError('stdout is a terminal: send it to a file or a program, or name a file');
  const running = await beginBackup(location);
  try {
    await pipeline(running.bytes, stdout, { end: false });
  } finally {
    await running.release();
  }
}

async function restore(terminal: Terminal, file: string, options: RestoreOptions): Promise<void> {
  const { force, postgresTools } = options;
  const location = locationOf(terminal, postgresTools);
  const { manifest, applied } = await restoreBackup(inputOf(terminal, file), location, { force });
  print(terminal, `Restored ${textOf(manifest)}`);
  for (const name of applied) print(terminal, `Applied ${name}`);
  const keys =
    location.databaseUrl === undefined ? join(location.dataDir, 'encryption.key') : 'ENCRYPTION_KEYS';
  print(
    terminal,
    `Before the start, put back the encryption keys of that server (${keys}): kept exchanges cannot be read without them.`,
  );
}

async function verify(terminal: Terminal, file: string): Promise<void> {
  print(terminal, `Undamaged: ${textOf(await verifyBackup(inputOf(terminal, file)))}`);
}

function locationOf({ env }: Terminal, toolsFolder: string | undefined): BackupLocation {
  const { databaseUrl, dataDir } = loadDatabaseSettings(env);
  if (databaseUrl === undefined && dataDir === 'memory')
    throw new BackupError('DATA_DIR: a database in memory has no backups');
  return { databaseUrl, dataDir, toolsFolder };
}

function inputOf({ stdin }: Terminal, file: string): Readable {
  return file === '-' ? stdin : createReadStream(file);
}

function textOf({ database, postgres, culvert, createdAt }: Omit<Manifest, 'format'>): string {
  const kind = database === 'server' ? 'Postgres server' : 'embedded database';
  return `${kind} (PostgreSQL ${postgres}) of Culvert ${culvert}, ${createdAt}`;
}

function sizeText(bytes: number): string {
  return bytes < 1_048_576 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1_048_576).toFixed(1)} MiB`;
}

function print({ stdout }: Terminal, line: string): void {
  stdout.write(`${line}\n`);
}

function numberOf(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`use ${min} to ${max}.`);
  };
}

function durationOf(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  const ms = Number(digits) * (UNITS_MS[unit] ?? 0);
  if (ms >= 60_000 && ms <= MAX_PAUSE_MS) return ms;
  throw new InvalidArgumentError('use minutes, hours or days, such as 30m, 24h or 7d, up to 24d.');
}
