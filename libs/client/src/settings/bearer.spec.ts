import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestServer } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHttpClient } from '../api/http.js';
import type { ClientError } from '../client-error.js';
import { createBearer } from './bearer.js';
import { CredentialFile, type StoredTokens } from './credential-file.js';
import { readSettings } from './settings.js';

const http = createHttpClient(undefined);
const tokenAnswer = (name: string, seconds = 3600) => ({
  access_token: `access-${name}`,
  refresh_token: `refresh-${name}`,
  token_type: 'Bearer',
  expires_in: seconds,
});
const failure = (pending: Promise<unknown>): Promise<ClientError> =>
  pending.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as ClientError,
  );

describe('stored tokens', () => {
  let server: TestServer;
  let directory: string;
  let file: CredentialFile;
  const stored = (name: string, leftMs: number): StoredTokens => ({
    kind: 'tokens',
    accessToken: `access-${name}`,
    refreshToken: `refresh-${name}`,
    expiresAt: new Date(Date.now() + leftMs).toISOString(),
  });
  const bearer = () => createBearer(readSettings({}, { CULVERT_CONFIG_DIR: directory }), http);
  beforeEach(async () => {
    server = await TestServer.start();
    directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    file = new CredentialFile(directory);
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    await server.close();
  });

  it('are used while they are good', async () => {
    await file.store(server.url, stored('1', 3_600_000));
    expect(await bearer().secret()).toBe('access-1');
    expect(server.seen).toEqual([]);
  });

  it('are renewed before they expire, once for all waiting calls, and stored', async () => {
    await file.store(server.url, stored('1', 30_000));
    server.always(200, tokenAnswer('2'));
    const one = bearer();
    expect(await Promise.all([one.secret(), one.secret()])).toEqual(['access-2', 'access-2']);
    expect(server.seen).toHaveLength(1);
    expect(Object.fromEntries(new URLSearchParams(server.seen[0]?.body))).toEqual({
      client_id: 'culvert',
      grant_type: 'refresh_token',
      refresh_token: 'refresh-1',
    });
    expect(file.find(server.url)).toMatchObject({ refreshToken: 'refresh-2' });
    expect(await bearer().secret()).toBe('access-2');
  });

  it('are renewed when the server refuses them before they expire', async () => {
    await file.store(server.url, stored('1', 3_600_000));
    server.always(200, tokenAnswer('2'));
    const one = bearer();
    expect(await one.renew('access-1')).toBe(true);
    expect(await one.secret()).toBe('access-2');
    // Tokens that another process already renewed are not renewed again.
    expect(await one.renew('access-1')).toBe(true);
    expect(server.seen).toHaveLength(1);
  });

  it('are taken from another process that renewed them first', async () => {
    await file.store(server.url, stored('1', 0));
    server.answer = (_seen, response) => {
      void file.store(server.url, stored('quick', 3_600_000)).then(() => {
        response.writeHead(400, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ error: 'invalid_grant' }));
      });
    };
    expect(await bearer().secret()).toBe('access-quick');
  });

  it('report that the sign-in has ended, and survive a server that is unreachable', async () => {
    await file.store(server.url, stored('1', 0));
    server.always(503, { error: 'server_error' });
    expect((await failure(bearer().secret())).code).toBe('unreachable');
    server.always(400, { error: 'invalid_grant' });
    expect(await failure(bearer().secret())).toMatchObject({
      code: 'not_signed_in',
      message: `the sign-in at ${server.url} has ended`,
      hint: 'Run "culvert login".',
    });
    expect(file.find(server.url)).not.toBeNull();
  });

  it('are sent only to their own server', async () => {
    await file.store('https://other.example', stored('1', 3_600_000));
    await file.store(server.url, stored('2', 3_600_000));
    const settings = readSettings({ url: 'third.example' }, { CULVERT_CONFIG_DIR: directory });
    expect(() => createBearer(settings, http)).toThrow('you are not signed in at https://third.example');
  });
});
