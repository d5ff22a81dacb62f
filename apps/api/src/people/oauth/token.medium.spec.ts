import { createHash, randomBytes } from 'node:crypto';
import { generateOAuthSecret, hashOAuthSecret, type Program } from '@culvert/domain';
import { TelepresenceClient } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi } from '../../spec/api-harness.js';

const REDIRECT_URI = 'http://localhost:50123/callback';
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('/token', () => {
  let api: TestApi;
  let url: string;
  let teamId: string;
  let userId: string;

  beforeAll(async () => {
    api = await TestApi.start();
    url = await api.app.getUrl();
    const first = await api.store.bootstrap.createFirst({
      teamName: 'Shop',
      email: 'ada@example.test',
      passwordHash: '$argon2id$…',
      apiKey: { name: 'x', hint: 'x', hash: hashOAuthSecret('x'), scopes: ['tunnel'], expiresAt: null },
    });
    teamId = first?.team.id ?? '';
    userId = first?.owner.id ?? '';
  });
  afterAll(() => api.close());

  /** Returns a code, as a person's consent creates it. */
  const consent = async (change: { clientId?: string; at?: Date } = {}) => {
    const code = generateOAuthSecret('code');
    const verifier = randomBytes(32).toString('base64url');
    const program = await api.store.programs.create(teamId, {
      userId,
      clientId: change.clientId ?? 'telepresence-cli',
      codeHash: hashOAuthSecret(code),
      codeChallenge: createHash('sha256').update(verifier).digest('base64url'),
      redirectUri: REDIRECT_URI,
      at: change.at ?? new Date(),
    });
    return { code, verifier, program: program as Program };
  };
  const formOf = ({ code, verifier }: { code: string; verifier: string }) => ({
    grant_type: 'authorization_code',
    code,
    redirect_uri: REDIRECT_URI,
    code_verifier: verifier,
  });
  const post = (form: Record<string, string | string[]>, headers: Record<string, string> = {}) =>
    api.http().post('/token').set(headers).type('form').send(form);
  const client = (version = '2.8.5', now?: () => number) =>
    new TelepresenceClient({ version, url, ...(now === undefined ? {} : { now }) });

  it('answers as RFC 6749 requires, without being cached', async () => {
    const response = await post(formOf(await consent()), { authorization: basic('telepresence-cli:') });
    expect(response.status).toBe(200);
    expect(response.headers).toMatchObject({
      'content-type': expect.stringMatching(/^application\/json/),
      'cache-control': 'no-store',
      pragma: 'no-cache',
    });
    expect(response.body).toEqual({
      access_token: expect.stringMatching(/^cvta_/),
      token_type: 'Bearer',
      expires_in: 3600,
      refresh_token: expect.stringMatching(/^cvtr_/),
      scope: 'profile email',
    });
    expect(api.logLines.join('')).not.toContain(response.body.access_token);
  });

  it.each(['2.0.0', '2.3.6', '2.8.5'])(
    'accepts the first attempt of %s, which sends the client id by HTTP Basic',
    async (version) => {
      const program = client(version);
      const { code, verifier } = await consent();
      await program.exchange(code, REDIRECT_URI, verifier);
      expect(program.tokenRequests).toBe(1);
      expect(await program.refreshUserInfo()).toMatchObject({
        id: userId,
        accountId: teamId,
        accountName: 'Shop',
      });
    },
  );

  it('accepts the client id in the body too', async () => {
    const consented = await consent({ clientId: 'docker-desktop' });
    expect((await post({ ...formOf(consented), client_id: 'docker-desktop' })).status).toBe(200);
  });

  it.each([
    ['another client', {}, { authorization: basic('docker-desktop:') }],
    ['a wrong redirect_uri', { redirect_uri: 'http://localhost:50124/callback' }, {}],
    ['a wrong verifier', { code_verifier: 'x'.repeat(43) }, {}],
    ['a secret', { client_secret: 'secret' }, {}],
    ['a password', {}, { authorization: basic('telepresence-cli:secret') }],
    ['no verifier', { code_verifier: '' }, {}],
  ])('does not use up a code that comes with %s', async (_name, change, headers) => {
    const form = formOf(await consent());
    const credentials = { authorization: basic('telepresence-cli:') };
    const refused = await post({ ...form, ...change }, { ...credentials, ...headers });
    expect([400, 401]).toContain(refused.status);
    expect((await post(form, credentials)).status).toBe(200);
  });

  it.each([
    ['no client', {}, {}, 401, 'invalid_client'],
    ['an unknown client', { client_id: 'evil' }, {}, 401, 'invalid_client'],
    [
      'two clients',
      { client_id: 'docker-desktop' },
      { authorization: basic('telepresence-cli:') },
      401,
      'invalid_client',
    ],
    ['credentials of another kind', {}, { authorization: 'Bearer abc' }, 401, 'invalid_client'],
    ['credentials that are not base64', {}, { authorization: 'Basic %%%' }, 401, 'invalid_client'],
    ['a name that is badly encoded', {}, { authorization: basic('%zz:') }, 401, 'invalid_client'],
    ['no grant type', { client_id: 'telepresence-cli', grant_type: '' }, {}, 400, 'invalid_request'],
    [
      'another grant type',
      { client_id: 'telepresence-cli', grant_type: 'password' },
      {},
      400,
      'unsupported_grant_type',
    ],
    ['no code', { client_id: 'telepresence-cli', code: '' }, {}, 400, 'invalid_request'],
    ['an unknown code', { client_id: 'telepresence-cli', code: 'cvtc_x' }, {}, 400, 'invalid_grant'],
    ['two codes', { client_id: 'telepresence-cli', code: ['a', 'b'] }, {}, 400, 'invalid_request'],
    [
      'a short verifier',
      { client_id: 'telepresence-cli', code_verifier: 'x'.repeat(42) },
      {},
      400,
      'invalid_request',
    ],
    [
      'a code beyond the limit',
      { client_id: 'telepresence-cli', code: 'x'.repeat(513) },
      {},
      400,
      'invalid_request',
    ],
    [
      'no refresh token',
      { client_id: 'telepresence-cli', grant_type: 'refresh_token' },
      {},
      400,
      'invalid_request',
    ],
    [
      'an unknown refresh token',
      { client_id: 'telepresence-cli', grant_type: 'refresh_token', refresh_token: 'x' },
      {},
      400,
      'invalid_grant',
    ],
  ])('refuses a request with %s', async (_name, change, headers, status, error) => {
    const response = await post({ ...formOf(await consent()), ...change }, headers);
    expect([response.status, response.body.error]).toEqual([status, error]);
    expect(response.body.error_description).toEqual(expect.any(String));
    expect(response.headers['www-authenticate']).toBe(status === 401 ? 'Basic realm="culvert"' : undefined);
  });

  it('uses the format of RFC 6749 also for requests that fail before they reach it', async () => {
    const json = await api.http().post('/token').send({ grant_type: 'authorization_code' });
    expect([json.status, json.body.error]).toEqual([401, 'invalid_client']);
    const text = await api.http().post('/token').type('text/plain').send('grant_type=x');
    expect([text.status, text.body.error]).toEqual([415, 'invalid_request']);
    const large = await post({ code: 'x'.repeat(20_000) });
    expect([large.status, large.body.error]).toEqual([413, 'invalid_request']);
    const wrong = await api.http().get('/token');
    expect([wrong.status, wrong.body.error, wrong.headers['allow']]).toEqual([
      405,
      'invalid_request',
      'POST',
    ]);
  });

  it('refuses an expired code', async () => {
    const form = formOf(await consent({ at: new Date(Date.now() - 61_000) }));
    const response = await post({ ...form, client_id: 'telepresence-cli' });
    expect([response.status, response.body.error]).toEqual([400, 'invalid_grant']);
  });

  it('revokes all tokens of a code that is used twice, and records it in the audit log', async () => {
    const consented = await consent();
    const program = client();
    await program.exchange(consented.code, REDIRECT_URI, consented.verifier);
    const again = await post({ ...formOf(consented), client_id: 'telepresence-cli' });
    expect([again.status, again.body.error]).toEqual([400, 'invalid_grant']);
    await expect(program.refreshUserInfo()).rejects.toThrow('permission denied: 401');
    const { items } = await api.store.auditEvents.list(teamId, { limit: 1 });
    expect(items).toMatchObject([
      { action: 'program.end', targetId: consented.program.id, actor: { kind: 'system' } },
    ]);
    expect(api.bus.drain()).toContainEqual({ type: 'user.changed', userId });
  });

  it('refreshes a token before it ends, and accepts the old refresh token until the new one is used', async () => {
    let now = Date.now();
    const program = client('2.8.5', () => now);
    const { code, verifier } = await consent();
    await program.exchange(code, REDIRECT_URI, verifier);
    const first = program.token;
    now += 3_591_000;
    await program.accessToken();
    expect(program.token?.refreshToken).not.toBe(first?.refreshToken);
    expect(program.tokenRequests).toBe(2);
    // The client never stored the response: after a restart it sends the first token again.
    const restarted = client('2.8.5', () => now);
    restarted.token = first;
    await restarted.accessToken();
    // The use of either newer token supersedes it.
    now += 3_600_000;
    await restarted.accessToken();
    await program.accessToken();
    expect(await program.refreshUserInfo()).toMatchObject({ id: userId });
    const { supersededAt } = (await api.store.programs.findByRefreshTokenHash(
      hashOAuthSecret(first?.refreshToken ?? ''),
    )) ?? { supersededAt: null };
    expect(supersededAt).toBeInstanceOf(Date);
  });

  it('revokes all tokens if a superseded refresh token is used, and the client learns that it is signed out', async () => {
    let now = Date.now();
    const program = client('2.8.5', () => now);
    const { code, verifier, program: consented } = await consent();
    await program.exchange(code, REDIRECT_URI, verifier);
    const stolen = program.token?.refreshToken ?? '';
    for (let i = 0; i < 2; i++) {
      now += 3_600_000;
      await program.accessToken();
    }
    const { supersededAt } = (await api.store.programs.findByRefreshTokenHash(hashOAuthSecret(stolen))) ?? {};
    expect(supersededAt).toBeInstanceOf(Date);
    const find = api.store.programs.findByRefreshTokenHash.bind(api.store.programs);
    api.store.programs.findByRefreshTokenHash = async (hash) => {
      const found = await find(hash);
      return (
        found && {
          ...found,
          supersededAt: found.supersededAt && new Date(found.supersededAt.getTime() - 61_000),
        }
      );
    };
    const response = await post({
      grant_type: 'refresh_token',
      refresh_token: stolen,
      client_id: 'telepresence-cli',
    }).then((answer) => {
      api.store.programs.findByRefreshTokenHash = find;
      return answer;
    });
    expect([response.status, response.body.error]).toEqual([400, 'invalid_grant']);
    expect(await api.store.programs.revoke(userId, consented.id)).toBeNull();
    now += 3_600_000;
    await expect(program.accessToken()).rejects.toThrow('invalid_grant');
    expect(program.token).toBeNull();
  });

  it('keeps a client signed in when the server fails', async () => {
    let now = Date.now();
    const program = client('2.8.5', () => now);
    const { code, verifier } = await consent();
    await program.exchange(code, REDIRECT_URI, verifier);
    now += 3_600_000;
    const { refresh } = api.store.programs;
    api.store.programs.refresh = () => Promise.reject(new Error('relation "oauth" does not exist'));
    await expect(program.accessToken()).rejects.toThrow('server_error');
    api.store.programs.refresh = refresh;
    expect(await program.accessToken()).toMatch(/^cvta_/);
  });
});
