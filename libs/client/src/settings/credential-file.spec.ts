import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CredentialFile, type StoredTokens } from './credential-file.js';

const URL_A = 'https://a.example';
const URL_B = 'https://b.example';
const key = (apiKey: string) => ({ kind: 'api-key', apiKey }) as const;
const tokens = (refreshToken: string): StoredTokens => ({
  kind: 'tokens',
  accessToken: `access of ${refreshToken}`,
  refreshToken,
  expiresAt: '2030-01-01T00:00:00.000Z',
});

describe('credentials.json', () => {
  let root: string;
  let directory: string;
  let file: CredentialFile;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    directory = join(root, 'config', 'culvert');
    file = new CredentialFile(directory);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('can be read only by its owner, and leaves nothing else in its folder', async () => {
    await file.store(URL_A, key('key-of-a-1234'));
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(file.path).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['credentials.json']);
  });

  it('keeps the mode of an existing folder', async () => {
    chmodSync(root, 0o755);
    const inRoot = new CredentialFile(root);
    await inRoot.store(URL_A, key('key-of-a-1234'));
    expect([statSync(root).mode & 0o777, statSync(inRoot.path).mode & 0o777]).toEqual([0o755, 0o600]);
  });

  it('holds a credential for each server, the latest being the default', async () => {
    expect([file.currentUrl(), file.find(URL_A)]).toEqual([null, null]);
    await file.store(URL_A, key('key-of-a-1234'));
    await file.store(URL_B, tokens('b1'));
    expect(new CredentialFile(directory).currentUrl()).toBe(URL_B);
    expect([file.find(URL_A), file.find(URL_B), file.find('https://c.example')]).toEqual([
      key('key-of-a-1234'),
      tokens('b1'),
      null,
    ]);
    await file.remove(URL_B);
    expect([file.currentUrl(), file.find(URL_B)]).toEqual([URL_A, null]);
    await file.remove(URL_A);
    expect([file.currentUrl(), file.find(URL_A)]).toEqual([URL_A, null]);
  });

  it('replaces tokens only when their refresh token is still stored', async () => {
    await file.store(URL_A, tokens('1'));
    expect(await file.replaceTokens(URL_A, '1', tokens('2'))).toEqual(tokens('2'));
    expect(await file.replaceTokens(URL_A, '1', tokens('3'))).toEqual(tokens('2'));
    await file.remove(URL_A);
    expect(await file.replaceTokens(URL_A, '2', tokens('4'))).toBeNull();
    expect(file.find(URL_A)).toBeNull();
  });

  it('loses nothing when many processes change it at once', async () => {
    const urls = Array.from({ length: 20 }, (_, n) => `https://${n}.example`);
    await Promise.all(urls.map((url) => new CredentialFile(directory).store(url, key(`key-of-${url}`))));
    for (const url of urls) expect(file.find(url)).toEqual(key(`key-of-${url}`));
  });

  it.each([0o640, 0o604, 0o620])('is refused when other users may access it (%o)', async (mode) => {
    await file.store(URL_A, key('key-of-a-1234'));
    chmodSync(file.path, mode);
    expect(() => file.find(URL_A)).toThrow(
      expect.objectContaining({ code: 'failure', message: expect.stringContaining('read by other') }),
    );
    await expect(file.store(URL_B, key('key-of-b-1234'))).rejects.toThrow('read by other');
  });

  it.each(['', '{', '[]', '{"version":2,"current":null,"servers":{}}'])(
    'is refused when it contains %j',
    async (text) => {
      await file.store(URL_A, key('key-of-a-1234'));
      writeFileSync(file.path, text);
      expect(() => file.currentUrl()).toThrow('was not written by this version of culvert');
    },
  );

  it('keeps its content when it cannot be written', async () => {
    await file.store(URL_A, key('key-of-a-1234'));
    const before = readFileSync(file.path, 'utf8');
    writeFileSync(join(directory, '.credentials.json.lock'), '');
    const pending = file.store(URL_B, key('key-of-b-1234'));
    expect(readFileSync(file.path, 'utf8')).toBe(before);
    rmSync(join(directory, '.credentials.json.lock'));
    await pending;
    expect(file.currentUrl()).toBe(URL_B);
  });

  it('is not locked by a process that died', async () => {
    await file.store(URL_A, key('key-of-a-1234'));
    const lock = join(directory, '.credentials.json.lock');
    writeFileSync(lock, '');
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(lock, longAgo, longAgo);
    await file.store(URL_B, key('key-of-b-1234'));
    expect(readdirSync(directory)).toEqual(['credentials.json']);
  });
});
