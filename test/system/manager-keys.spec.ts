/** Keys and open tunnels: last use, rotation, and the limit of sessions of a team. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TemporaryFolder } from '../services/server.js';
import { API_KEY, type Deployment, startDeployment, visit } from '../support/deployment.js';
import { type Program, startProgram } from '../support/process.js';

const MAX_SESSIONS = 3;

interface Key {
  readonly id: string;
  readonly key: string;
  readonly expiresAt: string | null;
}

let deployment: Deployment;
let service: http.Server;
let servicePort: number;
const folder = new TemporaryFolder('test');

beforeAll(async () => {
  service = http.createServer((_request, response) => response.end('behind')).listen(0, '127.0.0.1');
  await once(service, 'listening');
  servicePort = (service.address() as AddressInfo).port;
  deployment = await startDeployment({
    MAX_SESSIONS_PER_TEAM: String(MAX_SESSIONS),
    MANAGER_WAIT_MS: '10000',
  });
});

afterAll(async () => {
  await deployment?.stop();
  service?.closeAllConnections();
  service?.close();
  folder.remove();
});

const createKey = (name: string, scopes: readonly string[]) =>
  deployment.api<Key>('POST', '/api-keys', { name, scopes });

/** Creates a preview behind one of several managers. */
async function createPreview(managerId: string, change: object = {}) {
  type Managers = { items: { id: string; managerId: string }[] };
  const { items } = await deployment.api<Managers>('GET', '/traffic-managers');
  const { id } = items.find((each) => each.managerId === managerId)!;
  return deployment.createPreview(servicePort, { trafficManagerId: id, ...change });
}

/** Returns a file with the key, which can be replaced, as in a cluster. */
function keyFile(name: string, key: string): string {
  const path = `${folder.path}/${name}`;
  writeFileSync(path, key, { mode: 0o600 });
  return path;
}

/** Returns what a manager logs once per tunnel. */
function connectionsOf(manager: Program): { sessionId: string; resumed: boolean }[] {
  return manager.stderr
    .split('\n')
    .filter((line) => line.includes('"connected"'))
    .map((line) => JSON.parse(line) as { sessionId: string; resumed: boolean });
}

async function endSessions(): Promise<void> {
  const { items } = await deployment.api<{ items: { id: string }[] }>('GET', '/sessions');
  for (const { id } of items) await deployment.api('DELETE', `/sessions/${id}`);
}

describe('a key that is rotated under an open tunnel', () => {
  it(
    'keeps it open during the overlap, and closes it within ten seconds after; the session continues ' +
      'with the new one',
    async () => {
      const old = await createKey('rotated', ['tunnel']);
      const file = keyFile('rotated', old.key);
      const manager = await deployment.startManager({
        CULVERT_API_KEY: '',
        CULVERT_API_KEY_FILE: file,
        CULVERT_MANAGER_ID: 'rotated',
      });
      const preview = await createPreview('rotated');
      const closed = manager.logged(/"code":"KEY_REVOKED"[^\n]*"disconnected"/);
      const rotated = await deployment.api<Key>('POST', `/api-keys/${old.id}/rotate`, { overlapSeconds: 2 });
      writeFileSync(file, rotated.key);
      const { expiresAt } = await deployment.api<Key>('GET', `/api-keys/${old.id}`);
      expect((await visit(deployment.port, preview.hostname, '/')).status).toBe(200);
      await closed;
      const lateMs = Date.now() - Date.parse(expiresAt!);
      expect(lateMs).toBeGreaterThanOrEqual(0);
      // The edge checks every ten seconds.
      expect(lateMs).toBeLessThan(11_000);
      await expect.poll(() => connectionsOf(manager).length, { timeout: 10_000 }).toBe(2);
      const [first, second] = connectionsOf(manager);
      expect(second).toMatchObject({ sessionId: first.sessionId, resumed: true });
      expect((await visit(deployment.port, preview.hostname, '/')).status).toBe(200);
      await manager.stop();
      await endSessions();
    },
  );

  it('closes it within a second without an overlap; a manager with the new one resumes the session', async () => {
    const old = await createKey('at once', ['tunnel']);
    const env = { CULVERT_MANAGER_ID: 'at-once' };
    const manager = await deployment.startManager({ ...env, CULVERT_API_KEY: old.key });
    const closed = manager.logged(/"code":"KEY_REVOKED"[^\n]*"disconnected"/);
    const { key } = await deployment.api<Key>('POST', `/api-keys/${old.id}/rotate`, { overlapSeconds: 0 });
    const rotatedAt = performance.now();
    await closed;
    expect(performance.now() - rotatedAt).toBeLessThan(1000);
    await manager.stop();
    const next = await deployment.startManager({ ...env, CULVERT_API_KEY: key });
    expect(connectionsOf(next)).toMatchObject([
      { sessionId: connectionsOf(manager)[0].sessionId, resumed: true },
    ]);
    await next.stop();
    await endSessions();
  });
});

describe('a team at its limit of sessions', () => {
  it('gets no further one: its manager gets the reason, waits, and connects when there is room', async () => {
    const managers = [];
    for (let i = 0; i < MAX_SESSIONS; i++)
      managers.push(await deployment.startManager({ CULVERT_MANAGER_ID: `full-${i}` }));
    const refused = startProgram('apps/traffic-manager/src/main.js', {
      CULVERT_URL: `http://127.0.0.1:${deployment.port}`,
      CULVERT_API_KEY: API_KEY,
      CULVERT_MANAGER_ID: 'one-too-many',
      LOG_LEVEL: 'debug',
    });
    const [line] = await refused.logged(/^.*"disconnected".*$/m);
    expect(JSON.parse(line)).toMatchObject({
      level: 'warn',
      code: 'LIMIT',
      reason: `the team has reached its limit of ${MAX_SESSIONS} sessions`,
    });
    const [, delayMs] = await refused.logged(/"delayMs":(\d+)[^\n]*"dialing again"/);
    expect(Number(delayMs)).toBeGreaterThanOrEqual(30_000);
    // A known manager can still resume, and connected ones stay.
    await managers[0].stop();
    managers[0] = await deployment.startManager({ CULVERT_MANAGER_ID: 'full-0' });
    expect(connectionsOf(managers[0])).toMatchObject([{ resumed: true }]);
    expect(managers.slice(1).every(({ stderr }) => !stderr.includes('"disconnected"'))).toBe(true);
    await refused.stop();
    await Promise.all(managers.map((manager) => manager.stop()));
    await endSessions();
    const late = await deployment.startManager({ CULVERT_MANAGER_ID: 'one-too-many' });
    await late.stop();
    await endSessions();
  });
});

describe('the last use of a key', () => {
  const lastUse = async ({ id }: Key) => {
    const { lastUsedAt, lastUsedAddress } = await deployment.api<{
      lastUsedAt: string | null;
      lastUsedAddress: string | null;
    }>('GET', `/api-keys/${id}`);
    return { at: lastUsedAt === null ? null : Date.parse(lastUsedAt), address: lastUsedAddress };
  };

  it('is that of a tunnel, of a request to a private preview, or of a call of the API', async () => {
    const [tunnel, header, call, idle] = [
      await createKey('tunnel', ['tunnel']),
      await createKey('header', ['previews:read']),
      await createKey('call', ['team:read']),
      await createKey('idle', ['team:read']),
    ];
    const before = Date.now();
    await deployment.startManager({ CULVERT_API_KEY: tunnel.key, CULVERT_MANAGER_ID: 'used' });
    const preview = await createPreview('used', { access: 'team' });
    const answer = await visit(deployment.port, preview.hostname, '/', {
      headers: { 'x-culvert-api-key': header.key, 'x-forwarded-for': '203.0.113.9' },
    });
    expect(answer.status).toBe(200);
    await deployment.api('GET', '/team', undefined, call.key);
    for (const key of [tunnel, header, call]) {
      await expect.poll(async () => (await lastUse(key)).at).toBeGreaterThanOrEqual(before);
      expect((await lastUse(key)).address).toBe('127.0.0.1');
    }
    expect(await lastUse(idle)).toEqual({ at: null, address: null });
    // Once a minute: a use directly after it is not recorded.
    const first = await lastUse(header);
    await visit(deployment.port, preview.hostname, '/', { headers: { 'x-culvert-api-key': header.key } });
    expect(await lastUse(header)).toEqual(first);
  });
});
