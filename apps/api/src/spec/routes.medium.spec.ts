import { MAX_BODY_BYTES, OPERATIONS } from '@culvert/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestPerson, type TestTeam } from './api-harness.js';
import { servedRoutes } from './served-routes.js';

/** Pages for people and routes of the OAuth server, which the OpenAPI document does not describe, and the document itself. */
const UNDESCRIBED = [
  'get /.well-known/oauth-authorization-server',
  'get /account',
  'get /device',
  'post /device',
  'post /device_authorization',
  'get /invitations',
  'post /invitations',
  'get /invitations/account',
  'post /invitations/account',
  'post /invitations/mail',
  'get /reset-password',
  'get /sign-in',
  'get /sign-in/{provider}',
  'get /sign-in/{provider}/callback',
  'post /reset-password',
  'post /sign-in',
  'post /sign-out',
  'get /',
  'get /previews{/*path}',
  'get /connections{/*path}',
  'get /intercepts{/*path}',
  'get /api-keys{/*path}',
  'get /team{/*path}',
  'get /audit-log{/*path}',
  'get /profile{/*path}',
  'get /assets/{file}',
  'get /api/docs',
  'get /api/docs/{file}',
  'get /api/openapi.json',
  'get /preview-access',
];

/** Routes for the Telepresence client, which are not a public API: docs/telepresence.md. */
const TELEPRESENCE = [
  'get /api/licenses/{licenseId}/formats/jwt',
  'get /api/userinfo',
  'get /auth',
  'get /cloud/preview',
  'get /completion',
  'get /download/tel-pro/{system}/{architecture}/{version}/latest/{file}',
  'get /download/tel2/{system}/{architecture}/stable.txt',
  'post /auth',
  'post /revoke',
  'post /sso/api/apikeys',
  'post /token',
];

describe('the routes', () => {
  let api: TestApi;
  let team: TestTeam;
  let person: TestPerson;

  beforeAll(async () => {
    api = await TestApi.start();
    team = await api.team('Shop');
    person = await api.person('jo@example.test', [[team.teamId, 'owner']]);
  });
  afterAll(() => api.close());

  it('are exactly the operations of the contract', () => {
    const described = OPERATIONS.map(({ method, path }) => `${method} ${path}`);
    expect(servedRoutes(api).toSorted()).toEqual([...described, ...UNDESCRIBED, ...TELEPRESENCE].toSorted());
  });

  const bodies = OPERATIONS.filter(({ body }) => body !== undefined).map(
    (operation) => [operation.id, operation] as const,
  );

  const send = ({ method, path, access }: (typeof OPERATIONS)[number]) =>
    (access === 'user' ? person : team).request(
      method,
      path.replace('/api/v1', '').replace(/\{\w+\}/g, 'nothing'),
    );

  it.each(bodies)('refuse every hostile body: %s', async (_id, operation) => {
    const { maxBytes = MAX_BODY_BYTES } = operation.body ?? {};
    const outcome = async (type: string, text: string) => {
      const { status, body, headers } = await send(operation).set('Content-Type', type).send(text);
      expect(headers['content-type']).toBe('application/problem+json');
      return [status, body.code];
    };
    expect(await outcome('application/json', '{"name":')).toEqual([400, 'malformed_request']);
    expect(await outcome('application/json', '"text"')).toEqual([400, 'malformed_request']);
    expect(await outcome('application/json', '[]')).toEqual([400, 'validation_failed']);
    expect(await outcome('application/json', '{}')).toEqual([400, 'validation_failed']);
    expect(await outcome('application/json', '{"surprise":1}')).toEqual([400, 'validation_failed']);
    expect(await outcome('application/json', JSON.stringify({ name: 'x'.repeat(maxBytes) }))).toEqual([
      413,
      'payload_too_large',
    ]);
    expect(
      await outcome('application/json', `{"name":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
    ).toEqual([400, 'validation_failed']);
    expect(await outcome('text/plain', '{"name":"x"}')).toEqual([415, 'unsupported_media_type']);
    expect(await outcome('application/x-www-form-urlencoded', 'name=x')).toEqual([
      415,
      'unsupported_media_type',
    ]);
    expect(await outcome('application/json; charset=klingon', '{}')).toEqual([415, 'unsupported_media_type']);
    const empty = await send(operation);
    expect([empty.status, empty.body.code]).toEqual([400, 'validation_failed']);
  });

  it('do not echo a hostile body at length', async () => {
    const fields = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`field-${i}`, 1]));
    const response = await team.post('/traffic-managers', { managerId: 'x', ...fields });
    expect(response.status).toBe(400);
    expect(response.text.length).toBeLessThan(1000);
    const headers = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`${'x'.repeat(8000)}${i}:`, '']),
    );
    const preview = { intercept: { name: 'x', workload: 'x' }, ingress: { host: 'x', port: 80 } };
    const second = await team.post('/previews', { ...preview, addRequestHeaders: headers });
    expect(second.status).toBe(400);
    expect(second.text.length).toBeLessThan(20_000);
  });

  it('answer unknown paths and wrong methods as problems', async () => {
    const unknown = await team.get('/nothing');
    expect([unknown.status, unknown.body.code]).toEqual([404, 'route_not_found']);
    const wrong = await team.delete('/me');
    expect([wrong.status, wrong.body.code, wrong.headers['allow']]).toEqual([
      405,
      'method_not_allowed',
      'GET, HEAD',
    ]);
    expect((await api.http().put('/api/v1/previews')).headers['allow']).toBe('GET, HEAD, POST');
    const badly = await team.get('/previews/%E0%A4%A');
    expect([badly.status, badly.body.code]).toEqual([400, 'malformed_request']);
    const nul = await team.get('/previews/%00');
    expect([nul.status, nul.body.code]).toEqual([400, 'validation_failed']);
  });

  it('send the same security headers with every response, and reveal nothing of the server', async () => {
    for (const path of ['/api/v1/me', '/nothing', '/api/openapi.json', '/']) {
      const { headers } = await api.http().get(path);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
        'cache-control': 'no-store',
      });
      expect(headers).not.toHaveProperty('x-powered-by');
      expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('log a line per request without query or body', async () => {
    api.logLines.length = 0;
    const { headers } = await team.get('/previews?limit=7');
    await expect.poll(() => api.logLines.length).toBe(1);
    const line = JSON.parse(api.logLines[0] ?? '');
    expect(line).toMatchObject({
      msg: 'request',
      requestId: headers['x-request-id'],
      method: 'GET',
      path: '/api/v1/previews',
      status: 200,
    });
    expect(api.logLines[0]).not.toContain('limit');
  });

  it('write internal text only to the log', async () => {
    const { list } = api.store.previews;
    api.store.previews.list = () => Promise.reject(new Error('relation "preview" does not exist'));
    try {
      const response = await team.get('/previews');
      expect([response.status, response.body.code]).toEqual([500, 'internal_error']);
      expect(response.text).not.toContain('relation');
      expect(api.logLines.join('')).toContain('relation');
    } finally {
      api.store.previews.list = list;
    }
  });
});
