import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestServer } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createHttpClient } from '../api/http.js';
import type { ClientError } from '../client-error.js';
import { createBearer, credentialSource } from './bearer.js';
import { readSettings } from './settings.js';

const http = createHttpClient(undefined);
const ID = '01990000-0000-7000-8000-000000000000';

describe('a workload identity', () => {
  let server: TestServer;
  /** The platform that gives jobs their tokens. */
  let platform: TestServer;
  let directory: string;
  beforeEach(async () => {
    [server, platform] = await Promise.all([TestServer.start(), TestServer.start()]);
    directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    answer(3600);
    platform.always(200, { value: 'token-of-github' });
  });
  afterEach(async () => {
    vi.useRealTimers();
    rmSync(directory, { recursive: true, force: true });
    await Promise.all([server.close(), platform.close()]);
  });

  /** Makes Culvert issue tokens of this many seconds, with a number each. */
  const answer = (seconds: number): void => {
    let count = 0;
    server.answer = (_seen, response) => {
      const body = { access_token: `cvtw-${++count}`, token_type: 'Bearer', expires_in: seconds };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
  };
  const github = () => ({
    ACTIONS_ID_TOKEN_REQUEST_URL: `${platform.url}/token?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token',
  });
  const settingsOf = (env: Record<string, string>) =>
    readSettings(
      {},
      { CULVERT_URL: server.url, CULVERT_CONFIG_DIR: directory, CULVERT_WORKLOAD_IDENTITY: ID, ...env },
    );
  const bearer = (env: Record<string, string>) => createBearer(settingsOf(env), http);
  const failure = (env: Record<string, string>): Promise<ClientError> =>
    bearer(env)
      .secret()
      .then(
        () => {
          throw new Error('it did not fail');
        },
        (error: unknown) => error as ClientError,
      );

  it('exchanges the token in the variable', async () => {
    expect(await bearer({ CULVERT_ID_TOKEN: 'token-of-gitlab' }).secret()).toBe('cvtw-1');
    expect(server.seen[0]).toMatchObject({ method: 'POST', path: '/token' });
    expect(Object.fromEntries(new URLSearchParams(server.seen[0]?.body))).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: 'token-of-gitlab',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      workload_identity: ID,
    });
  });

  it('asks GitHub for a token for this Culvert, or for the given audience', async () => {
    await bearer(github()).secret();
    const asked = new URL(platform.seen[0]?.path ?? '', platform.url).searchParams;
    expect(Object.fromEntries(asked)).toEqual({ 'api-version': '2.0', audience: server.url });
    expect(platform.seen[0]?.authorization).toBe('Bearer request-token');
    expect(server.seen[0]?.body).toContain('token-of-github');
    await bearer({ ...github(), CULVERT_WORKLOAD_AUDIENCE: 'shop' }).secret();
    expect(platform.seen[1]?.path).toContain('audience=shop');
  });

  it('reads the file again for each exchange', async () => {
    const path = join(directory, 'token');
    writeFileSync(path, 'first\n');
    const one = bearer({ CULVERT_ID_TOKEN_FILE: path });
    const secret = await one.secret();
    writeFileSync(path, 'second\n');
    expect(await one.renew(secret)).toBe(true);
    expect(server.seen.map(({ body }) => new URLSearchParams(body).get('subject_token'))).toEqual([
      'first',
      'second',
    ]);
  });

  it('exchanges once for all waiting calls, and again after half of the lifetime', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    answer(60);
    const one = bearer({ CULVERT_ID_TOKEN: 'token' });
    expect(await Promise.all([one.secret(), one.secret()])).toEqual(['cvtw-1', 'cvtw-1']);
    expect(one.renewAt?.()).toBe(Date.now() + 30_000);
    vi.advanceTimersByTime(29_000);
    expect(await one.secret()).toBe('cvtw-1');
    vi.advanceTimersByTime(2000);
    expect(await one.secret()).toBe('cvtw-2');
  });

  it('uses a token until it ends while no other one can be had, and tries again from time to time', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    answer(60);
    const one = bearer({ CULVERT_ID_TOKEN: 'token' });
    await one.secret();
    server.always(502, { error: 'server_error' });
    vi.advanceTimersByTime(31_000);
    expect([await one.secret(), await one.secret()]).toEqual(['cvtw-1', 'cvtw-1']);
    expect(server.seen).toHaveLength(2);
    vi.advanceTimersByTime(16_000);
    expect(await one.secret()).toBe('cvtw-1');
    expect(server.seen).toHaveLength(3);
    vi.advanceTimersByTime(15_000);
    await expect(one.secret()).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('revokes its token at the end, even if Culvert does not answer', async () => {
    const one = bearer({ CULVERT_ID_TOKEN: 'token' });
    await one.end?.();
    expect(server.seen).toEqual([]);
    await one.secret();
    server.always(500, 'nothing');
    await one.end?.();
    expect(server.seen[1]).toMatchObject({ path: '/revoke', body: 'token=cvtw-1' });
    expect(one.renewAt?.()).toBeNull();
  });

  it('does not use a token again that Culvert has refused', async () => {
    const one = bearer({ CULVERT_ID_TOKEN: 'token' });
    const refused = await one.secret();
    server.always(400, { error: 'invalid_request', error_description: 'the workload identity is disabled' });
    await expect(one.renew(refused)).rejects.toMatchObject({ code: 'not_signed_in' });
    await expect(one.secret()).rejects.toMatchObject({ code: 'not_signed_in' });
  });

  it('does not renew a token that was renewed meanwhile', async () => {
    const one = bearer({ CULVERT_ID_TOKEN: 'token' });
    const old = await one.secret();
    await one.renew(old);
    await one.renew(old);
    expect(await one.secret()).toBe('cvtw-2');
  });

  it('comes after an API key and before a stored sign-in', async () => {
    expect(credentialSource(settingsOf({ CULVERT_API_KEY: 'key-12345' }))).toBe('environment');
    await settingsOf({}).credentials.store(server.url, { kind: 'api-key', apiKey: 'stored-key' });
    expect(credentialSource(settingsOf({}))).toBe('workload-identity');
  });

  it('says what did not match', async () => {
    server.always(400, { error: 'invalid_request', error_description: 'the claim ref is "a", expected "b"' });
    const error = await failure({ CULVERT_ID_TOKEN: 'token' });
    expect([error.code, error.message]).toEqual([
      'not_signed_in',
      `${server.url} refused the token of this job: the claim ref is "a", expected "b"`,
    ]);
  });

  it.each([
    [503, 'conflict'],
    [502, 'unreachable'],
    [500, 'unreachable'],
    [404, 'not_signed_in'],
  ])('reports HTTP %i as %s', async (status, code) => {
    server.always(status, 'nothing');
    expect((await failure({ CULVERT_ID_TOKEN: 'token' })).code).toBe(code);
  });

  it('explains a job without a token, and a platform that gives none', async () => {
    expect((await failure({})).hint).toContain('id-token: write');
    platform.always(403, { message: 'no' });
    expect((await failure(github())).message).toContain('HTTP 403');
    platform.always(200, 'nothing');
    expect((await failure(github())).code).toBe('unreachable');
    expect((await failure({ CULVERT_ID_TOKEN_FILE: join(directory, 'none') })).code).toBe('usage');
    expect(server.seen).toEqual([]);
  });

  it.each(['http://culvert.example.com', 'http://192.0.2.1:8080'])(
    'sends no token over a connection without encryption: %s',
    async (url) => {
      const error = await failure({ CULVERT_ID_TOKEN: 'token', CULVERT_URL: url });
      expect([error.code, error.message]).toEqual(['usage', expect.stringContaining('not encrypted')]);
    },
  );

  it('does not send the request token of GitHub to another scheme', async () => {
    const url = 'http://example.com/token';
    expect((await failure({ ...github(), ACTIONS_ID_TOKEN_REQUEST_URL: url })).message).toContain(
      'not https',
    );
  });

  it('refuses an ID that cannot be one', () => {
    expect(() => settingsOf({ CULVERT_WORKLOAD_IDENTITY: 'a b' })).toThrow('not the ID');
  });
});
