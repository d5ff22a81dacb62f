import { apiKeyResource, createdApiKeyResource } from '@culvert/contract';
import { SCOPES } from '@culvert/domain';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from '../../spec/api-harness.js';

describe('/api/v1/api-keys', () => {
  let api: TestApi;
  let team: TestTeam;

  beforeAll(async () => {
    api = await TestApi.start();
  });
  beforeEach(async () => {
    team = await api.team('Shop');
    api.bus.drain();
  });
  afterAll(() => api.close());

  it('creates a key, shows it once, and accepts it', async () => {
    const response = await team.post('/api-keys', { name: 'CI' });
    expect(response.status).toBe(201);
    const { key, ...apiKey } = createdApiKeyResource.parse(response.body);
    expect(key).toMatch(/^cvt_[0-9A-Za-z]{38}$/);
    expect(apiKey).toMatchObject({ name: 'CI', hint: key.slice(0, 8), expiresAt: null, revokedAt: null });
    expect(apiKey.scopes.toSorted()).toEqual([...SCOPES].toSorted());
    expect((await api.http().get('/api/v1/me').set('Authorization', `Bearer ${key}`)).body.apiKey.id).toBe(
      apiKey.id,
    );

    const shown = await team.get(`/api-keys/${apiKey.id}`);
    expect(apiKeyResource.parse(shown.body)).toMatchObject({ id: apiKey.id, name: 'CI' });
    const everything = JSON.stringify([
      shown.body,
      (await team.get('/api-keys')).body,
      (await team.get('/audit-events')).body,
    ]);
    expect(everything).not.toContain(key);
    expect(api.logLines.join('')).not.toContain(key);
  });

  it('creates a key with fewer scopes and an expiry', async () => {
    const expiresAt = new Date(Date.now() + 60_000).toISOString();
    const response = await team.post('/api-keys', { name: 'Tunnel', scopes: ['tunnel'], expiresAt });
    expect(response.body).toMatchObject({ scopes: ['tunnel'], expiresAt });
  });

  it('refuses scopes that the caller lacks', async () => {
    const limited = await team.keyWith({ scopes: ['keys:write', 'previews:read'] });
    const more = await limited.post('/api-keys', {
      name: 'More',
      scopes: ['previews:read', 'previews:write'],
    });
    expect([more.status, more.body.code]).toEqual([403, 'insufficient_scope']);
    expect(more.body.detail).toContain('previews:write');
    const same = await limited.post('/api-keys', { name: 'Same' });
    expect(same.body.scopes.toSorted()).toEqual(['keys:write', 'previews:read']);
    expect((await team.get('/api-keys')).body.items).toHaveLength(3);
  });

  it('lists keys, including revoked ones, newest first', async () => {
    const second = await team.keyWith({});
    const third = await team.keyWith({});
    await team.delete(`/api-keys/${second.apiKey.id}`);
    const page = (await team.get('/api-keys?limit=2')).body;
    expect(page.items.map(({ id }: { id: string }) => id)).toEqual([third.apiKey.id, second.apiKey.id]);
    expect(page.items[1].revokedAt).not.toBeNull();
    const rest = (await team.get(`/api-keys?limit=2&cursor=${encodeURIComponent(page.nextCursor)}`)).body;
    expect(rest).toMatchObject({ items: [{ id: team.apiKey.id }], nextCursor: null });
  });

  it('renames a key and changes nothing else', async () => {
    const path = `/api-keys/${team.apiKey.id}`;
    expect((await team.patch(path, { name: 'Laptop' })).body).toMatchObject({ name: 'Laptop' });
    expect((await team.get(path)).body.name).toBe('Laptop');
    expect((await team.patch(path, { scopes: ['tunnel'] })).status).toBe(400);
    expect((await team.patch(path, {})).status).toBe(400);
    expect((await team.patch('/api-keys/nothing', { name: 'x' })).status).toBe(404);
  });

  it('revokes a key at once and for good, and notifies the edges once', async () => {
    const key = await team.keyWith({});
    const path = `/api-keys/${key.apiKey.id}`;
    const revoked = { type: 'api-key.revoked', apiKeyId: key.apiKey.id };
    expect((await team.delete(path)).status).toBe(204);
    expect(api.bus.drain()).toEqual([revoked]);
    expect((await key.get('/me')).status).toBe(401);
    const { revokedAt } = (await team.get(path)).body;
    expect((await team.delete(path)).status).toBe(204);
    expect(api.bus.drain()).toEqual([]);
    expect((await team.get(path)).body.revokedAt).toBe(revokedAt);
    const actions = (await team.get('/audit-events')).body.items.map(
      ({ action }: { action: string }) => action,
    );
    expect(actions).toEqual(['api-key.revoke']);
    expect((await team.delete('/api-keys/nothing')).status).toBe(404);
  });

  it('revokes the keys that a key created, and reports them to the edges and in the audit log', async () => {
    const parent = await team.keyWith({});
    const child = (await parent.post('/api-keys', { name: 'child' })).body;
    expect(child.createdByApiKeyId).toBe(parent.apiKey.id);
    api.bus.drain();
    expect((await team.delete(`/api-keys/${parent.apiKey.id}`)).status).toBe(204);
    expect(api.bus.drain().map((event) => 'apiKeyId' in event && event.apiKeyId)).toEqual(
      expect.arrayContaining([parent.apiKey.id, child.id]),
    );
    expect((await api.http().get('/api/v1/me').set('Authorization', `Bearer ${child.key}`)).status).toBe(401);
    const { items } = (await team.get(`/audit-events?targetId=${child.id}`)).body;
    expect(items[0]).toMatchObject({
      action: 'api-key.revoke',
      after: { becauseOfApiKey: parent.apiKey.id },
    });
  });

  it('creates no key that outlives the key that creates it', async () => {
    const expiresAt = new Date(Date.now() + 60_000);
    const parent = await team.keyWith({ expiresAt });
    expect((await parent.post('/api-keys', { name: 'same' })).body.expiresAt).toBe(expiresAt.toISOString());
    for (const later of [null, new Date(expiresAt.getTime() + 1).toISOString()]) {
      const refused = await parent.post('/api-keys', { name: 'later', expiresAt: later });
      expect([refused.status, refused.body.errors?.[0]?.pointer]).toEqual([400, '/expiresAt']);
    }
    const path = `/api-keys/${parent.apiKey.id}/rotate`;
    expect((await parent.post(path, { overlapSeconds: 60, expiresAt: null })).status).toBe(400);
    const rotated = await parent.post(path, { overlapSeconds: 60 });
    expect([rotated.status, rotated.body.expiresAt]).toEqual([201, expiresAt.toISOString()]);
  });

  it('gives a rotated key to the person who rotates it, and rotates no key of another person', async () => {
    const admin = await api.person(`admin-${team.teamId}@example.test`, [[team.teamId, 'admin']]);
    const owner = await api.person(`owner-${team.teamId}@example.test`, [[team.teamId, 'owner']]);
    const theirs = (await owner.request('post', '/api-keys').send({ name: 'owner' })).body;
    const rotate = (id: string) =>
      admin.request('post', `/api-keys/${id}/rotate`).send({ overlapSeconds: 0 });
    const refused = await rotate(theirs.id);
    expect([refused.status, refused.body.code]).toEqual([403, 'insufficient_scope']);
    expect((await team.get(`/api-keys/${theirs.id}`)).body.revokedAt).toBeNull();
    const operators = await rotate(team.apiKey.id);
    expect([operators.status, operators.body.createdByUserId]).toEqual([201, admin.user.id]);
    expect((await admin.request('delete', `/api-keys/${theirs.id}`)).status).toBe(204);
  });

  it('revokes the key that makes the request', async () => {
    expect((await team.delete(`/api-keys/${team.apiKey.id}`)).status).toBe(204);
    expect((await team.get('/me')).status).toBe(401);
  });
});
