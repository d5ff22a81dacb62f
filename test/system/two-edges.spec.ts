/** Two edges and an API as separate processes, which communicate only through Postgres and Redis. */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { hashSecret, type Store, VISIT_LIMITS } from '@culvert/domain';
import { createStore } from '@culvert/store';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { API_KEY, type Deployment, type HttpResult, type Preview, visit } from '../support/deployment.js';
import type { Program } from '../support/process.js';
import { type SplitDeployment, startSplit } from '../support/split-deployment.js';

const OWNER = { email: 'ann@shop.test', password: 'correct horse battery' };
const VISIT = 'culvert-preview';

let split: SplitDeployment;
let store: Store;
/** Ports of the edges, A first; the app's host names that of A, as if it were a load balancer in front of both. */
let ports: readonly [number, number];
let deployment: Deployment;
/** Process of the traffic manager whose tunnel is at the second edge. */
let managerOfSecond: Program;
let service: http.Server;
let servicePort: number;
let preview: Preview;

beforeAll(async () => {
  service = http.createServer((request, response) => {
    if (request.url === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\n\n');
    } else {
      response.end('behind');
    }
  });
  new WebSocketServer({ server: service }).on('connection', (socket) => socket.send('hello'));
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  servicePort = (service.address() as AddressInfo).port;
  split = await startSplit({
    edges: 2,
    env: { CULVERT_BOOTSTRAP_EMAIL: OWNER.email, CULVERT_BOOTSTRAP_PASSWORD: OWNER.password },
  });
  ({ deployment } = split);
  ports = split.ports as [number, number];
  // One session, with a tunnel to each edge.
  await deployment.startManager();
  managerOfSecond = await startManagerAt(1);
  store = await createStore({ databaseUrl: split.databaseUrl, dataDir: 'memory' });
});

afterAll(async () => {
  await store?.close();
  await split?.stop();
  service?.closeAllConnections();
  service?.close();
});

beforeEach(async () => {
  preview = await deployment.createPreview(servicePort, { access: 'team' });
});

function startManagerAt(edge: number): Promise<Program> {
  return deployment.startManager({ CULVERT_URL: `http://127.0.0.1:${ports[edge]}` });
}

type Headers = Readonly<Record<string, string>>;

/** Returns the cookies as a browser keeps them: the last one of each name. */
function cookiesOf({ headers }: HttpResult): string {
  const jar = new Map<string, string>();
  for (const line of headers['set-cookie'] ?? []) {
    const [pair = ''] = line.split(';');
    jar.set(pair.slice(0, pair.indexOf('=')), pair);
  }
  return [...jar.values()].join('; ');
}

/** Returns the target of a redirect, without its host. */
function pathOf({ status, headers }: HttpResult): string {
  expect([302, 303]).toContain(status);
  const { pathname, search } = new URL(headers.location!);
  return pathname + search;
}

/** Signs in on the app's host, through edge `at`. */
async function signIn(at: number): Promise<string> {
  const host = `localhost:${ports[0]}`;
  const answer = await visit(ports[at], host, '/api/v1/sign-in', {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: `http://${host}` },
    body: JSON.stringify(OWNER),
  });
  expect(answer.status).toBe(204);
  return cookiesOf(answer);
}

/** Opens a page as a browser does, each step through the edge that is named for it. */
async function enter(
  session: string,
  path: string,
  [first, second, third]: readonly [number, number, number],
) {
  const host = `${preview.hostname}:${ports[0]}`;
  const asked = await visit(ports[first], host, path, { headers: { accept: 'text/html' } });
  const handed = await visit(ports[second], `localhost:${ports[0]}`, pathOf(asked), {
    headers: { cookie: session },
  });
  const back = await visit(ports[third], host, pathOf(handed), { headers: { cookie: cookiesOf(asked) } });
  expect(pathOf(back)).toBe(path);
  return cookiesOf(back);
}

describe('a visitor who signed in at one edge', () => {
  it.each([
    [0, 0, 0],
    [1, 1, 1],
    [0, 1, 0],
    [1, 0, 1],
  ] as const)('opens the preview at both, by way of edges %i, %i and %i', async (...way) => {
    const cookie = await enter(await signIn(way[0]), '/page?x=1', way);
    expect(cookie).toMatch(new RegExp(`^${VISIT}=`));
    for (const port of ports) {
      const answer = await visit(port, preview.hostname, '/', { headers: { cookie } });
      expect([answer.status, answer.body.toString()]).toEqual([200, 'behind']);
      expect((await visit(port, preview.hostname, '/')).status).toBe(401);
    }
  });

  it('is known by a code once, whichever edge asks first', async () => {
    const session = await signIn(0);
    const asked = await visit(ports[0], preview.hostname, '/', { headers: { accept: 'text/html' } });
    const handed = await visit(ports[0], `localhost:${ports[0]}`, pathOf(asked), {
      headers: { cookie: session },
    });
    const back = await Promise.all(
      ports.map((port) =>
        visit(port, preview.hostname, pathOf(handed), { headers: { cookie: cookiesOf(asked) } }),
      ),
    );
    expect(back.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([303, 401]);
  });
});

/**
 * Opens a WebSocket and an event stream at each edge. Resolves once all are open, with a promise that resolves when all
 * are cut.
 */
async function openEverywhere(headers: Headers): Promise<{ readonly allCut: Promise<unknown> }> {
  const ends: Promise<unknown>[] = [];
  for (const port of ports) {
    const host = `${preview.hostname}:${port}`;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, {
      headers: { ...headers, host, origin: `http://${host}` },
    });
    socket.on('error', () => {});
    await once(socket, 'message');
    ends.push(new Promise((resolve) => socket.once('close', resolve)));
    const request = http.get({
      port,
      host: '127.0.0.1',
      path: '/events',
      agent: false,
      headers: { ...headers, host },
    });
    request.on('error', () => {});
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.on('error', () => {});
    ends.push(new Promise((resolve) => response.once('close', resolve)));
    response.resume();
  }
  return { allCut: Promise.all(ends) };
}

/** Creates a member in a browser of their own, let in by a visit. */
async function member(): Promise<{ headers: Headers; userId: string; session: string }> {
  const email = `${preview.id}@shop.test`;
  const { teamId } = (await store.apiKeys.findByHash(hashSecret(API_KEY)))!;
  const { id: userId } = await store.users.findOrCreate(email, email);
  await store.users.addMembership(teamId, userId, 'member');
  const session = `session-of-${preview.id}`;
  const { id: userSessionId } = await store.userSessions.create({
    userId,
    tokenHash: hashSecret(session),
    at: new Date(),
    address: null,
    userAgent: '',
  });
  const secret = 'v'.repeat(7) + preview.id;
  await store.previewVisits.create(
    {
      hash: hashSecret(secret),
      teamId,
      previewId: preview.id,
      admittedBy: { userId, userSessionId },
      expiresAt: new Date(Date.now() + 3_600_000),
    },
    VISIT_LIMITS,
    new Date(),
  );
  return { headers: { cookie: `${VISIT}=${secret}` }, userId, session };
}

describe('an open connection at either edge', () => {
  it.each<[string, () => Promise<{ headers: Headers; end: () => Promise<unknown> }>]>([
    [
      'a preview is made private',
      async () => {
        await deployment.api('PATCH', `/previews/${preview.id}`, { access: 'public' });
        await expect.poll(async () => (await visit(ports[1], preview.hostname, '/')).status).toBe(200);
        return {
          headers: {},
          end: () => deployment.api('PATCH', `/previews/${preview.id}`, { access: 'team' }),
        };
      },
    ],
    [
      'a preview is removed',
      async () => ({
        headers: { 'x-culvert-api-key': API_KEY },
        end: () => deployment.api('DELETE', `/previews/${preview.id}`),
      }),
    ],
    [
      'a key is revoked',
      async () => {
        const { id, key } = await deployment.api<{ id: string; key: string }>('POST', '/api-keys', {
          name: 'both',
          scopes: ['previews:read'],
        });
        return {
          headers: { 'x-culvert-api-key': key },
          end: () => deployment.api('DELETE', `/api-keys/${id}`),
        };
      },
    ],
    [
      'a token is revoked',
      async () => {
        const path = `/previews/${preview.id}/tokens`;
        const { id, token } = await deployment.api<{ id: string; token: string }>('POST', path, {
          name: 'both',
        });
        return {
          headers: { 'culvert-preview-token': token },
          end: () => deployment.api('DELETE', `${path}/${id}`),
        };
      },
    ],
    [
      'a member is removed',
      async () => {
        const { headers, userId } = await member();
        return { headers, end: () => deployment.api('DELETE', `/team/members/${userId}`) };
      },
    ],
    [
      'a share link is revoked',
      async () => {
        const path = `/previews/${preview.id}/share-links`;
        const { id, url } = await deployment.api<{ id: string; url: string }>('POST', path, { name: 'both' });
        const opened = await visit(ports[1], preview.hostname, new URL(url).pathname);
        return {
          headers: { cookie: cookiesOf(opened) },
          end: () => deployment.api('DELETE', `${path}/${id}`),
        };
      },
    ],
  ])('ends within a second when %s', async (_why, open) => {
    const { headers, end } = await open();
    const { allCut } = await openEverywhere(headers);
    await end();
    const endedAt = performance.now();
    await allCut;
    expect(performance.now() - endedAt).toBeLessThan(1000);
    for (const port of ports)
      expect((await visit(port, preview.hostname, '/', { headers })).status).toBeGreaterThanOrEqual(400);
  });
});

describe('the traffic of one preview', () => {
  it('is added up from both edges', async () => {
    const headers = { 'x-culvert-api-key': API_KEY };
    for (const [at, visits] of [2, 3].entries())
      for (let i = 0; i < visits; i++)
        expect((await visit(ports[at], preview.hostname, '/', { headers })).status).toBe(200);
    const counted = async () => {
      const path = `/previews/${preview.id}/metrics`;
      const metrics = await deployment.api<{ requests: number[]; answers: number[] }>('GET', path);
      const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0);
      return [sum(metrics.requests), sum(metrics.answers)];
    };
    // Edges record their counts every 15 seconds.
    await expect.poll(counted, { timeout: 45_000 }).toEqual([5, 5]);
  });
});

interface ShownSession {
  readonly id: string;
  readonly trafficManagerId: string;
  readonly state: string;
  readonly tunnelCount: number;
  readonly wantedTunnelCount: number | null;
  readonly streamCount: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly tunnels: readonly {
    readonly edgeId: string;
    readonly roundTripMs: number | null;
    readonly streamCount: number;
    readonly receivedBytes: number;
    readonly sentBytes: number;
  }[];
}

describe('a session with a tunnel at each edge', () => {
  const session = async (): Promise<ShownSession> => {
    const { items } = await deployment.api<{ items: ShownSession[] }>('GET', '/sessions');
    expect(items).toHaveLength(1);
    return items[0];
  };
  const edgesOf = ({ tunnels }: ShownSession) => new Set(tunnels.map(({ edgeId }) => edgeId));
  const tunnelCount = async () => (await session()).tunnelCount;
  const reasons = async () => {
    const { trafficManagerId } = await session();
    const path = `/traffic-managers/${trafficManagerId}/connections`;
    const { items } = await deployment.api<{ items: { reason: string | null }[] }>('GET', path);
    return items.map(({ reason }) => reason);
  };
  /** A silent edge is dead after 30 seconds; another one looks every 10 seconds. */
  const POLL = { timeout: 60_000, interval: 250 };

  // The loads of two edges replaced each other.
  it('shows each tunnel with its edge, and sums', async () => {
    const headers = { 'x-culvert-api-key': API_KEY };
    for (const port of ports)
      expect((await visit(port, preview.hostname, '/', { headers })).status).toBe(200);
    // Edges record loads every 10 seconds.
    await expect
      .poll(async () => (await session()).tunnels.filter(({ roundTripMs }) => roundTripMs !== null), POLL)
      .toHaveLength(2);
    const shown = await session();
    expect(edgesOf(shown).size).toBe(2);
    // The default of a traffic manager, which it reports.
    expect([shown.tunnelCount, shown.wantedTunnelCount]).toEqual([2, 2]);
    for (const figure of ['streamCount', 'receivedBytes', 'sentBytes'] as const) {
      const [first, second] = shown.tunnels.map((tunnel) => tunnel[figure]);
      expect(shown[figure]).toBe(first + second);
    }
    for (const { receivedBytes } of shown.tunnels) expect(receivedBytes).toBeGreaterThan(0);
  });

  // The edge that was left behind marked the session disconnected.
  it('stays connected, with all of its bytes, when the tunnel of one edge closes', async () => {
    const before = await session();
    await managerOfSecond.stop();
    await expect.poll(tunnelCount, POLL).toBe(1);
    const after = await session();
    expect(after.state).toBe('connected');
    expect(after.id).toBe(before.id);
    expect(after.receivedBytes).toBeGreaterThanOrEqual(before.receivedBytes);
    managerOfSecond = await startManagerAt(1);
    await expect.poll(tunnelCount, POLL).toBe(2);
    expect((await session()).id).toBe(before.id);
  });

  it(
    'loses the tunnel of an edge that sleeps, and gets one when it wakes',
    { timeout: 150_000 },
    async () => {
      const [, second] = split.edges;
      second.kill('SIGSTOP');
      await expect.poll(tunnelCount, POLL).toBe(1);
      expect((await session()).state).toBe('connected');
      second.kill('SIGCONT');
      await expect.poll(tunnelCount, POLL).toBe(2);
      const shown = await session();
      expect(shown.state).toBe('connected');
      expect(edgesOf(shown).size).toBe(2);
    },
  );

  it('loses the tunnel of a killed edge, and its history says why', { timeout: 150_000 }, async () => {
    const [, second] = split.edges;
    second.kill('SIGKILL');
    await second.exited;
    await expect.poll(tunnelCount, POLL).toBe(1);
    expect((await session()).state).toBe('connected');
    expect(await reasons()).toContain('edge_lost');
  });
});
