import { auditEventPage, type AuditEventResource } from '@culvert/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from '../../spec/api-harness.js';
import { toCell } from './audit-csv.js';

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

  it('lists every change with actor, action, before and after, newest first', async () => {
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

  it('describes in words the action and its target, with a link while the target exists', async () => {
    const { id: trafficManagerId } = (await team.post('/traffic-managers', { managerId: 'lab', name: 'Lab' }))
      .body;
    const preview = (
      await team.post('/previews', {
        intercept: { name: 'a', workload: 'a' },
        ingress: { host: 'a', port: 80 },
      })
    ).body;
    await team.post(`/previews/${preview.id}/share-links`, { name: 'For Ann' });
    await team.patch(`/traffic-managers/${trafficManagerId}`, { name: 'Old lab' });
    await team.patch(`/previews/${preview.id}`, { access: 'public' });
    await team.patch(`/previews/${preview.id}`, {
      displayBanner: false,
      pullRequestUrl: null,
      access: 'team',
    });
    const key = (await team.post('/api-keys', { name: 'staging', scopes: ['tunnel'] })).body;
    await team.delete(`/api-keys/${key.id}`);
    await team.delete(`/previews/${preview.id}`);
    const log = (await events()).toReversed();
    expect(log.map(({ summary, current }) => [summary, current?.resource ?? null])).toEqual([
      ['added the traffic manager "Lab"', 'traffic-manager'],
      [`created the preview "${preview.hostname}"`, null],
      [`created the share link "For Ann" of the preview ${preview.hostname}`, null],
      ['renamed the traffic manager "Lab" to "Old lab"', 'traffic-manager'],
      [`changed access of the preview "${preview.hostname}" from "team" to "public"`, null],
      [`changed access and the banner of the preview "${preview.hostname}"`, null],
      ['created the key "staging"', 'api-key'],
      ['revoked the key "staging"', 'api-key'],
      [`removed the preview "${preview.hostname}"`, null],
    ]);
    expect(log[7]).toMatchObject({
      actor: { kind: 'api-key', name: team.apiKey.name },
      targetName: 'staging',
      current: { resource: 'api-key', id: key.id },
    });
    const named = auditEventPage.parse((await team.get('/audit-events?name=STAG')).body).items;
    expect(named.map(({ action }) => action)).toEqual(['api-key.revoke', 'api-key.create']);
  });

  it('does not list requests that changed nothing, or were refused', async () => {
    await team.patch(`/api-keys/${team.apiKey.id}`, { name: team.apiKey.name });
    await team.patch('/previews/nothing', { access: 'public' });
    await team.post('/traffic-managers', {});
    expect(await events()).toEqual([]);
  });

  it('lists events that match all filters', async () => {
    const { id: first } = (await team.post('/traffic-managers', { managerId: 'one' })).body;
    await team.post('/traffic-managers', { managerId: 'two' });
    await team.patch(`/traffic-managers/${first}`, { name: 'One' });
    const [last, , oldest] = await events();
    const found = async (query: string) =>
      auditEventPage
        .parse((await team.get(`/audit-events?${query}`)).body)
        .items.map(({ action, targetId }) => `${action} ${targetId === first ? 'one' : 'two'}`);
    const created = 'traffic-manager.create';
    expect(await found(`action=${created}`)).toEqual([`${created} two`, `${created} one`]);
    expect(await found(`action=${created}&targetId=${first}`)).toEqual([`${created} one`]);
    expect(await found(`actorId=${team.apiKey.id}&limit=1`)).toEqual(['traffic-manager.update one']);
    expect(await found('actorId=somebody')).toEqual([]);
    expect(await found(`from=${last?.at}`)).toContain('traffic-manager.update one');
    expect(await found(`until=${oldest?.at}`)).toEqual([]);
    expect(await found('from=2100-01-01T00:00:00%2B02:00')).toEqual([]);
    for (const query of [
      'from=yesterday',
      'name=',
      `name=${'x'.repeat(254)}`,
      'action=all',
      'actorId=',
      `targetId=${'x'.repeat(301)}`,
      'who=me',
    ]) {
      const { status, body } = await team.get(`/audit-events?${query}`);
      expect([query, status, body.code]).toEqual([query, 400, 'validation_failed']);
    }
  });

  it('exports all events as a table without formulas', async () => {
    const total = 501;
    for (let i = 0; i < total; i++) {
      const actor = { kind: 'system', id: null, address: null } as const;
      const after = i === 0 ? { name: 'a "b", c\n' } : null;
      const event = { teamId: team.teamId, actor, action: 'preview.end', before: null, after };
      const targetName = i === 2 ? '=1+1' : null;
      await api.store.auditEvents.append({
        ...event,
        targetName,
        targetId: i === 1 ? '=HYPERLINK("x")' : `p${i}`,
      });
    }
    await team.post('/traffic-managers', { managerId: 'm' });
    const { status, headers, text } = await team.get('/audit-events/export?action=preview.end');
    expect([status, headers['content-type'], headers['content-disposition']]).toEqual([
      200,
      'text/csv; charset=utf-8',
      'attachment; filename=audit-events.csv',
    ]);
    const lines = text.split('\r\n');
    expect(lines).toHaveLength(total + 2);
    expect(lines[0]).toBe(
      '"id","at","actorKind","actorId","actorAddress","action","targetId","before","after",' +
        '"actorName","targetName","summary"',
    );
    expect(lines.at(-4)).toContain(`,"'=1+1",`);
    expect(lines.at(-3)).toContain(`,"'=HYPERLINK(""x"")",`);
    expect(lines.at(-2)).toMatch(
      /^"[0-9a-f-]{36}","[^"]+","system",,,"preview.end","p0",,"\{""name"":""a \\""b\\"", c\\n""\}",,,"ended the preview ""p0"""$/,
    );
    expect((await team.get('/audit-events/export?action=preview.delete')).text.split('\r\n')).toHaveLength(2);
  });

  it('exports only events of the team, to callers who can read them', async () => {
    await team.post('/traffic-managers', { managerId: 'm' });
    const strangers = await api.team('Strangers');
    expect((await strangers.get('/audit-events/export')).text.split('\r\n')).toHaveLength(2);
    const key = await team.keyWith({ scopes: ['team:read'] });
    expect((await key.get('/audit-events/export')).status).toBe(403);
  });

  it.each(['=1', '+1', '-1', '@A1', '\t=1', '\r\n=1', ' =1', '＝1', '|cmd', '%0a'])(
    'turns %j into text for spreadsheets',
    (cell) => {
      expect(toCell(cell)).toBe(`"'${cell}"`);
    },
  );

  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['198.51.100.1, 203.0.113.9', '203.0.113.9'],
    ['203.0.113.9, 10.1.2.3', '203.0.113.9'],
    ['203.0.113.9, 2001:db8::1, 10.1.2.3', '203.0.113.9'],
    ['2001:db9::7', '2001:db9::7'],
    ['nonsense', null],
  ])('finds the client in X-Forwarded-For: %s', async (forwarded, address) => {
    await team.post('/traffic-managers', { managerId: 'm' }).set('X-Forwarded-For', forwarded);
    expect((await events())[0]?.actor.address).toBe(address);
  });
});
