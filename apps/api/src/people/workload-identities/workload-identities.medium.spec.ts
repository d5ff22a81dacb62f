import { HttpClient } from '@culvert/outbound';
import { TokenIssuer } from '@culvert/testkit';
import { IssuerKeys, TokenVerifier } from '@culvert/workload-tokens';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from '../../spec/api-harness.js';

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const AUDIENCE = 'http://localhost:8080';
const SUBJECT = 'repo:acme/shop:ref:refs/heads/main';
const REPOSITORY = { claim: 'repository', values: ['acme/shop'] };

describe('workload identities', () => {
  let api: TestApi;
  let issuer: TokenIssuer;
  let http: HttpClient;
  let team: TestTeam;
  let id: string;

  beforeAll(async () => {
    issuer = await TokenIssuer.start();
    api = await TestApi.start({ env: { WORKLOAD_IDENTITY_INTERNAL_ISSUERS: issuer.url } });
    const limits = { connectTimeoutMs: 2000, timeoutMs: 2000, maxResponseBytes: 1_000_000 };
    http = new HttpClient({ ...limits, ca: issuer.ca, allowPrivateAddresses: true });
    // Only this client trusts the issuer's authority: NODE_EXTRA_CA_CERTS is read when a process starts.
    const keys = new IssuerKeys({ publicHttp: http, internalHttp: http, internalIssuers: [issuer.url] });
    Object.assign(api.app.get(TokenVerifier, { strict: false }), new TokenVerifier(keys));
  });
  afterAll(async () => {
    await api.close();
    http.close();
    await issuer.close();
  });
  beforeEach(async () => {
    team = await api.team('Shop');
    id = (await create({})).body.id;
  });

  const create = (change: object, as = team) =>
    as.post('/workload-identities', {
      name: 'CI',
      platform: 'github',
      issuer: issuer.url,
      conditions: [REPOSITORY],
      ...change,
    });
  const sign = (claims: Record<string, unknown> = {}) =>
    issuer.sign({ sub: SUBJECT, aud: AUDIENCE, repository: 'acme/shop', run_id: '7', jti: 'one', ...claims });
  const post = (form: Record<string, string | string[]>) => api.http().post('/token').type('form').send(form);
  const exchange = async (claims: Record<string, unknown> = {}, change: Record<string, string> = {}) =>
    post({
      grant_type: GRANT,
      subject_token: await sign(claims),
      subject_token_type: JWT,
      workload_identity: id,
      ...change,
    });
  const signIn = async (): Promise<string> => (await exchange()).body.access_token;
  const as = (token: string) => api.http().get('/api/v1/previews').set('authorization', `Bearer ${token}`);
  const lastEvent = async () => (await team.get('/audit-events?limit=1')).body.items[0];

  it('have the defaults of their platform', async () => {
    const { status, body } = await team.post('/workload-identities', {
      name: 'CI',
      platform: 'gitlab',
      conditions: [{ claim: 'project_path', values: ['acme/shop'] }],
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      issuer: 'https://gitlab.com',
      audience: AUDIENCE,
      tokenLifetimeSeconds: 3600,
      enabled: true,
      lastUsedAt: null,
    });
    expect(body.scopes).not.toContain('keys:write');
  });

  it.each([
    ['no owner', { conditions: [{ claim: 'ref', values: ['refs/heads/main'] }] }, '/conditions'],
    ['an issuer on plain http', { issuer: 'http://gitlab.example.com' }, '/issuer'],
    ['an issuer with a query', { issuer: 'https://gitlab.example.com?a' }, '/issuer'],
    ['an issuer with a password', { issuer: 'https://a:b@gitlab.example.com' }, '/issuer'],
    ['no issuer of another platform', { platform: 'other', issuer: undefined }, '/issuer'],
    ['the issuer of GitHub as another platform', { platform: 'other', issuer: undefined }, '/issuer'],
    ['a scope that manages the team', { scopes: ['team:write'] }, '/scopes/0'],
    ['a scope that creates keys', { scopes: ['keys:write'] }, '/scopes/0'],
    ['tokens of two hours', { tokenLifetimeSeconds: 7200 }, '/tokenLifetimeSeconds'],
    [
      'a condition on the issuer',
      { conditions: [REPOSITORY, { claim: 'iss', values: ['a'] }] },
      '/conditions/1/claim',
    ],
    ['two conditions on a claim', { conditions: [REPOSITORY, REPOSITORY] }, '/conditions'],
    [
      'a condition without values',
      { conditions: [{ claim: 'repository', values: [] }] },
      '/conditions/0/values',
    ],
  ])('are refused with %s', async (_name, change, pointer) => {
    const { status, body } = await create(change);
    expect([status, body.code]).toEqual([400, 'validation_failed']);
    expect(body.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
  });

  it('cannot get a scope that their creator lacks', async () => {
    const weak = await team.keyWith({ scopes: ['team:write', 'previews:read'] });
    expect((await create({ scopes: ['previews:read'] }, weak)).status).toBe(201);
    expect((await create({ scopes: ['previews:write'] }, weak)).status).toBe(403);
    const path = `/workload-identities/${id}`;
    const widened = await weak.patch(path, { conditions: [{ ...REPOSITORY, values: ['evil/shop'] }] });
    expect([widened.status, widened.body.code]).toEqual([403, 'insufficient_scope']);
    expect((await weak.patch(path, { enabled: false })).status).toBe(200);
    expect((await weak.patch(path, { enabled: true })).status).toBe(403);
  });

  it('exchange the token of the platform for a token of Culvert', async () => {
    const { status, body, headers } = await exchange();
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('no-store');
    expect(body).toEqual({
      access_token: expect.stringMatching(/^cvtw_/),
      issued_token_type: ACCESS_TOKEN,
      token_type: 'Bearer',
      expires_in: 3600,
      scope: expect.stringContaining('previews:write'),
    });
    expect((await as(body.access_token)).status).toBe(200);
    const refused = await api
      .http()
      .get('/api/v1/api-keys')
      .set('authorization', `Bearer ${body.access_token}`);
    expect([refused.status, refused.body.code]).toEqual([403, 'insufficient_scope']);
    expect(api.logLines.join('')).not.toContain(body.access_token);
  });

  it('act under their own name in the audit log', async () => {
    await team.patch(`/workload-identities/${id}`, { scopes: ['sessions:write'] });
    const token = await signIn();
    expect(await lastEvent()).toMatchObject({
      action: 'workload-identity.sign-in',
      summary: `signed in as ${SUBJECT}`,
      actor: { kind: 'workload-identity', id, name: 'CI' },
      after: { subject: SUBJECT, repository: 'acme/shop', run_id: '7', jti: 'one' },
    });
    await api
      .http()
      .post('/api/v1/traffic-managers')
      .set('authorization', `Bearer ${token}`)
      .send({ managerId: 'cluster', name: 'Cluster' })
      .expect(201);
    expect(await lastEvent()).toMatchObject({
      action: 'traffic-manager.create',
      actor: { kind: 'workload-identity', id, name: 'CI' },
    });
    const shown = (await team.get(`/workload-identities/${id}`)).body;
    expect(shown).toMatchObject({ lastUsedSubject: SUBJECT, lastUsedAt: expect.any(String) });
  });

  it('issue tokens that no list of API keys shows, and that no operation for keys changes', async () => {
    const before = (await team.get('/api-keys')).body.items.length;
    const token = await signIn();
    const me = (await api.http().get('/api/v1/me').set('authorization', `Bearer ${token}`)).body;
    expect(me).toMatchObject({ apiKey: { name: SUBJECT }, workloadIdentity: { id, name: 'CI' } });
    expect((await team.get('/api-keys')).body.items).toHaveLength(before);
    const path = `/api-keys/${me.apiKey.id}`;
    expect((await team.get(path)).status).toBe(404);
    expect((await team.patch(path, { name: 'Mine' })).status).toBe(404);
    expect((await team.post(`${path}/rotate`, { overlapSeconds: 60 })).status).toBe(404);
    expect((await team.delete(path)).status).toBe(404);
    expect((await as(token)).status).toBe(200);
  });

  it('accept a token again until it expires, for the next command of the job', async () => {
    const subject_token = await sign();
    const [first, second] = [await exchange({}, { subject_token }), await exchange({}, { subject_token })];
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(first.body.access_token).not.toBe(second.body.access_token);
  });

  it.each([
    ['another repository', { repository: 'acme/other' }, 'the claim repository is "acme/other", which'],
    ['another case of letters', { repository: 'Acme/Shop' }, 'the claim repository is "Acme/Shop", which'],
    ['no repository', { repository: undefined }, 'the claim repository is missing, which'],
    ['several repositories', { repository: ['acme/shop'] }, 'the claim repository is missing'],
    ['another audience', { aud: 'https://other.example' }, 'the audience of the token'],
    ['an expiry in the past', { exp: 1 }, 'has expired'],
  ])('refuse a token with %s, and explain it', async (_name, claims, expected) => {
    const { status, body } = await exchange(claims);
    expect([status, body.error]).toEqual([400, 'invalid_request']);
    expect(body.error_description).toContain(expected);
  });

  it('record tokens that the issuer signed and they refuse, but no forged ones', async () => {
    await exchange({ repository: 'evil/shop', sub: 'repo:evil/shop\u0000:x' });
    expect(await lastEvent()).toMatchObject({
      action: 'workload-identity.refuse',
      targetId: id,
      actor: { kind: 'system' },
      after: { subject: 'repo:evil/shop\uFFFD:x', repository: 'evil/shop' },
    });
    await exchange({}, { subject_token: `${(await sign()).slice(0, -20)}AAAAAAAAAAAAAAAAAAAA` });
    expect((await lastEvent()).after).toMatchObject({ repository: 'evil/shop' });
  });

  it.each([
    ['no identity', { workload_identity: '' }, 'invalid_request'],
    ['an unknown identity', { workload_identity: '00000000-0000-7000-8000-000000000000' }, 'invalid_request'],
    ['text that is not an ID', { workload_identity: "' OR 1=1" }, 'invalid_request'],
    ['no token', { subject_token: '' }, 'invalid_request'],
    ['text that is not a token', { subject_token: 'a.b.c' }, 'invalid_request'],
    ['a token that is too long', { subject_token: 'x'.repeat(12_289) }, 'invalid_request'],
    ['another type of token', { subject_token_type: ACCESS_TOKEN }, 'invalid_request'],
    ['a wish for a refresh token', { requested_token_type: JWT }, 'invalid_request'],
    ['an actor', { actor_token: 'a' }, 'invalid_request'],
  ])('refuse a request with %s', async (_name, change, error) => {
    const { status, body } = await exchange({}, change);
    expect([status, body.error]).toEqual([400, error]);
  });

  it('of another team accept no token for this one', async () => {
    const others = await api.team('Others');
    const theirs = (await create({ conditions: [{ ...REPOSITORY, values: ['others/*'] }] }, others)).body.id;
    const { status, body } = await exchange({}, { workload_identity: theirs });
    expect([status, body.error_description]).toEqual([
      400,
      'the claim repository is "acme/shop", which the workload identity does not accept',
    ]);
  });

  it('show what they expect to jobs of their owner only', async () => {
    const conditions = [REPOSITORY, { claim: 'ref', values: ['refs/heads/main'] }];
    await team.patch(`/workload-identities/${id}`, { conditions });
    const own = (await exchange({ ref: 'refs/heads/x' })).body.error_description;
    expect(own).toBe('the claim ref is "refs/heads/x", expected "refs/heads/main"');
    const strange = (await exchange({ ref: 'refs/heads/x', repository: 'evil/shop' })).body.error_description;
    expect(strange).toContain('the claim ref is "refs/heads/x", which the workload identity does not accept');
    expect(strange).not.toMatch(/acme|main/);
    const { before: _before, after } = await lastEvent();
    expect(after.problem).toContain('expected "acme/shop"');
  });

  it('accept no job of GitLab that another project defines', async () => {
    const conditions = [{ claim: 'project_path', values: ['acme/shop'] }];
    const gitlab = (await create({ platform: 'gitlab', conditions })).body.id;
    const job = (path: string) =>
      exchange({ project_path: 'acme/shop', job_project_path: path }, { workload_identity: gitlab });
    expect((await job('acme/shop')).status).toBe(200);
    expect((await job('evil/templates')).body.error_description).toContain('job_project_path');
  });

  it('have at most 100 asterisks', async () => {
    const conditions = [REPOSITORY, { claim: 'ref', values: ['*'.repeat(101)] }];
    const { status, body } = await create({ conditions });
    expect([status, body.errors?.[0]?.pointer]).toEqual([400, '/conditions']);
  });

  it('create preview tokens and share links that end within an hour', async () => {
    const { body: manager } = await team.post('/traffic-managers', { managerId: 'cluster', name: 'Cluster' });
    const { body: preview } = await team.post('/previews', {
      intercept: { name: 'web', workload: 'web', namespace: 'default' },
      ingress: { host: 'web', port: 80, useTls: false, l5Host: 'web' },
      trafficManagerId: manager.id,
    });
    const token = await signIn();
    const make = (what: string, body: object) =>
      api
        .http()
        .post(`/api/v1/previews/${preview.id}/${what}`)
        .set('authorization', `Bearer ${token}`)
        .send(body);
    for (const what of ['tokens', 'share-links']) {
      const { status, body } = await make(what, { name: 'job' });
      expect(status).toBe(201);
      expect(Date.parse(body.expiresAt)).toBeLessThanOrEqual(Date.now() + 3_600_000);
      const later = new Date(Date.now() + 7_200_000).toISOString();
      const refused = await make(what, { name: 'job', expiresAt: later });
      expect([refused.status, refused.body.errors]).toEqual([
        400,
        [{ pointer: '/expiresAt', message: expect.stringContaining('within an hour') }],
      ]);
    }
  });

  it.each([
    ['disabled', (path: string) => team.patch(path, { enabled: false })],
    [
      'restricted',
      (path: string) => team.patch(path, { conditions: [{ ...REPOSITORY, values: ['acme/x'] }] }),
    ],
    ['given fewer scopes', (path: string) => team.patch(path, { scopes: ['previews:read'] })],
    ['deleted', (path: string) => team.delete(path)],
  ])('end their tokens at once when they are %s', async (_name, change) => {
    const token = await signIn();
    api.bus.drain();
    expect((await change(`/workload-identities/${id}`)).status).toBeLessThan(300);
    expect((await as(token)).status).toBe(401);
    expect(api.bus.drain()).toEqual([{ type: 'api-key.revoked', apiKeyId: expect.any(String) }]);
  });

  it('keep their tokens when they are renamed', async () => {
    const token = await signIn();
    await team.patch(`/workload-identities/${id}`, { name: 'Other' });
    expect((await as(token)).status).toBe(200);
  });

  it('issue no token that outlives a change between the check and the issue', async () => {
    const { workloadIdentities } = api.store;
    const issue = workloadIdentities.issueToken.bind(workloadIdentities);
    workloadIdentities.issueToken = async (identity, draft) => {
      workloadIdentities.issueToken = issue;
      await team.patch(`/workload-identities/${id}`, { enabled: false });
      return issue(identity, draft);
    };
    const { status, body } = await exchange();
    expect([status, body.error_description]).toEqual([
      400,
      'the workload identity has just changed: try again',
    ]);
  });

  it('revoke a token for the program that has it', async () => {
    const token = await signIn();
    await api.http().post('/revoke').type('form').send({ token }).expect(200);
    expect((await as(token)).status).toBe(401);
  });

  it('report an issuer that does not answer as a failure that may pass', async () => {
    const other = (await create({ issuer: 'https://127.0.0.1:1' })).body.id;
    const { status, body } = await exchange({ iss: 'https://127.0.0.1:1' }, { workload_identity: other });
    expect([status, body.error]).toEqual([502, 'server_error']);
    expect(body.error_description).toContain('cannot be asked for its keys');
  });

  it('show what would not match, without issuing a token', async () => {
    const test = async (token: string) =>
      (await team.post(`/workload-identities/${id}/test`, { token })).body;
    expect(await test(await sign())).toMatchObject({ accepted: true, problem: null, subject: SUBJECT });
    expect(await test(await sign({ repository: 'acme/x' }))).toMatchObject({
      accepted: false,
      conditions: [{ claim: 'repository', actual: 'acme/x', matches: false }],
    });
    expect(await test('nothing')).toEqual({
      accepted: false,
      problem: 'the token is not a JSON Web Token',
      subject: null,
      conditions: [],
    });
    expect((await team.get(`/workload-identities/${id}`)).body.lastUsedAt).toBeNull();
  });

  it('are announced to programs by the metadata of the server', async () => {
    const { body } = await api.http().get('/.well-known/oauth-authorization-server');
    expect(body.grant_types_supported).toContain(GRANT);
  });
});
