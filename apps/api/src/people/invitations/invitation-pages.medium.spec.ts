import { createdInvitationResource } from '@culvert/contract';
import { SMTPServer } from 'smtp-server';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApi, type TestPerson, type TestTeam } from '../../spec/api-harness.js';

const ORIGIN = 'http://localhost:8080';
const PASSWORD = 'a password of my own';

let api: TestApi;
let team: TestTeam;
let owner: TestPerson;
let email: string;
let count = 0;

const post = (path: string, fields: object) =>
  api.http().post(path).set('Origin', ORIGIN).type('form').send(fields);
const cookieOf = ({ headers }: { headers: Record<string, unknown> }) =>
  String(headers['set-cookie']).split(';')[0] ?? '';
const me = async (cookie: string) => (await api.http().get('/api/v1/me').set('Cookie', cookie)).body;

async function setUp(): Promise<void> {
  api.logLines.length = 0;
  count += 1;
  team = await api.team('Shop');
  owner = await api.person(`owner-${count}@example.test`, [[team.teamId, 'owner']]);
  email = `guest-${count}@example.test`;
}

async function invite(address = email) {
  const { status, body } = await owner.request('post', '/team/invitations').send({ email: address });
  expect(status).toBe(201);
  return createdInvitationResource.parse(body);
}

const signIn = (address: string, password: string) => post('/sign-in', { email: address, password });

describe('an invitation of a server that sends no mail', () => {
  beforeAll(async () => {
    api = await TestApi.start();
  });
  beforeEach(setUp);
  afterAll(() => api.close());

  it('is a link that sets a password, signs in and joins in one step', async () => {
    const { link, token, isMailed } = await invite();
    expect([link, isMailed]).toEqual([`${ORIGIN}/invitations?token=${token}`, false]);
    const page = await api.http().get(link.slice(ORIGIN.length));
    expect(page.text).toContain('Set password and join Shop');
    expect(page.text).not.toContain('Mail me');
    const joined = await post('/invitations/account', { token, password: PASSWORD });
    expect([joined.status, joined.headers['location']]).toEqual([303, '/']);
    expect(await me(cookieOf(joined))).toMatchObject({
      user: { email },
      team: { id: team.teamId },
      role: 'member',
    });
    expect((await signIn(email, PASSWORD)).status).toBe(303);
    const { items } = (await owner.request('get', '/audit-events')).body;
    expect(items.map(({ action }: { action: string }) => action)).toEqual(
      expect.arrayContaining(['invitation.create', 'member.add', 'user.sign-in']),
    );
  });

  it('works once, and not after it was renewed or revoked', async () => {
    const used = await invite();
    await post('/invitations/account', { token: used.token, password: PASSWORD });
    const { id, token: old } = await invite(`x-${email}`);
    const renewed = (await owner.request('post', `/team/invitations/${id}/renew`)).body;
    expect(renewed).toMatchObject({
      isMailed: false,
      link: expect.stringContaining(renewed.token) as string,
    });
    await owner.request('delete', `/team/invitations/${id}`);
    for (const token of [used.token, old, renewed.token, 'x', 'A'.repeat(43)]) {
      expect((await post('/invitations/account', { token, password: 'another password' })).status).toBe(404);
    }
    expect((await signIn(email, 'another password')).status).toBe(401);
  });

  it('explains why a password is invalid, and can be used again', async () => {
    const { token } = await invite();
    const refused = await post('/invitations/account', { token, password: 'short' });
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('at least 8 characters')]);
    expect((await post('/invitations/account', { token, password: PASSWORD })).status).toBe(303);
  });

  it('sets no password for an address that has an account: that person signs in', async () => {
    const victim = await api.person(email, [[(await api.team('Theirs')).teamId, 'owner']]);
    const { token, link } = await invite();
    const page = await api.http().get(link.slice(ORIGIN.length));
    expect(page.text).toContain('Sign in to join');
    expect(page.text).not.toContain('Set password');
    const refused = await post('/invitations/account', { token, password: 'the inviter knows it' });
    expect([refused.status, refused.headers['location']]).toEqual([303, `/invitations?token=${token}`]);
    expect((await signIn(email, 'the inviter knows it')).status).toBe(401);
    expect(await api.store.users.findSignInMethods(victim.user.id)).toMatchObject({ hasPassword: false });
    const accepted = await victim.request('post', '/invitations/accept').send({ token });
    expect(accepted.status).toBe(200);
  });

  it('does not open a preview of another team that allows the address, which is not verified', async () => {
    const others = await api.team('Others');
    const trafficManagerId = await others.trafficManager('m');
    const { body: preview } = await others.post('/previews', {
      trafficManagerId,
      intercept: { name: 'a', workload: 'a' },
      ingress: { host: 'a', port: 80 },
      access: 'team',
      allowedEmails: [email],
    });
    const { token } = await invite();
    const cookie = cookieOf(await post('/invitations/account', { token, password: PASSWORD }));
    const open = () =>
      api
        .http()
        .get(`/preview-access?host=${preview.hostname}&nonce=${'a'.repeat(64)}&to=Lw`)
        .set('Cookie', cookie);
    expect((await open()).status).toBe(404);
    const user = await api.store.users.findByEmail(email);
    await api.store.users.findOrCreateByIdentity({
      issuer: 'https://id.example',
      subject: email,
      email,
      name: '',
    });
    // The provider took over the account: the session that the link opened has ended.
    expect((await open()).status).toBe(303);
    expect((await me(cookie)).code).toBe('unauthenticated');
    expect(user).toMatchObject({ isEmailVerified: false });
  });

  it('does not appear in any log, and neither does its link', async () => {
    const { token } = await invite();
    await api.http().get(`/invitations?token=${token}`);
    await post('/invitations/account', { token, password: PASSWORD });
    expect(api.logLines.length).toBeGreaterThan(0);
    for (const secret of [token, PASSWORD]) expect(api.logLines.join('')).not.toContain(secret);
  });

  it('sends no mail even when asked to', async () => {
    const { token } = await invite();
    expect((await post('/invitations/mail', { token })).status).toBe(404);
  });
});

describe('an invitation by mail', () => {
  let smtp: SMTPServer;
  let mails: string[];
  let arrived = (): void => {};

  beforeAll(async () => {
    smtp = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS', 'AUTH'],
      onData(stream, _session, done) {
        let mail = '';
        stream.setEncoding('utf8').on('data', (text: string) => (mail += text));
        stream.on('end', () => {
          // Quoted-printable (RFC 2045 §6.7).
          mails.push(mail.replace(/=\r?\n/g, '').replaceAll('=3D', '='));
          done();
          arrived();
        });
      },
    });
    const port = await new Promise<number>((resolve) => {
      const listener = smtp.listen(0, '127.0.0.1', () => {
        const address = listener.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    api = await TestApi.start({ env: { SMTP_URL: `smtp://127.0.0.1:${port}` } });
  });
  beforeEach(async () => {
    mails = [];
    await setUp();
  });
  afterEach(() => {
    arrived = () => {};
  });
  afterAll(async () => {
    await api.close();
    await new Promise<void>((resolve) => smtp.close(() => resolve()));
  });

  /** Returns the path of the link in the next mail. */
  async function linkOf(cause: () => PromiseLike<unknown>): Promise<string> {
    const [sent] = await Promise.all([new Promise<void>((resolve) => (arrived = resolve)), cause()]).then(
      () => mails.splice(0),
    );
    return /http:\/\/localhost:8080(\/\S+)/.exec(sent ?? '')?.[1] ?? '';
  }

  it('proves the address by a second mail, whose link sets a password, signs in and joins', async () => {
    let created: { isMailed: boolean; link: string } | undefined;
    const link = await linkOf(async () => (created = await invite()));
    expect(created).toMatchObject({ isMailed: true, link: ORIGIN + link });
    const page = await api.http().get(link);
    expect(page.text).toContain('Mail me a link');
    expect(page.text).not.toContain('Set password');
    const token = link.slice(link.indexOf('token=') + 'token='.length);
    const proof = await linkOf(() => post('/invitations/mail', { token }));
    expect(proof).toMatch(/^\/invitations\/account\?token=[\w-]+&reset=[\w-]+$/);
    expect((await api.http().get(proof)).text).toContain('Set password and join Shop');
    const fields = Object.fromEntries(new URLSearchParams(proof.slice(proof.indexOf('?'))));
    const joined = await post('/invitations/account', { ...fields, password: PASSWORD });
    expect([joined.status, joined.headers['location']]).toEqual([303, '/']);
    expect(await me(cookieOf(joined))).toMatchObject({ user: { email }, team: { id: team.teamId } });
    expect(await api.store.users.findByEmail(email)).toMatchObject({ isEmailVerified: true });
    expect((await post('/invitations/account', { ...fields, password: PASSWORD })).status).toBe(404);
    expect(api.logLines.join('')).not.toContain(token);
  });

  it('sets no password by the invitation alone, nor by the mailed link of another person', async () => {
    const { token } = await invite();
    const other = await invite(`other-${email}`);
    const proof = await linkOf(() => post('/invitations/mail', { token: other.token }));
    const reset = new URLSearchParams(proof.slice(proof.indexOf('?'))).get('reset') ?? '';
    for (const fields of [{ token }, { token, reset }, { token, reset: 'x' }]) {
      expect((await post('/invitations/account', { ...fields, password: PASSWORD })).status).toBe(404);
    }
    expect((await signIn(email, PASSWORD)).status).toBe(401);
  });
});
