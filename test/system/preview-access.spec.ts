/** A private preview in a real browser over TLS: the sign-in, everything a page does, and the end of access. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSecret, hashSecret, type Store } from '@culvert/domain';
import { createStore } from '@culvert/store';
import { createTestCertificate, type TestDatabase } from '@culvert/testkit';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { launchBrowser } from '../support/browser.js';
import { createDatabase } from '../support/database.js';
import { API_KEY } from '../support/deployment.js';
import { type Program, startProgram } from '../support/process.js';

const certificate = createTestCertificate(['localhost', '*.preview.localhost']);
/** A page with an open WebSocket and event stream, whose ends it shows in its title. */
const PAGE = `<!doctype html><title>private</title><form method="post" action="/form"><button>send</button></form>
<script>
  window.ended = [];
  const socket = new WebSocket('wss://' + location.host + '/ws');
  socket.onmessage = ({ data }) => (window.heard = data);
  socket.onclose = () => window.ended.push('socket');
  const events = new EventSource('/events');
  events.onmessage = ({ data }) => (window.event = data);
  events.onerror = () => window.ended.push('events');
</script>`;

const OWNER = { email: 'ann@shop.test', password: 'correct horse battery' };

let directory: string;
let database: TestDatabase;
let store: Store;
let service: http.Server;
let standalone: Program;
let manager: Program;
let browser: Browser;
let port: number;
let app: string;
let teamId: string;
const seenHeaders: string[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  database = await createDatabase();
  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  service = http.createServer((incoming, response) => {
    seenHeaders.push(incoming.rawHeaders.join('\n'));
    if (incoming.url === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\n\n');
    } else if (incoming.url?.startsWith('/deep')) {
      response.writeHead(200, { 'content-type': 'text/html', 'set-cookie': 'theirs=1; Path=/' }).end(PAGE);
    } else {
      incoming.resume().on('end', () => response.end(`${incoming.method} ${incoming.url}`));
    }
  });
  const sockets = new WebSocketServer({ server: service });
  sockets.on('connection', (socket, incoming) => {
    seenHeaders.push(incoming.rawHeaders.join('\n'));
    socket.send('hello');
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  const ca = file('edge.crt', certificate.cert);
  standalone = startProgram('apps/standalone/src/main.js', {
    PORT: '0',
    DATABASE_URL: database.url,
    CULVERT_BOOTSTRAP_API_KEY: API_KEY,
    CULVERT_BOOTSTRAP_EMAIL: OWNER.email,
    CULVERT_BOOTSTRAP_PASSWORD: OWNER.password,
    TLS_CERT_FILE: ca,
    TLS_KEY_FILE: file('edge.key', certificate.key),
  });
  port = Number((await standalone.line(/^Dashboard +https:\/\/localhost:(\d+)/m))[1]);
  app = `https://localhost:${port}`;
  manager = startProgram('apps/traffic-manager/src/main.js', {
    CULVERT_URL: app,
    CULVERT_API_KEY: API_KEY,
    CULVERT_MANAGER_ID: 'access',
    CULVERT_CA_FILE: ca,
  });
  [store, browser] = await Promise.all([
    createStore({ databaseUrl: database.url, dataDir: 'memory' }),
    launchBrowser(inject('chromiumPath'), ['--ignore-certificate-errors']),
    manager.logged(/connected/i),
  ]);
  teamId = (await store.apiKeys.findByHash(hashSecret(API_KEY)))!.teamId;
});

afterAll(async () => {
  await browser?.close();
  await manager?.stop();
  await standalone?.stop();
  await store?.close();
  await database?.drop();
  service?.closeAllConnections();
  service?.close();
  rmSync(directory, { recursive: true, force: true });
});

type SendOptions = Omit<https.RequestOptions, 'headers'> & { readonly headers?: http.OutgoingHttpHeaders };

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

function send(hostname: string, path: string, options: SendOptions = {}, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = https.request(
      {
        host: '127.0.0.1',
        port,
        path,
        servername: hostname,
        ca: certificate.cert,
        agent: false,
        ...options,
        headers: { host: `${hostname}:${port}`, ...options.headers },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        response.on('end', () =>
          resolve({ status: response.statusCode!, headers: response.headers, body: text }),
        );
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

async function api<T>(method: string, path: string, body?: object): Promise<T> {
  const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' };
  const text = body === undefined ? '' : JSON.stringify(body);
  const answer = await send(
    'localhost',
    `/api/v1${path}`,
    { method, headers: text === '' ? { authorization: headers.authorization } : headers },
    text,
  );
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
  return (answer.body === '' ? null : JSON.parse(answer.body)) as T;
}

interface Preview {
  readonly id: string;
  readonly hostname: string;
  readonly url: string;
}

type Headers = Readonly<Record<string, string>>;

function createPreview(change: object = {}): Promise<Preview> {
  return api<Preview>('POST', '/previews', {
    intercept: { name: 'web', workload: 'web', namespace: 'default' },
    ingress: { host: '127.0.0.1', port: (service.address() as AddressInfo).port },
    ...change,
  });
}

/** Opens a browser in which a person is signed in on the app host. */
async function signedIn(email: string, options: { readonly isMember: boolean }) {
  const user = await store.users.findOrCreate(email, email);
  if (options.isMember) await store.users.addMembership(teamId, user.id, 'member');
  const token = generateSecret();
  const session = await store.userSessions.create({
    userId: user.id,
    tokenHash: hashSecret(token),
    at: new Date(),
    address: null,
    userAgent: '',
  });
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const cookie = { name: '__Host-culvert-session', value: token, url: app, secure: true, httpOnly: true };
  return { user, session, cookie, context };
}

async function openPage(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url);
  await page.waitForFunction("window.heard === 'hello' && window.event === 'first'");
  return page;
}

const CUT = "window.ended.includes('socket') && window.ended.includes('events')";

describe('a member', () => {
  it('is redirected to the sign-in, returns to the requested page, and can do everything that pages do', async () => {
    const preview = await createPreview();
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    await page.goto(`${preview.url}/deep/page?x=%2F&y=a+b`);
    const asked = new URL(page.url());
    expect([asked.origin, asked.pathname]).toEqual([app, '/sign-in']);
    seenHeaders.length = 0;
    await page.getByLabel('Email').fill(OWNER.email);
    await page.getByLabel('Password').fill(OWNER.password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.waitForURL(`${preview.url}/**`);
    expect(page.url()).toBe(`${preview.url}/deep/page?x=%2F&y=a+b`);
    await page.waitForFunction("window.heard === 'hello' && window.event === 'first'");
    expect(await page.evaluate("fetch('/data', { method: 'PUT', body: 'x' }).then((r) => r.text())")).toBe(
      'PUT /data',
    );
    expect(await page.evaluate('document.cookie')).toBe('theirs=1');
    await Promise.all([page.waitForURL('**/form'), page.click('button')]);
    expect(await page.textContent('body')).toBe('POST /form');
    expect(seenHeaders.length).toBeGreaterThanOrEqual(5);
    expect(seenHeaders.join('\n')).not.toMatch(/culvert-(preview|nonce|session)/);
    expect(seenHeaders.at(-1)).toContain('theirs=1');
    await context.close();
  });

  it.each<[string, (preview: { id: string }, by: Awaited<ReturnType<typeof signedIn>>) => Promise<unknown>]>([
    ['their session ends', (_preview, { user, cookie }) => endSession(user.id, cookie.value)],
    ['they are removed from the team', (_preview, { user }) => api('DELETE', `/team/members/${user.id}`)],
    ['the preview is removed', ({ id }) => api('DELETE', `/previews/${id}`)],
  ])('loses page, WebSocket and events within a second when %s', async (_why, end) => {
    const preview = await createPreview();
    const by = await signedIn(`member-${preview.id}@shop.test`, { isMember: true });
    await by.context.addCookies([by.cookie]);
    const page = await openPage(by.context, `${preview.url}/deep`);
    await end(preview, by);
    await page.waitForFunction(CUT, undefined, { timeout: 1000 });
    expect(await page.evaluate("fetch('/data').then((r) => r.status)")).toBe(401);
    await by.context.close();
  });
});

/** Signs out as the person does on the app host. */
async function endSession(userId: string, token: string): Promise<void> {
  const { items } = await store.userSessions.list(userId, { limit: 1 });
  const answer = await send('localhost', `/api/v1/me/sessions/${items[0].id}`, {
    method: 'DELETE',
    headers: { cookie: `__Host-culvert-session=${token}`, origin: app },
  });
  if (answer.status !== 204) throw new Error(`${answer.status} ${answer.body}`);
}

describe('a person outside the team', () => {
  it('sees no difference between a private preview and a missing one, on the way and at the end', async () => {
    const preview = await createPreview();
    const { context, cookie } = await signedIn('eve@elsewhere.test', { isMember: false });
    await context.addCookies([cookie]);
    const told = async (hostname: string) => {
      const page = await context.newPage();
      const response = (await page.goto(`https://${hostname}:${port}/deep`))!;
      const { hostname: at, pathname } = new URL(page.url());
      const text = (await page.textContent('main'))!.replace(/Request [0-9a-f]{32}/, '');
      return { status: response.status(), at, pathname, text };
    };
    const there = await told(preview.hostname);
    expect(there).toMatchObject({ status: 404, at: 'localhost', pathname: '/preview-access' });
    expect(there).toEqual(await told('quiet-heron-00000000000000.preview.localhost'));
    await context.close();
  });

  it('gets in if the preview lists their address, until it no longer does', async () => {
    const preview = await createPreview({ allowedEmails: ['jo@client.test'] });
    const { context, cookie } = await signedIn('jo@client.test', { isMember: false });
    await context.addCookies([cookie]);
    const page = await openPage(context, `${preview.url}/deep`);
    await api('PATCH', `/previews/${preview.id}`, { allowedEmails: [] });
    await page.waitForFunction(CUT, undefined, { timeout: 1000 });
    expect(await page.evaluate("fetch('/data').then((r) => r.status)")).toBe(401);
    await context.close();
  });

  it('gets in by a share link, whose secret leaves the address, until it is revoked', async () => {
    const preview = await createPreview();
    const link = await api<{ id: string; url: string }>('POST', `/previews/${preview.id}/share-links`, {
      name: 'client',
    });
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await openPage(context, `${link.url}/deep?x`);
    expect(page.url()).toBe(`${preview.url}/deep?x`);
    await api('DELETE', `/previews/${preview.id}/share-links/${link.id}`);
    await page.waitForFunction(CUT, undefined, { timeout: 1000 });
    await context.close();
  });
});

describe('a program', () => {
  it('gets a problem without a token, and the service with one, until it is revoked', async () => {
    const preview = await createPreview();
    const { id, token } = await api<{ id: string; token: string }>('POST', `/previews/${preview.id}/tokens`, {
      name: 'tests',
    });
    const refused = await send(preview.hostname, '/data', { method: 'POST' });
    expect([refused.status, refused.headers['content-type']]).toEqual([401, 'application/problem+json']);
    expect(refused.headers['www-authenticate']).toContain('Culvert-Preview-Token');
    seenHeaders.length = 0;
    for (const headers of [{ 'culvert-preview-token': token }, { authorization: `Bearer ${token}` }])
      expect((await send(preview.hostname, '/data', { headers })).body).toBe('GET /data');
    expect(seenHeaders.join('\n')).not.toContain(token);
    await api('DELETE', `/previews/${preview.id}/tokens/${id}`);
    const headers = { 'culvert-preview-token': token };
    expect((await send(preview.hostname, '/data', { headers })).status).toBe(401);
  });

  it.each<[string, () => Promise<{ preview: Preview; headers: Headers; end: () => Promise<unknown> }>]>([
    [
      'its key is revoked',
      async () => {
        const preview = await createPreview();
        const key = await api<{ id: string; key: string }>('POST', '/api-keys', {
          name: 'socket',
          scopes: ['previews:read'],
        });
        return {
          preview,
          headers: { 'x-culvert-api-key': key.key },
          end: () => api('DELETE', `/api-keys/${key.id}`),
        };
      },
    ],
    [
      'its token is revoked',
      async () => {
        const preview = await createPreview();
        const path = `/previews/${preview.id}/tokens`;
        const { id, token } = await api<{ id: string; token: string }>('POST', path, { name: 'socket' });
        return {
          preview,
          headers: { 'culvert-preview-token': token },
          end: () => api('DELETE', `${path}/${id}`),
        };
      },
    ],
    [
      'the preview, public until now, becomes private',
      async () => {
        const preview = await createPreview({ access: 'public' });
        return {
          preview,
          headers: {},
          end: () => api('PATCH', `/previews/${preview.id}`, { access: 'team' }),
        };
      },
    ],
  ])('loses its WebSocket within a second when %s', async (_why, open) => {
    const { preview, headers, end } = await open();
    const socket = new WebSocket(`wss://${preview.hostname}:${port}/ws`, {
      ca: certificate.cert,
      headers,
      lookup: (_name, options, found) =>
        options.all ? found(null, [{ address: '127.0.0.1', family: 4 }]) : found(null, '127.0.0.1', 4),
    });
    await once(socket, 'message');
    const closed = once(socket, 'close', { signal: AbortSignal.timeout(5000) });
    await end();
    const endedAt = performance.now();
    await closed;
    expect(performance.now() - endedAt).toBeLessThan(1000);
  });

  it('smuggles nothing past the gate: a request hidden in another is refused or judged alone', async () => {
    const preview = await createPreview();
    seenHeaders.length = 0;
    const hidden = `GET /hidden HTTP/1.1\r\nHost: ${preview.hostname}\r\n\r\n`;
    const attempts: readonly (readonly [http.OutgoingHttpHeaders, string])[] = [
      [{ 'content-length': String(hidden.length) }, hidden],
      [{ 'transfer-encoding': 'chunked' }, hidden],
      [{ 'transfer-encoding': 'xchunked' }, hidden],
      [
        {
          upgrade: 'h2c',
          connection: 'Upgrade, HTTP2-Settings',
          'http2-settings': 'AAMAAABkAARAAAAAAAIAAAAA',
        },
        '',
      ],
    ];
    for (const [headers, body] of attempts) {
      const answer = await send(preview.hostname, '/', { method: 'POST', headers }, body).catch(() => null);
      expect([400, 401, 501, undefined]).toContain(answer?.status);
    }
    expect(seenHeaders).toEqual([]);
  });
});
