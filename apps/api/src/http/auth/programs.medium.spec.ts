import type { AddressInfo } from 'node:net';
import { CULVERT_CLIENT_ID, scopesOfRole } from '@culvert/domain';
import { EventReader } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestPerson, type TestTeam } from '../../spec/api-harness.js';

describe('the culvert command that a person allowed to act for them', () => {
  let api: TestApi;
  let team: TestTeam;
  let ann: TestPerson;
  const letIn = () => api.program(team.teamId, ann.user.id, new Date(), CULVERT_CLIENT_ID);
  const get = (token: string, path: string) =>
    api.http().get(`/api/v1${path}`).set('Authorization', `Bearer ${token}`);

  beforeAll(async () => {
    api = await TestApi.start();
    const other = await api.team('Bank');
    team = await api.team('Shop');
    ann = await api.person('ann@example.test', [
      [other.teamId, 'owner'],
      [team.teamId, 'admin'],
    ]);
  });
  afterAll(() => api.close());

  it('acts as that person, in that team and with the scopes of a member', async () => {
    const { accessToken } = await letIn();
    const { body } = await get(accessToken, '/me');
    expect(body).toEqual({
      team: { id: team.teamId, name: 'Shop' },
      role: 'admin',
      scopes: scopesOfRole('member'),
      apiKey: null,
      workloadIdentity: null,
      user: { id: ann.user.id, email: 'ann@example.test', name: '' },
      teams: [{ id: team.teamId, name: 'Shop', role: 'admin' }],
      mayCreateTeam: false,
    });
  });

  it('creates keys that belong to the person, with no scope that it lacks', async () => {
    const { accessToken } = await letIn();
    const make = (scopes: string[]) =>
      api
        .http()
        .post('/api/v1/api-keys')
        .set('Authorization', `Bearer ${accessToken}`)
        .send({ name: 'CI', scopes });
    expect((await make(['tunnel'])).body).toMatchObject({ createdByUserId: ann.user.id });
    expect((await make(['team:write'])).status).toBe(403);
    const { items } = await api.store.auditEvents.list(team.teamId, { limit: 1 });
    expect(items).toMatchObject([{ action: 'api-key.create', actor: { kind: 'user', id: ann.user.id } }]);
  });

  it('loses its streams within a second after the person ends it', async () => {
    const { id, accessToken } = await letIn();
    const { port } = api.app.getHttpServer().address() as AddressInfo;
    const reader = await EventReader.open(`http://127.0.0.1:${port}/api/v1/events`, {
      authorization: `Bearer ${accessToken}`,
    });
    await reader.next('ready');
    expect((await ann.request('delete', `/me/programs/${id}`)).status).toBe(204);
    expect((await reader.next('end')).data).toEqual({ reason: 'access_ended' });
    expect((await get(accessToken, '/me')).status).toBe(401);
    await reader.closed;
  });
});
