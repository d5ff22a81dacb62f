import { CHANGED_RESOURCES } from '@culvert/contract';
import { EventReader } from '@culvert/testkit';
import type { OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestPerson, type TestTeam } from '../../spec/api-harness.js';
import { Readiness } from '@culvert/runtime';

describe('the stream of changes', () => {
  let api: TestApi;
  let port: number;
  let ours: TestTeam;
  let theirs: TestTeam;
  const readers: EventReader[] = [];

  beforeAll(async () => {
    api = await TestApi.start({ env: { MAX_EVENT_STREAMS: '40' } });
    port = (api.app.getHttpServer().address() as AddressInfo).port;
    ours = await api.team('Ours');
    theirs = await api.team('Theirs');
  });
  afterEach(async () => {
    for (const reader of readers.splice(0)) {
      reader.close();
      await reader.closed;
    }
  });
  afterAll(() => api.close());

  const open = async (headers: OutgoingHttpHeaders, query = '') => {
    const reader = await EventReader.open(`http://127.0.0.1:${port}/api/v1/events${query}`, headers);
    readers.push(reader);
    return reader;
  };
  const keyOf = (team: TestTeam) => ({ authorization: `Bearer ${team.secret}` });
  const watch = async (headers: OutgoingHttpHeaders, query?: string) => {
    const reader = await open(headers, query);
    expect(reader.status).toBe(200);
    await reader.next('ready');
    return reader;
  };
  const cookieOf = (person: TestPerson) => ({ cookie: person.cookie });
  const previewBody = (name: string) => ({
    intercept: { name, workload: 'web' },
    ingress: { host: 'web', port: 80 },
  });

  it('reports creations, updates and removals, after they happened', async () => {
    const reader = await watch(keyOf(ours));
    expect(reader.headers['content-type']).toBe('text/event-stream');
    await ours.trafficManager('cluster');
    const { id } = (await ours.post('/previews', previewBody('one'))).body;
    const change = (await reader.next('change', ({ resource }) => resource === 'preview')).data;
    expect(change).toEqual({ resource: 'preview', id, change: 'created', at: expect.any(String) });
    await ours.patch(`/previews/${id}`, { access: 'public' });
    expect((await reader.next('change', ({ resource }) => resource === 'preview')).data).toMatchObject({
      id,
      change: 'updated',
    });
    await ours.delete(`/previews/${id}`);
    expect((await reader.next('change', ({ resource }) => resource === 'preview')).data).toMatchObject({
      id,
      change: 'removed',
    });
  });

  // The page of a preview is of the same site, so the session's cookie is sent. It cannot read the stream, but would
  // use one up.
  it('refuses a request from a page of another host', async () => {
    const cookie = cookieOf(await api.person('visitor@example.test', [[ours.teamId, 'member']]));
    const site = (value: string) => ({ 'sec-fetch-site': value });
    for (const foreign of [
      site('same-site'),
      site('cross-site'),
      { ...site('same-site'), origin: 'http://localhost:8080' },
      { origin: 'http://evil.preview.localhost:8080' },
      { origin: 'null' },
    ])
      expect((await open({ ...cookie, ...foreign })).status).toBe(403);
    for (const own of [site('same-origin'), site('none'), { origin: 'http://localhost:8080' }, {}])
      await watch({ ...cookie, ...own });
    // A key is sent on purpose, and never by a browser by itself.
    await watch({ ...keyOf(ours), ...site('cross-site') });
  });

  it('reports every kind of resource that an API call changes', async () => {
    const team = await api.team('All');
    const owner = await api.person('all-owner@example.test', [[team.teamId, 'owner']]);
    const member = await api.person('all-member@example.test', [[team.teamId, 'member']]);
    const reader = await watch(cookieOf(owner));
    await team.post('/traffic-managers', { managerId: 'cluster' });
    const { id } = (await team.post('/previews', previewBody('one'))).body;
    await team.post(`/previews/${id}/share-links`, { name: 'link' });
    await team.post(`/previews/${id}/tokens`, { name: 'token' });
    await team.post('/api-keys', { name: 'key', scopes: ['team:read'] });
    await team.post('/team/invitations', { email: 'all-new@example.test' });
    await team.post('/webhooks', { name: 'webhook', url: 'https://hooks.example.com/' });
    await team.post('/workload-identities', {
      name: 'identity',
      platform: 'github',
      conditions: [{ claim: 'repository', values: ['acme/shop'] }],
    });
    await team.patch('/team', { name: 'Renamed' });
    await team.patch(`/team/members/${member.user.id}`, { role: 'admin' });
    const { id: sessionId } = await team.session('cluster');
    await team.delete(`/sessions/${sessionId}`);
    const seen = new Set<string>();
    while (seen.size < CHANGED_RESOURCES.length) {
      const { data } = await reader.next('change');
      seen.add((data as { resource: string }).resource);
    }
    expect([...seen].toSorted()).toEqual([...CHANGED_RESOURCES]);
  });

  it('reports nothing of other teams, and nothing that the reader cannot read', async () => {
    const narrow = await ours.keyWith({ scopes: ['team:read'] });
    const member = await api.person('narrow-member@example.test', [[ours.teamId, 'member']]);
    const byKey = await watch(keyOf(narrow));
    const byMember = await watch(cookieOf(member));
    await theirs.post('/api-keys', { name: 'theirs', scopes: ['team:read'] });
    const key = (await ours.post('/api-keys', { name: 'ours', scopes: ['team:read'] })).body.id;
    await ours.patch('/team', { name: 'Ours again' });
    const seenBy = async (reader: EventReader) => {
      const seen: unknown[] = [];
      for (;;) {
        const { data } = await reader.next('change');
        seen.push(data);
        if ((data as { resource: string }).resource === 'team') return seen;
      }
    };
    expect(await seenBy(byKey)).toMatchObject([{ resource: 'team' }]);
    expect(await seenBy(byMember)).toMatchObject([{ resource: 'api-key', id: key }, { resource: 'team' }]);
  });

  it('resumes after the last event, and resets if it cannot', async () => {
    const first = await watch(keyOf(ours));
    first.close();
    await ours.patch('/team', { name: 'Meanwhile' });
    const again = await open({ ...keyOf(ours), 'last-event-id': first.lastId });
    expect((await again.next('change')).data).toMatchObject({ resource: 'team' });
    await again.next('ready');
    const lost = await open({ ...keyOf(ours), 'last-event-id': 'made-up' });
    await lost.next('reset');
    await lost.next('ready');
    const foreign = await open({ ...keyOf(theirs), 'last-event-id': again.lastId });
    await foreign.next('reset');
  });

  it('resets if events may have been lost between processes', async () => {
    const reader = await watch(keyOf(ours));
    const { lastId } = reader;
    api.bus.lose();
    await reader.next('reset');
    const late = await open({ ...keyOf(ours), 'last-event-id': lastId });
    expect((await late.next('reset')).id).not.toBe(lastId);
  });

  it('belongs to the team that the query names, which is checked like the header', async () => {
    const person = await api.person('both@example.test', [
      [ours.teamId, 'member'],
      [theirs.teamId, 'member'],
    ]);
    const reader = await watch(cookieOf(person), `?team=${theirs.teamId}`);
    await ours.patch('/team', { name: 'Not this' });
    await theirs.patch('/team', { name: 'This' });
    expect((await reader.next('change')).data).toMatchObject({ resource: 'team', id: theirs.teamId });
    const stranger = await api.person('stranger@example.test', [[ours.teamId, 'member']]);
    expect((await open(cookieOf(stranger), `?team=${theirs.teamId}`)).status).toBe(403);
    expect((await open(keyOf(ours), `?team=${theirs.teamId}`)).status).toBe(403);
    expect((await open(keyOf(ours), `?team=${ours.teamId}`)).status).toBe(200);
    expect((await open(keyOf(ours), '?teams=1')).status).toBe(400);
    expect((await open({})).status).toBe(401);
  });

  it.each([
    [
      'the key is revoked',
      async () => {
        const key = await ours.keyWith({});
        return { headers: keyOf(key), cut: () => ours.delete(`/api-keys/${key.apiKey.id}`) };
      },
    ],
    [
      'the key expires',
      async () => {
        const key = await ours.keyWith({ expiresAt: new Date(Date.now() + 1500) });
        return { headers: keyOf(key), cut: async () => {} };
      },
    ],
    [
      'the person signs out',
      async () => {
        const person = await api.person('leaver@example.test', [[ours.teamId, 'member']]);
        return { headers: cookieOf(person), cut: () => person.request('post', '/sign-out') };
      },
    ],
    [
      'the membership ends',
      async () => {
        const person = await api.person('removed@example.test', [[ours.teamId, 'member']]);
        const cut = () => ours.delete(`/team/members/${person.user.id}`);
        return { headers: cookieOf(person), cut };
      },
    ],
  ] as const)('ends with a reason when %s', async (_when, prepare) => {
    const { headers, cut } = await prepare();
    const reader = await watch(headers);
    await cut();
    expect((await reader.next('end')).data).toEqual({ reason: 'access_ended' });
    await reader.closed;
  });

  it('starts again when the reader can read more', async () => {
    const person = await api.person('promoted@example.test', [[ours.teamId, 'member']]);
    const reader = await watch(cookieOf(person));
    await ours.patch(`/team/members/${person.user.id}`, { role: 'admin' });
    await reader.next('reset');
    await ours.patch('/team', { name: 'Audited' });
    expect((await reader.next('change', ({ resource }) => resource === 'audit-event')).data).toMatchObject({
      change: 'created',
    });
  });

  it('refuses streams beyond the limits of one reader and of one process', async () => {
    const key = await ours.keyWith({});
    for (let i = 0; i < 20; i++) await watch(keyOf(key));
    const refused = await open(keyOf(key));
    expect(refused.status).toBe(429);
    for (let i = 0; i < 20; i++) await watch(keyOf(ours));
    expect((await open(keyOf(theirs))).status).toBe(429);
    readers[0]?.close();
    await readers[0]?.closed;
    await expect.poll(async () => (await open(keyOf(theirs))).status).toBe(200);
  });

  it('ends a reader that does not keep up, and sends the reason', async () => {
    const reader = await watch(keyOf(ours));
    reader.pause();
    const { teamId } = ours;
    // The sockets of this machine hold about as many bytes as the limit, in addition.
    const id = 'x'.repeat(8192);
    let isOpen = true;
    void reader.closed.then(() => (isOpen = false));
    for (let i = 0; i < 2000; i++)
      await api.bus.publish({ type: 'resource.changed', teamId, resource: 'team', id, change: 'updated' });
    reader.resume();
    expect((await reader.next('end')).data).toEqual({ reason: 'too_slow' });
    await reader.closed;
    expect(isOpen).toBe(false);
  });

  it('ends when the process stops, which then refuses new streams', async () => {
    const reader = await watch(keyOf(ours));
    api.app.get(Readiness).markClosing();
    expect((await reader.next('end')).data).toEqual({ reason: 'interrupted' });
    expect((await (await open(keyOf(ours))).next('end')).data).toEqual({ reason: 'interrupted' });
  });
});
