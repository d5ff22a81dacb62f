import { auditEventPage, type AuditEventResource } from '@culvert/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from '../testing/api-harness.js';

describe('/api/v1/audit-events', () => {
  let api: TestApi;
  let team: TestTeam;

  beforeAll(async () => {
    api = await TestApi.start({ env: { TRUSTED_PROXIES: '10.0.0.0/8,2001:db8::/32' } });
  });
  beforeEach(async () => {
    team = await api.team('Shop');
  });
  afterAll(() => api.close());

  const events = async (): Promise<AuditEventResource[]> =>
    auditEventPage.parse((await team.get('/audit-events')).body).items;

  it('lists every change with who, what, before and after, newest first', async () => {
    const { id: trafficManagerId } = (await team.post('/traffic-managers', { managerId: 'staging' })).body;
    const intercept = { name: 'checkout', workload: 'checkout' };
    const preview = (
      await team.post('/previews', {
        intercept,
        ingress: { host: 'a', port: 80 },
        addRequestHeaders: { 'x-token': 'hunter2' },
      })
    ).body;
    await team.patch(`/previews/${preview.id}`, {
      access: 'public',
      displayBanner: true,
      addRequestHeaders: { 'x-token': 'hunter3', 'x-more': '1' },
    });
    await team.patch(`/intercepts/${preview.interceptId}`, { client: 'ann@laptop' });
    await team.patch(`/api-keys/${team.apiKey.id}`, { name: 'Laptop' });
    await team.patch(`/traffic-managers/${trafficManagerId}`, { name: 'Staging' });
    await team.delete(`/previews/${preview.id}`);
    await team.delete(`/intercepts/${preview.interceptId}`);
    await team.delete(`/traffic-managers/${trafficManagerId}`);

    const log = (await events()).toReversed();
    expect(log.map(({ action, targetId }) => [action, targetId])).toEqual([
      ['traffic-manager.create', trafficManagerId],
      ['preview.create', preview.id],
      ['preview.update', preview.id],
      ['intercept.update', preview.interceptId],
      ['api-key.update', team.apiKey.id],
      ['traffic-manager.update', trafficManagerId],
      ['preview.delete', preview.id],
      ['intercept.delete', preview.interceptId],
      ['traffic-manager.delete', trafficManagerId],
    ]);
    expect(log[2]).toMatchObject({
      actor: { kind: 'api-key', id: team.apiKey.id },
      before: { access: 'team', addRequestHeaders: ['x-token'] },
      after: { access: 'public', addRequestHeaders: ['x-more', 'x-token'] },
    });
    expect(log[2]?.before).not.toHaveProperty('displayBanner');
    expect(JSON.stringify(log)).not.toContain('hunter');
  });

  it('does not list what changed nothing, or was refused', async () => {
    await team.patch(`/api-keys/${team.apiKey.id}`, { name: team.apiKey.name });
    await team.patch('/previews/nothing', { access: 'public' });
    await team.post('/traffic-managers', {});
    expect(await events()).toEqual([]);
  });

  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['198.51.100.1, 203.0.113.9', '203.0.113.9'],
    ['203.0.113.9, 10.1.2.3', '203.0.113.9'],
    ['203.0.113.9, 2001:db8::1, 10.1.2.3', '203.0.113.9'],
    ['2001:db9::7', '2001:db9::7'],
    ['nonsense', null],
  ])('knows the client of X-Forwarded-For: %s', async (forwarded, address) => {
    await team.post('/traffic-managers', { managerId: 'm' }).set('X-Forwarded-For', forwarded);
    expect((await events())[0]?.actor.address).toBe(address);
  });
});
