import { SCOPES, type Store } from '@culvert/domain';
import { loadSettings } from '@culvert/runtime';
import { verify } from '@node-rs/argon2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestStore, TestApi } from '../../spec/api-harness.js';
import { bootstrap } from './bootstrap.js';

describe('bootstrap', () => {
  let store: Store;
  let api: TestApi;

  const start = (env: Record<string, string> = {}) => bootstrap(store, loadSettings('standalone', env));
  const me = (key: string) => api.http().get('/api/v1/me').set('Authorization', `Bearer ${key}`);

  // A database of its own for each test: the bootstrap happens only once in each.
  beforeEach(async () => {
    store = await createTestStore();
    api = await TestApi.start({ store });
  });
  afterEach(() => api.close());

  it('creates a team, an owner and a key with every scope, once, and keeps the secrets out of the log', async () => {
    const created = await start();
    expect(created).toEqual({
      email: 'owner@culvert.localhost',
      password: expect.stringMatching(/^([0-9a-z]{5}-){3}[0-9a-z]{5}$/),
      apiKey: expect.stringMatching(/^cvt_[0-9A-Za-z]{38}$/),
    });
    const { apiKey = '', password = '' } = created ?? {};
    const { body } = await me(apiKey);
    expect(body.team.name).toBe('Default');
    expect(body.apiKey.scopes).toHaveLength(SCOPES.length);

    const owner = await store.users.findByEmail('owner@culvert.localhost');
    expect(owner?.passwordHash).toMatch(/^\$argon2id\$/);
    expect(await verify(owner?.passwordHash ?? '', password)).toBe(true);
    expect(await store.users.memberships(owner?.id ?? '')).toMatchObject([
      { teamId: body.team.id, role: 'owner' },
    ]);

    expect(await start({ CULVERT_BOOTSTRAP_API_KEY: 'the-second-key' })).toBeNull();
    expect((await me(apiKey)).status).toBe(200);
    expect((await me('the-second-key')).status).toBe(401);
    expect(api.logLines.join('')).not.toContain(apiKey);
    expect(api.logLines.join('')).not.toContain(password);
  });

  it('creates what the environment sets only once, even if two processes start at the same moment', async () => {
    const env = {
      CULVERT_BOOTSTRAP_API_KEY: 'local-development-key',
      CULVERT_BOOTSTRAP_EMAIL: 'Ann@Example.com',
      CULVERT_BOOTSTRAP_PASSWORD: 'correct horse',
    };
    const results = await Promise.all([start(env), start(env)]);
    const expected = { email: 'ann@example.com', password: 'correct horse', apiKey: 'local-development-key' };
    expect(results.filter((result) => result !== null)).toEqual([expected]);
    expect((await me('local-development-key')).status).toBe(200);
    expect((await store.users.findByEmail('ann@example.com'))?.passwordHash).not.toContain('correct');
  });
});
