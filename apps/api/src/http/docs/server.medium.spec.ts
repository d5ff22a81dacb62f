import { readFileSync } from 'node:fs';
import { describe, afterAll, beforeAll, expect, it } from 'vitest';
import { TestApi } from '../../spec/api-harness.js';

let api: TestApi;

beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.close());

describe('the server of the API', () => {
  it('returns its version, that of its package, to callers with a key', async () => {
    const manifest = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
    const { version } = JSON.parse(manifest) as { version: string };
    const team = await api.team('Shop');
    const { body, status } = await team.get('/server');
    expect([status, body]).toEqual([200, { version, clientVersion: version }]);
    expect((await api.http().get('/api/v1/server')).status).toBe(401);
  });
});
