import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestPerson, type TestTeam } from '../../spec/api-harness.js';

describe('/revoke', () => {
  let api: TestApi;
  let team: TestTeam;
  let ann: TestPerson;

  beforeAll(async () => {
    api = await TestApi.start();
    team = await api.team('Shop');
    ann = await api.person('ann@example.test', [[team.teamId, 'member']]);
  });
  afterAll(() => api.close());

  const letIn = () => api.program(team.teamId, ann.user.id, new Date(), 'culvert');
  const revoke = (form: Record<string, string | string[]>) =>
    api.http().post('/revoke').type('form').send(form);
  const status = async (accessToken: string) =>
    (await api.http().get('/api/v1/me').set('Authorization', `Bearer ${accessToken}`)).status;

  it.each(['accessToken', 'refreshToken'] as const)(
    'ends a program by its %s, with all its tokens, notifies the edges, and writes to the audit log',
    async (kind) => {
      const program = await letIn();
      const other = await letIn();
      api.bus.drain();
      const response = await revoke({ client_id: 'culvert', token: program[kind] });
      expect([response.status, response.text]).toEqual([200, '']);
      expect(response.headers['cache-control']).toBe('no-store');
      expect(await status(program.accessToken)).toBe(401);
      expect(await api.store.programs.revoke(ann.user.id, program.id)).toBeNull();
      expect(await status(other.accessToken)).toBe(200);
      expect(api.bus.drain()).toEqual([{ type: 'user.changed', userId: ann.user.id }]);
      const { items } = await api.store.auditEvents.list(team.teamId, { limit: 1 });
      expect(items).toMatchObject([
        { action: 'program.end', targetId: program.id, actor: { kind: 'user', id: ann.user.id } },
      ]);
    },
  );

  it('answers the same for an unknown token, and ends nothing of another client', async () => {
    const program = await letIn();
    expect((await revoke({ client_id: 'culvert', token: 'cvtr_unknown' })).status).toBe(200);
    expect((await revoke({ client_id: 'telepresence-cli', token: program.refreshToken })).status).toBe(200);
    expect(await status(program.accessToken)).toBe(200);
  });

  it.each([
    ['no client', { token: 'x' }, 401, 'invalid_client'],
    ['an unknown client', { token: 'x', client_id: 'evil' }, 401, 'invalid_client'],
    ['no token', { client_id: 'culvert' }, 400, 'invalid_request'],
    ['two tokens', { client_id: 'culvert', token: ['a', 'b'] }, 400, 'invalid_request'],
    ['a token beyond the limit', { client_id: 'culvert', token: 'x'.repeat(513) }, 400, 'invalid_request'],
  ])('refuses a request with %s', async (_name, form, code, error) => {
    const response = await revoke(form);
    expect([response.status, response.body.error]).toEqual([code, error]);
  });
});
