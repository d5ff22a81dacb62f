import { generateOAuthSecret, generateUserCode, hashOAuthSecret, hashUserCode } from '@culvert/domain';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApi, type TestPerson, type TestTeam } from '../../spec/api-harness.js';

const ORIGIN = 'http://localhost:8080';
const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const MINUTE_MS = 60_000;

interface Codes {
  readonly device_code: string;
  readonly user_code: string;
}

describe('signing in on a machine without a browser', () => {
  let api: TestApi;
  let team: TestTeam;
  let ann: TestPerson;
  /** Time by which the clock of polls is ahead. */
  let aheadMs = 0;
  let count = 0;

  beforeAll(async () => {
    api = await TestApi.start({ env: { TRUSTED_PROXIES: '127.0.0.1' } });
    const { deviceAuthorizations } = api.store;
    const poll = deviceAuthorizations.poll.bind(deviceAuthorizations);
    deviceAuthorizations.poll = (request, tokens, at) =>
      poll(request, tokens, new Date(at.getTime() + aheadMs));
  });
  beforeEach(async () => {
    aheadMs = 0;
    team = await api.team('Shop <1>');
    ann = await api.person(`ann-${++count}@example.test`, [[team.teamId, 'member']]);
    api.bus.drain();
  });
  afterAll(() => api.close());

  /** Every test comes from another network, so that none uses up the attempts of another. */
  const address = () => `203.0.${count}.7`;
  const begin = (form: Record<string, string | string[]> = {}, from = address()) =>
    api
      .http()
      .post('/device_authorization')
      .set('X-Forwarded-For', from)
      .type('form')
      .send({ client_id: 'culvert', ...form });
  const codes = async (form = {}): Promise<Codes> => (await begin(form)).body as Codes;
  const poll = (deviceCode: string, form: Record<string, string> = {}) =>
    api
      .http()
      .post('/token')
      .type('form')
      .send({ client_id: 'culvert', grant_type: GRANT, device_code: deviceCode, ...form });
  const outcome = async (deviceCode: string, form = {}): Promise<unknown[]> => {
    const { status, body } = await poll(deviceCode, form);
    return [status, body.error];
  };
  const look = (userCode: string | undefined, as = ann, from = address()) =>
    api
      .http()
      .get('/device')
      .query(userCode === undefined ? {} : { user_code: userCode })
      .set({ Cookie: as.cookie, 'X-Forwarded-For': from });
  const decide = (form: Record<string, string>, headers: Record<string, string> = {}, as = ann) =>
    api
      .http()
      .post('/device')
      .set({ Cookie: as.cookie, Origin: ORIGIN, 'X-Forwarded-For': address(), ...headers })
      .type('form')
      .send({ decision: 'allow', team: team.teamId, ...form });
  const allow = (userCode: string) => decide({ user_code: userCode });

  it('begins as RFC 8628 requires, without being cached or logged', async () => {
    const response = await begin({ scope: 'openid', device_name: 'build-7' });
    expect(response.status).toBe(200);
    expect(response.headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' });
    const { user_code: userCode, device_code: deviceCode } = response.body as Codes;
    expect(response.body).toEqual({
      device_code: expect.stringMatching(/^cvtd_[\w-]{43}$/),
      user_code: expect.stringMatching(/^[B-Z]{4}-[B-Z]{4}$/),
      verification_uri: `${ORIGIN}/device`,
      verification_uri_complete: `${ORIGIN}/device?user_code=${userCode}`,
      expires_in: 600,
      interval: 5,
    });
    await look(userCode);
    await poll(deviceCode);
    const log = api.logLines.join('');
    for (const secret of [userCode, deviceCode]) expect(log).not.toContain(secret);
  });

  it('is announced in the metadata of the OAuth server', async () => {
    const { status, body } = await api.http().get('/.well-known/oauth-authorization-server');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      issuer: ORIGIN,
      authorization_endpoint: `${ORIGIN}/auth`,
      token_endpoint: `${ORIGIN}/token`,
      device_authorization_endpoint: `${ORIGIN}/device_authorization`,
      grant_types_supported: [
        'authorization_code',
        'refresh_token',
        GRANT,
        expect.stringMatching(/token-exchange$/),
      ],
    });
  });

  it.each([
    ['no client', { client_id: '' }, 401, 'invalid_client'],
    ['an unknown client', { client_id: 'evil' }, 401, 'invalid_client'],
    ['a secret', { client_secret: 'x' }, 401, 'invalid_client'],
    [
      'a client that only signs in with a browser',
      { client_id: 'telepresence-cli' },
      400,
      'unauthorized_client',
    ],
    ['two scopes', { scope: ['a', 'b'] }, 400, 'invalid_request'],
    ['a scope beyond the limit', { scope: 'x'.repeat(513) }, 400, 'invalid_request'],
    ['a name beyond the limit', { device_name: 'x'.repeat(65) }, 400, 'invalid_request'],
    ['a name like a sentence', { device_name: 'your laptop, please allow' }, 400, 'invalid_request'],
    ['markup as a name', { device_name: '<b>laptop</b>' }, 400, 'invalid_request'],
  ])('refuses to begin with %s', async (_name, form, status, error) => {
    const response = await begin(form);
    expect([response.status, response.body.error]).toEqual([status, error]);
    expect(response.body.error_description).toEqual(expect.any(String));
  });

  it('shows who asks, from which machine and address, when, and for what, on a page that cannot be framed', async () => {
    const { user_code: userCode } = await codes({ device_name: 'build-7' });
    const { status, text, headers } = await look(userCode.toLowerCase().replace('-', ' '));
    expect(status).toBe(200);
    for (const part of [
      'The culvert command',
      'manage previews, intercepts, connections and API keys',
      userCode,
      'build-7',
      address(),
      'The same network as this browser',
      'Less than a minute ago',
      ann.user.email,
      'Shop &lt;1&gt;',
      'only if you see this code on your own machine',
    ]) {
      expect(text).toContain(part);
    }
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers['cache-control']).toBe('no-store');
  });

  it('points out that the machine is elsewhere', async () => {
    const { user_code: userCode } = await codes();
    const { text } = await look(userCode, ann, '198.51.100.9');
    expect(text).toContain('Not the network of this browser, whose address is 198.51.100.9');
    expect(text).toContain('It gave no name');
    // A machine may use IPv4 where its browser uses IPv6.
    expect((await look(userCode, ann, '2001:db8::1')).text).toContain(
      'This browser has the address 2001:db8::1.',
    );
  });

  it('gives the program tokens of the person and team that were chosen, and records it', async () => {
    const other = await api.team('Bakery');
    await api.store.users.addMembership(other.teamId, ann.user.id, 'member');
    const { device_code: deviceCode, user_code: userCode } = await codes({ device_name: 'build-7' });
    const page = (await look(userCode)).text;
    expect([...page.matchAll(/<option value="([^"]*)"/g)].map(([, id]) => id)).toEqual([
      team.teamId,
      other.teamId,
    ]);
    const decided = await decide({ user_code: userCode, team: other.teamId });
    expect([decided.status, decided.headers['location']]).toEqual([303, '/completion']);
    const { status, body } = await poll(deviceCode);
    expect(status).toBe(200);
    expect(body).toEqual({
      access_token: expect.stringMatching(/^cvta_/),
      token_type: 'Bearer',
      expires_in: 3600,
      refresh_token: expect.stringMatching(/^cvtr_/),
      scope: 'profile email',
    });
    const me = await api.http().get('/api/v1/me').set('Authorization', `Bearer ${body.access_token}`);
    expect(me.body).toMatchObject({ team: { id: other.teamId }, user: { id: ann.user.id } });
    const { items } = await api.store.auditEvents.list(other.teamId, { limit: 10 });
    expect(items).toMatchObject([
      {
        action: 'program.create',
        actor: { kind: 'user', id: ann.user.id, address: address() },
        after: { userId: ann.user.id, device: 'build-7', deviceAddress: address() },
      },
    ]);
    const renewed = await api
      .http()
      .post('/token')
      .type('form')
      .send({ client_id: 'culvert', grant_type: 'refresh_token', refresh_token: body.refresh_token });
    expect(renewed.status).toBe(200);
  });

  it('tells the program to wait, and to wait longer when it asks too often', async () => {
    const { device_code: deviceCode } = await codes();
    expect(await outcome(deviceCode)).toEqual([400, 'authorization_pending']);
    expect(await outcome(deviceCode)).toEqual([400, 'slow_down']);
    aheadMs = 6000;
    expect(await outcome(deviceCode)).toEqual([400, 'slow_down']);
    aheadMs = 6000 + 15_000;
    expect(await outcome(deviceCode)).toEqual([400, 'authorization_pending']);
  });

  it('tells the program that the person did not agree', async () => {
    const { device_code: deviceCode, user_code: userCode } = await codes();
    const denied = await decide({ user_code: userCode, decision: 'deny' });
    expect([denied.status, denied.text.includes('The machine was not signed in')]).toEqual([200, true]);
    expect(await outcome(deviceCode)).toEqual([400, 'access_denied']);
    expect((await allow(userCode)).status).toBe(400);
    expect((await api.store.auditEvents.list(team.teamId, { limit: 1 })).items).toEqual([]);
  });

  it('ends after ten minutes, for the person and the program', async () => {
    const [deviceCode, userCode] = [generateOAuthSecret('device'), generateUserCode()];
    await api.store.deviceAuthorizations.create(
      {
        deviceCodeHash: hashOAuthSecret(deviceCode),
        userCodeHash: hashUserCode(userCode),
        clientId: 'culvert',
        deviceName: null,
        address: null,
        at: new Date(Date.now() - 10 * MINUTE_MS),
      },
      { maxOpen: 1000 },
    );
    for (const response of [await look(userCode), await allow(userCode)]) {
      expect(response.status).toBe(400);
      expect(response.text).toContain('This code does not work');
    }
    expect(await outcome(deviceCode)).toEqual([400, 'expired_token']);
  });

  it('gives one of several polls the tokens, which keep working', async () => {
    const { device_code: deviceCode, user_code: userCode } = await codes();
    await allow(userCode);
    const answers = await Promise.all([1, 2, 3].map(() => poll(deviceCode)));
    const issued = answers.filter(({ status }) => status === 200);
    expect(issued).toHaveLength(1);
    expect(answers.filter(({ body }) => body.error === 'slow_down')).toHaveLength(2);
    const me = await api
      .http()
      .get('/api/v1/me')
      .set('Authorization', `Bearer ${issued[0]?.body.access_token}`);
    expect(me.status).toBe(200);
  });

  it('revokes all tokens of a device code that is used again, and records it in the audit log', async () => {
    const { device_code: deviceCode, user_code: userCode } = await codes();
    await allow(userCode);
    const { body } = await poll(deviceCode);
    aheadMs = 2 * MINUTE_MS;
    expect(await outcome(deviceCode)).toEqual([400, 'invalid_grant']);
    const me = await api.http().get('/api/v1/me').set('Authorization', `Bearer ${body.access_token}`);
    expect(me.status).toBe(401);
    const { items } = await api.store.auditEvents.list(team.teamId, { limit: 1 });
    expect(items).toMatchObject([{ action: 'program.end', actor: { kind: 'system' } }]);
    expect(api.bus.drain()).toContainEqual({ type: 'user.changed', userId: ann.user.id });
  });

  // The repeated poll of a program that lost the response counted as the use of a copied code: the program was revoked.
  it('gives other tokens to a program whose response was lost, and revokes them if the lost ones are used', async () => {
    const { device_code: deviceCode, user_code: userCode } = await codes();
    await allow(userCode);
    aheadMs = -10_000;
    const lost = (await poll(deviceCode)).body;
    api.bus.drain();
    aheadMs = 0;
    const { status, body } = await poll(deviceCode);
    expect(status).toBe(200);
    // Processes that remember the first access token forget it.
    expect(api.bus.drain()).toContainEqual({ type: 'user.changed', userId: ann.user.id });
    const meWith = async (token: string): Promise<number> =>
      (await api.http().get('/api/v1/me').set('Authorization', `Bearer ${token}`)).status;
    expect([await meWith(lost.access_token), await meWith(body.access_token)]).toEqual([401, 200]);
    const { items } = await api.store.auditEvents.list(team.teamId, { limit: 1 });
    expect(items).toMatchObject([{ action: 'program.create' }]);
    const refreshed = await api
      .http()
      .post('/token')
      .type('form')
      .send({ client_id: 'culvert', grant_type: 'refresh_token', refresh_token: lost.refresh_token });
    expect([refreshed.status, refreshed.body.error]).toEqual([400, 'invalid_grant']);
    expect(await meWith(body.access_token)).toBe(401);
  });

  it.each([
    ['an unknown code', 'cvtd_x', {}, 400, 'invalid_grant'],
    ['no code', '', {}, 400, 'invalid_request'],
    ['a code beyond the limit', 'x'.repeat(513), {}, 400, 'invalid_request'],
    ['no client', 'cvtd_x', { client_id: '' }, 401, 'invalid_client'],
  ])('refuses a poll with %s', async (_name, deviceCode, form, status, error) => {
    expect(await outcome(deviceCode, form)).toEqual([status, error]);
  });

  it('gives another client nothing for a code, and does not use it up', async () => {
    const { device_code: deviceCode, user_code: userCode } = await codes();
    await allow(userCode);
    expect(await outcome(deviceCode, { client_id: 'telepresence-cli' })).toEqual([400, 'invalid_grant']);
    const asCode = { grant_type: 'authorization_code', code: deviceCode, code_verifier: 'x'.repeat(43) };
    expect(await outcome(deviceCode, { ...asCode, redirect_uri: 'http://localhost:1/callback' })).toEqual([
      400,
      'invalid_grant',
    ]);
    expect((await poll(deviceCode)).status).toBe(200);
  });

  it('does not take the code that people type for the secret of the machine', async () => {
    const { user_code: userCode } = await codes();
    await allow(userCode);
    expect(await outcome(userCode)).toEqual([400, 'invalid_grant']);
  });

  it.each([
    ['a page of another site', { Origin: 'https://evil.example' }, 403],
    ['a page that hides its origin', { Origin: 'null' }, 403],
    ['a person who is not signed in', { Cookie: '' }, 401],
  ])('lets nothing be decided by %s', async (_name, headers, status) => {
    const { device_code: deviceCode, user_code: userCode } = await codes();
    expect((await decide({ user_code: userCode }, headers)).status).toBe(status);
    expect(await outcome(deviceCode)).toEqual([400, 'authorization_pending']);
  });

  it('lets no one choose a team of others', async () => {
    const theirs = await api.team('Theirs');
    const { device_code: deviceCode, user_code: userCode } = await codes();
    for (const id of [theirs.teamId, '', 'x', '01890000-0000-7000-8000-000000000000'])
      expect((await decide({ user_code: userCode, team: id })).status).toBe(403);
    expect(await outcome(deviceCode)).toEqual([400, 'authorization_pending']);
    expect((await api.store.auditEvents.list(theirs.teamId, { limit: 1 })).items).toEqual([]);
  });

  it('makes people sign in first, and then returns them to the code', async () => {
    const { user_code: userCode } = await codes();
    const response = await api.http().get(`/device?user_code=${userCode}`);
    const location = new URL(response.headers['location'] ?? '', ORIGIN);
    expect([response.status, location.pathname, location.searchParams.get('return')]).toEqual([
      303,
      '/sign-in',
      `/device?user_code=${userCode}`,
    ]);
  });

  it('asks for the code, and refuses people without a team', async () => {
    const { status, text } = await look(undefined);
    expect([status, text.includes('name="user_code"')]).toEqual([200, true]);
    const loner = await api.person('eve@example.test', []);
    const { user_code: userCode } = await codes();
    const refused = await look(userCode, loner);
    expect([refused.status, refused.text.includes('You are not in a team')]).toEqual([403, true]);
    expect((await decide({ user_code: userCode }, {}, loner)).status).toBe(403);
  });

  it.each(['', 'x', 'WDJB-MJHT', '<script>', 'x'.repeat(1000)])(
    'does not know the code %j, and does not repeat it',
    async (typed) => {
      const { status, text } = await look(typed);
      expect([status, text.includes('This code does not work')]).toEqual([400, true]);
      if (typed.length > 1) expect(text).not.toContain(typed);
    },
  );

  it('stops a person who guesses codes, whatever their session and network', async () => {
    const { user_code: userCode } = await codes();
    for (let i = 0; i < 10; i++) expect((await look('BBBB-BBBB', ann, `192.0.2.${i}`)).status).toBe(400);
    const stopped = await look(userCode, ann, '198.51.100.10');
    expect([stopped.status, Number(stopped.headers['retry-after']) > 0]).toEqual([429, true]);
    expect((await decide({ user_code: userCode })).status).toBe(429);
    // Other people can still look.
    const bob = await api.person(`bob-${count}@example.test`, [[team.teamId, 'member']]);
    expect((await look(userCode, bob)).status).toBe(200);
  });

  it('stops a network from which many people guess', async () => {
    const crowd = await Promise.all(
      Array.from({ length: 6 }, (_, i) => api.person(`crowd-${i}@example.test`, [[team.teamId, 'member']])),
    );
    const from = '198.51.100.20';
    for (let i = 0; i < 50; i++) expect((await look('BBBB-BBBB', crowd[i % 6], from)).status).toBe(400);
    expect((await look('BBBB-BBBB', crowd[0], from)).status).toBe(429);
  });

  // Opening the page counted a guess also when another site did it, which could lock a person out for a quarter of an hour.
  it('only fills in the code of a link on a page of another site, without counting it', async () => {
    for (let i = 0; i < 12; i++) {
      const { status, text } = await look('bbbbbbbb').set('Sec-Fetch-Site', 'cross-site');
      expect([status, text.includes('value="BBBB-BBBB"')]).toEqual([200, true]);
    }
    const { user_code: userCode } = await codes({ device_name: 'build-7' });
    const linked = await look(userCode).set('Sec-Fetch-Site', 'cross-site');
    expect([linked.text.includes(`value="${userCode}"`), linked.text.includes('build-7')]).toEqual([
      true,
      false,
    ]);
    const markup = await look('"><b>').set('Sec-Fetch-Site', 'cross-site');
    expect([markup.status, markup.text.includes('"><b>')]).toEqual([200, false]);
    for (const site of ['same-origin', 'none']) {
      const { text } = await look(userCode).set('Sec-Fetch-Site', site);
      expect(text).toContain('build-7');
    }
  });

  it('does not count right codes as guesses', async () => {
    const { user_code: userCode } = await codes();
    for (let i = 0; i < 12; i++) expect((await look(userCode)).status).toBe(200);
  });

  it('limits how many machines of one network wait at once', async () => {
    const from = '198.51.100.30';
    for (let i = 0; i < 60; i++) expect((await begin({}, from)).status).toBe(200);
    const refused = await begin({}, from);
    expect([refused.status, refused.body.error]).toEqual([429, 'temporarily_unavailable']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await begin({}, '198.51.101.30')).status).toBe(200);
  });

  // A limit for each /64 only: 167 of the 65,536 of one /48 filled the table, and no one could sign in.
  it.each([
    ['/48', (i: number) => `2001:db8:7:${i.toString(16)}::1`, '2001:db8:8::1'],
    ['/24', (i: number) => `192.0.3.${i}`, '192.0.4.1'],
  ])('limits how many machines of the networks of one %s wait at once', async (_size, from, elsewhere) => {
    for (let i = 0; i < 240; i++) expect((await begin({}, from(i % 24))).status).toBe(200);
    expect((await begin({}, from(24))).status).toBe(429);
    expect((await begin({}, elsewhere)).status).toBe(200);
  });
});
