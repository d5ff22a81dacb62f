import { createEventBus, type ClusterEvent } from '@culvert/events';
import type { Store } from '@culvert/domain';
import { createLog, loadSettings } from '@culvert/runtime';
import { createStore } from '@culvert/store';
import type { NestExpressApplication } from '@nestjs/platform-express';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '@culvert/testkit';
import { createApiApp } from './api-app.js';
import { bootstrap, type BootstrapResult } from './people/bootstrap/bootstrap.js';

interface ApiProcess {
  readonly app: NestExpressApplication;
  readonly created: BootstrapResult | null;
  readonly events: ClusterEvent[];
}

async function start(databaseUrl: string, redisUrl: string): Promise<ApiProcess> {
  const settings = loadSettings('api', {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    MAX_LOGIN_REQUESTS_PER_ADDRESS: '20',
  });
  const store: Store = await createStore({ databaseUrl, dataDir: settings.dataDir });
  const bus = createEventBus({
    redisUrl,
    onError: (error) => {
      throw error;
    },
  });
  const created = await bootstrap(store, settings);
  const events: ClusterEvent[] = [];
  bus.subscribe((event) => events.push(event));
  const app = await createApiApp({
    settings,
    version: '0.0.0',
    log: createLog({ level: 'silent', app: 'api' }),
    store,
    bus,
  });
  return { app, created, events };
}

describe('two API processes on one Postgres and one Redis', () => {
  let database: TestDatabase;
  let processes: [ApiProcess, ApiProcess];
  let key: string;

  beforeAll(async () => {
    database = await createTestDatabase(inject('databaseUrl'), inject('migratedDatabase'));
    const redisUrl = inject('redisUrl');
    processes = await Promise.all([start(database.url, redisUrl), start(database.url, redisUrl)]);
  });
  afterAll(async () => {
    await Promise.all(processes.map(({ app }) => app.close()));
    await database.drop();
  });

  it('bootstrap once when they start together', () => {
    const created = processes.map((each) => each.created).filter((result) => result !== null);
    expect(created).toHaveLength(1);
    key = created[0]?.apiKey ?? '';
  });

  it("show the same data, and receive each other's changes", async () => {
    const [one, other] = processes;
    const post = (path: string, body: object) =>
      request(one.app.getHttpServer())
        .post(`/api/v1${path}`)
        .set('Authorization', `Bearer ${key}`)
        .send(body);
    expect((await post('/traffic-managers', { managerId: 'staging' })).status).toBe(201);
    const { status, body } = await post('/previews', {
      intercept: { name: 'checkout', workload: 'checkout', metadata: { branch: 'größer ✓' } },
      ingress: { host: 'checkout', port: 80 },
      addRequestHeaders: { 'x-a': '1' },
    });
    expect(status).toBe(201);
    const there = await request(other.app.getHttpServer())
      .get(`/api/v1/previews/${body.id}`)
      .set('X-Ambassador-Api-Key', key);
    expect(there.body).toEqual(body);
    await expect
      .poll(() => other.events)
      .toContainEqual({ type: 'preview.changed', hostname: body.hostname });
  });

  it('refuse a key that either of them revoked', async () => {
    const [one, other] = processes;
    const me = (process: ApiProcess) =>
      request(process.app.getHttpServer()).get('/api/v1/me').set('Authorization', `Bearer ${key}`);
    const { id } = (await me(one)).body.apiKey;
    const revoke = request(one.app.getHttpServer()).delete(`/api/v1/api-keys/${id}`);
    expect((await revoke.set('Authorization', `Bearer ${key}`)).status).toBe(204);
    expect((await me(other)).status).toBe(401);
    await expect.poll(() => other.events).toContainEqual({ type: 'api-key.revoked', apiKeyId: id });
  });

  it('accept sessions that began at either of them, and share one count of password guesses', async () => {
    const [one, other] = processes;
    const { email = '', password = '' } = processes.map(({ created }) => created).find(Boolean) ?? {};
    const signIn = (process: ApiProcess, credentials: object) =>
      request(process.app.getHttpServer()).post('/api/v1/sign-in').send(credentials);
    const [cookie = ''] = [(await signIn(one, { email, password })).headers['set-cookie']].flat().slice(-1);
    const asPerson = (process: ApiProcess, method: 'get' | 'delete', path: string) => {
      const http = request(process.app.getHttpServer());
      return http[method](`/api/v1/me${path}`)
        .set('Cookie', cookie.split(';')[0] ?? '')
        .set('Sec-Fetch-Site', 'same-origin');
    };
    const { items } = (await asPerson(other, 'get', '/sessions')).body;
    expect((await asPerson(other, 'delete', `/sessions/${items[0].id}`)).status).toBe(204);
    expect((await asPerson(one, 'get', '')).status).toBe(401);
    await expect.poll(() => one.events.map(({ type }) => type)).toContain('user.changed');

    const guesses = await Promise.all(
      Array.from({ length: 14 }, (_, n) =>
        signIn(n % 2 === 0 ? one : other, { email: 'victim@example.test', password: 'guess' }),
      ),
    );
    expect(guesses.filter(({ status }) => status === 401)).toHaveLength(10);
    expect(guesses.filter(({ status }) => status === 429)).toHaveLength(4);
  });

  it('share one count of the requests by which an address signs in with Telepresence', async () => {
    const refresh = (process: ApiProcess, address: string) =>
      request(process.app.getHttpServer())
        .post('/token')
        .set('X-Forwarded-For', address)
        .type('form')
        .send({ client_id: 'telepresence-cli', grant_type: 'refresh_token', refresh_token: 'guess' });
    const answers = await Promise.all(
      Array.from({ length: 26 }, (_, n) => refresh(processes[n % 2 === 0 ? 0 : 1], '192.0.2.1')),
    );
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(20);
    expect(answers.filter(({ status }) => status === 503)).toHaveLength(6);
    for (const process of processes) expect((await refresh(process, '192.0.2.2')).status).toBe(400);
  });
});
