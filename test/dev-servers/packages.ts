/**
 * Installs the packages of development servers into a cache outside of the tree, once. What is there is used again; a change of
 * the wanted packages makes another folder.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { DevServer } from './dev-server.js';

const CACHE =
  process.env['DEV_SERVERS_CACHE'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'culvert-dev-servers');

const INSTALL_TIMEOUT_MS = 480_000;

/** A folder with installed packages. */
export interface Installed {
  readonly folder: string;
  /** Environment in which the packages' programs are found. */
  readonly env: Record<string, string>;
}

/** A package manager or registry is missing. The suite skips the server. */
export class NotInstallable extends Error {}

/** Returns the packages of a server, installed. @throws NotInstallable */
export async function install({ packages }: DevServer): Promise<Installed> {
  const wanted = JSON.stringify(packages);
  const hash = createHash('sha256').update(`${wanted} ${process.version}`).digest('hex').slice(0, 16);
  const folder = join(CACHE, hash);
  if (!existsSync(join(folder, 'complete'))) {
    mkdirSync(CACHE, { recursive: true });
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    await ('npm' in packages ? installNpm(folder, packages.npm) : installPip(folder, packages.pip));
    writeFileSync(join(folder, 'complete'), wanted);
  }
  const programs = 'npm' in packages ? join(folder, 'node_modules/.bin') : join(folder, 'venv/bin');
  const path = [programs, dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter);
  // Not in the folder: Next.js takes no folder that has the home for the root of a project.
  const home = join(CACHE, 'home');
  mkdirSync(home, { recursive: true });
  return { folder, env: { PATH: path, HOME: home, CI: '1', NO_COLOR: '1' } };
}

async function installNpm(folder: string, dependencies: Readonly<Record<string, string>>): Promise<void> {
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, type: 'module', dependencies }),
  );
  await run(['npm', 'install', '--no-audit', '--no-fund', '--loglevel=error'], folder);
}

async function installPip(folder: string, packages: readonly string[]): Promise<void> {
  await run(['python3', '-m', 'venv', 'venv'], folder);
  await run(['venv/bin/pip', 'install', '--quiet', '--disable-pip-version-check', ...packages], folder);
}

/** Runs a program to its end. @throws NotInstallable if it fails */
async function run([command = '', ...args]: readonly string[], cwd: string): Promise<void> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: INSTALL_TIMEOUT_MS });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-2000)));
  const [code] = (await once(child, 'close').catch((error: unknown) => {
    throw new NotInstallable(`${command} cannot be started`, { cause: error });
  })) as [number | null];
  if (code !== 0) throw new NotInstallable(`${[command, ...args].join(' ')} failed: ${output.trim()}`);
}

/** Makes a folder for one run of a server, in which its packages are found. */
export function makeFolder(installed: Installed, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(installed.folder, 'run-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** Replaces a file at once, as editors do. */
export function replaceFile(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}
