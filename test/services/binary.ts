import { spawn } from 'node:child_process';
import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Binary {
  /** File names to look for, the preferred one first. */
  readonly names: readonly string[];
  /** Debian package that contains it. */
  readonly debianPackage: string;
  /** Folders to search besides PATH. */
  readonly folders?: readonly string[];
}

// Where Debian installs servers, which the PATH of an ordinary user does not include.
const SERVER_FOLDERS = ['/usr/local/sbin', '/usr/sbin'];

/**
 * Returns the path of a program: an installed one, else from Debian's packages if this is Debian and we are root.
 * @throws Error that explains how to provide it
 */
export async function ensureBinary(binary: Binary): Promise<string> {
  return findBinary(binary) ?? installBinary(binary);
}

/** Returns the path of an installed program, or null. */
export function findBinary({ names, folders = [] }: Binary): string | null {
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const name of names) {
    for (const folder of [...path, ...SERVER_FOLDERS, ...folders]) {
      const candidate = join(folder, name);
      if (isExecutable(candidate)) return candidate;
    }
  }
  return null;
}

/**
 * Installs the Debian package, with a note on stderr, and returns the program's path.
 * @throws Error that explains how to provide it
 */
export async function installBinary(binary: Binary): Promise<string> {
  const { names, debianPackage } = binary;
  const advice = `install ${names[0]} (Debian: apt-get install ${debianPackage})`;
  const apt = findBinary({ names: ['apt-get'], debianPackage: 'apt' });
  if (apt === null || process.getuid?.() !== 0) throw new Error(`${names[0]} is not installed: ${advice}`);
  process.stderr.write(`tests: installing the Debian package ${debianPackage}\n`);
  await (installing = installing.catch(() => {}).then(() => aptInstall(apt, debianPackage)));
  const path = findBinary(binary);
  if (path === null) throw new Error(`the package ${debianPackage} brought no ${names[0]}: ${advice}`);
  return path;
}

/** Returns the Postgres folders of Debian, newest version first: they are not on PATH. */
export function postgresFolders(): string[] {
  const root = '/usr/lib/postgresql';
  try {
    return readdirSync(root)
      .toSorted((a, b) => Number(b) - Number(a))
      .map((version) => join(root, version, 'bin'));
  } catch {
    return [];
  }
}

// One at a time: dpkg takes a lock. The first one downloads the package lists.
let installing: Promise<void> = Promise.resolve();
let isUpdated = false;

async function aptInstall(apt: string, debianPackage: string): Promise<void> {
  if (!isUpdated) await run(apt, ['update', '-qq']);
  isUpdated = true;
  await run(apt, [
    'install',
    '-qq',
    '--yes',
    '--no-install-recommends',
    '-o',
    'DPkg::Lock::Timeout=300',
    debianPackage,
  ]);
}

function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 2, 2],
      // RUNLEVEL: in single-user mode packages do not start their servers.
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args.join(' ')} ended with status ${code}`));
    });
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
