import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { credentialSource } from './bearer.js';
import { CredentialFile } from './credential-file.js';
import { readSettings } from './settings.js';

describe('settings', () => {
  let directory: string;
  let env: NodeJS.ProcessEnv;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    env = { CULVERT_CONFIG_DIR: directory };
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('come from the flag, else the environment, else the stored sign-in', async () => {
    expect(() => readSettings({}, env).url).toThrow(
      expect.objectContaining({ code: 'not_signed_in', message: 'the URL of Culvert is not set' }),
    );
    await new CredentialFile(directory).store('https://stored.example', {
      kind: 'api-key',
      apiKey: 'stored-key',
    });
    const set = { ...env, CULVERT_URL: 'set.example' };
    expect(readSettings({}, env).url).toBe('https://stored.example');
    expect(readSettings({}, set).url).toBe('https://set.example');
    expect(readSettings({ url: 'given.example' }, set).url).toBe('https://given.example');
  });

  it('prefer the environment’s key to the sign-in, and Telepresence’s variable least', async () => {
    await new CredentialFile(directory).store('https://a.example', { kind: 'api-key', apiKey: 'stored-key' });
    const source = (more: NodeJS.ProcessEnv) => credentialSource(readSettings({}, { ...env, ...more }));
    expect(source({})).toBe('stored-key');
    expect(source({ CULVERT_API_KEY: 'key-12345' })).toBe('environment');
    const both = { ...env, CULVERT_API_KEY: 'first-key', AMBASSADOR_CLOUD_APIKEY: 'second-key' };
    expect(readSettings({}, both).apiKey).toBe('first-key');
    expect(readSettings({}, { ...both, CULVERT_API_KEY: '' }).apiKey).toBe('second-key');
  });

  it('never send a server the credential of another', async () => {
    await new CredentialFile(directory).store('https://a.example', { kind: 'api-key', apiKey: 'stored-key' });
    expect(credentialSource(readSettings({ url: 'https://b.example' }, env))).toBeNull();
  });

  it('need no home when URL and key are given', () => {
    const settings = readSettings({}, { CULVERT_URL: 'a.example', CULVERT_API_KEY: 'key-12345' });
    expect([settings.url, settings.apiKey]).toEqual(['https://a.example', 'key-12345']);
  });

  it.each([
    [{ CULVERT_URL: 'ftp://x' }, {}, 'CULVERT_URL must be'],
    [{}, { url: 'ftp://x' }, 'url must be'],
    [{ CULVERT_API_KEY: 'a b c d e f' }, {}, 'CULVERT_API_KEY is not an API key'],
    [{ CULVERT_CA_FILE: '/nothing/here' }, {}, 'the certificates cannot be read'],
  ])('are refused: %o, %o', (more, flags, message) => {
    expect(() => readSettings(flags, { ...env, ...more })).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(message) }),
    );
  });
});
