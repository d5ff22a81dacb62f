import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestCertificate } from '@culvert/testkit';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { launchBrowser } from '../support/browser.js';
import { createDatabase } from '../support/database.js';
import { API_KEY, type Preview } from '../support/deployment.js';
import { metricIn } from '../support/figures.js';
import { type Program, startProgram } from '../support/process.js';

/** HTTP/2 as visitors use it: TLS, ALPN, a standalone process, a tunnel, and a service with HTTP/1.1 only. */
const certificate = createTestCertificate(['localhost', '*.preview.localhost']);
let directory: string;
let standalone: Program;
let manager: Program;
let service: Program;
let port: number;
let servicePort: number;
let previews: Preview[];
const sessions: http2.ClientHttp2Session[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  service = startProgram('apps/sample-service/src/main.js', { SAMPLE_PORT: '0' });
  servicePort = Number((await service.line(/^Listening +http:\/\/127\.0\.0\.1:(\d+)/m))[1]);
  const ca = file('edge.crt', certificate.cert);
  standalone = startProgram('apps/standalone/src/main.js', {
    PORT: '0',
    DATABASE_URL: (await createDatabase()).url,
    CULVERT_BOOTSTRAP_API_KEY: API_KEY,
    TLS_CERT_FILE: ca,
    TLS_KEY_FILE: file('edge.key', certificate.key),
    HTTP2_MAX_RESETS: '40',
  });
  port = Number((await standalone.line(/^Dashboard +https:\/\/localhost:(\d+)/m))[1]);
  manager = startProgram('apps/traffic-manager/src/main.js', {
    CULVERT_URL: `https://localhost:${port}`,
    CULVERT_API_KEY: API_KEY,
    CULVERT_MANAGER_ID: 'http2',
    CULVERT_CA_FILE: ca,
  });
  await manager.logged(/connected/i);
  previews = [await createPreview('one'), await createPreview('two')];
});

afterAll(async () => {
  for (const session of sessions) session.destroy();
  await manager?.stop();
  await standalone?.stop();
  await service?.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function connect(): Promise<http2.ClientHttp2Session> {
  const session = http2.connect(`https://localhost:${port}`, { ca: certificate.cert });
  sessions.push(session);
  await once(session, 'connect');
  return session;
}

interface Answer {
  readonly headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;
  readonly body: Buffer;
}

async function request(
  session: http2.ClientHttp2Session,
  hostname: string,
  path: string,
  options: { method?: string; headers?: http2.OutgoingHttpHeaders; body?: Buffer | string } = {},
): Promise<Answer> {
  const { method = 'GET', headers, body } = options;
  const stream = session.request(
    { ':method': method, ':path': path, ':authority': `${hostname}:${port}`, ...headers },
    { endStream: body === undefined },
  );
  const response = once(stream, 'response');
  if (body !== undefined) stream.end(body);
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return { headers: (await response)[0] as Answer['headers'], body: Buffer.concat(chunks) };
}

async function createPreview(name: string): Promise<Preview> {
  const { headers, body } = await request(await connect(), 'localhost', '/api/v1/previews', {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      intercept: { name, workload: name, namespace: 'default' },
      ingress: { host: '127.0.0.1', port: servicePort, useTls: false, l5Host: `${name}.internal` },
      access: 'public',
    }),
  });
  expect(headers[':status'], body.toString()).toBe(201);
  return JSON.parse(body.toString()) as Preview;
}

/** Returns one of the deployment's own metrics, requested over HTTP/1.1. */
async function metric(name: string): Promise<number> {
  const text = await new Promise<string>((resolve, reject) => {
    https
      .get({
        host: '127.0.0.1',
        port,
        path: '/metrics',
        servername: 'localhost',
        ca: certificate.cert,
        agent: false,
      })
      .on('error', reject)
      .on('response', (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => resolve(body));
      });
  });
  return metricIn(text, name);
}

/** Runs in the page: protocols of the page and of everything it loads. */
const PROTOCOLS_USED = `[...new Set(
  ['navigation', 'resource'].flatMap((type) => performance.getEntriesByType(type)).map((entry) => entry.nextHopProtocol),
)]`;

/** Runs in the page: an upload, then a WebSocket that is opened, used and closed. */
const UPLOAD_AND_ECHO = `(async () => {
  const { bytes } = await (await fetch('/upload', { method: 'POST', body: new Uint8Array(300_000) })).json();
  const socket = new WebSocket('wss://' + location.host + '/echo');
  const echoed = await new Promise((resolve, reject) => {
    socket.onopen = () => socket.send('over HTTP/2');
    socket.onmessage = ({ data }) => data === 'over HTTP/2' && resolve(data);
    socket.onerror = () => reject(new Error('no WebSocket'));
  });
  const closed = new Promise((resolve) => (socket.onclose = ({ code }) => resolve(code)));
  socket.close(4000, 'done');
  return { bytes, echoed, code: await closed };
})()`;

describe('one connection', () => {
  it('is negotiated by ALPN, and HTTP/1.1 stays available', async () => {
    expect((await connect()).alpnProtocol).toBe('h2');
    expect(await metric('culvert_tunnels')).toBe(1);
  });

  it('carries requests for any mixture of previews and the application', async () => {
    const session = await connect();
    const answers = await Promise.all(
      Array.from({ length: 30 }, async (_, i) => {
        const { hostname } = previews[i % 2];
        const { body } = await request(session, hostname, '/headers');
        return JSON.parse(body.toString()) as { headers: [string, string][] };
      }),
    );
    for (const [i, { headers }] of answers.entries()) {
      const fields = Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]));
      expect(fields['host']).toBe(i % 2 === 0 ? 'one.internal' : 'two.internal');
      expect(fields['x-forwarded-host']).toBe(`${previews[i % 2].hostname}:${port}`);
      expect(fields['x-forwarded-proto']).toBe('https');
      expect(fields['x-telepresence-intercept-id']).toBe(previews[i % 2].interceptId);
    }
    const list = await request(session, 'localhost', '/api/v1/previews', {
      headers: { authorization: `Bearer ${API_KEY}` },
    });
    expect(list.headers[':status']).toBe(200);
    expect(list.body.toString()).toContain(previews[1].hostname);
    const missing = await request(session, 'missing.preview.localhost', '/');
    expect(missing.headers[':status']).toBe(401);
  });

  it('carries large bodies both ways, byte for byte', async () => {
    const session = await connect();
    const body = randomBytes(5_000_000);
    const sent = await request(session, previews[0].hostname, '/upload', { method: 'POST', body });
    expect(JSON.parse(sent.body.toString())).toMatchObject({ bytes: body.length });
    const received = await request(session, previews[1].hostname, '/bytes/5000000');
    expect(received.body.length).toBe(5_000_000);
    expect(received.body.every((byte, i) => byte === i % 256)).toBe(true);
  });

  it('does not accept tunnels', async () => {
    const session = await connect();
    if (!session.remoteSettings.enableConnectProtocol) await once(session, 'remoteSettings');
    const { headers } = await request(session, 'localhost', '/tunnel/v1', {
      method: 'CONNECT',
      headers: { ':protocol': 'websocket', authorization: `Bearer ${API_KEY}` },
      body: '',
    });
    expect(headers[':status']).toBe(501);
  });

  it('ends if it opens and resets too many streams, and only that one', async () => {
    const [bystander, attacker] = [await connect(), await connect()];
    const goaway = once(attacker, 'goaway');
    attacker.on('error', () => {});
    for (let i = 0; i < 100; i++) {
      const stream = attacker.request({ ':authority': previews[0].hostname, ':path': '/slow?ms=5000' });
      stream.on('error', () => {});
      stream.close(http2.constants.NGHTTP2_CANCEL);
    }
    expect((await goaway)[0]).toBe(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
    expect((await request(bystander, previews[0].hostname, '/')).headers[':status']).toBe(200);
  });
});

describe('a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser(inject('chromiumPath'), ['--ignore-certificate-errors']);
  });
  afterAll(async () => browser?.close());

  it('loads a page, uploads, receives events and opens a WebSocket over HTTP/2', async () => {
    const page = await browser.newPage();
    const failures: string[] = [];
    page.on('pageerror', (error) => failures.push(error.message));
    page.on('response', (response) => {
      if (response.status() >= 400) failures.push(`${response.status()} ${response.url()}`);
    });
    await page.goto(previews[0].url, { waitUntil: 'load' });
    // Every check of the page: assets, server-sent events, WebSocket.
    await page.locator('.checks:not(:has(li:not([data-state="good"])))').waitFor();
    const protocols = await page.evaluate(PROTOCOLS_USED);
    expect(protocols).toEqual(['h2']);

    await page.locator('#upload-form input[type=file]').setInputFiles({
      name: 'data.bin',
      mimeType: 'application/octet-stream',
      buffer: Buffer.alloc(2_000_000, 1),
    });
    await page.locator('#upload-form button').click();
    await page
      .locator('#upload-result')
      .filter({ hasText: /2.?000.?000/ })
      .waitFor();

    // One more of each, while the clock's events keep the connection: no other connection is needed.
    const before = await metric('culvert_visitor_connections_total');
    const result = await page.evaluate(UPLOAD_AND_ECHO);
    expect(result).toEqual({ bytes: 300_000, echoed: 'over HTTP/2', code: 4000 });
    // The request for the metric uses a connection of its own.
    expect(await metric('culvert_visitor_connections_total')).toBe(before + 1);
    expect(failures).toEqual([]);
    await page.close();
  });
});

describe('an HTTP/2 connection', () => {
  it('ends gracefully when the process stops', async () => {
    const session = await connect();
    const slow = request(session, previews[0].hostname, '/slow?ms=1000');
    const [idle, goaway] = [await connect(), once(session, 'goaway')];
    await request(idle, previews[0].hostname, '/');
    const idleClosed = once(idle, 'close');
    standalone.kill('SIGTERM');
    expect((await goaway)[0]).toBe(http2.constants.NGHTTP2_NO_ERROR);
    await idleClosed;
    expect((await slow).headers[':status']).toBe(200);
    expect((await standalone.exited).code).toBe(0);
  });
});
