/** A traffic agent between real sockets: its application, a traffic manager, and clients that intercept. */
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import type { MeetingClient } from '@culvert/meeting-point';
import { startTrafficAgent, type TrafficAgent, type TrafficAgentOptions } from '@culvert/traffic-agent';
import { startTrafficManager } from '@culvert/traffic-manager';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, describe, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { CLUSTER_SECRET, draftOf, OUT_OF_REACH, startClient } from '../support/cluster.js';

const log = pino({ level: 'silent' });
const ALICE = [{ name: 'x-dev', value: 'alice' }];

let cleanUps: (() => unknown)[];
let managerUrl: string;

beforeEach(async () => {
  cleanUps = [];
  const manager = startTrafficManager(
    {
      url: OUT_OF_REACH,
      apiKey: 'cvt_none',
      managerId: 'm',
      clusterPort: 0,
      clusterSecret: CLUSTER_SECRET,
      drainMs: 500,
    },
    log,
  );
  cleanUps.push(() => manager.stop());
  managerUrl = `http://127.0.0.1:${await manager.clusterPort}`;
});
afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
});

interface Service {
  readonly port: number;
  /** Raw bytes of every request head and body so far. */
  readonly seen: string[];
}

async function listen(server: net.Server): Promise<number> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Answers with its colour, the method and how many bytes of body came. */
async function service(colour: string): Promise<Service> {
  const seen: string[] = [];
  const server = http.createServer((request, response) => {
    let bytes = 0;
    request.on('data', (chunk: Buffer) => (bytes += chunk.length));
    request.on('end', () => response.end(`${colour} ${request.method} ${bytes}`));
  });
  server.on('connection', (socket: net.Socket) => {
    socket.on('data', (chunk: Buffer) => seen.push(chunk.toString('latin1')));
  });
  new WebSocketServer({ server }).on('connection', (webSocket) => {
    webSocket.on('message', (data: Buffer) => webSocket.send(`${colour} ${data.toString()}`));
  });
  return { port: await listen(server), seen };
}

async function agent(
  applicationPort: number,
  changes: Partial<TrafficAgentOptions> = {},
  protocol: 'http' | 'tcp' = 'http',
): Promise<TrafficAgent & { readonly port: number; looksFor(count: number): Promise<void> }> {
  const started = await startTrafficAgent(
    {
      ports: [{ port: 0, applicationPort, name: 'http', protocol }],
      applicationHost: '127.0.0.1',
      workload: 'orders',
      namespace: 'shop',
      kind: 'Deployment',
      pod: 'orders-1',
      managerUrl: new URL(managerUrl),
      credential: () => Promise.resolve(CLUSTER_SECRET),
      drainMs: 500,
      adminPort: null,
      ...changes,
    },
    log,
  );
  cleanUps.push(() => started.stop());
  return Object.assign(started, {
    port: started.ports[0],
    looksFor: (count: number) =>
      expect.poll(() => started.intercepts.length, { interval: 5, timeout: 10_000 }).toBe(count),
  });
}

function client(id: string): MeetingClient {
  const started = startClient(managerUrl, id);
  cleanUps.push(() => started.close());
  return started;
}

function ask(
  port: number,
  headers: http.OutgoingHttpHeaders = {},
  options: { method?: string; body?: string; agent?: http.Agent } = {},
): Promise<{ status: number; body: string; headers: http.IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        port,
        host: '127.0.0.1',
        headers,
        method: options.method ?? 'GET',
        agent: options.agent ?? false,
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (body += chunk));
        response.on('end', () => resolve({ status: response.statusCode!, body, headers: response.headers }));
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(options.body);
  });
}

/** Everything that comes back on a connection of its own for `text`, until `until` is in it. */
async function raw(port: number, text: string, until: string): Promise<string> {
  const socket = net.connect({ port, host: '127.0.0.1' });
  cleanUps.push(() => socket.destroy());
  socket.write(text);
  let received = '';
  for await (const chunk of socket) {
    received += (chunk as Buffer).toString('latin1');
    if (received.includes(until)) break;
  }
  return received;
}

describe('requests that nobody intercepts', () => {
  it('reach the application byte for byte', async () => {
    const green = await service('green');
    const { port } = await agent(green.port);
    const head =
      'POST /a%20b?c=d HTTP/1.1\r\nHost: orders.shop:80\r\nX-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n' +
      'forwarded: for=10.0.0.1\r\nX-REAL-IP: 10.0.0.1\r\nX-Telepresence-Intercept-Id: other\r\n' +
      'x-culvert-api-key: theirs\r\nCookie: a=b; culvert_session=c\r\nAuthorization: Bearer cvt_theirs\r\n' +
      'aCCept:   */* \r\nContent-Length: 5\r\n\r\n';
    await raw(port, `${head}hello`, 'green POST 5');
    expect(green.seen.join('')).toBe(`${head}hello`);
  });

  it('lose nothing but what HTTP says ends here', async () => {
    const green = await service('green');
    const { port } = await agent(green.port);
    const text =
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: close, x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-Stays: 1\r\n\r\n';
    await raw(port, text, 'green GET 0');
    expect(green.seen.join('')).toBe('GET / HTTP/1.1\r\nHost: a\r\nX-Stays: 1\r\n\r\n');
  });

  it('are served without a traffic manager', async () => {
    const green = await service('green');
    const { port, isConnected } = await agent(green.port, { managerUrl: new URL(OUT_OF_REACH) });
    expect(isConnected).toBe(false);
    expect((await ask(port, { 'x-dev': 'alice' })).body).toBe('green GET 0');
  });

  it('get a 502 that says so while the application is down', async () => {
    const unused = await listen(net.createServer());
    for (const cleanUp of cleanUps.splice(-1)) await cleanUp();
    const { port } = await agent(unused);
    const { status, headers } = await ask(port);
    expect([status, headers['x-culvert-error']]).toEqual([502, 'ingress_refused']);
  });
});

describe('an intercept', () => {
  it('takes the requests with its header, and no other, on one connection', async () => {
    const green = await service('green');
    const blue = await service('blue');
    const front = await agent(green.port);
    await client('alice').create(draftOf(ALICE), { host: '127.0.0.1', port: blue.port });
    await front.looksFor(1);
    const kept = new http.Agent({ keepAlive: true, maxSockets: 1 });
    cleanUps.push(() => kept.destroy());
    const bodies: string[] = [];
    for (const dev of ['alice', 'bob', 'alice', '']) {
      const headers = dev === '' ? {} : { 'X-Dev': dev };
      bodies.push((await ask(front.port, headers, { agent: kept })).body);
    }
    expect(bodies).toEqual(['blue GET 0', 'green GET 0', 'blue GET 0', 'green GET 0']);
    const posted = await ask(front.port, { 'x-dev': 'alice' }, { method: 'POST', body: 'x'.repeat(300_000) });
    expect(posted.body).toBe('blue POST 300000');
  });

  it('needs all of its headers, by value or expression', async () => {
    const green = await service('green');
    const blue = await service('blue');
    const front = await agent(green.port);
    const headers = [
      { name: 'x-dev', pattern: 'al(ice|an)' },
      { name: 'x-branch', value: 'main' },
    ];
    await client('alice').create(draftOf(headers), { host: '127.0.0.1', port: blue.port });
    await front.looksFor(1);
    expect((await ask(front.port, { 'x-dev': 'alan', 'x-branch': 'main' })).body).toBe('blue GET 0');
    expect((await ask(front.port, { 'x-dev': 'alan' })).body).toBe('green GET 0');
    expect((await ask(front.port, { 'x-dev': 'alana', 'x-branch': 'main' })).body).toBe('green GET 0');
  });

  it('takes WebSockets and leaves the others where they were', async () => {
    const green = await service('green');
    const blue = await service('blue');
    const front = await agent(green.port);
    await client('alice').create(draftOf(ALICE), { host: '127.0.0.1', port: blue.port });
    await front.looksFor(1);
    const say = async (headers: Record<string, string>): Promise<string> => {
      const socket = new WebSocket(`ws://127.0.0.1:${front.port}/`, { headers });
      await once(socket, 'open');
      socket.send('hello');
      const [data] = (await once(socket, 'message')) as [Buffer];
      socket.close();
      return data.toString();
    };
    expect(await say({ 'x-dev': 'alice' })).toBe('blue hello');
    expect(await say({})).toBe('green hello');
  });

  it('takes requests of HTTP/2 connections one by one', async () => {
    const colours = await Promise.all(
      ['green', 'blue'].map((colour) => {
        const server = http2.createServer();
        server.on('stream', (stream) => {
          stream.respond({ ':status': 200 });
          stream.end(colour);
        });
        return listen(server);
      }),
    );
    const front = await agent(colours[0]);
    await client('alice').create(draftOf(ALICE), { host: '127.0.0.1', port: colours[1] });
    await front.looksFor(1);
    const session = http2.connect(`http://127.0.0.1:${front.port}`);
    cleanUps.push(() => session.destroy());
    const bodyOf = async (headers: http2.OutgoingHttpHeaders): Promise<string> => {
      const stream = session.request({ ':path': '/', ...headers });
      let body = '';
      for await (const chunk of stream) body += String(chunk as Buffer);
      return body;
    };
    expect(await Promise.all([bodyOf({}), bodyOf({ 'x-dev': 'alice' }), bodyOf({ 'x-dev': 'bob' })])).toEqual(
      ['green', 'blue', 'green'],
    );
  });

  it("whose target is down gets a 502 that names it, and not the application's answer", async () => {
    const green = await service('green');
    const front = await agent(green.port);
    const unused = await listen(net.createServer());
    for (const cleanUp of cleanUps.splice(-1)) await cleanUp();
    await client('alice').create(draftOf(ALICE), { host: '127.0.0.1', port: unused });
    await front.looksFor(1);
    const { status, body } = await ask(front.port, { 'x-dev': 'alice' });
    expect(status).toBe(502);
    expect(body).toContain('ingress_refused');
    expect(body).toContain(':orders');
  });

  it('is found by its id, which previews send', async () => {
    const green = await service('green');
    const blue = await service('blue');
    const front = await agent(green.port);
    const { id } = await client('alice').create(draftOf([]), { host: '127.0.0.1', port: blue.port });
    await front.looksFor(1);
    expect((await ask(front.port, { 'x-telepresence-intercept-id': id })).body).toBe('blue GET 0');
    expect((await ask(front.port, { 'x-telepresence-intercept-id': 'other' })).body).toBe('green GET 0');
  });
});

describe('what is no HTTP', () => {
  it('passes as it is while somebody intercepts', async () => {
    const port = await listen(net.createServer((socket) => void socket.pipe(socket)));
    const front = await agent(port);
    await client('alice').create(draftOf(ALICE), { host: '127.0.0.1', port: 9 });
    await front.looksFor(1);
    expect(await raw(front.port, '*1\r\n$4\r\nPING\r\n', 'PING\r\n')).toBe('*1\r\n$4\r\nPING\r\n');
  });

  it('passes where the application speaks first, on a port that is marked so', async () => {
    const port = await listen(net.createServer((socket) => void socket.end('220 ready\r\n')));
    const front = await agent(port, {}, 'tcp');
    const socket = net.connect({ port: front.port, host: '127.0.0.1' });
    let text = '';
    for await (const chunk of socket) text += String(chunk as Buffer);
    expect(text).toBe('220 ready\r\n');
  });
});

describe('when the client goes', () => {
  it('no request fails, whether it leaves or vanishes, and however often', async () => {
    const green = await service('green');
    const blue = await service('blue');
    const front = await agent(green.port);
    const counts = new Map<string, number>();
    let isOver = false;
    const worker = async (): Promise<void> => {
      const kept = new http.Agent({ keepAlive: true });
      while (!isOver) {
        const { status, body } = await ask(front.port, { 'x-dev': 'alice' }, { agent: kept });
        const result = status === 200 ? body.split(' ')[0] : `${status}`;
        counts.set(result, (counts.get(result) ?? 0) + 1);
      }
      kept.destroy();
    };
    const workers = Array.from({ length: 8 }, worker);
    for (let round = 0; round < 5; round++) {
      const alice = client('alice');
      await alice.create(draftOf(ALICE), { host: '127.0.0.1', port: blue.port });
      await front.looksFor(1);
      const before = counts.get('blue') ?? 0;
      await expect
        .poll(() => counts.get('blue') ?? 0, { interval: 5, timeout: 10_000 })
        .toBeGreaterThan(before + 20);
      if (round % 2 === 0) alice.close();
      else await alice.stop(1000);
      await front.looksFor(0);
    }
    isOver = true;
    await Promise.all(workers);
    expect([...counts.keys()].toSorted()).toEqual(['blue', 'green']);
  });

  it('a request that waits for its answer is asked of the application', async () => {
    const green = await service('green');
    const waiting: (() => void)[] = [];
    const silent = await listen(http.createServer(() => waiting.splice(0).forEach((resolve) => resolve())));
    const front = await agent(green.port);
    const alice = client('alice');
    await alice.create(draftOf(ALICE), { host: '127.0.0.1', port: silent });
    await front.looksFor(1);
    const arrived = new Promise<void>((resolve) => void waiting.push(resolve));
    const answer = ask(front.port, { 'x-dev': 'alice' });
    await arrived;
    alice.close();
    expect((await answer).body).toBe('green GET 0');
  });

  it('a POST that waits for its answer is not repeated: it gets a 502', async () => {
    const green = await service('green');
    const waiting: (() => void)[] = [];
    const silent = await listen(http.createServer(() => waiting.splice(0).forEach((resolve) => resolve())));
    const front = await agent(green.port);
    const alice = client('alice');
    await alice.create(draftOf(ALICE), { host: '127.0.0.1', port: silent });
    await front.looksFor(1);
    const arrived = new Promise<void>((resolve) => void waiting.push(resolve));
    const answer = ask(front.port, { 'x-dev': 'alice' }, { method: 'POST', body: 'once' });
    await arrived;
    alice.close();
    expect((await answer).status).toBe(502);
    expect(green.seen.join('')).not.toContain('once');
  });
});
