import { generateSecret, hashSecret, type Team, type User } from '@culvert/domain';
import { TelepresenceClient } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi } from '../../spec/api-harness.js';

const ORIGIN = 'http://localhost:8080';
const CHALLENGE = 'x'.repeat(43);
const REQUEST = {
  client_id: 'telepresence-cli',
  code_challenge: CHALLENGE,
  code_challenge_method: 'S256',
  redirect_uri: 'http://localhost:50123/callback',
  response_type: 'code',
  scope: 'openid profile email',
  state: 'a&b="c"',
};

describe('/auth', () => {
  let api: TestApi;
  let url: string;
  let team: Team;
  let user: User;
  let cookie: string;

  const signIn = async (userId: string): Promise<string> => {
    const token = generateSecret();
    const draft = { userId, tokenHash: hashSecret(token), at: new Date(), address: null, userAgent: '' };
    await api.store.userSessions.create(draft);
    return `culvert-session=${token}`;
  };
  const ask = (change: Record<string, string | string[] | undefined> = {}, as = cookie) =>
    api
      .http()
      .get('/auth')
      .query({ ...REQUEST, ...change })
      .set('Cookie', as);
  const decide = (form: Record<string, string>, headers: Record<string, string> = {}) =>
    api
      .http()
      .post('/auth')
      .set({ Cookie: cookie, Origin: ORIGIN, ...headers })
      .type('form')
      .send({ ...REQUEST, ...form });

  beforeAll(async () => {
    api = await TestApi.start();
    url = await api.app.getUrl();
    const first = await api.store.bootstrap.createFirst({
      teamName: 'Shop <1>',
      email: 'ada@example.test',
      passwordHash: '$argon2id$…',
      apiKey: { name: 'x', hint: 'x', hash: hashSecret('x'), scopes: ['tunnel'], expiresAt: null },
    });
    if (first === null) throw new Error('the database is not new');
    team = first.team;
    user = first.owner;
    cookie = await signIn(user.id);
  });
  afterAll(() => api.close());

  it('makes people sign in first, and then returns them', async () => {
    const response = await ask({}, '');
    expect(response.status).toBe(303);
    const location = new URL(response.headers['location'] ?? '', ORIGIN);
    expect(location.pathname).toBe('/sign-in');
    const back = new URL(location.searchParams.get('return') ?? '', ORIGIN);
    expect([back.origin, back.pathname]).toEqual([ORIGIN, '/auth']);
    expect(Object.fromEntries(back.searchParams)).toEqual(REQUEST);
  });

  it('shows which program asks, where, and for whom, on a page that cannot be framed', async () => {
    const { status, text, headers } = await ask();
    expect(status).toBe(200);
    for (const part of ['Telepresence', 'localhost:50123', 'ada@example.test', 'Shop &lt;1&gt;']) {
      expect(text).toContain(part);
    }
    expect(text).toContain('value="a&amp;b=&quot;c&quot;"');
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers['content-security-policy']).toMatch(/form-action [^;]* http:\/\/localhost:50123(;|$)/);
    expect(headers['cache-control']).toBe('no-store');
  });

  it('names culvert, and what it will do', async () => {
    const { status, text } = await ask({ client_id: 'culvert' });
    expect(status).toBe(200);
    for (const part of ['The culvert command', 'manage previews, intercepts, connections and API keys'])
      expect(text).toContain(part);
    expect(text).not.toContain('Telepresence');
  });

  it.each([
    ['no client', { client_id: undefined }],
    ['an unknown client', { client_id: 'evil' }],
    ['two clients', { client_id: ['telepresence-cli', 'evil'] }],
    ['no redirect_uri', { redirect_uri: undefined }],
    ['another host', { redirect_uri: 'http://evil.example/callback' }],
    ['a host that only begins like it', { redirect_uri: 'http://localhost:80@evil.example/callback' }],
    ['another scheme', { redirect_uri: 'https://localhost:50123/callback' }],
    ['another path', { redirect_uri: 'http://localhost:50123/callback/../x' }],
    ['a query', { redirect_uri: 'http://localhost:50123/callback?x' }],
    ['an invalid port', { redirect_uri: 'http://localhost:65536/callback' }],
    ['an address', { redirect_uri: 'http://127.0.0.1:50123/callback' }],
    ['a state beyond the limit', { state: 'x'.repeat(1025) }],
  ])('does not redirect a request with %s', async (_name, change) => {
    const response = await ask(change);
    expect([response.status, response.headers['location']]).toEqual([400, undefined]);
    expect(response.text).toContain('This program cannot sign in');
  });

  it.each([
    ['no response_type', { response_type: undefined }, 'invalid_request'],
    ['another response_type', { response_type: 'token' }, 'unsupported_response_type'],
    ['no challenge', { code_challenge: undefined }, 'invalid_request'],
    ['a challenge of another length', { code_challenge: 'x'.repeat(42) }, 'invalid_request'],
    ['a plain challenge', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['no method', { code_challenge_method: undefined }, 'invalid_request'],
    ['two challenges', { code_challenge: [CHALLENGE, CHALLENGE] }, 'invalid_request'],
  ])('notifies the program of a request with %s', async (_name, change, error) => {
    const response = await ask(change);
    const { origin, searchParams } = new URL(response.headers['location'] ?? '');
    expect([response.status, origin]).toEqual([303, 'http://localhost:50123']);
    expect([searchParams.get('error'), searchParams.get('state')]).toEqual([error, REQUEST.state]);
  });

  it('notifies the program if the person does not agree', async () => {
    const response = await decide({ team: team.id, decision: 'deny' });
    const { searchParams } = new URL(response.headers['location'] ?? '');
    expect([searchParams.get('error'), searchParams.get('code')]).toEqual(['access_denied', null]);
  });

  it.each([
    ['a page of another site', { Origin: 'https://evil.example' }, 403],
    ['a page that hides its origin', { Origin: 'null' }, 403],
    ['a person who is not signed in', { Cookie: '' }, 401],
  ])('creates no code for %s', async (_name, headers, status) => {
    const response = await decide({ team: team.id, decision: 'allow' }, headers);
    expect([response.status, response.headers['location']]).toEqual([status, undefined]);
  });

  it.each(['', 'x', '01890000-0000-7000-8000-000000000000'])(
    'creates no code for the team %o',
    async (id) => {
      const response = await decide({ team: id, decision: 'allow' });
      expect([response.status, response.headers['location']]).toEqual([403, undefined]);
    },
  );

  it('lets people in several teams choose, and acts in the chosen one', async () => {
    const other = await api.store.teams.create('Bakery');
    await api.store.users.addMembership(other.id, user.id, 'member');
    const page = (await ask()).text;
    expect([...page.matchAll(/<option value="([^"]*)"/g)].map(([, id]) => id)).toEqual([team.id, other.id]);

    const program = new TelepresenceClient({ version: '2.8.5', url });
    await program.login((address) => {
      const query = Object.fromEntries(new URL(address).searchParams);
      void decide({ ...query, team: other.id, decision: 'allow' }).then(({ headers }) =>
        fetch(headers['location'] ?? '', { redirect: 'manual' }),
      );
    });
    expect(program.userInfo).toMatchObject({
      id: user.id,
      email: 'ada@example.test',
      accountId: other.id,
      accountName: 'Bakery',
    });
    const { items } = await api.store.auditEvents.list(other.id, { limit: 1 });
    expect(items).toMatchObject([{ action: 'program.create', actor: { kind: 'user', id: user.id } }]);
    // A sign-in has the scopes that Telepresence needs and no others.
    const token = await program.accessToken();
    const me = await api.http().get('/api/v1/me').set('Authorization', `Bearer ${token}`);
    expect(me.status).toBe(401);
    expect(await program.apiKey('traffic-manager')).toMatch(/^cvt_/);
    await expect(program.license('1')).rejects.toThrow('404');
  });

  it('refuses people without a team', async () => {
    const loner = await api.store.users.findOrCreate('eve@example.test', 'Eve');
    const response = await ask({}, await signIn(loner.id));
    expect([response.status, response.text.includes('You are not in a team')]).toEqual([403, true]);
  });

  it('ends at a page that names the next step', async () => {
    expect((await api.http().get('/completion')).text).toContain('your terminal');
    expect((await api.http().get('/completion?client=docker-desktop')).text).toContain('Docker Desktop');
  });
});
