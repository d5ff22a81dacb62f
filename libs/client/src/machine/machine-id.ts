import { createHash, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

const NAME = 'machine-id';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const LENGTH = 24;

/**
 * Returns the id of this person on this machine for Culvert and clusters. It is the same at every run, so that existing
 * things are found again under their own hostnames. It is random, since machine names are not unique in a team, and it is
 * not a secret. If no file can be written, the id changes with every run.
 */
export function machineId(
  configDirectory: string | null,
  platform: NodeJS.Platform = process.platform,
): string {
  const random = configDirectory === null ? randomUUID() : keptIn(configDirectory);
  // A home may be shared by several machines. On laptops the host name changes with the network, so it is not used there.
  const machine = platform === 'linux' ? hostname() : '';
  return createHash('sha256')
    .update(JSON.stringify([random, machine]))
    .digest('hex')
    .slice(0, LENGTH);
}

function keptIn(directory: string): string {
  const path = join(directory, NAME);
  return read(path) ?? create(directory, path);
}

function read(path: string): string | null {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return UUID.test(text) ? text : null;
  } catch {
    return null;
  }
}

/** The first of several concurrent processes decides the id, and no process reads an incomplete file. */
function create(directory: string, path: string): string {
  const id = randomUUID();
  const temporary = `${path}.${id}`;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(temporary, `${id}\n`, { flag: 'wx', mode: 0o600 });
    try {
      linkSync(temporary, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const first = read(path);
      if (first !== null) return first;
      // The existing file has no valid id: replace it.
      writeFileSync(path, `${id}\n`, { mode: 0o600 });
    } finally {
      rmSync(temporary, { force: true });
    }
  } catch {
    // Read-only, or without hard links: this run uses an id of its own.
  }
  return id;
}
