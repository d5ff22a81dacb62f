import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, type Settings } from '@culvert/runtime';
import { KeyRing } from '@culvert/sealing';

const FILE = 'encryption.key';

/**
 * Returns the configured encryption keys. Without any, the embedded database has a key of its own in a file beside it,
 * which the first start makes. A database elsewhere has none: this machine may not be the only one that uses it.
 * Call it when the database is open: only one process at a time has the data directory then.
 * @throws ConfigurationError if the file cannot be used
 */
export async function encryptionKeysOf({
  encryptionKeys,
  databaseUrl,
  dataDir,
}: Pick<Settings, 'encryptionKeys' | 'databaseUrl' | 'dataDir'>): Promise<readonly string[]> {
  if (encryptionKeys.length > 0 || databaseUrl !== undefined) return encryptionKeys;
  if (dataDir === 'memory') return [KeyRing.generate()];
  const path = join(dataDir, FILE);
  const key = (await readOrNull(path)) ?? (await create(path));
  if (KeyRing.parse([key]) !== null) return [key];
  throw new ConfigurationError(`${path} must contain a key of 32 bytes in base64; restore it from a backup`);
}

async function readOrNull(path: string): Promise<string | null> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new ConfigurationError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

async function create(path: string): Promise<string> {
  const key = KeyRing.generate();
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(`${key}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  return key;
}
