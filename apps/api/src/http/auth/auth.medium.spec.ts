import { meResource } from '@culvert/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from '../../spec/api-harness.js';

describe('authentication', () => {
  let api: TestApi;
  let team: TestTeam;
  const me = () => api.http().get('/api/v1/me');
  const outcome = async (pending: ReturnType<typeof me>) => {
    const { status, body, headers } = await pending;
    return [status, body.code, headers['www-authenticate']];
  };
  const DENIED = [401, 'unauthenticated', 'Bearer realm="culvert"'];

  beforeAll(async () => {
    api = await TestApi.start();
    team = await api.team('Shop');
  });
  afterAll(() => api.close());

  it('accepts a key as a bearer token and in the header of Telepresence', async () => {
    const expected = { team: { id: team.teamId, name: 'Shop' }, apiKey: { id: team.apiKey.id } };
    expect((await me().set('Authorization', `Bearer ${team.secret}`)).body).toMatchObject(expected);
    expect((await me().set('authorization', `bearer   ${team.secret}`)).body).toMatchObject(expected);
    expect((await me().set('X-Ambassador-Api-Key', team.secret)).body).toMatchObject(expected);
  });

  it('shows the team and the key of the caller at /me', async () => {
    const tunnel = await team.keyWith({ scopes: ['tunnel'] });
    const response = await tunnel.get('/me');
    expect(meResource.parse(response.body)).toEqual({
      team: { id: team.teamId, name: 'Shop' },
      role: null,
      scopes: ['tunnel'],
      user: null,
      teams: [{ id: team.teamId, name: 'Shop', role: null }],
      workloadIdentity: null,
      apiKey: {
        id: tunnel.apiKey.id,
        name: 'test',
        hint: tunnel.secret.slice(0, 8),
        scopes: ['tunnel'],
        expiresAt: null,
      },
      mayCreateTeam: false,
    });
    expect(response.text).not.toContain(tunnel.secret);
  });

  it('accepts both headers if they agree, and refuses them if they do not', async () => {
    const both = (ambassador: string) =>
      me().set('Authorization', `Bearer ${team.secret}`).set('X-Ambassador-Api-Key', ambassador);
    expect((await both(team.secret)).status).toBe(200);
    expect(await outcome(both(`${team.secret}x`))).toEqual([400, 'credentials_conflict', undefined]);
    const basic = me().set('Authorization', 'Basic eDp5').set('X-Ambassador-Api-Key', team.secret);
    expect(await outcome(basic)).toEqual([400, 'credentials_conflict', undefined]);
  });

  it.each([
    ['nothing', undefined],
    ['an unknown key', 'Bearer cvt_00000000000000000000000000000000000000'],
    ['another scheme', 'Basic Y3Z0OmN2dA=='],
    ['no key after the scheme', 'Bearer'],
    ['two keys', 'Bearer aaaaaaaaaa bbbbbbbbbb'],
    ['something short', 'Bearer x'],
    ['something long', `Bearer ${'x'.repeat(5000)}`],
    ['something that is not ASCII', 'Bearer \u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4'],
  ])('denies a request with %s', async (_name, authorization) => {
    const request = me();
    if (authorization !== undefined) request.set('Authorization', authorization);
    expect(await outcome(request)).toEqual(DENIED);
  });

  it('denies the hash of a key, and a key with extra characters around it', async () => {
    expect(await outcome(me().set('X-Ambassador-Api-Key', team.secret.toLowerCase()))).toEqual(DENIED);
    expect(await outcome(me().set('X-Ambassador-Api-Key', `${team.secret}, ${team.secret}`))).toEqual(DENIED);
  });

  it('denies revoked and expired keys', async () => {
    const expired = await team.keyWith({ expiresAt: new Date(Date.now() - 1) });
    expect(await outcome(expired.get('/me'))).toEqual(DENIED);
    const revoked = await team.keyWith({});
    expect((await revoked.get('/me')).status).toBe(200);
    await api.store.apiKeys.revoke(team.teamId, revoked.apiKey.id, new Date());
    expect(await outcome(revoked.get('/me'))).toEqual(DENIED);
    const expiring = await team.keyWith({ expiresAt: new Date(Date.now() + 60_000) });
    expect((await expiring.get('/me')).status).toBe(200);
  });

  it('accepts a key that an operator chose', async () => {
    const chosen = await team.keyWith({ secret: 'local=development:key' });
    expect((await chosen.get('/me')).status).toBe(200);
  });

  it('records the use of a key once a minute', async () => {
    const key = await team.keyWith({});
    const lastUsedAt = async () =>
      (await api.store.apiKeys.find(team.teamId, key.apiKey.id))?.lastUsedAt?.getTime();
    const before = Date.now();
    await Promise.all([key.get('/me'), key.get('/me'), key.get('/me')]);
    await expect.poll(lastUsedAt).toBeGreaterThanOrEqual(before);
    const first = await lastUsedAt();
    await key.get('/me');
    // The store answers in order: if the second use had been recorded, it would be there by now.
    expect(await lastUsedAt()).toBe(first);

    const old = await team.keyWith({});
    await api.store.apiKeys.recordUse(old.apiKey.id, new Date(before - 61_000));
    await old.get('/me');
    await expect
      .poll(async () => (await api.store.apiKeys.find(team.teamId, old.apiKey.id))?.lastUsedAt?.getTime())
      .toBeGreaterThanOrEqual(before);
  });

  it('answers even if the use of a key cannot be recorded', async () => {
    const { recordUse } = api.store.apiKeys;
    api.store.apiKeys.recordUse = () => Promise.reject(new Error('disk full'));
    try {
      const key = await team.keyWith({});
      expect((await key.get('/me')).status).toBe(200);
      await expect.poll(() => api.logLines.join('')).toContain('disk full');
    } finally {
      api.store.apiKeys.recordUse = recordUse;
    }
  });

  it('never logs a key', async () => {
    await me().set('Authorization', `Bearer ${team.secret}`);
    await me().set('X-Ambassador-Api-Key', team.secret);
    expect(api.logLines.length).toBeGreaterThan(0);
    expect(api.logLines.join('')).not.toContain(team.secret);
  });
});
