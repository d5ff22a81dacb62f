/**
 * A traffic agent with hostile or careless peers: callers, applications, and clients that die at the worst moment. They
 * must not affect other requests, or the decision to whom a request belongs.
 */
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import type { MeetingClient } from '@culvert/meeting-point';
import { Deferred } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { AgentRig, ALICE, ask, type RiggedAgent, type Service } from '../support/agent-rig.js';
import { draftOf } from '../support/cluster.js';

let rig: AgentRig;
let green: Service;
let blue: Service;
let front: RiggedAgent;
let alice: MeetingClient;

beforeEach(async () => {
  rig = await AgentRig.start();
  [green, blue] = [await rig.service('green'), await rig.service('blue')];
  front = await rig.agent(green.port);
  alice = rig.client('alice');
  await intercept(blue.port);
});
afterEach(() => rig.stop());

/** Routes Alice's requests to this port from now on. */
async function intercept(port: number): Promise<void> {
  await alice.create(draftOf(ALICE), { host: '127.0.0.1', port });
  await front.looksFor(1);
}

const alices = 'Host: orders\r\nX-Dev: alice\r\n';
const plain = 'Host: orders\r\n';

describe('heads', () => {
  it('that arrive byte by byte are matched by all of their fields', async () => {
    const socket = net.connect({ port: front.port, host: '127.0.0.1', noDelay: true });
    rig.atEnd(() => socket.destroy());
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    await once(socket, 'connect');
    for (const byte of Buffer.from(`GET /1 HTTP/1.1\r\n${alices}\r\nGET /2 HTTP/1.1\r\n${plain}\r\n`)) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => received.match(/(blue|green) GET 0/g)).toEqual(['blue GET 0', 'green GET 0']);
  });

  it('that never end do not delay others, and reach no service', async () => {
    const slow = Array.from({ length: 100 }, () => {
      const socket = net.connect({ port: front.port, host: '127.0.0.1' });
      rig.atEnd(() => socket.destroy());
      socket.on('error', () => undefined);
      socket.write(`GET / HTTP/1.1\r\n${alices}X-More: `);
      return once(socket, 'connect');
    });
    await Promise.all(slow);
    expect((await ask(front.port, { 'x-dev': 'alice' })).body).toBe('blue GET 0');
    expect((await ask(front.port)).body).toBe('green GET 0');
    expect(blue.seen.join('')).not.toContain('X-More');
    expect(green.seen.join('')).not.toContain('X-More');
  });

  it('can have at most 500 fields, of which the last decides', async () => {
    const many = (count: number): string =>
      `GET / HTTP/1.1\r\nHost: orders\r\n${'X-Filler: a\r\n'.repeat(count - 2)}X-Dev: alice\r\n\r\n`;
    expect(await rig.raw(front.port, many(500), 'GET 0')).toContain('blue GET 0');
    expect(await rig.raw(front.port, many(501), '\r\n\r\n')).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect((await ask(front.port, { 'x-dev': 'alice' })).body).toBe('blue GET 0');
  });

  it('can have at most 128 KiB', async () => {
    const large = (bytes: number): string =>
      `GET / HTTP/1.1\r\n${alices}X-Large: ${'x'.repeat(bytes)}\r\n\r\n`;
    // Node's servers accept 16 KiB: it matters that the bytes arrived.
    await rig.raw(front.port, large(100_000), /HTTP\/1\.1 431/);
    expect(blue.seen.join('').length).toBeGreaterThan(16_384);
    blue.seen.length = 0;
    expect(await rig.raw(front.port, large(140_000), '\r\n\r\n')).toMatch(/^HTTP\/1\.1 431 /);
    expect(blue.seen.join('')).toBe('');
  });

  it('with hundreds of values for a costly pattern cost a bounded time, and match nothing', async () => {
    const mallory = rig.client('mallory');
    const rule = [{ name: 'x-cost', pattern: '(a?b?c?d?e?){8}z' }];
    await mallory.create(draftOf(rule, { name: 'costly' }), { host: '127.0.0.1', port: blue.port });
    await front.looksFor(2);
    const costly = `GET / HTTP/1.1\r\nHost: orders\r\n${`X-Cost: ${'abcde'.repeat(40)}\r\n`.repeat(450)}\r\n`;
    const before = process.cpuUsage();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => rig.raw(front.port, costly, /\r\n\r\n/)),
    );
    const { user } = process.cpuUsage(before);
    for (const answer of answers) expect(answer).not.toContain('blue');
    // 20 times 131072 steps, and the parsing of 2 MB of heads by agent and service, all in this process.
    expect(user / 1000).toBeLessThan(3000);
    expect((await ask(front.port, { 'x-cost': 'abcz' })).body).toBe('blue GET 0');
  });
});

describe('requests inside one another', () => {
  it('that are pipelined each go to their own service, and are answered in order', async () => {
    const requests = [
      `GET /1 HTTP/1.1\r\n${alices}\r\n`,
      `POST /2 HTTP/1.1\r\n${plain}Content-Length: 7\r\n\r\nX-Dev:a`,
      `POST /3 HTTP/1.1\r\n${alices}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
      `GET /4 HTTP/1.1\r\n${plain}\r\n`,
      `HEAD /5 HTTP/1.1\r\n${alices}\r\n`,
      `GET /6 HTTP/1.1\r\n${plain}Connection: close\r\n\r\n`,
    ];
    const answers = await rig.raw(front.port, requests.join(''), 'never');
    expect(answers.match(/(blue|green) [A-Z]+ \d+/g)).toEqual([
      'blue GET 0',
      'green POST 7',
      'blue POST 3',
      'green GET 0',
      'green GET 0',
    ]);
    expect(answers.match(/HTTP\/1\.1 200/g)).toHaveLength(6);
    const targets = (service: Service) =>
      service.seen
        .join('')
        .match(/ \/\d /g)
        ?.map((text) => text.trim());
    expect(targets(green)).toEqual(['/2', '/4', '/6']);
    expect(targets(blue)).toEqual(['/1', '/3', '/5']);
  });

  it('that are bodies stay bodies: a head inside one is not a request', async () => {
    const inner = `GET /inner HTTP/1.1\r\n${alices}\r\n`;
    const outer = `POST /outer HTTP/1.1\r\n${plain}Content-Length: ${inner.length}\r\n\r\n${inner}`;
    const next = `GET /next HTTP/1.1\r\n${plain}Connection: close\r\n\r\n`;
    const answers = await rig.raw(front.port, outer + next, 'never');
    expect(answers.match(/(blue|green) [A-Z]+ \d+/g)).toEqual([`green POST ${inner.length}`, 'green GET 0']);
    expect(blue.seen).toEqual([]);
  });

  it.each([
    ['both lengths', 'Content-Length: 6\r\nTransfer-Encoding: chunked'],
    ['two lengths', 'Content-Length: 5\r\nContent-Length: 6'],
    ['two lengths in one field', 'Content-Length: 5, 6'],
    ['a signed length', 'Content-Length: +5'],
    ['a hexadecimal length', 'Content-Length: 0x5'],
    ['a length that no number holds', `Content-Length: ${'9'.repeat(30)}`],
    ['another coding', 'Transfer-Encoding: xchunked'],
    ['chunked and another coding', 'Transfer-Encoding: chunked, identity'],
    ['chunked twice', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'],
    ['a vertical tab before the coding', 'Transfer-Encoding: \x0bchunked'],
    ['a space before the colon', 'Transfer-Encoding : chunked'],
    ['a folded line', 'X-Other: a\r\n Transfer-Encoding: chunked'],
    ['a bare carriage return', 'X-Other: a\rTransfer-Encoding: chunked'],
    ['a bare line feed', 'X-Other: a\nTransfer-Encoding: chunked'],
    ['a null byte', 'X-Other: a\0'],
    ['no name', ': chunked'],
  ])('by %s are refused, with everything after them, wherever they would go', async (_, fields) => {
    for (const whose of [plain, alices]) {
      const hidden = `0\r\n\r\nGET /hidden HTTP/1.1\r\n${alices}\r\n`;
      const answers = await rig.raw(
        front.port,
        `POST / HTTP/1.1\r\n${whose}${fields}\r\n\r\n${hidden}`,
        'never',
      );
      expect(answers).toMatch(/^HTTP\/1\.1 (400|501) /);
      expect(answers.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    }
    expect([...green.seen, ...blue.seen].join('')).toBe('');
  });

  it.each([
    ['a size with a sign', '-1\r\n'],
    ['a size with a prefix', '0x1\r\n'],
    ['a size that no number holds', `${'f'.repeat(17)}\r\n`],
    ['data beyond its size', '1\r\nab\r\n0\r\n\r\n'],
    ['a bare line feed after its size', '1\nA\r\n0\r\n\r\n'],
  ])('by a chunk with %s end there', async (_, chunks) => {
    const hidden = `GET /hidden HTTP/1.1\r\n${alices}\r\n`;
    const head = `POST / HTTP/1.1\r\n${plain}Transfer-Encoding: chunked\r\n\r\n`;
    const answers = await rig.raw(front.port, head + chunks + hidden, 'never');
    expect(answers).toMatch(/^(HTTP\/1\.1 400 |$)/);
    expect([...green.seen, ...blue.seen].join('')).not.toContain('/hidden');
  });

  it('by an upgrade to HTTP/2 stay what they were', async () => {
    const upgrade =
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n';
    const answers = await rig.raw(front.port, `GET / HTTP/1.1\r\n${plain}${upgrade}\r\n`, 'GET 0');
    expect(answers).toMatch(/^HTTP\/1\.1 200 /);
    expect(green.seen.join('')).not.toMatch(/upgrade|http2-settings/i);
  });
});

describe('answers', () => {
  /** Starts a service that responds to everything with these bytes, and sends nothing more. */
  async function bytes(text: string): Promise<number> {
    return rig.listen(
      net.createServer((socket) => {
        socket.on('data', () => void socket.write(Buffer.from(text, 'latin1')));
      }),
    );
  }

  it('that contain a second one do not give it to the next request', async () => {
    const poisoned =
      'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmineHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison';
    await intercept(await bytes(poisoned));
    const kept = new http.Agent({ keepAlive: true, maxSockets: 1 });
    rig.atEnd(() => kept.destroy());
    for (let i = 0; i < 5; i++)
      expect((await ask(front.port, { 'x-dev': 'alice' }, { agent: kept })).body).toBe('mine');
    expect((await ask(front.port, {}, { agent: kept })).body).toBe('green GET 0');
  });

  it.each([
    ['not HTTP', 'SSH-2.0-OpenSSH_9.6\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    ['both lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    [
      'a switch to a protocol that was not requested',
      'HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
    ],
    ['a field without a colon', 'HTTP/1.1 200 OK\r\nnonsense\r\n\r\n'],
  ])('that are %s get a 502, and others do not', async (_, text) => {
    await intercept(await bytes(text));
    expect((await ask(front.port, { 'x-dev': 'alice' })).status).toBe(502);
    expect((await ask(front.port)).body).toBe('green GET 0');
  });
});

describe('a body that waits to be asked for (RFC 9110 §10.1.1)', () => {
  /** Asks for bodies of up to 1000 bytes, and refuses longer ones unseen. */
  async function careful(color: string): Promise<number> {
    const server = http.createServer();
    server.on('checkContinue', (request: http.IncomingMessage, response: http.ServerResponse) => {
      if (Number(request.headers['content-length']) > 1000) {
        response.writeHead(417, { connection: 'close' }).end(`${color} refuses`);
        return;
      }
      response.writeContinue();
      let length = 0;
      request.on('data', (chunk: Buffer) => (length += chunk.length));
      request.on('end', () => response.end(`${color} got ${length}`));
    });
    return rig.listen(server);
  }

  interface Expected {
    readonly wasAsked: boolean;
    readonly body: string;
    readonly status: number;
  }

  function expectContinue(
    port: number,
    length: number,
    headers: http.OutgoingHttpHeaders,
  ): Promise<Expected> {
    return new Promise((resolve, reject) => {
      const request = http.request({
        port,
        host: '127.0.0.1',
        method: 'POST',
        agent: false,
        headers: { expect: '100-continue', 'content-length': length, ...headers },
      });
      let wasAsked = false;
      request.on('continue', () => {
        wasAsked = true;
        request.end('x'.repeat(length));
      });
      request.on('response', (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        response.on('end', () => resolve({ wasAsked, body, status: response.statusCode! }));
        if (!wasAsked) request.destroy();
      });
      request.on('error', (error) => (wasAsked ? reject(error) : undefined));
      request.flushHeaders();
    });
  }

  it('is asked for by the service that the request goes to, and by no other', async () => {
    const application = await rig.agent(await careful('green'), { pod: 'orders-2' });
    await intercept(await careful('blue'));
    await application.looksFor(1);
    for (const [headers, color] of [
      [{ 'x-dev': 'alice' }, 'blue'],
      [{}, 'green'],
    ] as const) {
      const taken = await expectContinue(application.port, 1000, headers);
      expect(taken).toEqual({ wasAsked: true, body: `${color} got 1000`, status: 200 });
      const refused = await expectContinue(application.port, 1001, headers);
      expect(refused).toMatchObject({ wasAsked: false, status: 417 });
    }
  });

  it('is asked for by the application if the client turns out to be away', async () => {
    const application = await rig.agent(await careful('green'), { pod: 'orders-2' });
    await application.looksFor(1);
    alice.close();
    const answer = await expectContinue(application.port, 500, { 'x-dev': 'alice' });
    expect(answer).toEqual({ wasAsked: true, body: 'green got 500', status: 200 });
  });
});

describe('WebSockets', () => {
  async function open(headers: Record<string, string>): Promise<WebSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${front.port}/`, { headers });
    rig.atEnd(() => socket.terminate());
    await once(socket, 'open');
    return socket;
  }

  async function say(socket: WebSocket, text: string): Promise<string> {
    socket.send(text);
    return String(((await once(socket, 'message')) as [Buffer])[0]);
  }

  it('of a client that dies end, and no others', async () => {
    const [matched, other] = [await open({ 'x-dev': 'alice' }), await open({})];
    expect([await say(matched, 'a'), await say(other, 'a')]).toEqual(['blue a', 'green a']);
    const closed = once(matched, 'close') as Promise<[number]>;
    alice.close();
    // The agent ends it with a close frame: "going away" (RFC 6455 §7.4.1).
    expect((await closed)[0]).toBe(1001);
    expect(await say(other, 'b')).toBe('green b');
    await front.looksFor(0);
    expect(await say(await open({ 'x-dev': 'alice' }), 'c')).toBe('green c');
  });

  it('that a client dies over before it has answered get a 502, and the next one the application', async () => {
    const asked = new Deferred();
    const silent = http.createServer().on('upgrade', () => asked.resolve());
    await intercept(await rig.listen(silent));
    const opening = open({ 'x-dev': 'alice' }).catch((error: Error) => error.message);
    await asked.promise;
    alice.close();
    // A service that was asked for a WebSocket may have acted on it, so it is not asked twice.
    expect(await opening).toBe('Unexpected server response: 502');
    expect(await say(await open({ 'x-dev': 'alice' }), 'a')).toBe('green a');
  });

  it('whose bytes look like requests are not parsed', async () => {
    const key = 'dGhlIHNhbXBsZSBub25jZQ==';
    const upgrade = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n`;
    const socket = net.connect({ port: front.port, host: '127.0.0.1' });
    rig.atEnd(() => socket.destroy());
    socket.write(`GET / HTTP/1.1\r\n${plain}${upgrade}\r\n`);
    await once(socket, 'data');
    const inner = `GET /inner HTTP/1.1\r\n${alices}\r\n`;
    // A text frame whose key is zero (RFC 6455 §5.2), so that the bytes are those of a request.
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | inner.length, 0, 0, 0, 0]), Buffer.from(inner)]));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString('latin1')).toContain(`green ${inner}`);
    expect(blue.seen).toEqual([]);
  });
});

describe('HTTP/2 with prior knowledge', () => {
  let colors: { green: number; blue: number };
  /** Streams that alice's service has received and does not answer. */
  let unanswered: string[];
  let agent: RiggedAgent;
  let session: http2.ClientHttp2Session;

  beforeEach(async () => {
    unanswered = [];
    const serve = (color: string): Promise<number> => {
      const server = http2.createServer();
      server.on('sessionError', () => undefined);
      server.on('stream', (stream, headers) => {
        stream.on('error', () => undefined);
        let length = 0;
        stream.on('data', (chunk: Buffer) => (length += chunk.length));
        if (headers[':path'] === '/silent' && color === 'blue') {
          stream.on('data', () => undefined);
          unanswered.push(String(headers[':method']));
          return;
        }
        stream.on('end', () => {
          stream.respond({ ':status': 200 });
          stream.end(`${color} ${headers[':method']} ${length}`);
        });
      });
      return rig.listen(server);
    };
    colors = { green: await serve('green'), blue: await serve('blue') };
    agent = await rig.agent(colors.green, { pod: 'orders-2' });
    await intercept(colors.blue);
    await agent.looksFor(1);
    session = http2.connect(`http://127.0.0.1:${agent.port}`);
    session.on('error', () => undefined);
    rig.atEnd(() => session.destroy());
  });

  async function send(headers: http2.OutgoingHttpHeaders, body?: string): Promise<string> {
    const stream = session.request({ ':path': '/', ...headers }, { endStream: body === undefined });
    if (body !== undefined) stream.end(body);
    const responded = once(stream, 'response') as Promise<
      [http2.IncomingHttpHeaders & { ':status': number }]
    >;
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    const [{ ':status': status }] = await responded;
    if (!stream.closed) await once(stream, 'close');
    return status === 200 ? text : String(status);
  }

  it('has each stream matched by its own fields, however many there are at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) => {
        const headers = i % 2 === 0 ? { 'x-dev': 'alice' } : {};
        return i % 3 === 0
          ? send({ ':method': 'POST', ...headers }, 'x'.repeat(i * 1000))
          : send({ ':method': 'GET', ...headers });
      }),
    );
    expect(answers).toEqual(
      Array.from({ length: 60 }, (_, i) => {
        const color = i % 2 === 0 ? 'blue' : 'green';
        return i % 3 === 0 ? `${color} POST ${i * 1000}` : `${color} GET 0`;
      }),
    );
  });

  it('loses only the stream that is reset', async () => {
    const doomed = session.request(
      { ':path': '/silent', ':method': 'POST', 'x-dev': 'alice' },
      { endStream: false },
    );
    doomed.on('error', () => undefined);
    await expect.poll(() => unanswered).toEqual(['POST']);
    doomed.close(http2.constants.NGHTTP2_CANCEL);
    expect(await Promise.all([send({}), send({ 'x-dev': 'alice' })])).toEqual(['green GET 0', 'blue GET 0']);
    expect(session.closed).toBe(false);
  });

  it('repeats at the application what a client dies over, or answers 502 if that might do it twice', async () => {
    const waiting = [
      send({ ':path': '/silent', 'x-dev': 'alice' }),
      send({ ':path': '/silent', ':method': 'POST', 'x-dev': 'alice' }, 'once'),
    ];
    await expect.poll(() => unanswered.toSorted()).toEqual(['GET', 'POST']);
    const others = Array.from({ length: 20 }, () => send({}));
    alice.close();
    expect(await Promise.all(waiting)).toEqual(['green GET 0', '502']);
    for (const answer of await Promise.all(others)) expect(answer).toBe('green GET 0');
    expect(session.closed).toBe(false);
  });
});
