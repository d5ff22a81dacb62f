import { createdPreviewTokenResource, createdShareLinkResource } from '@culvert/contract';
import { hashSecret, MAX_CREDENTIALS_PER_PREVIEW } from '@culvert/domain';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from '../../spec/api-harness.js';

describe.each([
  { kind: 'share-links', repository: 'shareLinks', prefix: 'cvs_' },
  { kind: 'tokens', repository: 'previewTokens', prefix: 'cvp_' },
] as const)('/api/v1/previews/{previewId}/$kind', ({ kind, repository, prefix }) => {
  let api: TestApi;
  let team: TestTeam;
  let preview: { id: string; hostname: string };

  beforeAll(async () => (api = await TestApi.start()));
  beforeEach(async () => {
    team = await api.team('Shop');
    await team.trafficManager('staging');
    const body = { intercept: { name: 'web', workload: 'web' }, ingress: { host: 'web', port: 80 } };
    preview = (await team.post('/previews', body)).body;
    api.bus.drain();
  });
  afterAll(() => api.close());

  const path = () => `/previews/${preview.id}/${kind}`;
  const secretOf = (body: Record<string, string>) => body['token'] ?? body['url']?.split('/').at(-1) ?? '';

  it('shows the secret once, with 256 random bits, and keeps only its hash', async () => {
    const response = await team.post(path(), { name: 'client' });
    expect(response.status).toBe(201);
    (kind === 'tokens' ? createdPreviewTokenResource : createdShareLinkResource).parse(response.body);
    const secret = secretOf(response.body);
    expect(secret).toMatch(new RegExp(`^${prefix}[\\w-]{43}$`));
    const listed = await team.get(path());
    expect(listed.body.items).toMatchObject([
      { id: response.body.id, previewId: preview.id, revokedAt: null },
    ]);
    expect(listed.text).not.toContain(secret);
    expect(await api.store[repository].findUsable(hashSecret(secret), new Date())).toMatchObject({
      previewId: preview.id,
    });
    expect(await api.store[repository].findUsable(secret, new Date())).toBeNull();
    const audit = await team.get('/audit-events');
    expect(audit.body.items[0]).toMatchObject({ targetId: response.body.id });
    expect(audit.text).not.toContain(secret);
  });

  it('revokes a secret at once and for good, and notifies the edges once', async () => {
    const created = (await team.post(path(), { name: 'client' })).body;
    for (let time = 0; time < 2; time++) {
      expect((await team.delete(`${path()}/${created.id}`)).status).toBe(204);
      const changed = { type: 'preview.changed', hostname: preview.hostname };
      expect(api.bus.drain()).toEqual(time === 0 ? [changed] : []);
    }
    expect(await api.store[repository].findUsable(hashSecret(secretOf(created)), new Date())).toBeNull();
    expect((await team.get(path())).body.items[0].revokedAt).not.toBeNull();
    const actions = (await team.get('/audit-events')).body.items.map(
      (event: { action: string }) => event.action,
    );
    expect(actions.filter((action: string) => action.endsWith('.revoke'))).toHaveLength(1);
  });

  it('creates a secret that stops working when it expires', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000);
    const created = (await team.post(path(), { name: 'client', expiresAt: expiresAt.toISOString() })).body;
    const hash = hashSecret(secretOf(created));
    const find = (at: number) => api.store[repository].findUsable(hash, new Date(at));
    expect(await find(expiresAt.getTime() - 1)).not.toBeNull();
    expect(await find(expiresAt.getTime())).toBeNull();
    expect((await team.post(path(), { name: 'x', expiresAt: '2020-01-01T00:00:00Z' })).status).toBe(400);
  });

  it('does not revoke a secret through another preview', async () => {
    const created = (await team.post(path(), { name: 'client' })).body;
    const other = (
      await team.post('/previews', {
        intercept: { name: 'api', workload: 'api' },
        ingress: { host: 'api', port: 80 },
      })
    ).body;
    expect((await team.delete(`/previews/${other.id}/${kind}/${created.id}`)).status).toBe(404);
    expect((await team.get(path())).body.items[0].revokedAt).toBeNull();
  });

  it('requires previews:write to create a secret, and previews:read to list them', async () => {
    const reader = await team.keyWith({ scopes: ['previews:read'] });
    expect((await reader.post(path(), { name: 'x' })).body.code).toBe('insufficient_scope');
    expect((await reader.get(path())).status).toBe(200);
    const tunnel = await team.keyWith({ scopes: ['tunnel'] });
    expect((await tunnel.get(path())).body.code).toBe('insufficient_scope');
  });

  it('refuses secrets beyond the limit of a preview', async () => {
    const repo = api.store[repository] as { create: typeof api.store.previewTokens.create };
    const making = {
      by: { kind: 'api-key', apiKeyId: team.apiKey.id },
      max: MAX_CREDENTIALS_PER_PREVIEW,
    } as const;
    for (let i = 0; i < MAX_CREDENTIALS_PER_PREVIEW; i++) {
      const draft = {
        name: 'x',
        hint: prefix,
        hash: hashSecret(`${preview.id} ${i}`),
        expiresAt: new Date(Date.now() + 60_000),
      };
      await repo.create(team.teamId, preview.id, draft, making);
    }
    const refused = await team.post(path(), { name: 'one more' });
    expect([refused.status, refused.body.code]).toEqual([429, 'credential_limit_reached']);
  });
});

describe('the people who can open a preview', () => {
  it('are set by addresses and domains, which are stored in lower case', async () => {
    const api = await TestApi.start();
    const team = await api.team('Shop');
    await team.trafficManager('staging');
    const create = (change: object) =>
      team.post('/previews', {
        intercept: { name: 'web', workload: 'web' },
        ingress: { host: 'web', port: 80 },
        ...change,
      });
    const { body } = await create({ allowedEmails: ['Jo@Client.Test'], allowedDomains: ['Partner.Test'] });
    expect(body).toMatchObject({
      access: 'team',
      allowedEmails: ['jo@client.test'],
      allowedDomains: ['partner.test'],
    });
    for (const change of [
      { allowedEmails: ['no-at'] },
      { allowedDomains: ['*.partner.test'] },
      { allowedDomains: ['com'] },
      { allowedDomains: Array.from({ length: 101 }, (_, i) => `d${i}.test`) },
    ])
      expect((await create(change)).body.code).toBe('validation_failed');
    expect((await team.patch(`/previews/${body.id}`, { allowedEmails: [] })).body.allowedEmails).toEqual([]);
    await api.close();
  });
});
