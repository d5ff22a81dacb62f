import { createHash, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

const NAME = 'machine-id';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const LENGTH = 24;

/**
 * Names this person on this machine to Culvert and to clusters, the same at every run: so what was made before is found
 * again, under its own hostname. Random, since names of machines are not unique in a team, and no secret. Where nothing
 * can be written it is another one each time.
 */
export function machineId(
  configDirectory: string | null,
  platform: NodeJS.Platform = process.platform,
): string {
  const random = configDirectory === null ? randomUUID() : keptIn(configDirectory);
  // A home may be shared by several machines; laptops, though, change their names with the network they are in.
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

/** Of several processes at once the first one's counts, and nobody reads half of it. */
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
      // What is there is no id: ours takes its place.
      writeFileSync(path, `${id}\n`, { mode: 0o600 });
    } finally {
      rmSync(temporary, { force: true });
    }
  } catch {
    // Read-only, or without links: this run has an id of its own.
  }
  return id;
}
