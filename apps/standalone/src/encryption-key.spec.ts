import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from '@culvert/runtime';
import { KeyRing } from '@culvert/sealing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encryptionKeysOf } from './encryption-key.js';

describe('the encryption key of a standalone server', () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));
  const keys = (encryptionKeys: string[] = [], databaseUrl?: string) =>
    encryptionKeysOf({ encryptionKeys, databaseUrl, dataDir });

  it('is made once, in a file that only its user can read', async () => {
    const made = await keys();
    expect(KeyRing.parse(made)).not.toBeNull();
    expect(await keys()).toEqual(made);
    const path = join(dataDir, 'encryption.key');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8').trim()).toBe(made[0]);
  });

  it('is not made where keys are configured, or the database is elsewhere', async () => {
    expect(await keys(['configured'])).toEqual(['configured']);
    expect(await keys([], 'postgresql://db/culvert')).toEqual([]);
    expect(() => statSync(join(dataDir, 'encryption.key'))).toThrow();
  });

  it('is never replaced if its file is damaged', async () => {
    writeFileSync(join(dataDir, 'encryption.key'), 'half a k');
    await expect(keys()).rejects.toThrow(ConfigurationError);
    await expect(keys()).rejects.not.toThrow(/half a k/);
  });
});
