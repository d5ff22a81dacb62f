import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import {
  SCOPES,
  generateApiKeySecret,
  generateOAuthSecret,
  generateSecret,
  hashApiKeySecret,
  hashOAuthSecret,
  hashSecret,
  type Store,
} from '@culvert/domain';
import { createStore } from '@culvert/store';
import {
  createTestCertificate,
  type Faults,
  type TestDatabase,
  TrafficManagerDouble,
} from '@culvert/testkit';
import { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { launchBrowser } from '../support/browser.js';
import { createDatabase } from '../support/database.js';
import { API_KEY } from '../support/deployment.js';
import { type Program, startProgram } from '../support/process.js';

/** Telepresence's traffic manager, simulated by our double, on a built standalone over real TLS. */
const certificate = createTestCertificate(['localhost', '*.preview.localhost']);
let database: TestDatabase;
let store: Store;
let pool: Pool;
let directory: string;
let standalone: Program;
let port: number;
let ingress: http.Server;
let ingressPort: number;
const doubles: TrafficManagerDouble[] = [];
const agent = new https.Agent({ ca: certificate.cert, keepAlive: true });

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  ingress = http.createServer((incoming, response) => serve(incoming, response));
  const sockets = new WebSocketServer({ server: ingress });
  sockets.on('connection', (socket) =>
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
  );
  ingress.listen(0, '127.0.0.1');
  await once(ingress, 'listening');
  ingressPort = (ingress.address() as AddressInfo).port;
  database = await createDatabase();
  standalone = startProgram('apps/standalone/src/main.js', {
    PORT: '0',
    DATABASE_URL: database.url,
    CULVERT_BOOTSTRAP_API_KEY: API_KEY,
    MANAGER_WAIT_MS: '10000',
    // Five hundred requests at once must be answered within it, also on a slow machine.
    RESPONSE_TIMEOUT_MS: '10000',
    TELEPRESENCE_GRACE_MS: '1500',
    TLS_CERT_FILE: file('edge.crt', certificate.cert),
    TLS_KEY_FILE: file('edge.key', certificate.key),
  });
  port = Number((await standalone.line(/^Dashboard +https:\/\/localhost:(\d+)/m))[1]);
  store = await createStore({ databaseUrl: database.url, dataDir: 'memory' });
  pool = new Pool({ connectionString: database.url, max: 1 });
  // Dropping the database ends its remaining connections.
  pool.on('error', () => {});
});

afterEach(() => {
  for (const double of doubles.splice(0)) {
    double.stop();
    expect(double.mistakes).toEqual([]);
  }
});

afterAll(async () => {
  agent.destroy();
  await standalone?.stop();
  await store?.close();
  await pool?.end();
  await database?.drop();
  ingress?.closeAllConnections();
  ingress?.close();
  rmSync(directory, { recursive: true, force: true });
});

function serve(incoming: IncomingMessage, response: http.ServerResponse): void {
  if (incoming.url === '/page') {
    response.setHeader('Content-Type', 'text/html');
    response.end('<h1>The shop</h1><script src="/script.js"></script>');
  } else if (incoming.url === '/script.js') {
    response.setHeader('Content-Type', 'text/javascript');
    response.end(
      `const socket = new WebSocket('wss://' + location.host + '/socket');
      socket.onopen = () => socket.send('echoed');
      socket.onmessage = ({ data }) => (document.title = data);`,
    );
  } else if (incoming.url === '/events') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write('data: first\n\n');
    incoming.on('close', () => response.end());
  } else {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ url: incoming.url, headers: incoming.headers }));
  }
}

function startDouble(
  options: { apiKey?: string; managerId?: string; faults?: Faults; version?: string } = {},
): TrafficManagerDouble {
  const double = new TrafficManagerDouble({
    host: 'localhost',
    address: '127.0.0.1',
    port,
    ca: certificate.cert,
    apiKey: options.apiKey ?? API_KEY,
    ...(options.faults && { faults: options.faults }),
    ...(options.managerId && { managerId: options.managerId }),
    ...(options.version && { version: options.version }),
  });
  doubles.push(double);
  return double;
}

/** Creates a preview that answers. */
async function share(
  double: TrafficManagerDouble,
  name = `web-${randomUUID().slice(0, 8)}`,
  host = '127.0.0.1',
): Promise<{ id: string; hostname: string }> {
  const { id } = double.addIntercept({ name });
  const hostname = await double.createPreview(id, {
    ingress: { host, port: ingressPort, l5host: 'shop.internal' },
    addRequestHeaders: { 'x-added': 'by the preview' },
  });
  return { id, hostname };
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function visit(
  hostname: string,
  path = '/',
  options: { method?: string; key?: string | null; body?: Buffer } = {},
) {
  const { method = 'GET', key = API_KEY, body } = options;
  return new Promise<Answer>((resolve, reject) => {
    const request = https.request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        agent,
        servername: hostname,
        headers: {
          host: hostname,
          accept: 'text/html',
          ...(key !== null && { 'x-ambassador-api-key': key }),
          ...(body && { 'content-length': body.length }),
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('latin1');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode!, body: text }));
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** Creates a key of a team of its own, or of the bootstrap's. */
async function createKey(options: { teamId: string; expiresAt?: Date }): Promise<string> {
  const secret = generateApiKeySecret();
  await store.apiKeys.create(options.teamId, {
    name: 'a test',
    hint: 'cvt_',
    hash: hashApiKeySecret(secret),
    scopes: SCOPES,
    expiresAt: options.expiresAt ?? null,
  });
  return secret;
}

function api(
  method: string,
  path: string,
  body?: unknown,
  shown: Readonly<Record<string, string>> = { authorization: `Bearer ${API_KEY}` },
): Promise<{ status: number; body: Record<string, never> }> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const request = https.request(
      {
        host: '127.0.0.1',
        port,
        path: `/api/v1${path}`,
        method,
        agent,
        servername: 'localhost',
        headers: {
          ...shown,
          ...(text !== undefined && { 'content-type': 'application/json' }),
        },
      },
      (response) => {
        let all = '';
        response.on('data', (chunk) => (all += String(chunk)));
        response.on('end', () =>
          resolve({ status: response.statusCode!, body: (all === '' ? {} : JSON.parse(all)) as never }),
        );
      },
    );
    request.on('error', reject);
    request.end(text);
  });
}

interface Client {
  readonly userId: string;
  readonly programId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Credentials of requests of their browser. */
  readonly cookie: Readonly<Record<string, string>>;
}

/** A member of the team who has run `telepresence login`. */
async function signIn(): Promise<Client> {
  const { teamId } = (await store.apiKeys.findByHash(hashApiKeySecret(API_KEY)))!;
  const { id: userId } = await store.users.findOrCreate(`${randomUUID()}@example.test`, '');
  await store.users.addMembership(teamId, userId, 'member');
  const at = new Date();
  const program = await store.programs.create(teamId, {
    userId,
    clientId: 'telepresence-cli',
    codeHash: hashOAuthSecret(generateOAuthSecret('code')),
    codeChallenge: 'c'.repeat(43),
    redirectUri: 'http://localhost:1/callback',
    at,
  });
  const [accessToken, refreshToken] = [generateOAuthSecret('access'), generateOAuthSecret('refresh')];
  const tokens = {
    accessTokenHash: hashOAuthSecret(accessToken),
    refreshTokenHash: hashOAuthSecret(refreshToken),
  };
  await store.programs.exchangeCode(teamId, program!.id, tokens, at);
  const session = generateSecret();
  const tokenHash = hashSecret(session);
  await store.userSessions.create({ userId, tokenHash, at, address: null, userAgent: 'test' });
  const cookie = {
    cookie: `__Host-culvert-session=${session}`,
    origin: `https://localhost:${port}`,
    host: `localhost:${port}`,
  };
  return { userId, programId: program!.id, accessToken, refreshToken, cookie };
}

/** Lets a row of the database expire. */
async function expire(
  table: 'oauth_access_token' | 'oauth_grant',
  column: string,
  id: string,
): Promise<void> {
  const { rowCount } = await pool.query(
    `UPDATE ${table} SET expires_at = now() AT TIME ZONE 'UTC' WHERE ${column} = $1`,
    [id],
  );
  expect(rowCount).toBe(1);
}

async function previewOf(hostname: string): Promise<Record<string, unknown> | undefined> {
  const { body } = await api('GET', '/previews?limit=200');
  return (body['items'] as Record<string, unknown>[]).find((preview) => preview['hostname'] === hostname);
}

const codeOf = (call: Promise<unknown>): Promise<number> =>
  call.then(
    () => grpc.status.OK,
    (error: grpc.ServiceError) => error.code,
  );

describe('a preview of a Telepresence traffic manager', () => {
  it('is private, and sends the requested headers to the ingress', async () => {
    const { id, hostname } = await share(startDouble());
    expect(hostname).toMatch(/^[a-z0-9-]+\.preview\.localhost$/);
    const { status, body } = await visit(hostname, '/path?q=1');
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({
      url: '/path?q=1',
      headers: { host: 'shop.internal', 'x-telepresence-intercept-id': id, 'x-added': 'by the preview' },
    });
    expect(body).not.toContain(API_KEY);
    expect((await visit(hostname, '/', { key: null })).status).toBeGreaterThanOrEqual(300);
  });

  it('is shown by the API as its manager reports it, and without its secrets', async () => {
    const double = startDouble();
    const { id, hostname } = await share(double);
    await expect
      .poll(() => previewOf(hostname))
      .toMatchObject({
        access: 'team',
        ingress: { host: '127.0.0.1', port: ingressPort, l5Host: 'shop.internal' },
      });
    const path = `/intercepts/${encodeURIComponent(id)}`;
    await expect
      .poll(async () => (await api('GET', path)).body)
      .toMatchObject({ disposition: 'ACTIVE', metadata: { team: 'shop' }, workloadKind: 'Deployment' });
    const shown = JSON.stringify((await api('GET', path)).body);
    expect(shown).not.toMatch(/agent-key-of-the-client|secret-of-the-workload/);
  });

  it('carries WebSockets', async () => {
    const { hostname } = await share(startDouble());
    const socket = new WebSocket(`wss://127.0.0.1:${port}/socket`, {
      agent: new https.Agent({ ca: certificate.cert, servername: hostname }),
      headers: { host: hostname, 'x-ambassador-api-key': API_KEY },
    });
    await once(socket, 'open');
    socket.send('hello');
    const [answer] = (await once(socket, 'message')) as [Buffer];
    expect(answer.toString()).toBe('hello');
    socket.terminate();
  });

  it('passes on events as they arrive', async () => {
    const { hostname } = await share(startDouble());
    const request = https.get({
      host: '127.0.0.1',
      port,
      path: '/events',
      servername: hostname,
      agent,
      headers: { host: hostname, 'x-ambassador-api-key': API_KEY },
    });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const [event] = (await once(response, 'data')) as [Buffer];
    expect(event.toString()).toBe('data: first\n\n');
    request.destroy();
  });

  it('opens in a browser', async () => {
    const { hostname } = await share(startDouble());
    const preview = await previewOf(hostname);
    expect((await api('PATCH', `/previews/${String(preview!['id'])}`, { access: 'public' })).status).toBe(
      200,
    );
    const browser = await launchBrowser(inject('chromiumPath'), ['--ignore-certificate-errors']);
    try {
      const page = await browser.newPage({ ignoreHTTPSErrors: true });
      const response = await page.goto(`https://${hostname}:${port}/page`);
      expect(response!.status()).toBe(200);
      expect(await page.textContent('h1')).toBe('The shop');
      await page.waitForFunction("document.title === 'echoed'");
    } finally {
      await browser.close();
    }
  }, 30_000);

  it('answers 500 requests at once', async () => {
    const { hostname } = await share(startDouble());
    const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => visit(hostname, `/${i}`)));
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  });

  it('answers after its ingress has closed an idle connection without notice', async () => {
    const double = startDouble();
    const { hostname } = await share(double);
    const { server } = double.connection!;
    const dialsOfVisit = async (): Promise<number> => {
      const before = server.totalConnections;
      expect((await visit(hostname)).status).toBe(200);
      return server.totalConnections - before;
    };
    // Changes of the preview also close idle streams: an idle one that is used again shows that they are over.
    await expect.poll(dialsOfVisit, { interval: 700, timeout: 8000 }).toBe(0);
    // Released well before 2 s, the shortest time for which common servers keep an idle connection.
    await expect.poll(() => server.connections, { timeout: 1900 }).toBe(0);
    ingress.closeIdleConnections();
    expect(await dialsOfVisit()).toBe(1);
  });

  it('is gone at once when its manager removes it', async () => {
    const double = startDouble();
    const { id, hostname } = await share(double);
    expect((await visit(hostname)).status).toBe(200);
    await double.removePreview(id);
    await expect.poll(async () => (await visit(hostname)).status).toBe(404);
  });

  it('is gone at once when a person removes it, and its manager is notified (v2.5.8)', async () => {
    const double = startDouble({ version: 'v2.5.8' });
    const { id, hostname } = await share(double);
    await visit(hostname);
    const preview = await previewOf(hostname);
    expect((await api('DELETE', `/previews/${String(preview!['id'])}`)).status).toBe(204);
    expect((await visit(hostname)).status).toBe(404);
    await expect.poll(() => double.table.get(id)?.previewDomain).toBe('');
  });

  it.each(['v2.6.8', 'v2.9.5'])(
    'is gone until the person who removed it restores it, without asking its manager, which would crash ' +
      'or refuse (%s)',
    async (version) => {
      const double = startDouble({ version });
      const [removed, kept] = [await share(double), await share(double)];
      await visit(removed.hostname);
      const preview = await previewOf(removed.hostname);
      expect((await api('DELETE', `/previews/${String(preview!['id'])}`)).status).toBe(204);
      expect((await visit(removed.hostname)).status).toBe(404);
      expect((await visit(kept.hostname)).status).toBe(200);
      expect(double.table.get(removed.id)?.previewDomain).toBe(removed.hostname);
      expect(double.connections).toHaveLength(1);
      // A preview that the manager keeps showing can be restored.
      const restored = await api('POST', `/intercepts/${encodeURIComponent(removed.id)}/restore-preview`);
      expect([restored.status, restored.body['hostname']]).toEqual([201, removed.hostname]);
      expect((await visit(removed.hostname)).status).toBe(200);
      expect(double.connections).toHaveLength(1);
    },
  );

  it('works again when its manager is back after a cut', async () => {
    const double = startDouble();
    const { hostname } = await share(double);
    await visit(hostname);
    const back = double.reconnected();
    double.breakNetwork();
    await back;
    expect((await visit(hostname)).status).toBe(200);

    const { trafficManagerId } = (await previewOf(hostname))!;
    const { body: events } = await api('GET', `/traffic-managers/${String(trafficManagerId)}/connections`);
    expect(events['items']).toMatchObject([
      { change: 'resumed', kind: 'telepresence' },
      // It closes its connection, and cancels its call: the edge may notice either first.
      {
        change: 'disconnected',
        reason: expect.stringMatching(/^(manager_stopped|connection_lost)$/) as string,
      },
      { change: 'connected' },
    ]);
    const { body: sessions } = await api('GET', `/sessions?trafficManagerId=${String(trafficManagerId)}`);
    const [session] = sessions['items'] as Record<string, number>[];
    // Bytes of the tunnel before the cut, reported when it closed.
    expect(session['receivedBytes']).toBeGreaterThan(100);
    expect(session['sentBytes']).toBeGreaterThan(100);
  });

  it('has its old link after its manager restarted', async () => {
    const double = startDouble();
    const { id, hostname } = await share(double, 'orders');
    expect((await visit(hostname)).status).toBe(200);
    double.restart();
    // The edge notices within moments that the connection is gone.
    await expect
      .poll(async () => {
        const again = await share(double, 'orders');
        return [again.hostname, again.id !== id];
      })
      .toEqual([hostname, true]);
    expect((await visit(hostname)).status).toBe(200);
  });

  it('is collected when its manager no longer shows it', async () => {
    const double = startDouble();
    const { id, hostname } = await share(double);
    await visit(hostname);
    double.table.delete(id);
    await expect.poll(() => previewOf(hostname), { timeout: 5000 }).toBeUndefined();
    expect((await visit(hostname)).status).toBe(404);
  });
});

describe('limits of a traffic manager', () => {
  it('refuses keys that are wrong or revoked', async () => {
    expect(await codeOf(share(startDouble({ apiKey: 'wrong-key-0123456789' })))).toBe(
      grpc.status.UNAUTHENTICATED,
    );
    const { body: made } = await api('POST', '/api-keys', {
      name: 'gone',
      scopes: ['tunnel', 'previews:write'],
    });
    const { apiKey, secret } = made as unknown as {
      apiKey?: { id: string };
      secret?: string;
      key?: string;
      id?: string;
    };
    const key = secret ?? String(made['key']);
    const double = startDouble({ apiKey: key });
    const { hostname } = await share(double);
    expect((await visit(hostname)).status).toBe(200);
    const ended = double.connection!.ended.promise;
    await api('DELETE', `/api-keys/${apiKey?.id ?? String(made['id'])}`);
    const before = performance.now();
    expect(await ended).toMatchObject({
      code: grpc.status.UNAUTHENTICATED,
      details: 'the API key is no longer valid',
    });
    expect(performance.now() - before).toBeLessThan(1000);
    expect(await codeOf(share(double))).toBe(grpc.status.UNAUTHENTICATED);
  });

  it('refuses a key that has expired', async () => {
    const key = await store.apiKeys.findByHash(hashApiKeySecret(API_KEY));
    const expired = await createKey({ teamId: key!.teamId, expiresAt: new Date(Date.now() - 1000) });
    const double = startDouble({ apiKey: expired });
    expect(await codeOf(share(double))).toBe(grpc.status.UNAUTHENTICATED);
    expect(await double.connection!.ended.promise).toMatchObject({
      code: grpc.status.UNAUTHENTICATED,
      details: 'the API key is expired or revoked',
    });
  });

  it('protects the resources of another team', async () => {
    const ours = startDouble();
    const { id, hostname } = await share(ours);
    const { id: teamId } = await store.teams.create('Strangers');
    const theirKey = await createKey({ teamId });
    // Even from a manager that claims to be ours.
    const stranger = startDouble({ apiKey: theirKey, managerId: ours.managerId });
    const theirs = await share(stranger);
    expect(await codeOf(stranger.removeDomain(hostname))).toBe(grpc.status.OK);
    const removal = ['InterceptRemoval', 'Empty'] as const;
    await stranger.unary('/telepresence.systema.SystemACRUD/RemoveIntercept', removal, { interceptId: id });
    // It is answered when the removals before it are done.
    await share(stranger);
    expect((await visit(hostname)).status).toBe(200);
    expect((await visit(theirs.hostname, '/', { key: theirKey })).status).toBe(200);
    expect((await visit(hostname, '/', { key: theirKey })).status).not.toBe(200);
    expect((await visit(theirs.hostname)).status).not.toBe(200);
  });

  it('answers visitors of a manager that never answers', async () => {
    const { hostname } = await share(startDouble({ faults: { ignoresConnections: true } }));
    const { status, body } = await visit(hostname);
    expect(status).toBe(504);
    expect(body).toContain('<html');
  }, 30_000);

  it('slows down a storm of dials, and meanwhile serves others', async () => {
    const storm = startDouble({ apiKey: 'wrong-key-0123456789', faults: { redialStorm: true } });
    storm.connect();
    await expect.poll(() => storm.connections.length, { timeout: 5000 }).toBe(31);
    const { hostname } = await share(startDouble());
    expect((await visit(hostname)).status).toBe(200);
    expect(storm.connections).toHaveLength(31);
  });

  it('serves a manager that keeps two connections', async () => {
    const double = startDouble({ faults: { connections: 2 } });
    const { hostname } = await share(double);
    for (let i = 0; i < 20; i++) expect((await visit(hostname)).status).toBe(200);
    const [first, second] = double.connections;
    const { code } = await Promise.race([first.ended.promise, second.ended.promise]);
    expect(code).toBe(grpc.status.ABORTED);
  });

  it('answers removals of unknown resources', async () => {
    const double = startDouble();
    expect(await codeOf(double.removeDomain('nothing.preview.localhost'))).toBe(grpc.status.OK);
    const other = await share(startDouble());
    // A domain of another traffic manager stays.
    expect(await codeOf(double.removeDomain(other.hostname))).toBe(grpc.status.OK);
    // It is answered when the removals before it are done.
    await share(double);
    expect((await visit(other.hostname)).status).toBe(200);
  });

  it('ends a connection that carries garbage', async () => {
    const double = startDouble({ faults: { garbage: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n') } });
    double.connect();
    const status = await double.connection!.ended.promise;
    expect(status).toMatchObject({
      code: grpc.status.INTERNAL,
      details: expect.stringMatching(/^the traffic manager (?:sent garbage|broke the rules of HTTP\/2): /),
    });
    expect((await api('GET', '/me')).status).toBe(200);
  });

  it('names an image for agents, and a likely ingress', async () => {
    const double = startDouble({ version: 'v2.8.5' });
    expect(await double.preferredAgent()).toBe('docker.io/datawire/tel2:2.8.5');
    expect(await double.commandMessage()).toBe('');
    const service = { serviceName: 'carts', namespace: 'shop', servicePort: 8080 };
    expect(await double.resolveIngress(service)).toMatchObject({ host: 'carts.shop', port: 8080 });
  });
});

describe('a traffic manager up to 2.1.3, which sends the access token of a client', () => {
  const managerOf = (client: Client, version = 'v2.1.3') =>
    startDouble({ apiKey: client.accessToken, version });

  async function sessionOf(double: TrafficManagerDouble): Promise<Record<string, unknown> | undefined> {
    const { body: managers } = await api('GET', '/traffic-managers?limit=200');
    const manager = (managers['items'] as Record<string, unknown>[]).find(
      ({ managerId }) => managerId === double.managerId,
    );
    const { body } = await api('GET', `/sessions?trafficManagerId=${String(manager?.['id'])}`);
    return (body['items'] as Record<string, unknown>[])[0];
  }

  it.each(['v2.0.0', 'v2.1.3'])('serves previews (%s)', async (version) => {
    const client = await signIn();
    const double = managerOf(client, version);
    const { id, hostname } = await share(double);
    const { status, body } = await visit(hostname);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ headers: { 'x-telepresence-intercept-id': id } });
    expect(await sessionOf(double)).toMatchObject({
      kind: 'telepresence',
      state: 'connected',
      apiKeyId: null,
      programId: client.programId,
      userId: client.userId,
    });
    await double.removePreview(id);
    await expect.poll(async () => (await visit(hostname)).status).toBe(404);
  });

  it('keeps serving after the token has expired, while its program lasts, but cannot create previews', async () => {
    const client = await signIn();
    const double = managerOf(client);
    const { hostname } = await share(double);
    await visit(hostname);
    await expire('oauth_access_token', 'hash', hashOAuthSecret(client.accessToken));
    expect(await codeOf(share(double))).toBe(grpc.status.UNAUTHENTICATED);
    // This change makes the edges check again what this person can do.
    expect((await api('PATCH', `/team/members/${client.userId}`, { role: 'admin' })).status).toBe(200);
    expect((await visit(hostname)).status).toBe(200);
    const { connection } = double;
    expect(double.connections).toHaveLength(1);
    expect((await api('DELETE', `/team/members/${client.userId}`)).status).toBe(204);
    expect((await connection!.ended.promise).details).toMatch(/sign-in is no longer valid/);
  });

  it.each([
    [
      'its person ends the program',
      async ({ programId, cookie }: Client) =>
        (await api('DELETE', `/me/programs/${programId}`, undefined, cookie)).status,
    ],
    [
      'its person is removed from the team',
      async ({ userId }: Client) => (await api('DELETE', `/team/members/${userId}`)).status,
    ],
    [
      'its person leaves the team',
      async ({ cookie }: Client) => {
        const { body } = await api('GET', '/me', undefined, cookie);
        const { id } = body['team'] as { id: string };
        return (await api('DELETE', `/teams/${id}/membership`, undefined, cookie)).status;
      },
    ],
  ])('is cut off within a second when %s', async (_what, end) => {
    const client = await signIn();
    const double = managerOf(client);
    const { hostname } = await share(double);
    expect((await visit(hostname)).status).toBe(200);
    const ended = double.connection!.ended.promise;
    expect(await end(client)).toBe(204);
    const before = performance.now();
    expect(await ended).toMatchObject({
      code: grpc.status.UNAUTHENTICATED,
      details: 'the sign-in is no longer valid: sign in again',
    });
    expect(performance.now() - before).toBeLessThan(1000);
    expect(await codeOf(share(double))).toBe(grpc.status.UNAUTHENTICATED);
  });

  it('is cut off within ten seconds when its program has expired, for which there is no event', async () => {
    const client = await signIn();
    const double = managerOf(client);
    const { hostname } = await share(double);
    expect((await visit(hostname)).status).toBe(200);
    const before = performance.now();
    await expire('oauth_grant', 'id', client.programId);
    expect((await double.connection!.ended.promise).code).toBe(grpc.status.UNAUTHENTICATED);
    expect(performance.now() - before).toBeLessThan(15_000);
  }, 30_000);

  it('continues with the token of another client, in the same session and with the same hostname', async () => {
    const [first, second] = [await signIn(), await signIn()];
    const double = managerOf(first);
    const { hostname } = await share(double);
    expect((await visit(hostname)).status).toBe(200);
    const before = await sessionOf(double);
    double.apiKey = second.accessToken;
    const back = double.reconnected();
    await api('DELETE', `/me/programs/${first.programId}`, undefined, first.cookie);
    await back;
    expect((await visit(hostname)).status).toBe(200);
    expect(await sessionOf(double)).toMatchObject({
      id: before!['id'],
      programId: second.programId,
      userId: second.userId,
    });
  });
});
