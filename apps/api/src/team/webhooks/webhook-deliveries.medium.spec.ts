/** Deliveries by two processes to real receivers, some of them hostile. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { webhookEvent } from '@culvert/contract';
import { SYSTEM, WEBHOOK_EVENTS, type Store, type Webhook, type WebhookDraft } from '@culvert/domain';
import { InProcessEventBus } from '@culvert/events';
import { AllowedNetworks, HttpClient, type HttpClientOptions } from '@culvert/outbound';
import { createLog, loadSettings } from '@culvert/runtime';
import { createTestCertificate } from '@culvert/testkit';
import { Webhook as Verifier } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Announcer } from '../../announcements/announcer.js';
import { createTestStore } from '../../spec/api-harness.js';
import { AuditLog } from '../audit-events/audit-log.js';
import { WebhookDeliveries } from './webhook-deliveries.js';
import { webhookHttpOptions } from './webhook-request.js';

const certificate = createTestCertificate(['localhost', '127.0.0.1']);
const LOOPBACK = new AllowedNetworks(['127.0.0.0/8', '::1']);
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

interface Received {
  readonly httpVersion: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let store: Store;
let teamId: string;
let received: Received[];
let closers: (() => unknown)[];
const logLines: string[] = [];

beforeAll(async () => {
  store = await createTestStore();
});
afterAll(() => store.close());
beforeEach(async () => {
  teamId = (await store.teams.create('Shop')).id;
  received = [];
  closers = [];
  logLines.length = 0;
});
afterEach(async () => {
  for (const close of closers.toReversed()) await close();
  // What a test leaves undelivered would be sent in the next one.
  await store.webhooks.removeDeliveriesBefore(new Date(Date.now() + 60_000), 1000);
});

/** Records the request, and answers as `answer` does; default: 204. */
function recording(
  answer: (response: ServerResponse, request: IncomingMessage) => void = (response) =>
    void response.writeHead(204).end(),
): RequestListener {
  return (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      received.push({ httpVersion: request.httpVersion, headers: request.headers, body });
      answer(response, request);
    });
  };
}

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
  server.listen(0, 'localhost');
  await once(server, 'listening');
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

const serveHttps = async (answer?: Parameters<typeof recording>[0]) =>
  `https://localhost:${await listen(createHttpsServer(certificate, recording(answer)))}/hook?a=1`;

/** Starts a process that delivers. */
function start(options: Partial<HttpClientOptions> = {}): WebhookDeliveries {
  const log = createLog({
    level: 'info',
    app: 'api',
    destination: { write: (line) => void logLines.push(line) },
  });
  const bus = new InProcessEventBus((error) => {
    throw error;
  });
  const announcer = new Announcer(bus, log);
  const http = new HttpClient({ ...webhookHttpOptions(LOOPBACK), ca: certificate.cert, ...options });
  const settings = loadSettings('standalone', {});
  const audit = new AuditLog(store, announcer);
  const deliveries = new WebhookDeliveries(store, bus, settings, log, http, audit, announcer);
  deliveries.onApplicationBootstrap();
  closers.push(async () => {
    await deliveries.beforeApplicationShutdown();
    http.close();
    await bus.close();
  });
  return deliveries;
}

async function make(url: string, change: Partial<WebhookDraft> = {}, team = teamId): Promise<Webhook> {
  const user = await store.users.findOrCreate(`${team}@example.test`, 'Ann');
  await store.users.addMembership(team, user.id, 'owner');
  const session = await store.userSessions.create({
    userId: user.id,
    tokenHash: crypto.randomUUID(),
    at: new Date(),
    address: null,
    userAgent: '',
  });
  const draft = { name: 'Chat', url, format: 'standard', events: WEBHOOK_EVENTS, secret: SECRET } as const;
  return store.webhooks.create(
    team,
    { ...draft, ...change },
    { by: { kind: 'person', userId: user.id, userSessionId: session.id }, max: 10 },
  );
}

/** Records a change that leads to an event. */
const change = (targetId: string, team = teamId) =>
  store.auditEvents.append({
    teamId: team,
    actor: SYSTEM,
    action: 'preview.create',
    targetId,
    targetName: `${targetId}.preview.localhost`,
    before: null,
    after: null,
  });

/** Resolves with the attempts of the only delivery, once there is one. */
async function attempted(webhook: Webhook) {
  const details = async () => {
    const { items } = await store.webhooks.listDeliveries(webhook.teamId, webhook.id, { limit: 50 });
    return items[0] && store.webhooks.findDelivery(webhook.teamId, webhook.id, items[0].id);
  };
  await expect
    .poll(async () => (await details())?.attempts.length, { timeout: 15_000, interval: 20 })
    .toBeGreaterThan(0);
  return (await details())!;
}

describe('a delivery', () => {
  it.each([
    ['HTTP/1.1', () => createHttpsServer(certificate, recording()), '1.1'],
    ['HTTP/2', () => createSecureServer(certificate, recording() as never), '2.0'],
  ] as const)(
    'arrives over %s with a signature that the library verifies',
    async (_name, server, version) => {
      const webhook = await make(`https://localhost:${await listen(server())}/hook`);
      start().lookSoon();
      await change('p1');
      const { delivery, attempts } = await attempted(webhook);
      expect(delivery).toMatchObject({ state: 'delivered', attemptCount: 1 });
      expect(attempts).toMatchObject([{ status: 204, error: null }]);
      const [{ httpVersion, headers, body }] = received as [Received];
      expect(httpVersion).toBe(version);
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        'webhook-id': delivery.id,
        'user-agent': expect.stringMatching(/^Culvert-Webhooks\//),
      });
      const event = new Verifier(SECRET).verify(body, headers as Record<string, string>);
      expect(webhookEvent.parse(event)).toMatchObject({
        type: 'preview.created',
        teamId,
        data: { previewId: 'p1' },
      });
      const forged = body.replace('p1', 'p2');
      expect(() => new Verifier(SECRET).verify(forged, headers as Record<string, string>)).toThrow();
      expect(logLines.join('')).not.toContain(SECRET);
    },
  );

  it('is made once by two processes', async () => {
    const webhook = await make(await serveHttps());
    const [first, second] = [start(), start()];
    for (let i = 0; i < 20; i++) {
      await change(`p${i}`);
      first.lookSoon();
      second.lookSoon();
    }
    await expect.poll(() => received.length, { timeout: 20_000 }).toBe(20);
    const ids = received.map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids).size).toBe(20);
    const states = async () => {
      const { items } = await store.webhooks.listDeliveries(teamId, webhook.id, { limit: 50 });
      return items.every(({ state, attemptCount }) => state === 'delivered' && attemptCount === 1);
    };
    await expect.poll(states).toBe(true);
  });

  it('to Slack is a message in which names cannot mention or link', async () => {
    await make(await serveHttps((response) => void response.end('ok')), { format: 'slack' });
    start().lookSoon();
    await store.auditEvents.append({
      teamId,
      actor: SYSTEM,
      action: 'member.add',
      targetId: 'u1',
      targetName: '<!channel> & co',
      before: null,
      after: { role: 'member' },
    });
    await expect.poll(() => received.length, { timeout: 10_000 }).toBe(1);
    expect(JSON.parse(received[0].body)).toEqual({ text: '&lt;!channel&gt; &amp; co joined the team' });
    expect(received[0].headers).not.toHaveProperty('webhook-signature');
  });

  it('is not delayed by slow receivers of another team', async () => {
    const { id: other } = await store.teams.create('Slow');
    const stalled = await serveHttps(() => {});
    for (let i = 0; i < 6; i++) await make(stalled, {}, other);
    const deliveries = start();
    for (let i = 0; i < 3; i++) await change(`slow${i}`, other);
    await deliveries.look();
    await expect.poll(() => received.length).toBeGreaterThanOrEqual(4);
    received = [];
    await make(await serveHttps());
    const begun = performance.now();
    await change('p1');
    await expect.poll(() => received.some(({ body }) => body.includes('"p1"')), { timeout: 9000 }).toBe(true);
    expect(performance.now() - begun).toBeLessThan(8000);
  });
});

describe('the receiver in docs/webhooks.md', () => {
  it('accepts an event of Culvert, and refuses a changed one', async () => {
    const [, code = ''] = /```js\n(.*?)```/s.exec(readFileSync('docs/webhooks.md', 'utf8')) ?? [];
    const program = spawn(process.execPath, ['--input-type=module', '--eval', code], {
      env: { ...process.env, WEBHOOK_SECRET: SECRET, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    closers.push(() => program.kill());
    let output = '';
    program.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    await expect.poll(() => output, { timeout: 10_000 }).toMatch(/listening at \d+/);
    const url = `http://localhost:${/listening at (\d+)/.exec(output)?.[1]}/`;
    const webhook = await make(url);
    start().lookSoon();
    await change('p1');
    expect((await attempted(webhook)).attempts).toMatchObject([{ status: 204, error: null }]);
    expect(output).toContain('preview.created');
    const forger = await make(url, { secret: `whsec_${Buffer.alloc(32, 8).toString('base64')}` });
    await change('p2');
    expect((await attempted(forger)).attempts).toMatchObject([{ status: 401 }]);
  });
});

describe('a receiver', () => {
  const slow = { timeoutMs: 500, connectTimeoutMs: 500 };

  it.each<[string, Parameters<typeof recording>[0], object]>([
    [
      'that redirects to a metadata service is not followed',
      (response) => void response.writeHead(302, { location: 'http://169.254.169.254/latest' }).end(),
      { status: 302, error: 'the server answered 302, and redirects are not followed' },
    ],
    [
      'that sends an endless body is cut off',
      (response) => {
        const timer = setInterval(() => response.write('x'.repeat(60_000)), 1);
        response.on('close', () => clearInterval(timer));
      },
      { status: 200, error: null, responseBody: 'x'.repeat(1024) },
    ],
    [
      'that closes the connection has failed',
      (_response, { socket }) => void socket.destroy(),
      { status: null, error: expect.stringMatching(/the connection broke/) },
    ],
    [
      'that never answers runs out of time',
      () => {},
      { status: null, error: expect.stringMatching(/did not answer within 500 ms/) },
    ],
    [
      'that never ends its body runs out of time',
      (response) => void response.write('x'),
      { status: null, error: expect.stringMatching(/did not answer within 500 ms/) },
    ],
    [
      'that sends huge headers has failed',
      (response) => {
        response.socket?.end(`HTTP/1.1 200 OK\r\nx-huge: ${'x'.repeat(200_000)}\r\n\r\n`);
      },
      { status: null, error: expect.stringMatching(/the connection broke/) },
    ],
    [
      'that answers with NUL and broken UTF-8 is logged in readable form',
      (response) => void response.writeHead(500).end(Buffer.from([0x61, 0, 0xff, 0x62])),
      { status: 500, error: 'the server answered 500', responseBody: 'a\uFFFD\uFFFDb' },
    ],
  ])('%s', async (_name, answer, expected) => {
    const webhook = await make(await serveHttps(answer));
    start(slow).lookSoon();
    await change('p1');
    const { attempts } = await attempted(webhook);
    expect(attempts[0]).toMatchObject(expected);
    expect(logLines).toEqual([]);
  });

  it('in a network that is not allowed is not connected to, whatever was checked when its URL was saved', async () => {
    let connections = 0;
    const server = createServer();
    server.on('connection', () => connections++);
    const port = await listen(server);
    const webhook = await make(`https://localhost:${port}/`);
    start({ allowedNetworks: new AllowedNetworks() }).lookSoon();
    await change('p1');
    const { attempts } = await attempted(webhook);
    expect(attempts[0]).toMatchObject({ status: null, error: expect.stringMatching(/private address/) });
    expect(connections).toBe(0);
  });

  it('that answers 410 is disabled at once, which the audit log records', async () => {
    const webhook = await make(await serveHttps((response) => void response.writeHead(410).end()));
    start().lookSoon();
    await change('p1');
    await attempted(webhook);
    expect(await store.webhooks.find(teamId, webhook.id)).toMatchObject({ disabledReason: 'gone' });
    const log = () => store.auditEvents.list(teamId, { limit: 10 }, { action: 'webhook.disable' });
    await expect.poll(async () => (await log()).items.length).toBe(1);
  });
});

describe('a process that stops', () => {
  it('leaves a delivery that is under way to the next process', async () => {
    const webhook = await make(await serveHttps(() => {}));
    const deliveries = start();
    await change('p1');
    await deliveries.look();
    await expect.poll(() => received.length).toBe(1);
    await deliveries.beforeApplicationShutdown();
    const { items } = await store.webhooks.listDeliveries(teamId, webhook.id, { limit: 1 });
    expect(items).toMatchObject([{ state: 'pending', attemptCount: 0 }]);
    expect(logLines).toEqual([]);
  });
});
