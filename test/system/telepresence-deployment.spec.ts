/**
 * Telepresence on a split deployment: edge and API as separate processes, on Postgres and Redis, over TLS; the traffic
 * manager is our double, and people use a real browser.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  createTestCertificate,
  TelepresenceClient,
  type TestDatabase,
  TrafficManagerDouble,
} from '@culvert/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { launchBrowser } from '../support/browser.js';
import { createDatabase } from '../support/database.js';
import { API_KEY } from '../support/deployment.js';
import { freePort } from '../support/network.js';
import { type Program, startProgram } from '../support/process.js';

const certificate = createTestCertificate(['localhost', '*.preview.localhost']);
const OWNER = { email: 'ann@shop.test', password: 'correct horse battery' };
const BULK_BYTES = 1024 * 1024 * 1024;
/**
 * Maximum memory that an edge may grow by while it carries bulk: windows, socket buffers, and garbage that is not
 * collected yet.
 */
const MAX_GROWTH_MIB = 160;
/** Bytes whose period does not fit any size of block or frame: lost, repeated or swapped bytes are noticed. */
const PERIOD = 65_521;
const BLOCK_BYTES = 256 * 1024;
const PATTERN = Buffer.from(
  Uint8Array.from({ length: PERIOD + BLOCK_BYTES }, (_, i) => ((i % PERIOD) * 31) >> 3),
);

let directory: string;
let database: TestDatabase;
let ingress: http.Server;
let ingressPort: number;
let api: Program;
let edge: Program;
let port: number;
let app: string;
const doubles: TrafficManagerDouble[] = [];
const seenHeaders: string[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  ingress = http.createServer(serve);
  new WebSocketServer({ server: ingress }).on('connection', (socket) =>
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
  );
  ingress.listen(0, '127.0.0.1');
  await once(ingress, 'listening');
  ingressPort = (ingress.address() as AddressInfo).port;
  database = await createDatabase();
  const [apiPort, edgePort] = [await freePort(), await freePort()];
  port = edgePort;
  app = `https://localhost:${port}`;
  const shared = {
    DATABASE_URL: database.url,
    REDIS_URL: inject('redisUrl'),
    APP_HOST: `localhost:${port}`,
    PUBLIC_SCHEME: 'https',
    ADMIN_PORT: '0',
  };
  api = startProgram('apps/api/src/main.js', {
    ...shared,
    PORT: String(apiPort),
    CULVERT_BOOTSTRAP_API_KEY: API_KEY,
    CULVERT_BOOTSTRAP_EMAIL: OWNER.email,
    CULVERT_BOOTSTRAP_PASSWORD: OWNER.password,
  });
  edge = startProgram('apps/edge/src/main.js', {
    ...shared,
    PORT: String(port),
    API_UPSTREAM_URL: `http://127.0.0.1:${apiPort}`,
    TLS_CERT_FILE: file('edge.crt', certificate.cert),
    TLS_KEY_FILE: file('edge.key', certificate.key),
  });
  await Promise.all([api.line(/^API key/m), edge.logged(/"serving"/)]);
});

afterEach(() => {
  for (const double of doubles.splice(0)) {
    double.stop();
    expect(double.mistakes).toEqual([]);
  }
});

afterAll(async () => {
  await edge?.stop();
  await api?.stop();
  await database?.drop();
  ingress?.closeAllConnections();
  ingress?.close();
  rmSync(directory, { recursive: true, force: true });
});

function serve(incoming: IncomingMessage, response: http.ServerResponse): void {
  seenHeaders.push(incoming.rawHeaders.join('\n'));
  if (incoming.url === '/bulk') {
    response.setHeader('Content-Length', BULK_BYTES);
    Readable.from(blocks(), { objectMode: false, highWaterMark: 4 * BLOCK_BYTES }).pipe(response);
  } else if (incoming.url === '/sink') {
    const check = new BulkCheck();
    incoming.on('data', (chunk: Buffer) => check.take(chunk));
    incoming.on('end', () => response.end(check.verdict));
  } else if (incoming.url === '/page') {
    response.setHeader('Content-Type', 'text/html');
    response.end(`<h1>The shop</h1><script>
      const socket = new WebSocket('wss://' + location.host + '/socket');
      socket.onopen = () => socket.send('echoed');
      socket.onmessage = ({ data }) => (document.title = data);
    </script>`);
  } else {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ headers: incoming.headers }));
  }
}

function* blocks(): Generator<Buffer> {
  for (let at = 0; at < BULK_BYTES; at += BLOCK_BYTES)
    yield PATTERN.subarray(at % PERIOD, (at % PERIOD) + BLOCK_BYTES);
}

/** Compares bulk as it arrives, without holding it. */
class BulkCheck {
  private bytes = 0;
  private firstWrong = -1;

  take(chunk: Buffer): void {
    for (let from = 0; from < chunk.length; from += BLOCK_BYTES) {
      const piece = chunk.subarray(from, from + BLOCK_BYTES);
      const begin = this.bytes % PERIOD;
      if (this.firstWrong < 0 && piece.compare(PATTERN, begin, begin + piece.length) !== 0)
        this.firstWrong = this.bytes;
      this.bytes += piece.length;
    }
  }

  get verdict(): string {
    return this.firstWrong < 0 ? `${this.bytes} bytes` : `wrong within ${BLOCK_BYTES} of ${this.firstWrong}`;
  }
}

function startDouble(options: { readonly version?: string } = {}): TrafficManagerDouble {
  const double = new TrafficManagerDouble({
    ...options,
    host: 'localhost',
    address: '127.0.0.1',
    port,
    ca: certificate.cert,
    apiKey: API_KEY,
  });
  doubles.push(double);
  return double;
}

async function share(double: TrafficManagerDouble, name: string): Promise<{ id: string; hostname: string }> {
  const { id } = double.addIntercept({ name });
  const spec = { ingress: { host: '127.0.0.1', port: ingressPort, l5host: 'shop.internal' } };
  return { id, hostname: await double.createPreview(id, spec) };
}

interface SendOptions {
  readonly method?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: Readable | string;
}

/** Resolves with the head of the response; the caller reads the body. */
async function send(hostname: string, path: string, options: SendOptions = {}): Promise<IncomingMessage> {
  const { method = 'GET', headers = {}, body } = options;
  const request = https.request({
    host: '127.0.0.1',
    port,
    path,
    method,
    servername: hostname,
    ca: certificate.cert,
    agent: false,
    headers: { host: `${hostname}:${port}`, ...headers },
  });
  if (body instanceof Readable) body.pipe(request);
  else request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}

async function visit(hostname: string, headers: http.OutgoingHttpHeaders = {}) {
  const response = await send(hostname, '/', { headers });
  return { status: response.statusCode, body: await textOf(response) };
}

const withKey = { 'x-ambassador-api-key': API_KEY };

async function rest<T>(method: string, path: string, body?: object): Promise<T> {
  const response = await send('localhost', `/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${API_KEY}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await textOf(response);
  if (response.statusCode! >= 300) throw new Error(`${method} ${path}: ${response.statusCode} ${text}`);
  return (text === '' ? null : JSON.parse(text)) as T;
}

interface Shown {
  readonly id: string;
  readonly hostname: string;
}

async function previewOf(hostname: string): Promise<Shown> {
  const { items } = await rest<{ items: Shown[] }>('GET', '/previews?limit=200');
  return items.find((preview) => preview.hostname === hostname)!;
}

/** As soon as the other process has been notified. */
const soon = { timeout: 1000, interval: 20 };

describe('a preview of a Telepresence traffic manager, with edge and API separate', () => {
  it('is private, made public and removed over the API, each with effect at once', async () => {
    // A version that can be asked to remove a preview: later ones crash.
    const double = startDouble({ version: 'v2.5.8' });
    const { id, hostname } = await share(double, 'orders');
    expect((await visit(hostname)).status).toBe(401);
    const { status, body } = await visit(hostname, withKey);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({
      headers: { host: 'shop.internal', 'x-telepresence-intercept-id': id },
    });
    const preview = await previewOf(hostname);
    await rest('PATCH', `/previews/${preview.id}`, { access: 'public' });
    await expect.poll(async () => (await visit(hostname)).status, soon).toBe(200);
    await rest('DELETE', `/previews/${preview.id}`);
    await expect.poll(async () => (await visit(hostname, withKey)).status, soon).toBe(404);
    // The edge notifies its manager, and the client there no longer sees a preview.
    await expect.poll(() => double.table.get(id)?.previewDomain).toBe('');
  });

  it('shows its session in the API while its manager is connected', async () => {
    const double = startDouble();
    const { hostname } = await share(double, 'carts');
    await visit(hostname, withKey);
    interface Session {
      readonly kind: string;
      readonly state: string;
    }
    const { items: managers } = await rest<{ items: { id: string; managerId: string }[] }>(
      'GET',
      '/traffic-managers?limit=200',
    );
    const { id } = managers.find(({ managerId }) => managerId === double.managerId)!;
    const session = async () =>
      (await rest<{ items: Session[] }>('GET', `/sessions?trafficManagerId=${id}`)).items[0];
    await expect.poll(session).toMatchObject({ kind: 'telepresence', state: 'connected' });
    double.disconnect();
    await expect.poll(session).toMatchObject({ state: 'disconnected' });
  });

  it('is gone at once when its manager removes it, and the same person gets the hostname back', async () => {
    const double = startDouble();
    const { id, hostname } = await share(double, 'ledger');
    expect((await visit(hostname, withKey)).status).toBe(200);
    await double.removePreview(id);
    await expect.poll(async () => (await visit(hostname, withKey)).status).toBe(404);
    expect(await previewOf(hostname)).toBeUndefined();
    double.restart();
    const again = await share(double, 'ledger');
    expect(again.id).not.toBe(id);
    expect(again.hostname).toBe(hostname);
    expect((await visit(hostname, withKey)).status).toBe(200);
  });

  it('opens in the browser of a member, who signs in on the app host first; its WebSocket too', async () => {
    const { hostname } = await share(startDouble(), 'shop');
    const url = `https://${hostname}:${port}/page`;
    const browser = await launchBrowser(inject('chromiumPath'), ['--ignore-certificate-errors']);
    try {
      const page = await browser.newPage({ ignoreHTTPSErrors: true });
      await page.goto(url);
      const asked = new URL(page.url());
      expect([asked.origin, asked.pathname]).toEqual([app, '/sign-in']);
      seenHeaders.length = 0;
      await page.getByLabel('Email').fill(OWNER.email);
      await page.getByLabel('Password').fill(OWNER.password);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.waitForURL(url);
      expect(await page.textContent('h1')).toBe('The shop');
      await page.waitForFunction("document.title === 'echoed'");
      expect(seenHeaders.join('\n')).not.toMatch(/culvert-(preview|nonce|session)/);
    } finally {
      await browser.close();
    }
  });

  it('opens for the key that Telepresence creates for its agents, which its ingress never receives', async () => {
    const { hostname } = await share(startDouble(), 'scripted');
    const client = new TelepresenceClient({ version: '2.8.5', url: app, ca: certificate.cert });
    await client.loginWithApiKey(API_KEY);
    const agentKey = await client.apiKey('agent-http');
    const { status, body } = await visit(hostname, { 'x-ambassador-api-key': agentKey });
    expect(status).toBe(200);
    expect(body).not.toContain(agentKey);
    const mistyped = agentKey.slice(0, -1) + (agentKey.endsWith('x') ? 'y' : 'x');
    expect((await visit(hostname, { 'x-ambassador-api-key': mistyped })).status).toBe(401);
  });

  it('moves 1 GiB each way, byte for byte, within bounded memory of the edge', async () => {
    const { hostname } = await share(startDouble(), 'bulk');
    await visit(hostname, withKey);
    const before = edge.residentMiB();
    let peak = before;
    const watch = setInterval(() => (peak = Math.max(peak, edge.residentMiB())), 50);
    try {
      const check = new BulkCheck();
      const response = await send(hostname, '/bulk', { headers: withKey });
      for await (const chunk of response) check.take(chunk as Buffer);
      expect(check.verdict).toBe(`${BULK_BYTES} bytes`);
      const answer = await send(hostname, '/sink', {
        method: 'POST',
        headers: { ...withKey, 'content-length': BULK_BYTES },
        body: Readable.from(blocks(), { objectMode: false, highWaterMark: 4 * BLOCK_BYTES }),
      });
      expect(await textOf(answer)).toBe(`${BULK_BYTES} bytes`);
    } finally {
      clearInterval(watch);
    }
    expect(peak - before).toBeLessThan(MAX_GROWTH_MIB);
  }, 180_000);
});
