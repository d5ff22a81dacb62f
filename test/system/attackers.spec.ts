import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { API_KEY, type Deployment, type Preview, startDeployment, visit } from '../support/deployment.js';
import { MemoryWatch, percentile99, readMetric } from '../support/figures.js';
import { liveHeapMiB, WITH_INSPECTOR } from '../support/heap.js';
import { RawVisitors } from '../support/raw-visitors.js';

const HEAD_TIMEOUT_MS = 2000;
const IDLE_TIMEOUT_MS = 3000;
const MAX_CONNECTIONS = 300;
/** Maximum memory that an attack of a thousand connections may cost. */
const MAX_GROWTH_MIB = 64;
/** Maximum heap that 3000 look-ups may leave: 1 KiB for each name, which the router remembers. */
const MAX_KEPT_MIB = 3;
/** Maximum resident memory before V8 collects the garbage of look-ups. */
const MAX_GARBAGE_MIB = 192;

let deployment: Deployment;
let service: http.Server;
/** The attacked preview, and the one that must keep working beside it. */
let target: Preview;
let bystander: Preview;
let attackers: RawVisitors;

beforeAll(async () => {
  service = http.createServer((request, response) => {
    request.resume();
    request.on('end', () => response.end('ok'));
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  deployment = await startDeployment(
    {
      // The embedded database has one session, so the flood of names waits for it like everything else.
      DATA_DIR: 'memory',
      HEAD_TIMEOUT_MS: String(HEAD_TIMEOUT_MS),
      IDLE_TIMEOUT_MS: String(IDLE_TIMEOUT_MS),
      MAX_CONNECTIONS_PER_ADDRESS: String(MAX_CONNECTIONS),
    },
    WITH_INSPECTOR,
  );
  await deployment.startManager();
  const { port } = service.address() as AddressInfo;
  target = await deployment.createPreview(port);
  bystander = await deployment.createPreview(port);
  attackers = new RawVisitors(deployment.port);
  await bystanders(100);
});

afterEach(() => {
  attackers.close();
  attackers.ended = 0;
});

afterAll(async () => {
  await deployment?.stop();
  service.closeAllConnections();
  service.close();
});

/** Returns the milliseconds of each of `count` requests of an ordinary visitor. */
async function bystanders(count: number): Promise<number[]> {
  const agent = new http.Agent({ keepAlive: true });
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const from = performance.now();
    expect((await visit(deployment.port, bystander.hostname, '/', { agent })).status).toBe(200);
    times.push(performance.now() - from);
  }
  agent.destroy();
  return times;
}

/** Opens a thousand connections from four addresses, within the limit of each. */
async function crowd(bytes: string): Promise<readonly Socket[]> {
  const sockets = await Promise.all(
    [2, 3, 4, 5].map((last) => attackers.open(250, bytes, { localAddress: `127.0.0.${last}`, read: true })),
  );
  return sockets.flat();
}

/** Largest slowdown of other visitors during an attack. */
const MAX_FACTOR = 20;

async function outlast(sockets: readonly Socket[], timeoutMs: number): Promise<void> {
  await expect
    .poll(() => sockets.filter((socket) => !socket.closed).length, {
      timeout: timeoutMs + 6000,
      interval: 100,
    })
    .toBe(0);
}

describe('slow visitors', () => {
  it(
    'that send a head byte by byte cost little, affect no other visitor and are disconnected',
    { retry: 1 },
    async () => {
      const alone = percentile99(await bystanders(200));
      const memory = new MemoryWatch(deployment.program);
      const sockets = await crowd('GET / HT');
      const timer = setInterval(() => {
        for (const socket of sockets) if (socket.writable) socket.write('T');
      }, 500);
      const beside = percentile99(await bystanders(200));
      const growth = memory.stop();
      console.log(
        `heads: p99 ${alone.toFixed(1)} ms, beside ${beside.toFixed(1)} ms, ${Math.round(growth)} MiB`,
      );
      await outlast(sockets, HEAD_TIMEOUT_MS);
      clearInterval(timer);
      expect(growth).toBeLessThan(MAX_GROWTH_MIB);
      expect(beside).toBeLessThan(alone * MAX_FACTOR);
    },
  );

  it(
    'that stop in the middle of a body cost little, affect no other visitor and are disconnected',
    { retry: 1 },
    async () => {
      const alone = percentile99(await bystanders(200));
      const memory = new MemoryWatch(deployment.program);
      const head = `POST / HTTP/1.1\r\nHost: ${target.hostname}\r\nContent-Length: 1000\r\n\r\n`;
      const sockets = await crowd(`${head}some of it`);
      const beside = percentile99(await bystanders(200));
      const growth = memory.stop();
      console.log(
        `bodies: p99 ${alone.toFixed(1)} ms, beside ${beside.toFixed(1)} ms, ${Math.round(growth)} MiB`,
      );
      await outlast(sockets, IDLE_TIMEOUT_MS);
      await expect.poll(() => readMetric(deployment.port, 'culvert_streams'), { timeout: 10_000 }).toBe(0);
      expect(growth).toBeLessThan(MAX_GROWTH_MIB);
      expect(beside).toBeLessThan(alone * MAX_FACTOR);
    },
  );
});

describe('floods', () => {
  it('of connections from one address are cut at its limit, and other addresses are not', async () => {
    const sockets = await attackers.open(MAX_CONNECTIONS + 100, 'GET / HT', {
      localAddress: '127.0.0.9',
      read: true,
    });
    await expect.poll(() => attackers.ended).toBe(100);
    await bystanders(10);
    for (const socket of sockets) socket.destroy();
    // Their places are free again.
    await expect
      .poll(async () => (await respond(await attackers.connect('127.0.0.9'))).slice(0, 12))
      .toBe('HTTP/1.1 200');
  });

  it('of connections that close at once leave nothing behind', async () => {
    const memory = new MemoryWatch(deployment.program);
    for (let round = 0; round < 20; round++) {
      const sockets = await attackers.open(200, round % 2 ? 'GET' : '', {
        localAddress: '127.0.0.6',
        read: true,
      });
      for (const socket of sockets) {
        if (round % 4 < 2) socket.destroy();
        else socket.resetAndDestroy();
      }
      await expect.poll(() => attackers.sockets.size).toBe(0);
    }
    await bystanders(10);
    // The connection of this request.
    await expect
      .poll(() => readMetric(deployment.port, 'culvert_visitor_connections'))
      .toBeLessThanOrEqual(2);
    expect(memory.stop()).toBeLessThan(MAX_GROWTH_MIB);
  });

  it('of bytes that are not requests are refused, in bounded memory', async () => {
    const memory = new MemoryWatch(deployment.program);
    const statuses = new Set<string>();
    const kinds: readonly (readonly [string, Buffer])[] = [
      ['400', Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 31 + 7) % 256))],
      ['400', Buffer.from('\x16\x03\x01\x02\0\x01')],
      ['400', Buffer.from('SSH-2.0-OpenSSH\r\n')],
      ['414', Buffer.from(`GET /${'a'.repeat(2_000_000)}`)],
      ['431', Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(2_000_000)}`)],
      ['431', Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(100_000)}`)],
    ];
    for (const [status, bytes] of kinds) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, async () => respond(await attackers.connect('127.0.0.7'), bytes)),
      );
      for (const answer of answers) statuses.add(`${status} ${answer.slice(9, 12)}`);
    }
    expect([...statuses].toSorted()).toEqual(['400 400', '414 414', '431 431']);
    await bystanders(10);
    expect(memory.stop()).toBeLessThan(MAX_GROWTH_MIB);
  });

  it('of unknown names do not stop known previews from being served', async () => {
    const domain = target.hostname.slice(target.hostname.indexOf('.'));
    const statuses = new Map<string, number>();
    // More at once than the limit of look-ups.
    const flood = async (round: number): Promise<void> => {
      const all = Array.from({ length: 1000 }, async (_, i) => {
        const socket = await attackers.connect(`127.0.0.${2 + (i % 4)}`);
        const name = `no-such-preview-${round}-${i}${domain}`;
        const head = `GET / HTTP/1.1\r\nHost: ${name}\r\nX: ${'a'.repeat(8000)}\r\nConnection: close\r\n\r\n`;
        const [, status = 'none'] = /^HTTP\/1\.1 (\d+)/.exec(await respond(socket, head)) ?? [];
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      });
      await bystanders(50);
      await Promise.all(all);
    };
    // Compiled code and the embedded database grow once during so many look-ups, however many attackers there are.
    await flood(0);
    const before = await liveHeapMiB(deployment.program);
    const memory = new MemoryWatch(deployment.program);
    for (let round = 1; round <= 3; round++) await flood(round);
    const garbage = memory.stop();
    const growth = (await liveHeapMiB(deployment.program)) - before;
    console.log(
      `names: ${JSON.stringify([...statuses])}, ${growth.toFixed(1)} MiB beside ${Math.round(garbage)} MiB of garbage`,
    );
    expect([...statuses.keys()].filter((status) => status !== '429')).toEqual(['401']);
    expect(statuses.get('401')).toBeGreaterThan(500);
    // V8 collects the garbage of look-ups when there is more of it than these few leave.
    expect(garbage).toBeLessThan(MAX_GARBAGE_MIB);
    expect(growth).toBeLessThan(MAX_KEPT_MIB);
  });
});

describe('the tunnel endpoint', () => {
  const url = (): string => `ws://127.0.0.1:${deployment.port}/tunnel/v1`;

  /** Returns the close code of a WebSocket with the right key after `act`. */
  async function closeCode(act: (socket: WebSocket) => void): Promise<number> {
    const socket = new WebSocket(url(), { headers: { authorization: `Bearer ${API_KEY}` } });
    socket.on('error', () => {});
    await once(socket, 'open');
    act(socket);
    const [code] = (await once(socket, 'close')) as [number];
    return code;
  }

  it('refuses upgrades with wrong keys and without keys, however many there are', async () => {
    const memory = new MemoryWatch(deployment.program);
    const statuses = new Map<number, number>();
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Array.from({ length: 50 }, async (_, i) => {
          const headers: Record<string, string> =
            i % 5 === 0 ? {} : { authorization: `Bearer wrong-${round}-${i}` };
          const socket = new WebSocket(url(), { headers });
          socket.on('error', () => {});
          const [request, response] = (await once(socket, 'unexpected-response')) as [
            http.ClientRequest,
            http.IncomingMessage,
          ];
          statuses.set(response.statusCode!, (statuses.get(response.statusCode!) ?? 0) + 1);
          request.destroy();
        }),
      );
    }
    expect([...statuses]).toEqual([[401, 500]]);
    await bystanders(10);
    expect(memory.stop()).toBeLessThan(MAX_GROWTH_MIB);
  });

  it('answers a request that is not an upgrade, and an upgrade to another protocol', async () => {
    for (const fields of ['', 'Connection: Upgrade\r\nUpgrade: h2c\r\n']) {
      const bytes = `GET /tunnel/v1 HTTP/1.1\r\nHost: 127.0.0.1\r\n${fields}\r\n`;
      expect(await respond(await attackers.connect(), bytes, /\r\n\r\n/)).toMatch(/^HTTP\/1\.1 4\d\d /);
    }
  });

  it('refuses a message above 1 MiB before it has read it', async () => {
    // The WebSocket implementation responds by itself: RFC 6455 §7.4.1, message too big.
    expect(await closeCode((socket) => socket.send(Buffer.alloc(2 ** 20 + 1)))).toBe(1009);
    await deployment.program.logged(/"code":2,"reason":"a message above 1 MiB"/);
    await bystanders(1);
  });

  it.each<[what: string, code: number, act: (socket: WebSocket) => void]>([
    ['a frame of an unknown type', 4001, (socket) => socket.send(Buffer.from('7f00000000000000', 'hex'))],
    ['noise', 4001, (socket) => socket.send(Buffer.alloc(1000, 0x55))],
    ['a text message', 4001, (socket) => socket.send('hello')],
    ['a frame that is too large', 4002, (socket) => socket.send(Buffer.from('01ffffff00000000', 'hex'))],
    [
      'a HELLO that is not JSON',
      4001,
      (socket) => socket.send(Buffer.from('01000004000000007b7b7b7b', 'hex')),
    ],
    ['DATA before HELLO', 4001, (socket) => socket.send(Buffer.from('120000010000000141', 'hex'))],
  ])('ends a tunnel that begins with %s, and logs it', async (_what, code, act) => {
    const before = deployment.program.stderr.length;
    expect(await closeCode(act)).toBe(code);
    await expect
      .poll(() => deployment.program.stderr.slice(before))
      .toMatch(new RegExp(`"code":${code - 4000},[^\\n]*"tunnel closed before it was registered"`));
    await bystanders(1);
    expect(await readMetric(deployment.port, 'culvert_tunnels')).toBe(1);
  });
});

/** Sends `bytes` and returns the response up to the end of the connection, or until `until` matches. */
async function respond(
  socket: Socket,
  bytes: string | Buffer = `GET / HTTP/1.1\r\nHost: ${bystander.hostname}\r\nConnection: close\r\n\r\n`,
  until?: RegExp,
): Promise<string> {
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
    if (until?.test(received)) socket.end();
  });
  socket.write(bytes);
  if (!socket.closed) await once(socket, 'close');
  return received;
}
