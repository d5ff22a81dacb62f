import type { Store, User } from '@culvert/domain';
import { Deferred } from '@culvert/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from '../../spec/api-harness.js';
import { hashPassword } from './passwords.js';

const ORIGIN = 'http://localhost:8080';
const PASSWORD = 'correct horse battery';

describe('signing in with a password', () => {
  let api: TestApi;
  let store: Store;
  let team: TestTeam;
  let user: User;
  let count = 0;

  const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    api
      .http()
      .post(path)
      .type('form')
      .set({ Origin: ORIGIN, 'X-Forwarded-For': `203.0.113.${count % 250}`, ...headers })
      .send(fields);
  const signIn = (fields: Record<string, string> = {}, headers = {}) =>
    post('/sign-in', { email: user.email, password: PASSWORD, ...fields }, headers);
  const cookieOf = (response: { headers: Record<string, string> }) =>
    [response.headers['set-cookie']].flat().at(-1)?.split(';')[0] ?? '';
  const me = (cookie: string) => api.http().get('/api/v1/me').set('Cookie', cookie);
  const actions = async () =>
    (await team.get('/audit-events')).body.items.map(({ action }: { action: string }) => action);

  beforeAll(async () => {
    api = await TestApi.start();
    ({ store } = api);
    team = await api.team('Shop');
  });
  beforeEach(async () => {
    user = await store.users.findOrCreate(`person-${(count += 1)}@example.test`, 'Jo');
    await store.users.addMembership(team.teamId, user.id, 'member');
    await store.users.setPasswordHash(user.id, await hashPassword(PASSWORD));
  });
  afterAll(() => api.close());

  it('begins a session with a cookie that scripts cannot read, and is recorded', async () => {
    const response = await signIn({ email: ` ${user.email.toUpperCase()} ` });
    expect([response.status, response.headers['location']]).toEqual([303, '/']);
    const [cookie] = [response.headers['set-cookie']].flat().slice(-1);
    expect(cookie).toMatch(
      /^culvert-session=[\w-]{43}; Max-Age=\d+; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/,
    );
    expect((await me(cookieOf(response))).body.user.id).toBe(user.id);
    expect((await actions())[0]).toBe('user.sign-in');
    const page = await api.http().get('/account').set('Cookie', cookieOf(response));
    expect([page.status, page.text]).toEqual([200, expect.stringContaining(user.email)]);
  });

  it('sets a host-only cookie over https', async () => {
    const secure = await TestApi.start({ store, env: { PUBLIC_SCHEME: 'https', APP_HOST: 'culvert.test' } });
    const response = await secure
      .http()
      .post('/api/v1/sign-in')
      .send({ email: user.email, password: PASSWORD });
    expect(response.status).toBe(204);
    expect([response.headers['set-cookie']].flat().at(-1)).toMatch(
      /^__Host-culvert-session=[\w-]{43}; .*Path=\/; .*HttpOnly; Secure; SameSite=Lax$/,
    );
  });

  it('warns only operators who let everyone at github.com create teams', async () => {
    const app = { GITHUB_CLIENT_ID: 'app', GITHUB_CLIENT_SECRET: 'hunter2' };
    const warns = async (env: Record<string, string>): Promise<boolean> => {
      const started = await TestApi.start({ store, env: { ...app, ...env } });
      return started.logLines.some((line) => line.includes('TEAM_CREATION'));
    };
    expect(await warns({})).toBe(true);
    expect(await warns({ TEAM_CREATION: 'members' })).toBe(false);
    expect(await warns({ GITHUB_URL: 'https://github.corp.test' })).toBe(false);
  });

  it('gives the browser a new token each time, and ends its old session', async () => {
    const first = cookieOf(await signIn());
    const second = cookieOf(await signIn({}, { Cookie: first }));
    expect(second).not.toBe(first);
    expect((await me(first)).status).toBe(401);
    expect((await me(second)).status).toBe(200);
  });

  it('sets one cookie, whichever cookies the browser already has', async () => {
    const first = await signIn();
    const second = await signIn({}, { Cookie: cookieOf(first) });
    const third = await signIn({}, { Cookie: `culvert-session=${'A'.repeat(43)}` });
    for (const { headers } of [first, second, third])
      expect([headers['set-cookie']].flat()).toEqual([expect.stringMatching(/^culvert-session=[\w-]{43};/)]);
  });

  it('does not accept a token that was planted in the browser before', async () => {
    const planted = `culvert-session=${'A'.repeat(43)}`;
    expect(cookieOf(await signIn({}, { Cookie: planted }))).not.toBe(planted);
    expect((await me(planted)).status).toBe(401);
  });

  it.each([
    ['/api/docs?x=1#y', '/api/docs?x=1#y'],
    ['//evil.example/', '/'],
    ['/\\evil.example', '/'],
    ['/\t/evil.example', '/'],
    ['https://evil.example/', '/'],
    ['javascript:alert(1)', '/'],
    ['', '/'],
    [`/${'x'.repeat(3000)}`, '/'],
  ])('redirects only to a path on the app host: %s', async (back, location) => {
    expect((await signIn({ return: back })).headers['location']).toBe(location);
    const page = await api.http().get(`/sign-in?return=${encodeURIComponent(back)}`);
    if (location === '/') expect(page.text).not.toContain('evil');
  });

  it('responds the same to a wrong password, an unknown address, and a person without a password', async () => {
    const other = await store.users.findOrCreate(`other-${user.email}`, '');
    const answers = await Promise.all([
      signIn({ password: 'wrong' }),
      signIn({ email: 'nobody@example.test' }),
      signIn({ email: other.email, password: '' }),
      signIn({ email: other.email }),
    ]);
    for (const { status, text, headers } of answers) {
      expect([status, headers['set-cookie']]).toEqual([401, undefined]);
      expect(text).toContain('The email address or the password is wrong.');
      expect(text).not.toContain(PASSWORD);
    }
    await expect.poll(actions).toContain('user.sign-in-failed');
  });

  it('takes as long for an unknown address as for a wrong password', async () => {
    const time = async (email: string) => {
      const start = performance.now();
      await signIn({ email, password: 'wrong' });
      return performance.now() - start;
    };
    await time(user.email);
    let [known, unknown] = [Infinity, Infinity];
    for (let i = 0; i < 4; i += 1) {
      known = Math.min(known, await time(user.email));
      unknown = Math.min(unknown, await time(`nobody-${i}@example.test`));
    }
    // Without the comparison with a dummy hash, the response would take a tenth of the time.
    expect(unknown).toBeGreaterThan(known / 3);
  });

  it('slows down guesses at an account from one network, even concurrent ones', async () => {
    const answers = await Promise.all(
      Array.from({ length: 14 }, (_, i) => signIn({ password: `guess ${i}` })),
    );
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
    const refused = answers.find(({ status }) => status === 429);
    expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(800);
    expect(refused?.text).toContain('Too many attempts');
    // The right password does not help now: otherwise it would be one more guess.
    expect((await signIn()).status).toBe(429);
    const program = await api
      .http()
      .post('/api/v1/sign-in')
      .set('X-Forwarded-For', `203.0.113.${count % 250}`)
      .send({ email: user.email, password: PASSWORD });
    expect([program.status, program.body.code]).toEqual([429, 'too_many_attempts']);
    expect(program.headers['retry-after']).toMatch(/^\d+$/);
  });

  it('lets the right person in while guesses at their account come from elsewhere', async () => {
    for (let i = 0; i < 12; i += 1)
      await signIn({ password: `guess ${i}` }, { 'X-Forwarded-For': '198.51.100.1' });
    expect((await signIn()).status).toBe(303);
  });

  it('slows down guesses at an account from many networks', async () => {
    const guesses = (network: number) =>
      Promise.all(
        Array.from({ length: 10 }, () =>
          signIn({ password: 'guess' }, { 'X-Forwarded-For': `198.51.101.${network}` }),
        ),
      );
    for (let network = 0; network < 10; network += 1)
      expect((await guesses(network)).every(({ status }) => status === 401)).toBe(true);
    expect((await signIn()).status).toBe(429);
  }, 60_000);

  it('counts only wrong passwords', async () => {
    for (let i = 0; i < 12; i += 1) expect((await signIn()).status).toBe(303);
  });

  /** All clients behind a proxy that writes IPv4 addresses in this form counted as one network. */
  it('treats addresses that are mapped into IPv6 as IPv4', async () => {
    const guess = (address: string) => signIn({ password: 'guess' }, { 'X-Forwarded-For': address });
    for (let i = 0; i < 10; i += 1) await guess('::ffff:198.51.102.1');
    expect((await guess('198.51.102.1')).status).toBe(429);
    expect((await guess('::ffff:198.51.102.2')).status).toBe(401);
  });

  it('slows down guesses from an address or its IPv6 network, at any account', async () => {
    const guess = (i: number) =>
      post(
        '/sign-in',
        { email: `a${i}@example.test`, password: 'x' },
        { 'X-Forwarded-For': `2001:db8:1:2::${i}` },
      );
    const answers = await Promise.all(Array.from({ length: 52 }, (_, i) => guess(i + 1)));
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(2);
    expect((await signIn()).status).toBe(303);
  });

  it('refuses forms from other origins, and bodies that are not forms', async () => {
    for (const Origin of ['https://evil.example', 'null', 'http://x.preview.localhost:8080']) {
      const response = await signIn({}, { Origin });
      expect([response.status, response.headers['set-cookie']]).toEqual([403, undefined]);
      expect(response.headers['content-type']).toContain('text/html');
    }
    const bare = await api
      .http()
      .post('/sign-in')
      .type('form')
      .send({ email: user.email, password: PASSWORD });
    expect(bare.status).toBe(403);
    const text = await api.http().post('/sign-in').type('text/plain').set('Origin', ORIGIN).send('email=x');
    expect(text.status).toBe(415);
  });

  it('signs out only by a form of the app host', async () => {
    const cookie = cookieOf(await signIn());
    expect((await post('/sign-out', {}, { Cookie: cookie, Origin: 'https://evil.example' })).status).toBe(
      403,
    );
    expect((await api.http().get('/sign-out').set('Cookie', cookie)).status).not.toBe(303);
    expect((await me(cookie)).status).toBe(200);
    api.bus.drain();
    const response = await post('/sign-out', {}, { Cookie: cookie });
    expect([response.status, response.headers['location']]).toEqual([303, '/sign-in?notice=signed-out']);
    expect(api.bus.drain()).toEqual([{ type: 'user.changed', userId: user.id }]);
    expect((await me(cookie)).status).toBe(401);
  });

  it('shows pages that run nothing, load nothing, and escape typed text', async () => {
    const page = await api.http().get('/sign-in');
    expect(page.headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self' http:\/\/\*\.preview\.localhost:8080; base-uri 'none'; frame-ancestors 'none'$/,
    );
    expect(page.text).not.toMatch(/<script|\son\w+=|(src|href)="(?!\/)/);
    const echo = await signIn({ email: '"><script>alert(1)</script>', password: 'x' });
    expect(echo.text).not.toContain('<script');
  });

  it('redirects people who are not signed in to the sign-in, and back', async () => {
    const response = await api.http().get('/account');
    expect([response.status, response.headers['location']]).toEqual([303, '/sign-in?return=%2Faccount']);
    const cookie = cookieOf(await signIn());
    const again = await api.http().get('/sign-in?return=/api/docs').set('Cookie', cookie);
    expect([again.status, again.headers['location']]).toEqual([303, '/api/docs']);
  });

  it('accepts the new password after a change, which ends the other sessions', async () => {
    const [here, there] = [cookieOf(await signIn()), cookieOf(await signIn())];
    const change = (currentPassword: string) =>
      api
        .http()
        .post('/api/v1/me/password')
        .set({ Cookie: here, Origin: ORIGIN })
        .send({ currentPassword, newPassword: 'wrong donkey staple' });
    const refused = await change('not it');
    expect([refused.status, refused.body.code]).toEqual([401, 'sign_in_failed']);
    expect((await me(there)).status).toBe(200);
    // Guesses at the sign-in, also from the same network, do not stop a signed-in person from changing it.
    for (let i = 0; i < 11; i += 1) await signIn({ password: 'guess' });
    expect((await signIn()).status).toBe(429);
    count += 1;
    expect((await change(PASSWORD)).status).toBe(204);
    expect((await me(there)).status).toBe(401);
    expect((await me(here)).status).toBe(200);
    expect((await signIn()).status).toBe(401);
    expect((await signIn({ password: 'wrong donkey staple' })).status).toBe(303);
  });

  describe('after forgetting the password', () => {
    const loggedLink = () =>
      /\/reset-password\?token=([\w-]{43})/.exec(
        api.logLines.findLast((line) => line.includes('pass this link on')) ?? '',
      )?.[1] ?? '';
    /** The link is created after the response. */
    const linkInLog = async () => {
      await expect.poll(loggedLink).not.toBe('');
      return loggedLink();
    };
    const ask = async (email = user.email) => {
      api.logLines.length = 0;
      const response = await post('/reset-password', { email });
      expect(response.status).toBe(200);
      return response.text;
    };

    it('sets a new password by a link that works once, and ends every session', async () => {
      const cookie = cookieOf(await signIn());
      await ask();
      const token = await linkInLog();
      const page = await api.http().get(`/reset-password?token=${token}`);
      expect(page.text).toContain(user.email);
      expect(page.headers['referrer-policy']).toBe('same-origin');
      const short = await post('/reset-password', { token, password: 'short' });
      expect([short.status, short.text]).toEqual([400, expect.stringContaining('at least 8 characters')]);
      const set = await post('/reset-password', { token, password: 'a new password' });
      expect([set.status, set.headers['location']]).toEqual([303, '/sign-in?notice=password-set']);
      expect((await me(cookie)).status).toBe(401);
      expect((await post('/reset-password', { token, password: 'yet another' })).status).toBe(404);
      expect((await signIn({ password: 'a new password' })).status).toBe(303);
      expect((await actions()).slice(0, 2)).toEqual(['user.sign-in', 'user.reset-password']);
    });

    it.each([
      ['leaves programs and API keys', {}, 200],
      ['ends programs and API keys if the person wants it', { endAccess: 'yes' }, 401],
    ])('%s', async (_what, wanted, status) => {
      const teamId = (await store.users.memberships(user.id))[0].teamId;
      const { accessToken } = await api.program(teamId, user.id, new Date(), 'culvert');
      const cookie = cookieOf(await signIn());
      const { key } = (
        await api
          .http()
          .post('/api/v1/api-keys')
          .set('Cookie', cookie)
          .set('Origin', 'http://localhost:8080')
          .send({ name: 'laptop' })
      ).body;
      await ask();
      const token = await linkInLog();
      const page = await api.http().get(`/reset-password?token=${token}`);
      expect(page.text).toContain('name="endAccess"');
      const set = await post('/reset-password', { token, password: 'a new password', ...wanted });
      expect(set.status).toBe(303);
      for (const secret of [accessToken, key]) {
        const answer = await api.http().get('/api/v1/me').set('Authorization', `Bearer ${secret}`);
        expect(answer.status).toBe(status);
      }
      if (status === 401)
        expect((await actions()).slice(0, 3)).toEqual([
          'api-key.revoke',
          'program.end',
          'user.reset-password',
        ]);
    });

    it('does not reveal whether there is an account', async () => {
      const unknown = await ask('nobody@example.test');
      const known = await ask();
      expect(unknown).toBe(known);
      await linkInLog();
      expect(api.logLines.join('')).not.toContain('nobody@example.test');
    });

    /** A response for an address with an account took twice as long, because the link was stored before it was sent. */
    it('responds before the account is looked up', async () => {
      const lookedUp = new Deferred();
      const answered = new Deferred();
      const users = Object.create(store.users, {
        findByEmail: {
          value: async (email: string) => {
            lookedUp.resolve();
            await answered.promise;
            return store.users.findByEmail(email);
          },
        },
      }) as Store['users'];
      const slow = await TestApi.start({ store: { ...store, users } });
      const response = await slow
        .http()
        .post('/reset-password')
        .type('form')
        .set('Origin', ORIGIN)
        .send({ email: user.email });
      expect(response.status).toBe(200);
      await lookedUp.promise;
      answered.resolve();
      await expect.poll(() => slow.logLines.join('')).toContain('pass this link on');
    });

    it('sends few mails for requests of one network', async () => {
      for (let i = 0; i < 3; i += 1) await ask();
      const refused = await post('/reset-password', { email: user.email });
      expect([refused.status, refused.headers['retry-after']]).toEqual([429, expect.stringMatching(/^\d+$/)]);
    });

    it('sends few mails to an account for requests of all networks', async () => {
      const from = (network: number) =>
        post('/reset-password', { email: user.email }, { 'X-Forwarded-For': `198.51.103.${network}` });
      for (let network = 0; network < 10; network += 1) expect((await from(network)).status).toBe(200);
      expect((await from(10)).status).toBe(429);
    });

    it('refuses invalid links', async () => {
      for (const token of ['x', 'A'.repeat(43), 'A'.repeat(2000)]) {
        const page = await api.http().get(`/reset-password?token=${token}`);
        expect([token.length, page.status]).toEqual([token.length, token.length > 1024 ? 200 : 404]);
        const set = await post('/reset-password', { token: token.slice(0, 43), password: 'a new password' });
        expect(set.status).toBe(404);
      }
    });
  });

  it('never logs a password', async () => {
    api.logLines.length = 0;
    await signIn({ password: 'hunter2-secret' });
    await api.http().post('/api/v1/sign-in').send({ email: user.email, password: 'hunter2-secret' });
    expect(api.logLines.length).toBeGreaterThan(0);
    expect(api.logLines.join('')).not.toContain('hunter2');
  });
});
