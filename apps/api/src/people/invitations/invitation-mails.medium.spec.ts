/** Renewing an invitation mailed a stranger as often as the API allows, with a subject that the team chose. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApi, type TestPerson, type TestTeam } from '../../spec/api-harness.js';

const ORIGIN = 'http://localhost:8080';

describe('mails of invitations', () => {
  let smtp: SMTPServer;
  let mails: string[];
  let env: Record<string, string>;
  let api: TestApi;
  let team: TestTeam;
  let owner: TestPerson;
  let admin: TestPerson;
  let count = 0;

  beforeAll(async () => {
    smtp = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS', 'AUTH'],
      onData(stream, _session, done) {
        let mail = '';
        stream.setEncoding('utf8').on('data', (text: string) => (mail += text));
        stream.on('end', () => {
          mails.push(mail);
          done();
        });
      },
    });
    const listener = smtp.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    env = { SMTP_URL: `smtp://127.0.0.1:${(listener.address() as AddressInfo).port}` };
    api = await TestApi.start({ env });
  });
  beforeEach(async () => {
    mails = [];
    count++;
    team = await api.team('Shop');
    owner = await api.person(`owner-${count}@example.test`, [[team.teamId, 'owner']]);
    admin = await api.person(`admin-${count}@example.test`, [[team.teamId, 'admin']]);
  });
  afterAll(async () => {
    await api.close();
    await new Promise<void>((resolve) => smtp.close(() => resolve()));
  });

  const invite = (by: TestPerson, email: string, teamId = team.teamId) =>
    by.request('post', '/team/invitations', { teamId }).send({ email });
  const renew = (by: TestPerson, id: string, teamId = team.teamId) =>
    by.request('post', `/team/invitations/${id}/renew`, { teamId });
  const outcome = async (pending: ReturnType<TestPerson['request']>) => {
    const { status, body } = await pending;
    return [status, body.code];
  };
  const newTeam = async (by: TestPerson): Promise<string> =>
    (await by.request('post', '/teams').send({ name: 'Other' })).body.id;

  it('name the inviter, and quote the name of the team', async () => {
    await owner.request('patch', '/team').send({ name: 'Free prizes at evil.example' });
    await invite(owner, `guest-${count}@example.test`);
    await expect.poll(() => mails).toHaveLength(1);
    expect(mails[0]).toContain(owner.user.email);
    expect(mails[0]).not.toContain('evil.example');
  });

  it('are sent to one address a few times a day, even if they are renewed or revoked', async () => {
    const email = `often-${count}@example.test`;
    const { id } = (await invite(admin, email)).body;
    for (let i = 1; i < 5; i++) expect((await renew(admin, id)).status).toBe(200);
    const refused = await renew(admin, id);
    expect([refused.status, refused.body.code]).toEqual([429, 'too_many_attempts']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(80_000);
    await owner.request('delete', `/team/invitations/${id}`);
    expect(await outcome(invite(owner, email))).toEqual([429, 'too_many_attempts']);
    await expect.poll(() => mails).toHaveLength(5);
  });

  it('are sent to one address a few times a day from all teams, and no team can block another', async () => {
    const email = `wanted-${count}@example.test`;
    const flood = async () => {
      const other = await newTeam(owner);
      const { id } = (await invite(owner, email, other)).body;
      for (let i = 0; i < 5; i++) await renew(owner, id, other);
    };
    await flood();
    expect((await invite(admin, email)).status).toBe(201);
    for (let i = 0; i < 4; i++) await flood();
    const third = await api.team('Third');
    expect(await outcome(third.post('/team/invitations', { email }))).toEqual([429, 'too_many_attempts']);
    await expect.poll(() => mails).toHaveLength(20);
  });

  it('do not count if they are not sent', async () => {
    const email = `once-${count}@example.test`;
    const { id } = (await invite(admin, email)).body;
    for (let i = 0; i < 6; i++) expect(await outcome(invite(admin, email))).toEqual([409, 'already_invited']);
    expect((await renew(admin, id)).status).toBe(200);
  });

  it.each([
    ['team', 'from this team', () => owner],
    ['person', 'of yours', () => admin],
  ])('are limited per day for a %s', async (_, detail, by) => {
    const few = await TestApi.start({ store: api.store, env: { ...env, MAX_INVITATIONS_PER_DAY: '2' } });
    const send = (who: TestPerson, i: number, teamId = team.teamId) =>
      few
        .http()
        .post('/api/v1/team/invitations')
        .set({ Cookie: who.cookie, Origin: ORIGIN, 'Culvert-Team': teamId })
        .send({ email: `few-${count}-${i}@example.test` });
    const first = detail === 'of yours' ? await newTeam(admin) : team.teamId;
    expect((await send(admin, 1, first)).status).toBe(201);
    expect((await send(admin, 2)).status).toBe(201);
    const refused = await send(by(), 3);
    expect([refused.status, refused.body.detail]).toEqual([429, expect.stringContaining(detail)]);
  });

  it('are not counted if the server sends no mail', async () => {
    const silent = await TestApi.start({ store: api.store });
    const key = await silent.keyOf(team.teamId, {});
    const { id } = (await key.post('/team/invitations', { email: `silent-${count}@example.test` })).body;
    for (let i = 0; i < 6; i++)
      expect((await key.post(`/team/invitations/${id}/renew`, {})).status).toBe(200);
  });
});
