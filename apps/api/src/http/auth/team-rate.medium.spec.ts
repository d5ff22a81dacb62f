import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from '../../spec/api-harness.js';

describe('the requests of a team', () => {
  let api: TestApi;
  let team: TestTeam;

  beforeAll(async () => {
    api = await TestApi.start({ env: { MAX_API_REQUESTS_PER_TEAM: '3' } });
    team = await api.team('Shop');
  });
  afterAll(() => api.close());

  it('are counted for its keys and members together, and refused beyond the limit until the minute is over', async () => {
    const first = await team.get('/team');
    expect(first.status).toBe(200);
    expect(first.body.limits.apiRequestsPerMinute).toBe(3);
    expect(first.headers).toMatchObject({
      'ratelimit-policy': '"team";q=3;w=60',
      ratelimit: expect.stringMatching(/^"team";r=2;t=\d+$/),
    });
    const key = await team.keyWith({ scopes: ['previews:read'] });
    expect((await key.get('/previews')).headers['ratelimit']).toMatch(/r=1;/);
    const member = await api.person('jo@example.test', [[team.teamId, 'member']]);
    expect((await member.request('get', '/team')).headers['ratelimit']).toMatch(/r=0;/);

    const refused = await member.request('get', '/team');
    expect([refused.status, refused.body.code]).toEqual([429, 'too_many_requests']);
    const retryAfter = Number(refused.headers['retry-after']);
    expect(retryAfter).toBeGreaterThan(0);
    expect(retryAfter).toBeLessThanOrEqual(60);
    expect(refused.headers['ratelimit']).toBe(`"team";r=0;t=${retryAfter}`);
    expect((await team.post('/traffic-managers', { managerId: 'm' })).status).toBe(429);
    expect((await api.store.trafficManagers.list(team.teamId, { limit: 1 })).items).toEqual([]);
  });

  it('do not count for other teams, and requests without a key do not count for the team', async () => {
    const other = await api.team('Other');
    for (let i = 0; i < 4; i++) {
      expect((await api.http().get('/api/v1/team')).status).toBe(401);
    }
    expect((await other.get('/me')).headers['ratelimit']).toMatch(/r=2;/);
  });

  it('are counted for a person alone if they are not in a team', async () => {
    const loner = await api.person('loner@example.test', []);
    for (const left of [2, 1, 0]) {
      expect((await loner.request('get', '/me')).headers['ratelimit']).toContain(`r=${left};`);
    }
    expect((await loner.request('get', '/me')).status).toBe(429);
  });
});

describe('a team without a limit of requests', () => {
  it('shows a missing limit as null, and counts nothing', async () => {
    const api = await TestApi.start({ env: { MAX_API_REQUESTS_PER_TEAM: '0' } });
    try {
      const { body, headers } = await (await api.team('Shop')).get('/team');
      expect(body.limits.apiRequestsPerMinute).toBeNull();
      expect(headers).not.toHaveProperty('ratelimit');
    } finally {
      await api.close();
    }
  });
});
