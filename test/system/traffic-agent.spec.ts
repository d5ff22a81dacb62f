/** A traffic agent between real sockets: its application, a traffic manager, and clients that intercept. */
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { afterEach, beforeEach, expect, describe, it } from 'vitest';
import { WebSocket } from 'ws';
import { AgentRig, ALICE, ask } from '../support/agent-rig.js';
import { draftOf, OUT_OF_REACH } from '../support/cluster.js';

let rig: AgentRig;
beforeEach(async () => {
  rig = await AgentRig.start();
});
afterEach(() => rig.stop());

describe('requests without an intercept', () => {
  it('reach the application byte for byte', async () => {
    const green = await rig.service('green');
    const { port } = await rig.agent(green.port);
    const head =
      'POST /a%20b?c=d HTTP/1.1\r\nHost: orders.shop:80\r\nX-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n' +
      'forwarded: for=10.0.0.1\r\nX-REAL-IP: 10.0.0.1\r\nX-Telepresence-Intercept-Id: other\r\n' +
      'x-culvert-api-key: theirs\r\nCookie: a=b; culvert_session=c\r\nAuthorization: Bearer cvt_theirs\r\n' +
      'aCCept:   */* \r\nContent-Length: 5\r\n\r\n';
    await rig.raw(port, `${head}hello`, 'green POST 5');
    expect(green.seen.join('')).toBe(`${head}hello`);
  });

  it('lose only the fields that end here according to HTTP', async () => {
    const green = await rig.service('green');
    const { port } = await rig.agent(green.port);
    const text =
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: close, x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-Stays: 1\r\n\r\n';
    await rig.raw(port, text, 'green GET 0');
    expect(green.seen.join('')).toBe('GET / HTTP/1.1\r\nHost: a\r\nX-Stays: 1\r\n\r\n');
  });

  it('are served without a traffic manager', async () => {
    const green = await rig.service('green');
    const { port, isConnected } = await rig.agent(green.port, { managerUrl: new URL(OUT_OF_REACH) });
    expect(isConnected).toBe(false);
    expect((await ask(port, { 'x-dev': 'alice' })).body).toBe('green GET 0');
  });

  it('get a 502 with the reason while the application is down', async () => {
    const unused = await rig.unusedPort();
    const { port } = await rig.agent(unused);
    const { status, headers } = await ask(port);
    expect([status, headers['x-culvert-error']]).toEqual([502, 'ingress_refused']);
  });
});

describe('an intercept', () => {
  it('takes the requests with its header, and no others, on one connection', async () => {
    const green = await rig.service('green');
    const blue = await rig.service('blue');
    const front = await rig.agent(green.port);
    await rig.client('alice').create(draftOf(ALICE), { host: '127.0.0.1', port: blue.port });
    await front.looksFor(1);
    const kept = new http.Agent({ keepAlive: true, maxSockets: 1 });
    rig.atEnd(() => kept.destroy());
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
    const green = await rig.service('green');
    const blue = await rig.service('blue');
    const front = await rig.agent(green.port);
    const headers = [
      { name: 'x-dev', pattern: 'al(ice|an)' },
      { name: 'x-branch', value: 'main' },
    ];
    await rig.client('alice').create(draftOf(headers), { host: '127.0.0.1', port: blue.port });
    await front.looksFor(1);
    expect((await ask(front.port, { 'x-dev': 'alan', 'x-branch': 'main' })).body).toBe('blue GET 0');
    expect((await ask(front.port, { 'x-dev': 'alan' })).body).toBe('green GET 0');
    expect((await ask(front.port, { 'x-dev': 'alana', 'x-branch': 'main' })).body).toBe('green GET 0');
  });

  it('takes its WebSockets and leaves the others where they were', async () => {
    const green = await rig.service('green');
    const blue = await rig.service('blue');
    const front = await rig.agent(green.port);
    await rig.client('alice').create(draftOf(ALICE), { host: '127.0.0.1', port: blue.port });
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
    const colors = await Promise.all(
      ['green', 'blue'].map((color) => {
        const server = http2.createServer();
        server.on('stream', (stream) => {
          stream.respond({ ':status': 200 });
          stream.end(color);
        });
        return rig.listen(server);
      }),
    );
    const front = await rig.agent(colors[0]);
    await rig.client('alice').create(draftOf(ALICE), { host: '127.0.0.1', port: colors[1] });
    await front.looksFor(1);
    const session = http2.connect(`http://127.0.0.1:${front.port}`);
    rig.atEnd(() => session.destroy());
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
    const green = await rig.service('green');
    const front = await rig.agent(green.port);
    const unused = await rig.unusedPort();
    await rig.client('alice').create(draftOf(ALICE), { host: '127.0.0.1', port: unused });
    await front.looksFor(1);
    const { status, body } = await ask(front.port, { 'x-dev': 'alice' });
    expect(status).toBe(502);
    expect(body).toContain('ingress_refused');
    expect(body).toContain(':orders');
  });

  it('is found by its id, which previews send', async () => {
    const green = await rig.service('green');
    const blue = await rig.service('blue');
    const front = await rig.agent(green.port);
    const { id } = await rig.client('alice').create(draftOf([]), { host: '127.0.0.1', port: blue.port });
    await front.looksFor(1);
    expect((await ask(front.port, { 'x-telepresence-intercept-id': id })).body).toBe('blue GET 0');
    expect((await ask(front.port, { 'x-telepresence-intercept-id': 'other' })).body).toBe('green GET 0');
  });
});

describe('traffic that is not HTTP', () => {
  it('passes unchanged while there is an intercept', async () => {
    const port = await rig.listen(net.createServer((socket) => void socket.pipe(socket)));
    const front = await rig.agent(port);
    await rig.client('alice').create(draftOf(ALICE), { host: '127.0.0.1', port: 9 });
    await front.looksFor(1);
    expect(await rig.raw(front.port, '*1\r\n$4\r\nPING\r\n', 'PING\r\n')).toBe('*1\r\n$4\r\nPING\r\n');
  });

  it('passes if the application speaks first, on a port that is marked for it', async () => {
    const port = await rig.listen(net.createServer((socket) => void socket.end('220 ready\r\n')));
    const front = await rig.agent(port, {}, 'tcp');
    const socket = net.connect({ port: front.port, host: '127.0.0.1' });
    let text = '';
    for await (const chunk of socket) text += String(chunk as Buffer);
    expect(text).toBe('220 ready\r\n');
  });
});

describe('when the client disconnects', () => {
  it('no request fails, whether it leaves or vanishes, and however often', async () => {
    const green = await rig.service('green');
    const blue = await rig.service('blue');
    const front = await rig.agent(green.port);
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
      const alice = rig.client('alice');
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

  it('a request that waits for its answer is sent to the application', async () => {
    const green = await rig.service('green');
    const waiting: (() => void)[] = [];
    const silent = await rig.listen(
      http.createServer(() => waiting.splice(0).forEach((resolve) => resolve())),
    );
    const front = await rig.agent(green.port);
    const alice = rig.client('alice');
    await alice.create(draftOf(ALICE), { host: '127.0.0.1', port: silent });
    await front.looksFor(1);
    const arrived = new Promise<void>((resolve) => void waiting.push(resolve));
    const answer = ask(front.port, { 'x-dev': 'alice' });
    await arrived;
    alice.close();
    expect((await answer).body).toBe('green GET 0');
  });

  it('a POST that waits for its answer is not repeated: it gets a 502', async () => {
    const green = await rig.service('green');
    const waiting: (() => void)[] = [];
    const silent = await rig.listen(
      http.createServer(() => waiting.splice(0).forEach((resolve) => resolve())),
    );
    const front = await rig.agent(green.port);
    const alice = rig.client('alice');
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

describe('an agent that is stopped', () => {
  it('finishes exchanges under way at both sides, announces that it closes, and accepts nothing new', async () => {
    const waiting: http.ServerResponse[] = [];
    const slow = (color: string): Promise<number> =>
      rig.listen(
        http.createServer((_request, response) => void waiting.push(response.setHeader('x-color', color))),
      );
    const front = await rig.agent(await slow('green'), { drainMs: 60_000 });
    await rig.client('alice').create(draftOf(ALICE), { host: '127.0.0.1', port: await slow('blue') });
    await front.looksFor(1);
    // Clients that would keep their connections, and must be informed that these end (RFC 9112 section 9.6).
    const agent = new http.Agent({ keepAlive: true });
    rig.atEnd(() => agent.destroy());
    const answers = [ask(front.port, {}, { agent }), ask(front.port, { 'x-dev': 'alice' }, { agent })];
    await expect.poll(() => waiting.length, { interval: 5 }).toBe(2);

    const stopped = front.stop();
    await expect(ask(front.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    for (const response of waiting) response.end('finished');
    for (const [i, { status, body, headers }] of (await Promise.all(answers)).entries())
      expect([status, body, headers['x-color'], headers.connection]).toEqual([
        200,
        'finished',
        i === 0 ? 'green' : 'blue',
        'close',
      ]);
    await stopped;
  });
});
