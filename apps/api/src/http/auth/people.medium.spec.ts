import { userSessionPage } from '@culvert/contract';
import { SCOPES, scopesOfRole, USER_SESSION_IDLE_MS, type Role } from '@culvert/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestPerson, type TestTeam } from '../../spec/api-harness.js';

describe('people who are signed in', () => {
  let api: TestApi;
  let team: TestTeam;
  let other: TestTeam;
  let ann: TestPerson;
  const outcome = async (pending: Promise<{ status: number; body: { code?: string } }>) => {
    const { status, body } = await pending;
    return [status, body.code];
  };

  beforeAll(async () => {
    api = await TestApi.start();
    team = await api.team('Shop');
    other = await api.team('Bank');
    ann = await api.person('ann@example.test', [
      [team.teamId, 'member'],
      [other.teamId, 'owner'],
    ]);
  });
  afterAll(() => api.close());

  it('act for the team they joined first, or for the one in the request', async () => {
    const { body } = await ann.request('get', '/me');
    expect(body).toEqual({
      team: { id: team.teamId, name: 'Shop' },
      role: 'member',
      scopes: scopesOfRole('member'),
      apiKey: null,
      workloadIdentity: null,
      user: { id: ann.user.id, email: 'ann@example.test', name: '' },
      teams: [
        { id: team.teamId, name: 'Shop', role: 'member' },
        { id: other.teamId, name: 'Bank', role: 'owner' },
      ],
      mayCreateTeam: true,
    });
    const named = await ann.request('get', '/me', { teamId: other.teamId });
    expect(named.body).toMatchObject({ team: { name: 'Bank' }, role: 'owner', scopes: SCOPES });
  });

  it('cannot act for a team that they are not in, whether it exists or not', async () => {
    const { teamId } = await api.team('Strangers');
    for (const id of [teamId, 'nothing', '']) {
      expect(await outcome(ann.request('get', '/previews', { teamId: id }))).toEqual([403, 'not_a_member']);
    }
  });

  it.each(['member', 'admin', 'owner'] as const)(
    'have the permissions of the role %s',
    async (role: Role) => {
      const person = await api.person(`${role}@example.test`, [[team.teamId, role]]);
      expect((await person.request('get', '/previews')).status).toBe(200);
      const { body } = await person.request('get', '/me');
      expect(body.scopes).toEqual(scopesOfRole(role));
    },
  );

  it('are recognized without a team, but cannot act in any team', async () => {
    const loner = await api.person('loner@example.test', []);
    expect((await loner.request('get', '/me')).body).toMatchObject({ team: null, scopes: [], teams: [] });
    expect(await outcome(loner.request('get', '/previews'))).toEqual([403, 'not_a_member']);
  });

  it('are no longer recognized once their session was removed, has expired or was unused for too long', async () => {
    const ended = await api.person('ended@example.test', [[team.teamId, 'owner']]);
    expect((await ended.request('get', '/me')).status).toBe(200);
    await api.store.userSessions.remove(ended.user.id, ended.session.id);
    expect(await outcome(ended.request('get', '/me'))).toEqual([401, 'unauthenticated']);

    const find = api.store.userSessions.findByTokenHash.bind(api.store.userSessions);
    const aged = async (change: { expiresAt?: Date; lastSeenAt?: Date }) => {
      api.store.userSessions.findByTokenHash = async (hash) => {
        const found = await find(hash);
        return found && { ...found, session: { ...found.session, ...change } };
      };
      try {
        return (await ann.request('get', '/me')).status;
      } finally {
        api.store.userSessions.findByTokenHash = find;
      }
    };
    expect(await aged({ expiresAt: new Date() })).toBe(401);
    expect(await aged({ lastSeenAt: new Date(Date.now() - USER_SESSION_IDLE_MS) })).toBe(401);
    expect(await aged({})).toBe(200);
  });

  it('are not recognized by two session cookies or by an invalid one', async () => {
    const token = ann.cookie.split('=')[1];
    for (const cookie of [
      `${ann.cookie}; ${ann.cookie}`,
      'culvert-session=',
      `culvert-session=${token}x`,
      `x=${token}`,
    ]) {
      const response = await api.http().get('/api/v1/me').set('Cookie', cookie);
      expect([cookie, response.status]).toEqual([cookie, 401]);
    }
    expect((await api.http().get('/api/v1/me').set('Cookie', `a=b; ${ann.cookie}; c`)).status).toBe(200);
  });

  it.each([
    ['another origin', { Origin: 'https://evil.example' }],
    ['a preview', { Origin: 'http://quiet-heron.preview.localhost:8080' }],
    ['the app by another scheme', { Origin: 'https://localhost:8080' }],
    ['a page without an origin', { Origin: 'null' }],
    ['another origin that claims more', { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'same-origin' }],
    ['a sibling', { 'Sec-Fetch-Site': 'same-site' }],
    ['no page at all', {}],
  ])('cannot change anything by a request that comes from %s', async (_name, headers) => {
    const request = api.http().post('/api/v1/traffic-managers').set('Cookie', ann.cookie).set(headers);
    expect(await outcome(request.send({ managerId: 'forged' }))).toEqual([403, 'cross_site_request']);
    expect((await team.get('/traffic-managers')).body.items).toEqual([]);
  });

  it('can change things by a request that the browser marks as same-origin', async () => {
    const request = api
      .http()
      .post('/api/v1/traffic-managers')
      .set('Cookie', ann.cookie)
      .set('Sec-Fetch-Site', 'same-origin');
    expect((await request.send({ managerId: 'own' })).status).toBe(201);
    const [event] = (await team.get('/audit-events')).body.items;
    expect(event).toMatchObject({
      action: 'traffic-manager.create',
      actor: { kind: 'user', id: ann.user.id },
    });
  });

  it('are not recognized by their cookie when the request also has a key', async () => {
    const request = api.http().get('/api/v1/me').set('Cookie', ann.cookie);
    expect((await request.set('Authorization', 'Bearer wrong-wrong')).status).toBe(401);
    const key = await api
      .http()
      .get('/api/v1/me')
      .set('Cookie', ann.cookie)
      .set('X-Ambassador-Api-Key', team.secret);
    expect(key.body.user).toBeNull();
  });

  it('see where they are signed in, and can end a session at once', async () => {
    const bob = await api.person('bob@example.test', [[team.teamId, 'member']]);
    const elsewhere = await api.person('bob@example.test', []);
    const third = await api.person('bob@example.test', []);
    const { items } = userSessionPage.parse((await bob.request('get', '/me/sessions')).body);
    expect(items.map(({ id, isCurrent }) => [id, isCurrent])).toEqual([
      [third.session.id, false],
      [elsewhere.session.id, false],
      [bob.session.id, true],
    ]);
    expect(items[0]).toMatchObject({ address: '192.0.2.7', userAgent: 'Test/1.0' });

    api.bus.drain();
    expect((await bob.request('delete', `/me/sessions/${elsewhere.session.id}`)).status).toBe(204);
    expect(api.bus.drain()).toEqual([{ type: 'user.changed', userId: bob.user.id }]);
    expect((await bob.request('delete', `/me/sessions/${elsewhere.session.id}`)).status).toBe(404);
    expect(api.bus.drain()).toEqual([]);
    expect((await elsewhere.request('get', '/me')).status).toBe(401);
    expect((await third.request('get', '/me')).status).toBe(200);

    expect((await bob.request('delete', '/me/sessions')).status).toBe(204);
    expect((await third.request('get', '/me')).status).toBe(401);
    expect((await bob.request('get', '/me')).status).toBe(200);
    const log = (await team.get('/audit-events')).body.items;
    expect(log.slice(0, 2)).toMatchObject([
      { action: 'user-session.end-others', actor: { kind: 'user', id: bob.user.id }, after: { count: 1 } },
      { action: 'user-session.end', targetId: elsewhere.session.id },
    ]);
  });

  it('cannot end sessions of others', async () => {
    const bob = await api.person('bob@example.test', []);
    const foreign = await outcome(bob.request('delete', `/me/sessions/${ann.session.id}`));
    expect(foreign).toEqual([404, 'not_found']);
    expect(await outcome(bob.request('delete', '/me/sessions/nothing'))).toEqual(foreign);
    expect((await ann.request('get', '/me')).status).toBe(200);
  });
});
