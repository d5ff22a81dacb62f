/** Visitors at an edge without a tunnel: four edges, one traffic manager with a single tunnel, real Redis and TLS. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { exchange, type Exchange, replayResource } from '@culvert/contract';
import { createTestCertificate, EventReader, TrafficManagerDouble } from '@culvert/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { Balancer } from '../support/balancer.js';
import {
  API_KEY,
  type Deployment,
  deploymentOf,
  type HttpResult,
  type Preview,
} from '../support/deployment.js';
import { type Program, startProgram } from '../support/process.js';
import { type SplitDeployment, startSplit } from '../support/split-deployment.js';

const MIB = 1_048_576;
const certificate = createTestCertificate(['localhost', '*.preview.localhost']);
const agent = new https.Agent({ ca: certificate.cert, keepAlive: true });

let directory: string;
let split: SplitDeployment;
let deployment: Deployment;
let service: http.Server;
let servicePort: number;
let manager: Program;
/** In front of the edges, for the manager: it connects to the second one at first. */
let balancer: Balancer;
/** Port of the edge that visitors use, which has no tunnel. */
let entry: number;
let preview: Preview;
/** Requests for `/wait` that the service has, answered by the test. */
const waiting: http.ServerResponse[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  service = http.createServer((request, response) => serve(request, response));
  new WebSocketServer({ server: service }).on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.send('hello');
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  servicePort = (service.address() as AddressInfo).port;
  split = await startSplit({
    edges: 4,
    edgeEnv: {
      EDGE_LINK_SECRET: 'a secret of at least thirty-two characters'.replaceAll(' ', '-'),
      EDGE_LINK_PORT: '0',
      TLS_CERT_FILE: file('edge.crt', certificate.cert),
      TLS_KEY_FILE: file('edge.key', certificate.key),
    },
  });
  entry = split.ports[0];
  deployment = deploymentOf(split.edges[0], entry, split.apiPort);
  balancer = await Balancer.start(split.ports[1]);
  manager = startProgram('apps/traffic-manager/src/main.js', {
    CULVERT_URL: `https://localhost:${balancer.port}`,
    CULVERT_API_KEY: API_KEY,
    CULVERT_MANAGER_ID: 'fleet-manager',
    CULVERT_TUNNELS: '1',
    CULVERT_CA_FILE: join(directory, 'edge.crt'),
    LOG_LEVEL: 'info',
  });
  await manager.logged(/connected/i);
  preview = await deployment.createPreview(servicePort);
});

afterAll(async () => {
  agent.destroy();
  await manager?.stop();
  balancer?.stop();
  await split?.stop();
  service?.closeAllConnections();
  service?.close();
  rmSync(directory, { recursive: true, force: true });
});

function serve(request: http.IncomingMessage, response: http.ServerResponse): void {
  const { url = '' } = request;
  if (url === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\n\n');
    request.on('close', () => response.end());
  } else if (url === '/page') {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>Shop</title><body><h1>The shop</h1>');
  } else if (url === '/download') {
    response.end(DOWNLOAD);
  } else if (url === '/upload') {
    const hash = createHash('sha256');
    request.on('data', (chunk: Buffer) => hash.update(chunk));
    request.on('end', () => response.end(hash.digest('hex')));
  } else if (url.startsWith('/wait')) {
    waiting.push(response);
  } else {
    response.end(`${request.method} ${url} for ${String(request.headers['x-forwarded-host'])}`);
  }
}

const DOWNLOAD = randomBytes(20 * MIB);

interface VisitOptions {
  readonly port?: number;
  readonly method?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: Buffer;
}

function visit(hostname: string, path: string, options: VisitOptions = {}): Promise<HttpResult> {
  const { port = entry, method = 'GET', headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const request = https.request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        agent,
        servername: hostname,
        headers: { host: hostname, ...(body && { 'content-length': body.length }), ...headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            trailers: response.trailers,
            body: Buffer.concat(chunks),
          }),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

function openSocket(hostname: string, headers: Record<string, string> = {}): WebSocket {
  const socket = new WebSocket(`wss://127.0.0.1:${entry}/ws`, {
    agent: new https.Agent({ ca: certificate.cert, servername: hostname }),
    headers: { ...headers, host: hostname, origin: `https://${hostname}` },
  });
  socket.on('error', () => {});
  return socket;
}

describe('a visitor at an edge without a tunnel', () => {
  it('is served over HTTP/1.1, by a hop', async () => {
    const answer = await visit(preview.hostname, '/a?b=c', { method: 'POST', body: Buffer.from('x') });
    expect([answer.status, answer.body.toString()]).toEqual([200, `POST /a?b=c for ${preview.hostname}`]);
    expect(split.edges[0].stderr).toContain('"link open"');
  });

  it('is served over HTTP/2, many requests at once', async () => {
    const session = http2.connect(`https://127.0.0.1:${entry}`, {
      ca: certificate.cert,
      servername: preview.hostname,
    });
    const fetchOne = async (path: string): Promise<string> => {
      const stream = session.request({ ':path': path, ':authority': preview.hostname });
      let text = '';
      for await (const chunk of stream.setEncoding('utf8')) text += String(chunk);
      return text;
    };
    const paths = Array.from({ length: 50 }, (_, i) => `/${i}`);
    const answers = await Promise.all(paths.map(fetchOne));
    session.close();
    expect(answers).toEqual(paths.map((path) => `GET ${path} for ${preview.hostname}`));
  });

  it('uploads and downloads 20 MiB unchanged', async () => {
    const body = randomBytes(20 * MIB);
    const uploaded = await visit(preview.hostname, '/upload', { method: 'PUT', body });
    expect(uploaded.body.toString()).toBe(createHash('sha256').update(body).digest('hex'));
    const downloaded = await visit(preview.hostname, '/download');
    expect(downloaded.body.equals(DOWNLOAD)).toBe(true);
  });

  it('speaks WebSocket', async () => {
    const socket = openSocket(preview.hostname);
    const messages: string[] = [];
    socket.on('message', (data: Buffer) => messages.push(data.toString()));
    await once(socket, 'message');
    socket.send('ping');
    await expect.poll(() => messages).toEqual(['hello', 'ping']);
    socket.close();
  });

  it('gets server-sent events as they come', async () => {
    const request = https.get({
      host: '127.0.0.1',
      port: entry,
      path: '/events',
      agent: false,
      ca: certificate.cert,
      servername: preview.hostname,
      headers: { host: preview.hostname },
    });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    const [first] = (await once(response, 'data')) as [Buffer];
    expect(first.toString()).toBe('data: first\n\n');
    request.destroy();
  });

  it('gets pages with the banner', async () => {
    const shown = await deployment.createPreview(servicePort, { displayBanner: true });
    const { body } = await visit(shown.hostname, '/page', {
      headers: { accept: 'text/html', 'sec-fetch-dest': 'document' },
    });
    expect(body.toString()).toContain('About this preview');
  });

  it('makes gRPC calls to a service that speaks HTTP/2', async () => {
    const server = new grpc.Server();
    const echo = {
      path: '/culvert.test.Probe/Echo',
      requestStream: false,
      responseStream: false,
      requestSerialize: (value: Buffer) => value,
      requestDeserialize: (value: Buffer) => value,
      responseSerialize: (value: Buffer) => value,
      responseDeserialize: (value: Buffer) => value,
    };
    server.addService(
      { echo },
      {
        echo: (call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) =>
          done(null, call.request),
      },
    );
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    const { hostname } = await deployment.createPreview(port, {
      ingress: { host: '127.0.0.1', port, useTls: false, l5Host: 'grpc.internal', protocol: 'h2c' },
    });
    const client = new grpc.Client(
      `127.0.0.1:${entry}`,
      grpc.credentials.createSsl(Buffer.from(certificate.cert)),
      { 'grpc.ssl_target_name_override': hostname, 'grpc.default_authority': hostname },
    );
    const call = (): Promise<string> =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          echo.path,
          echo.requestSerialize,
          echo.responseDeserialize,
          Buffer.from('hi'),
          (error, value) => (error ? reject(error) : resolve(String(value))),
        );
      });
    expect(await Promise.all(Array.from({ length: 20 }, call))).toEqual(Array(20).fill('hi'));
    client.close();
    server.forceShutdown();
  });

  it('loses access to a private preview within a second of a revocation', async () => {
    const shut = await deployment.createPreview(servicePort, { access: 'team' });
    const { id, token } = await deployment.api<{ id: string; token: string }>(
      'POST',
      `/previews/${shut.id}/tokens`,
      { name: 'one' },
    );
    const headers = { 'culvert-preview-token': token };
    expect((await visit(shut.hostname, '/')).status).toBe(401);
    expect((await visit(shut.hostname, '/', { headers })).status).toBe(200);
    const socket = openSocket(shut.hostname, headers);
    await once(socket, 'message');
    const cut = new Promise((resolve) => socket.once('close', resolve));
    await deployment.api('DELETE', `/previews/${shut.id}/tokens/${id}`);
    const revokedAt = performance.now();
    await cut;
    expect(performance.now() - revokedAt).toBeLessThan(1000);
    expect((await visit(shut.hostname, '/', { headers })).status).toBe(401);
  });

  it('is watched, and its requests are replayed', async () => {
    const watched = await deployment.createPreview(servicePort);
    const reader = await EventReader.open(
      `http://127.0.0.1:${split.apiPort}/api/v1/previews/${watched.id}/exchanges`,
      { authorization: `Bearer ${API_KEY}` },
    );
    await reader.next('ready');
    await visit(watched.hostname, '/seen?x=1');
    const event = await reader.next('exchange', (each: Exchange) => each.state === 'ended');
    const seen = exchange.parse(event.data);
    expect(seen).toMatchObject({ target: '/seen?x=1', status: 200 });
    const replayed = replayResource.parse(
      await deployment.api('POST', `/previews/${watched.id}/replays`, { exchangeId: seen.id }),
    );
    expect(replayed).toMatchObject({ status: 200, replayOf: seen.id });
    reader.close();
  });
});

describe('a traffic manager of Telepresence at another edge', () => {
  const doubles: TrafficManagerDouble[] = [];
  afterEach(() => {
    for (const double of doubles.splice(0)) {
      double.stop();
      expect(double.mistakes).toEqual([]);
    }
  });

  it('serves visitors once it has reported their intercept, and its streams are not reused for too long', async () => {
    const double = new TrafficManagerDouble({
      host: 'localhost',
      address: '127.0.0.1',
      port: split.ports[1],
      ca: certificate.cert,
      apiKey: API_KEY,
      managerId: randomUUID(),
    });
    doubles.push(double);
    const { id } = double.addIntercept({ name: `web-${randomUUID().slice(0, 8)}` });
    const hostname = await double.createPreview(id, {
      ingress: { host: '127.0.0.1', port: servicePort, l5host: 'shop.internal' },
      addRequestHeaders: {},
    });
    const ask = (path: string) => visit(hostname, path, { headers: { 'x-ambassador-api-key': API_KEY } });
    await expect.poll(async () => (await ask('/one')).status).toBe(200);
    for (let i = 0; i < 10; i++) expect((await ask(`/${i}`)).status).toBe(200);
  });
});

describe('an edge that holds the tunnel', () => {
  const isWaiting = (path: string) => waiting.some(({ req }) => req.url === path);

  it('stops: visitors elsewhere lose no request, with a body or without', async () => {
    const failures: string[] = [];
    let count = 0;
    let isOver = false;
    const visitor = async (_: unknown, i: number): Promise<void> => {
      const options = i % 2 === 0 ? {} : { method: 'POST', body: Buffer.alloc(2000, 'x') };
      while (!isOver) {
        const answer = await visit(preview.hostname, `/${i}`, options).catch((error: unknown) =>
          String(error),
        );
        count++;
        if (typeof answer === 'string' || answer.status !== 200)
          failures.push(typeof answer === 'string' ? answer : `${answer.status} ${answer.body.toString()}`);
      }
    };
    const visitors = Array.from({ length: 16 }, visitor);
    await expect.poll(() => count).toBeGreaterThan(200);
    balancer.target = split.ports[2];
    split.edges[1].kill('SIGTERM');
    expect((await split.edges[1].exited).code).toBe(0);
    const before = count;
    await expect.poll(() => count).toBeGreaterThan(before + 200);
    isOver = true;
    await Promise.all(visitors);
    expect(failures).toEqual([]);
  });

  it('is killed while a request waits: it is repeated when the manager has reconnected elsewhere', async () => {
    const answer = visit(preview.hostname, '/wait/kill');
    await expect.poll(() => isWaiting('/wait/kill')).toBe(true);
    const [first] = waiting.splice(0);
    balancer.target = split.ports[3];
    split.edges[2].kill('SIGKILL');
    await expect.poll(() => isWaiting('/wait/kill')).toBe(true);
    expect(first.destroyed || first.socket?.destroyed !== false).toBe(true);
    for (const response of waiting.splice(0)) response.end('answered');
    expect(await answer.then(({ status, body }) => [status, body.toString()])).toEqual([200, 'answered']);
    expect((await visit(preview.hostname, '/after')).status).toBe(200);
  });

  it('stands still: visitors elsewhere are served again, and it returns without harm', async () => {
    expect((await visit(preview.hostname, '/before')).status).toBe(200);
    balancer.target = split.ports[0];
    split.edges[3].kill('SIGSTOP');
    const stoppedAt = performance.now();
    expect((await visit(preview.hostname, '/during')).status).toBe(200);
    expect(performance.now() - stoppedAt).toBeLessThan(12_000);
    split.edges[3].kill('SIGCONT');
    // It has no tunnel now, and finds the manager at the edge that visitors use.
    await expect
      .poll(async () => (await visit(preview.hostname, '/there', { port: split.ports[3] })).status)
      .toBe(200);
    for (let i = 0; i < 10; i++) expect((await visit(preview.hostname, `/${i}`)).status).toBe(200);
  });
});
