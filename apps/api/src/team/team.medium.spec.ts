import { createdInvitationResource, memberCredentialList, memberList, teamResource } from '@culvert/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApi, type TestPerson, type TestTeam } from '../spec/api-harness.js';

describe('teams', () => {
  let api: TestApi;
  let team: TestTeam;
  let owner: TestPerson;
  let admin: TestPerson;
  let member: TestPerson;
  let count = 0;

  beforeAll(async () => {
    api = await TestApi.start();
  });
  beforeEach(async () => {
    team = await api.team('Shop');
    count++;
    owner = await api.person(`owner-${count}@example.test`, [[team.teamId, 'owner']]);
    admin = await api.person(`admin-${count}@example.test`, [[team.teamId, 'admin']]);
    member = await api.person(`member-${count}@example.test`, [[team.teamId, 'member']]);
    api.bus.drain();
  });
  afterAll(() => api.close());

  const outcome = async (pending: ReturnType<TestPerson['request']>) => {
    const { status, body } = await pending;
    return [status, body.code];
  };
  const setRole = (by: TestPerson, of: TestPerson, role: string) =>
    outcome(by.request('patch', `/team/members/${of.user.id}`).send({ role }));
  const remove = (by: TestPerson, of: TestPerson) =>
    outcome(by.request('delete', `/team/members/${of.user.id}`));

  it('show limits and use, and their members', async () => {
    const shown = teamResource.parse((await member.request('get', '/team')).body);
    expect(shown).toMatchObject({ name: 'Shop', use: { members: 3, apiKeys: 1 }, limits: { members: 1000 } });
    const { items } = memberList.parse((await member.request('get', '/team/members')).body);
    expect(items.map(({ role }) => role)).toEqual(['owner', 'admin', 'member']);
  });

  it('can be changed by their admins, with an entry in the audit log', async () => {
    expect((await member.request('patch', '/team').send({ name: 'X' })).status).toBe(403);
    const changed = await admin
      .request('patch', '/team')
      .send({ name: 'Shops', previewIdleExpirySeconds: 600 });
    expect(changed.body).toMatchObject({ name: 'Shops', previewIdleExpirySeconds: 600 });
    const { items } = (await admin.request('get', '/audit-events')).body;
    expect(items[0]).toMatchObject({
      action: 'team.update',
      actor: { kind: 'user', id: admin.user.id },
      before: { name: 'Shop', previewIdleExpirySeconds: null },
      after: { name: 'Shops', previewIdleExpirySeconds: 600 },
    });
  });

  it('do not let admins change or make owners, nor keys act for owners', async () => {
    expect(await setRole(admin, owner, 'member')).toEqual([403, 'role_not_permitted']);
    expect(await setRole(admin, member, 'owner')).toEqual([403, 'role_not_permitted']);
    expect(await remove(admin, owner)).toEqual([403, 'role_not_permitted']);
    const invite = { email: 'x@example.test', role: 'owner' };
    expect(await outcome(admin.request('post', '/team/invitations').send(invite))).toEqual([
      403,
      'role_not_permitted',
    ]);
    expect((await team.delete(`/team/members/${owner.user.id}`)).body.code).toBe('role_not_permitted');
    expect(await setRole(admin, member, 'admin')).toEqual([200, undefined]);
    expect(await setRole(owner, admin, 'owner')).toEqual([200, undefined]);
  });

  it('keep their last owner', async () => {
    const leave = `/teams/${team.teamId}/membership`;
    expect(await outcome(owner.request('delete', leave))).toEqual([409, 'last_owner']);
    expect(await setRole(owner, owner, 'admin')).toEqual([409, 'last_owner']);
    expect(await setRole(owner, member, 'owner')).toEqual([200, undefined]);
    expect((await owner.request('delete', leave)).status).toBe(204);
    expect((await owner.request('get', '/team')).status).toBe(403);
  });

  it('revoke the access and keys of members as soon as they are removed', async () => {
    const { id, key } = (await member.request('post', '/api-keys').send({ name: 'mine' })).body;
    const more = await api
      .http()
      .post('/api/v1/api-keys')
      .set('Authorization', `Bearer ${key}`)
      .send({ name: '2' });
    api.bus.drain();
    expect(await remove(admin, member)).toEqual([204, undefined]);
    expect(api.bus.drain()).toEqual([
      { type: 'user.changed', userId: member.user.id },
      { type: 'api-key.revoked', apiKeyId: id },
      { type: 'api-key.revoked', apiKeyId: more.body.id },
    ]);
    expect((await member.request('get', '/previews')).status).toBe(403);
    for (const secret of [key, more.body.key]) {
      expect((await api.http().get('/api/v1/me').set('Authorization', `Bearer ${secret}`)).status).toBe(401);
    }
    expect((await team.get('/me')).status).toBe(200);
  });

  it('revoke only the keys that have more scopes than a lower role', async () => {
    const strong = (await admin.request('post', '/api-keys').send({ name: 's', scopes: ['team:write'] }))
      .body;
    const weak = (await admin.request('post', '/api-keys').send({ name: 'w', scopes: ['tunnel'] })).body;
    expect(await setRole(owner, admin, 'member')).toEqual([200, undefined]);
    expect((await team.get(`/api-keys/${strong.id}`)).body.revokedAt).not.toBeNull();
    expect((await team.get(`/api-keys/${weak.id}`)).body.revokedAt).toBeNull();
  });

  it('list working credentials that a member leaves behind, and end them', async () => {
    await team.trafficManager('staging');
    const preview = (
      await member
        .request('post', '/previews')
        .send({ intercept: { name: 'web', workload: 'web' }, ingress: { host: 'web', port: 80 } })
    ).body;
    const path = `/previews/${preview.id}`;
    const byAdmin = (pending: string, name: string) => admin.request('post', pending).send({ name });
    await byAdmin(`${path}/share-links`, 'for the client');
    await byAdmin(`${path}/tokens`, 'tests');
    await byAdmin('/api-keys', 'laptop');
    await admin.request('post', '/team/invitations').send({ email: `second-${count}@example.test` });
    const credentials = `/team/members/${admin.user.id}/credentials`;
    const shown = memberCredentialList.parse((await owner.request('get', credentials)).body);
    expect(shown.items.map(({ kind, name }) => `${kind} ${name}`).toSorted()).toEqual([
      'api-key laptop',
      `invitation second-${count}@example.test`,
      'preview-token tests',
      'share-link for the client',
    ]);
    expect(shown.items.find(({ kind }) => kind === 'share-link')?.preview?.id).toBe(preview.id);
    expect((await member.request('get', credentials)).status).toBe(403);

    expect(await remove(owner, admin)).toEqual([204, undefined]);
    const left = memberCredentialList.parse((await owner.request('get', credentials)).body);
    expect(left.items.map(({ kind }) => kind)).not.toContain('api-key');
    expect(left.items).toHaveLength(3);
    api.bus.drain();
    expect((await owner.request('delete', credentials)).status).toBe(204);
    expect(api.bus.drain()).toEqual([{ type: 'preview.changed', hostname: new URL(preview.url).hostname }]);
    expect((await owner.request('get', '/team/invitations')).body.items).toEqual([]);
    for (const kind of ['share-links', 'tokens']) {
      const { items } = (await owner.request('get', `${path}/${kind}`)).body;
      expect(items).toMatchObject([{ revokedAt: expect.any(String) }]);
    }
    const { items } = (await owner.request('get', '/audit-events?limit=3')).body;
    for (const { action, after } of items) {
      expect(action).toMatch(/^(share-link|preview-token|invitation)\.revoke$/);
      expect(after).toEqual({ becauseOfMember: admin.user.id });
    }
    expect((await owner.request('get', credentials)).status).toBe(404);
  });

  it('do not let admins end credentials of owners', async () => {
    await owner.request('post', '/api-keys').send({ name: 'owner' });
    expect(await outcome(admin.request('delete', `/team/members/${owner.user.id}/credentials`))).toEqual([
      403,
      'role_not_permitted',
    ]);
  });

  it('let members manage only their own keys', async () => {
    const own = (await member.request('post', '/api-keys').send({ name: 'own' })).body;
    const path = `/api-keys/${team.apiKey.id}`;
    expect(await outcome(member.request('delete', path))).toEqual([403, 'insufficient_scope']);
    expect(await outcome(member.request('post', `${path}/rotate`).send({ overlapSeconds: 0 }))).toEqual([
      403,
      'insufficient_scope',
    ]);
    expect((await member.request('delete', `/api-keys/${own.id}`)).status).toBe(204);
  });

  it('invite people, who join once with their own address', async () => {
    const email = `guest-${count}@example.test`;
    const invited = await admin.request('post', '/team/invitations').send({ email: email.toUpperCase() });
    const { id, token } = createdInvitationResource.parse(invited.body);
    expect(invited.status).toBe(201);
    expect(await outcome(admin.request('post', '/team/invitations').send({ email }))).toEqual([
      409,
      'already_invited',
    ]);
    const stranger = await api.person(`stranger-${count}@example.test`, []);
    const guest = await api.person(email, []);
    const accept = (by: TestPerson, body = { token }) =>
      outcome(by.request('post', '/invitations/accept').send(body));
    expect(await accept(stranger)).toEqual([404, 'not_found']);
    const renewed = (await admin.request('post', `/team/invitations/${id}/renew`)).body;
    expect(await accept(guest)).toEqual([404, 'not_found']);
    expect(await accept(guest, { token: renewed.token })).toEqual([200, undefined]);
    expect(await accept(guest, { token: renewed.token })).toEqual([404, 'not_found']);
    expect((await guest.request('get', '/team')).body.id).toBe(team.teamId);
    const everything =
      JSON.stringify((await admin.request('get', '/audit-events')).body) + api.logLines.join('');
    expect(everything).toContain('member.add');
    for (const secret of [token, renewed.token]) expect(everything).not.toContain(secret);
  });

  it('can be created by anyone, including members of other teams', async () => {
    const made = await member.request('post', '/teams').send({ name: 'Mine' });
    expect(made.status).toBe(201);
    const shown = await member.request('get', '/team', { teamId: made.body.id });
    expect(shown.body).toMatchObject({ name: 'Mine', use: { members: 1 } });
    expect((await member.request('get', '/team')).body.name).toBe('Shop');
    expect(
      (await member.request('patch', '/team', { teamId: made.body.id }).send({ name: 'Y' })).status,
    ).toBe(200);
  });

  it('can be created only by members of a team, if the operator sets that', async () => {
    const strict = await TestApi.start({ env: { TEAM_CREATION: 'members' } });
    const nobody = await strict.person('nobody@example.test', []);
    const make = (by: TestPerson) => by.request('post', '/teams').send({ name: 'Mine' });
    const mayMake = async (by: TestPerson) => (await by.request('get', '/me')).body.mayCreateTeam;
    const refused = await make(nobody);
    expect([refused.status, refused.body.code]).toEqual([403, 'team_creation_restricted']);
    expect(await mayMake(nobody)).toBe(false);
    const first = await strict.team('First');
    expect((await first.get('/me')).body.mayCreateTeam).toBe(false);
    const somebody = await strict.person('somebody@example.test', [[first.teamId, 'member']]);
    expect(await mayMake(somebody)).toBe(true);
    expect((await make(somebody)).status).toBe(201);
    await strict.close();
  });
});

describe('rotating an API key', () => {
  let api: TestApi;
  let team: TestTeam;
  beforeAll(async () => {
    api = await TestApi.start();
    team = await api.team('Shop');
  });
  afterAll(() => api.close());
  const works = async (secret: string) =>
    (await api.http().get('/api/v1/me').set('Authorization', `Bearer ${secret}`)).status;

  it('lets both keys work during the overlap', async () => {
    const key = await team.keyWith({ scopes: ['tunnel'] });
    const rotated = await team.post(`/api-keys/${key.apiKey.id}/rotate`, { overlapSeconds: 60 });
    expect(rotated.status).toBe(201);
    expect(rotated.body).toMatchObject({ replacesId: key.apiKey.id, scopes: ['tunnel'], name: 'test' });
    expect([await works(key.secret), await works(rotated.body.key)]).toEqual([200, 200]);
    const { expiresAt } = (await team.get(`/api-keys/${key.apiKey.id}`)).body;
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(60_000);
    const again = await team.post(`/api-keys/${key.apiKey.id}/rotate`, { overlapSeconds: 0 });
    expect([again.status, again.body.code]).toEqual([409, 'api_key_not_usable']);
  });

  it('ends the old key at once without an overlap, and notifies the edges', async () => {
    const key = await team.keyWith({});
    api.bus.drain();
    const rotated = await team.post(`/api-keys/${key.apiKey.id}/rotate`, { overlapSeconds: 0 });
    expect([await works(key.secret), await works(rotated.body.key)]).toEqual([401, 200]);
    expect(api.bus.drain()).toEqual([{ type: 'api-key.revoked', apiKeyId: key.apiKey.id }]);
  });

  it('does not let a key rotate one that has more scopes', async () => {
    const strong = await team.keyWith({ scopes: ['tunnel', 'keys:write'] });
    const weak = await team.keyWith({ scopes: ['keys:write'] });
    const refused = await weak.post(`/api-keys/${strong.apiKey.id}/rotate`, { overlapSeconds: 0 });
    expect([refused.status, refused.body.code]).toEqual([403, 'insufficient_scope']);
  });

  it('does not query the database about a key with a wrong checksum', async () => {
    const { findByHash } = api.store.apiKeys;
    let lookups = 0;
    api.store.apiKeys.findByHash = (hash) => (lookups++, findByHash.call(api.store.apiKeys, hash));
    try {
      const last = team.secret.at(-1) === 'a' ? 'b' : 'a';
      expect(await works(team.secret.slice(0, -1) + last)).toBe(401);
      expect(lookups).toBe(0);
      expect(await works(team.secret)).toBe(200);
      expect(lookups).toBe(1);
    } finally {
      api.store.apiKeys.findByHash = findByHash;
    }
  });
});
