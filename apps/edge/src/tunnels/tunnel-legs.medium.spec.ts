/** The tunnels of one process of a traffic manager to one edge, over real WebSockets and a real store. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hashApiKeySecret, SCOPES, type Store } from '@culvert/domain';
import { TunnelRegistry } from '@culvert/relay';
import { createStore } from '@culvert/store';
import { createTestDatabase, type TestDatabase } from '@culvert/testkit';
import {
  dialTunnel,
  dialWebSocket,
  GoAwayCode,
  type TunnelConnection,
  WEBSOCKET_OPTIONS,
  WebSocketCarrier,
  type Welcome,
} from '@culvert/tunnel';
import { pino } from 'pino';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import type { TunnelOwner } from './tunnel-authenticator.js';
import { TunnelSessions } from './tunnel-sessions.js';

const LIMITS = { maxStreamsPerTunnel: 16, maxTunnels: 100, maxSessionsPerTeam: 100, sessionGraceMs: 60_000 };

let database: TestDatabase;
let store: Store;
let owner: TunnelOwner;
let server: Server;
let sessions: TunnelSessions;
let instanceId: string;

beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'), inject('migratedDatabase'));
  store = await createStore({ databaseUrl: database.url, dataDir: 'memory' });
  const first = await store.bootstrap.createFirst({
    teamName: 'Shop',
    email: 'ada@example.test',
    passwordHash: '',
    apiKey: { name: 'x', hint: 'x', hash: hashApiKeySecret('x'), scopes: SCOPES, expiresAt: null },
  });
  owner = {
    teamId: first?.team.id ?? '',
    credential: { kind: 'api-key', apiKeyId: first?.apiKey?.id ?? '' },
  };
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  new WebSocketServer({ server, ...WEBSOCKET_OPTIONS }).on('connection', (webSocket) =>
    sessions.accept(new WebSocketCarrier(webSocket), owner, '192.0.2.1'),
  );
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await store.close();
  await database.drop();
});

beforeEach(() => {
  instanceId = randomUUID();
  sessions = newSessions();
});
afterEach(() => sessions.close());

function newSessions(): TunnelSessions {
  const apiKeyUse = { recordOpen: () => Promise.resolve() };
  const log = pino({ level: 'silent' });
  return new TunnelSessions(store, new TunnelRegistry(), LIMITS, log, apiKeyUse, () => {});
}

type Dialed =
  | { readonly tunnel: TunnelConnection; readonly welcome: Welcome; readonly closed: Promise<GoAwayCode> }
  | { readonly refusal: GoAwayCode };

/** Dials as the process `instanceId`, which names these edges. */
async function dial(...edges: string[]): Promise<Dialed> {
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const dialed = await dialWebSocket({ url, apiKey: 'x', timeoutMs: 5000 });
  if (!dialed.ok) throw new Error(dialed.reason);
  const { carrier } = dialed;
  const hello = { managerId: 'm1', clusterId: '', name: 'm1', version: '1', instanceId, edges };
  return new Promise((resolve) => {
    let end: (code: GoAwayCode) => void = (refusal) => resolve({ refusal });
    const closed = new Promise<GoAwayCode>((markClosed) => {
      const tunnel = dialTunnel(carrier, hello, {
        onOpen: (welcome) => {
          end = markClosed;
          resolve({ tunnel, welcome, closed });
        },
        onClose: (code) => end(code),
      });
    });
  });
}

async function opened(...edges: string[]): Promise<Exclude<Dialed, { refusal: unknown }>> {
  const dialed = await dial(...edges);
  if ('refusal' in dialed) throw new Error(`refused with ${dialed.refusal}`);
  return dialed;
}

describe('a second tunnel of a process to the same edge', () => {
  it('is refused if the process names the edge, and the first one stays', async () => {
    const { tunnel, welcome } = await opened();
    expect(welcome.edgeId).toBe(sessions.edgeId);
    expect(await dial('another', sessions.edgeId)).toEqual({ refusal: GoAwayCode.ALREADY_CONNECTED });
    expect(tunnel.state).toBe('open');
    expect(sessions.count).toBe(1);
  });

  it('replaces the first one if the process does not name the edge: it has lost that one', async () => {
    const first = await opened();
    const second = await opened('another');
    expect(await first.closed).toBe(GoAwayCode.SUPERSEDED);
    expect(second.tunnel.state).toBe('open');
  });

  it('is accepted if the first one is leaving, even if the process names the edge', async () => {
    const first = await opened();
    first.tunnel.openStream(
      { interceptId: 'i', host: 'web', port: 80, tls: false, serverName: '', verifyTls: true },
      { onOpen() {}, onData() {}, onEnd() {}, onReset() {}, onDrain() {} },
    );
    first.tunnel.goAway(GoAwayCode.NORMAL, 'leaving');
    await expect.poll(() => sessions.count).toBe(0);
    expect((await opened(sessions.edgeId)).tunnel.state).toBe('open');
  });

  it('of another process is accepted, whatever it names', async () => {
    const first = await opened();
    instanceId = randomUUID();
    expect((await opened(sessions.edgeId)).tunnel.state).toBe('open');
    expect(first.tunnel.state).toBe('open');
  });
});

// Such a tunnel was opened and never asked to leave, and its manager lost it when the process ended.
describe('a tunnel that is registered while the edge begins to stop', () => {
  /** Calls `stop` once the store has recorded the next tunnel, before the edge knows. */
  function onRecorded(stop: () => void): () => void {
    const register = store.sessions.register.bind(store.sessions);
    const registering = vi.spyOn(store.sessions, 'register').mockImplementationOnce(async (...all) => {
      const registered = await register(...all);
      stop();
      return registered;
    });
    return () => registering.mockRestore();
  }

  async function rowsOf(edgeId: string): Promise<unknown[]> {
    const client = new Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query<{ id: string }>(
      'SELECT id::text FROM tunnel WHERE edge_id = $1 UNION SELECT id FROM edge WHERE id = $1',
      [edgeId],
    );
    await client.end();
    return rows.map(({ id }) => id);
  }

  it('is refused with a code that sends the manager to another edge at once', async () => {
    const restore = onRecorded(() => sessions.drain());
    expect(await dial()).toEqual({ refusal: GoAwayCode.SHUTTING_DOWN });
    restore();
    expect(sessions.count).toBe(0);
    await expect.poll(() => rowsOf(sessions.edgeId)).toEqual([sessions.edgeId]);
  });

  it('leaves no row behind when the edge has closed', async () => {
    let closed = Promise.resolve();
    const restore = onRecorded(() => {
      closed = sessions.close();
    });
    expect(await dial()).toEqual({ refusal: GoAwayCode.SHUTTING_DOWN });
    restore();
    await closed;
    expect(await rowsOf(sessions.edgeId)).toEqual([]);
    expect(await dial()).toEqual({ refusal: GoAwayCode.SHUTTING_DOWN });
    expect(await rowsOf(sessions.edgeId)).toEqual([]);
  });
});

// Keys were checked after the records were written, so not while the store refused these.
describe('the upkeep of an edge', () => {
  it('ends tunnels whose key was revoked although it cannot write its records', async () => {
    await sessions.close();
    // Tunnels have intervals of their own, which must not pass sooner.
    const setting = vi.spyOn(globalThis, 'setInterval');
    sessions = newSessions();
    const [upkeep] = setting.mock.calls[0];
    setting.mockRestore();
    const { teamId } = owner;
    const draft = { name: 'x', hint: 'x', hash: randomUUID(), scopes: SCOPES, expiresAt: null };
    const { id: apiKeyId } = await store.apiKeys.create(teamId, draft);
    const before = owner;
    owner = { teamId, credential: { kind: 'api-key', apiKeyId } };
    const { closed } = await opened();
    owner = before;
    await store.apiKeys.revoke(teamId, apiKeyId, new Date());
    const comparing = vi.spyOn(store.tunnels, 'compare').mockRejectedValue(new Error('away'));
    upkeep();
    expect(await closed).toBe(GoAwayCode.KEY_REVOKED);
    comparing.mockRestore();
  });
});

describe('an edge that is alone', () => {
  it('does not say its id, so that traffic managers look for no other edge', async () => {
    sessions.isAlone = true;
    expect((await opened()).welcome).not.toHaveProperty('edgeId');
  });
});
