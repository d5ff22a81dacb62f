import { programPage } from '@culvert/contract';
import { REFRESH_TOKEN_LIFETIME_MS } from '@culvert/domain';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApi, type TestPerson, type TestTeam } from '../../spec/api-harness.js';

describe('/api/v1/me/programs', () => {
  let api: TestApi;
  let team: TestTeam;
  let ann: TestPerson;
  let count = 0;

  beforeAll(async () => {
    api = await TestApi.start();
  });
  beforeEach(async () => {
    team = await api.team('Shop');
    ann = await api.person(`ann-${++count}@example.test`, [[team.teamId, 'member']]);
    api.bus.drain();
  });
  afterAll(() => api.close());

  const list = async (person: TestPerson, query = '') =>
    programPage.parse((await person.request('get', `/me/programs${query}`)).body);
  const idsOf = async (person: TestPerson) => (await list(person)).items.map(({ id }) => id);
  const end = (person: TestPerson, id: string) => person.request('delete', `/me/programs/${id}`);
  const userInfo = async (accessToken: string) =>
    (await api.http().get('/api/userinfo').set('Authorization', `Bearer ${accessToken}`)).status;
  const refresh = (refreshToken: string) =>
    api
      .http()
      .post('/token')
      .type('form')
      .send({ client_id: 'telepresence-cli', grant_type: 'refresh_token', refresh_token: refreshToken });

  it('lists the programs of a person, in all of their teams, newest first', async () => {
    const bakery = await api.team('Bakery');
    await api.store.users.addMembership(bakery.teamId, ann.user.id, 'owner');
    const longAgo = new Date(Date.now() - REFRESH_TOKEN_LIFETIME_MS + 60_000);
    const older = await api.program(team.teamId, ann.user.id, longAgo);
    const newer = await api.program(bakery.teamId, ann.user.id);
    await api.program(team.teamId, ann.user.id, new Date(Date.now() - REFRESH_TOKEN_LIFETIME_MS - 1));
    const { items } = await list(ann);
    expect(items).toMatchObject([{ id: newer.id, team: { id: bakery.teamId, name: 'Bakery' } }, {}]);
    expect(items[1]).toEqual({
      id: older.id,
      clientId: 'telepresence-cli',
      name: 'Telepresence',
      team: { id: team.teamId, name: 'Shop' },
      createdAt: longAgo.toISOString(),
      lastUsedAt: longAgo.toISOString(),
      expiresAt: new Date(longAgo.getTime() + REFRESH_TOKEN_LIFETIME_MS).toISOString(),
    });
    const first = await list(ann, '?limit=1');
    expect(first.items).toEqual([items[0]]);
    const second = await list(ann, `?limit=1&cursor=${first.nextCursor ?? ''}`);
    expect(second).toEqual({ items: [items[1]], nextCursor: null });
  });

  it('ends a program at once with its tokens, notifies the edges, and writes to the audit log', async () => {
    const program = await api.program(team.teamId, ann.user.id);
    const other = await api.program(team.teamId, ann.user.id);
    expect(await userInfo(program.accessToken)).toBe(200);
    expect((await end(ann, program.id)).status).toBe(204);
    expect(await userInfo(program.accessToken)).toBe(401);
    expect((await refresh(program.refreshToken)).status).toBe(400);
    expect(api.bus.drain()).toEqual([{ type: 'user.changed', userId: ann.user.id }]);
    expect(await idsOf(ann)).toEqual([other.id]);
    expect(await userInfo(other.accessToken)).toBe(200);
    const { items } = await api.store.auditEvents.list(team.teamId, { limit: 10 });
    expect(items).toMatchObject([
      {
        action: 'program.end',
        targetId: program.id,
        actor: { kind: 'user', id: ann.user.id },
        before: { program: 'Telepresence', userId: ann.user.id },
      },
    ]);
  });

  it('notifies the edges and writes to the audit log once, however often a program is ended', async () => {
    const program = await api.program(team.teamId, ann.user.id);
    await end(ann, program.id);
    api.bus.drain();
    expect((await end(ann, program.id)).status).toBe(204);
    const other = await api.person(`bob-${++count}@example.test`, [[team.teamId, 'owner']]);
    expect((await end(other, program.id)).status).toBe(404);
    const unknown = await end(ann, '01890000-0000-7000-8000-000000000000');
    expect([unknown.status, unknown.body.code]).toEqual([404, 'not_found']);
    expect((await end(ann, 'nothing')).status).toBe(404);
    expect(api.bus.drain()).not.toContainEqual({ type: 'user.changed', userId: ann.user.id });
    expect((await api.store.auditEvents.list(team.teamId, { limit: 10 })).items).toHaveLength(1);
  });

  it('shows and ends no programs of other people, whatever the role', async () => {
    const program = await api.program(team.teamId, ann.user.id);
    for (const role of ['owner', 'admin', 'member'] as const) {
      const other = await api.person(`${role}-${++count}@example.test`, [[team.teamId, role]]);
      expect(await idsOf(other)).toEqual([]);
      expect((await end(other, program.id)).status).toBe(404);
    }
    expect((await team.get('/me/programs')).status).toBe(403);
    expect((await team.delete(`/me/programs/${program.id}`)).status).toBe(403);
    expect(await idsOf(ann)).toEqual([program.id]);
    expect(await userInfo(program.accessToken)).toBe(200);
  });

  it('ends the programs of a person who is removed from the team, and notifies the edges', async () => {
    const owner = await api.person(`owner-${++count}@example.test`, [[team.teamId, 'owner']]);
    const program = await api.program(team.teamId, ann.user.id);
    expect((await owner.request('delete', `/team/members/${ann.user.id}`)).status).toBe(204);
    expect(api.bus.drain()).toEqual([{ type: 'user.changed', userId: ann.user.id }]);
    expect(await idsOf(ann)).toEqual([]);
    expect(await userInfo(program.accessToken)).toBe(401);
  });

  it('does not fail if the edges cannot be notified, since they check again by themselves', async () => {
    const program = await api.program(team.teamId, ann.user.id);
    api.bus.refusal = new Error('no bus');
    try {
      expect((await end(ann, program.id)).status).toBe(204);
    } finally {
      api.bus.refusal = undefined;
    }
    expect(await idsOf(ann)).toEqual([]);
  });
});
