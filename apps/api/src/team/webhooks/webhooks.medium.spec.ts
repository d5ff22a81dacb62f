import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { webhookDeliveryDetails, webhookEvent, webhookPage } from '@culvert/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from '../../spec/api-harness.js';

describe('/api/v1/webhooks', () => {
  let api: TestApi;
  let team: TestTeam;
  let receiver: Server;
  let url: string;
  let bodies: string[];

  beforeAll(async () => {
    api = await TestApi.start({
      env: { WEBHOOK_ALLOW_HTTP: 'true', WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8,::1' },
    });
    receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        bodies.push(body);
        response.end('thanks');
      });
    });
    receiver.listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/services/T1/secret-path`;
  });
  beforeEach(async () => {
    team = await api.team('Shop');
    bodies = [];
  });
  afterAll(async () => {
    await api.close();
    receiver.close();
  });

  const eventsReceived = () => bodies.map((body) => webhookEvent.parse(JSON.parse(body)));

  it('shows a secret only once, and keeps the path of the URL out of the audit log', async () => {
    const { status, body } = await team.post('/webhooks', { name: 'Chat', url, events: ['member.joined'] });
    expect([status, body.secret]).toEqual([201, expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/)]);
    const { text } = await team.get('/webhooks');
    expect(webhookPage.parse(JSON.parse(text)).items).toMatchObject([
      { id: body.id, name: 'Chat', events: ['member.joined'], state: 'enabled', format: 'standard' },
    ]);
    await team.patch(`/webhooks/${body.id}`, { name: 'Old chat', state: 'disabled' });
    await team.delete(`/webhooks/${body.id}`);
    expect((await team.get(`/webhooks/${body.id}`)).status).toBe(404);
    const log = (await team.get('/audit-events')).text;
    for (const action of ['webhook.create', 'webhook.update', 'webhook.delete'])
      expect(log).toContain(action);
    expect(text + log + api.logLines.join('')).not.toContain('whsec_');
    expect(log).not.toContain('secret-path');
  });

  it('sends what happens to a preview and a traffic manager, as the schemas describe', async () => {
    await team.post('/webhooks', { name: 'Chat', url });
    const session = await team.session('staging');
    const ingress = { host: 'a', port: 80 };
    const { body: preview } = await team.post('/previews', {
      intercept: { name: 'a', workload: 'a' },
      ingress,
    });
    await team.patch(`/previews/${preview.id}`, {
      access: 'public',
      addRequestHeaders: { 'x-token': 'hunter2' },
    });
    await team.delete(`/previews/${preview.id}`);
    const { body: second } = await team.post('/previews', {
      intercept: { name: 'b', workload: 'b' },
      ingress,
    });
    await team.delete(`/intercepts/${second.interceptId}`);
    await team.delete(`/sessions/${session.id}`);
    await expect.poll(() => bodies.length, { timeout: 15_000 }).toBe(7);
    expect(
      eventsReceived()
        .map(({ type }) => type)
        .toSorted(),
    ).toEqual([
      'preview.changed',
      'preview.created',
      'preview.created',
      'preview.ended',
      'preview.ended',
      'traffic-manager.down',
      'traffic-manager.up',
    ]);
    const { actor, ...changed } = eventsReceived().find(({ type }) => type === 'preview.changed')!.data as {
      actor: object;
    };
    expect(changed).toEqual({
      previewId: preview.id,
      hostname: preview.hostname,
      changed: ['access', 'addRequestHeaders'],
    });
    expect(actor).toMatchObject({ kind: 'api-key', id: team.apiKey.id });
    const ended = eventsReceived().flatMap(({ data }) => ('reason' in data ? [data.reason] : []));
    expect(ended).toEqual(expect.arrayContaining(['removed', 'intercept_removed', 'session_ended']));
    expect(bodies.join('')).not.toContain('hunter2');
  });

  it('sends a test, shows the attempt, and sends it again under the same ID', async () => {
    const { body: webhook } = await team.post('/webhooks', { name: 'Chat', url, events: ['member.joined'] });
    const path = `/webhooks/${webhook.id}`;
    const { body: delivery } = await team.post(`${path}/test`, {});
    expect(delivery).toMatchObject({ type: 'webhook.test', state: 'pending', attemptCount: 0 });
    const details = async () =>
      webhookDeliveryDetails.parse((await team.get(`${path}/deliveries/${delivery.id}`)).body);
    await expect.poll(async () => (await details()).state, { timeout: 10_000 }).toBe('delivered');
    expect(await details()).toMatchObject({
      nextAttemptAt: null,
      event: { type: 'webhook.test', data: { name: 'Chat' } },
      attempts: [{ status: 200, error: null, responseBody: 'thanks' }],
    });
    expect((await team.post(`${path}/deliveries/${delivery.id}/redeliver`, {})).body).toMatchObject({
      id: delivery.id,
      state: 'pending',
    });
    await expect.poll(async () => (await details()).attempts.length, { timeout: 10_000 }).toBe(2);
    expect(new Set(bodies).size).toBe(1);
    expect((await team.get(`${path}/deliveries`)).body.items).toHaveLength(1);
  });

  it('is limited to ten of a team', async () => {
    for (let i = 0; i < 10; i++) await team.post('/webhooks', { name: `w${i}`, url });
    const { status, body } = await team.post('/webhooks', { name: 'one more', url });
    expect([status, body.code]).toEqual([429, 'team_limit_reached']);
  });

  it.each([
    ['a private address', 'https://10.0.0.1/'],
    ['an address of a metadata service', 'https://169.254.169.254/latest'],
    ['a URL with a password', 'https://ann:pw@hooks.example.com/'],
    ['another protocol', 'ftp://hooks.example.com/'],
    ['no URL', 'hooks'],
  ])('refuses %s, at creation and change', async (_name, refused) => {
    const created = await team.post('/webhooks', { name: 'Chat', url: refused });
    expect([created.status, created.body.errors[0].pointer]).toEqual([400, '/url']);
    const { body } = await team.post('/webhooks', { name: 'Chat', url });
    expect((await team.patch(`/webhooks/${body.id}`, { url: refused })).status).toBe(400);
  });

  it('refuses http and this machine, unless the operator allows them', async () => {
    const strict = await TestApi.start();
    try {
      const its = await strict.team('Shop');
      for (const refused of ['http://hooks.example.com/', 'https://localhost/', 'https://127.0.0.1/'])
        expect((await its.post('/webhooks', { name: 'Chat', url: refused })).status).toBe(400);
    } finally {
      await strict.close();
    }
  });
});
