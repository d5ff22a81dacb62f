import { createHash, randomBytes } from 'node:crypto';
import { generateOAuthSecret, hashOAuthSecret } from '@culvert/domain';
import { TelepresenceClient } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from '../../spec/api-harness.js';

const LIMIT = 5;
const REDIRECT_URI = 'http://localhost:50123/callback';

describe('the requests of one address for signing in by Telepresence', () => {
  let api: TestApi;
  let team: TestTeam;
  let url: string;

  beforeAll(async () => {
    api = await TestApi.start({ env: { MAX_LOGIN_REQUESTS_PER_ADDRESS: String(LIMIT) } });
    url = await api.app.getUrl();
    team = await api.team('Shop');
  });
  afterAll(() => api.close());

  const from = (address: string) => ({ 'X-Forwarded-For': address });
  const refresh = (address?: string) =>
    api
      .http()
      .post('/token')
      .set(address === undefined ? {} : from(address))
      .type('form')
      .send({ client_id: 'telepresence-cli', grant_type: 'refresh_token', refresh_token: 'x' });
  const repeat = async <T>(times: number, send: () => PromiseLike<T>): Promise<T[]> => {
    const answers: T[] = [];
    for (let i = 0; i < times; i++) answers.push(await send());
    return answers;
  };
  const expectWait = (headers: Record<string, string>) => {
    const seconds = Number(headers['retry-after']);
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(60);
  };

  it('get a response beyond the limit of /token at which clients keep their tokens', async () => {
    const within = await repeat(LIMIT, () => refresh('192.0.2.1'));
    expect(within.every(({ status, body }) => status === 400 && body.error === 'invalid_grant')).toBe(true);
    const beyond = await refresh('192.0.2.1');
    expect(beyond.status).toBe(503);
    expect(beyond.headers['content-type']).toMatch(/^application\/json(;|$)/);
    expect(beyond.body).toEqual({
      error: 'temporarily_unavailable',
      error_description: expect.stringMatching(
        /^Too many attempts: the limit for this address is reached; try again in \d+ s$/,
      ),
    });
    expectWait(beyond.headers);
    expect((await refresh('192.0.2.2')).status).toBe(400);
  });

  it('are counted for the whole /64 of an IPv6 address', async () => {
    let i = 0;
    await repeat(LIMIT, () => refresh(`2001:db8:1:2::${++i}`));
    expect((await refresh('2001:db8:1:2:ffff::1')).status).toBe(503);
    expect((await refresh('2001:db8:1:3::1')).status).toBe(400);
  });

  it('are counted for each IPv4 address, also if a proxy writes it as IPv6', async () => {
    await repeat(LIMIT, () => refresh('::ffff:192.0.2.30'));
    expect((await refresh('192.0.2.30')).status).toBe(503);
    expect((await refresh('::ffff:192.0.2.31')).status).toBe(400);
  });

  it('do not sign out a client that refreshes too often', async () => {
    const user = (await api.person('ada@example.test', [[team.teamId, 'owner']])).user;
    const code = generateOAuthSecret('code');
    const verifier = randomBytes(32).toString('base64url');
    await api.store.programs.create(team.teamId, {
      userId: user.id,
      clientId: 'telepresence-cli',
      codeHash: hashOAuthSecret(code),
      codeChallenge: createHash('sha256').update(verifier).digest('base64url'),
      redirectUri: REDIRECT_URI,
      at: new Date(),
    });
    let now = Date.now();
    const client = new TelepresenceClient({ version: '2.8.5', url, now: () => now });
    await client.exchange(code, REDIRECT_URI, verifier);
    await repeat(LIMIT, () => refresh());
    now += 2 * 60 * 60 * 1000;
    await expect(client.accessToken()).rejects.toThrow('503');
    expect(client.token).not.toBeNull();
  });

  it('do not use up a code beyond the limit', async () => {
    await repeat(LIMIT, () => refresh('192.0.2.3'));
    const { id } = await api.store.users.findOrCreate('ada@example.test', '');
    const code = generateOAuthSecret('code');
    const verifier = randomBytes(32).toString('base64url');
    await api.store.programs.create(team.teamId, {
      userId: id,
      clientId: 'telepresence-cli',
      codeHash: hashOAuthSecret(code),
      codeChallenge: createHash('sha256').update(verifier).digest('base64url'),
      redirectUri: REDIRECT_URI,
      at: new Date(),
    });
    const exchange = (address: string) =>
      api.http().post('/token').set(from(address)).type('form').send({
        client_id: 'telepresence-cli',
        grant_type: 'authorization_code',
        code,
        redirect_uri: REDIRECT_URI,
        code_verifier: verifier,
      });
    expect((await exchange('192.0.2.3')).status).toBe(503);
    expect((await exchange('192.0.2.4')).status).toBe(200);
  });

  it('get a `message` below /sso/, which no client stores as a key', async () => {
    const client = new TelepresenceClient({ version: '2.8.5', url });
    await client.loginWithApiKey(team.secret);
    const mint = () => api.http().post('/sso/api/apikeys').send({ description: 'x' });
    expect((await repeat(LIMIT, mint)).map(({ status }) => status)).toEqual(Array(LIMIT).fill(401));
    await expect(client.apiKey('agent-http')).rejects.toThrow(/^http 429: Too many attempts/);
    expect([...client.apiKeys.keys()]).toEqual(['']);
    expectWait((await mint()).headers);
    // Refused requests do not count against any other limit.
    expect((await refresh('192.0.2.5')).status).toBe(400);
  });

  it('do not count as failed credentials at /api/userinfo', async () => {
    const ask = () =>
      api.http().get('/api/userinfo').set(from('192.0.2.6')).set('X-Ambassador-Api-Key', team.secret);
    expect((await repeat(LIMIT, ask)).map(({ status }) => status)).toEqual(Array(LIMIT).fill(200));
    const beyond = await ask();
    expect([beyond.status, beyond.body.code]).toEqual([429, 'too_many_attempts']);
    expectWait(beyond.headers);
  });

  it('get a page at /auth, before any person is looked up', async () => {
    const ask = () => api.http().get('/auth').set(from('192.0.2.7')).set('Cookie', 'culvert-session=guess');
    expect((await repeat(LIMIT, ask)).map(({ status }) => status)).toEqual(Array(LIMIT).fill(303));
    const beyond = await ask();
    expect(beyond.status).toBe(429);
    expect(beyond.headers['content-type']).toMatch(/^text\/html/);
    expect(beyond.text).toContain('Too many attempts');
    expectWait(beyond.headers);
  });

  it('do not affect other requests of an address', async () => {
    await repeat(LIMIT + 1, () => refresh('192.0.2.8'));
    const other = await api.http().get('/completion').set(from('192.0.2.8'));
    expect(other.status).toBe(200);
  });
});

describe('the requests of a Telepresence client with a key', () => {
  let api: TestApi;

  beforeAll(async () => {
    api = await TestApi.start({
      env: { MAX_API_REQUESTS_PER_TEAM: '2', MAX_LOGIN_REQUESTS_PER_ADDRESS: '0' },
    });
  });
  afterAll(() => api.close());

  it('count for its team, like any request of the API', async () => {
    const team = await api.team('Shop');
    const mint = (key: string) =>
      api.http().post('/sso/api/apikeys').set('X-Ambassador-Api-Key', key).send({ description: 'x' });
    expect((await mint(team.secret)).status).toBe(200);
    expect((await team.get('/team')).status).toBe(200);
    const beyond = await mint(team.secret);
    expect([beyond.status, typeof beyond.body.message]).toEqual([429, 'string']);
    expect(Number(beyond.headers['retry-after'])).toBeGreaterThan(0);
    const userInfo = await api.http().get('/api/userinfo').set('X-Ambassador-Api-Key', team.secret);
    expect([userInfo.status, userInfo.body.code]).toEqual([429, 'too_many_requests']);
    expect((await mint((await api.team('Other')).secret)).status).toBe(200);
  });

  it('are not counted by address if there is no limit', async () => {
    for (let i = 0; i < 3; i++) expect((await api.http().get('/api/userinfo')).status).toBe(401);
  });
});
