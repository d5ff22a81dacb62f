/**
 * Routes that changed without an event, under an exchange that stays open: no request asks for the route again. The
 * relay's sweep has them read again once they are old. Its clock is the test's here; sockets and services are real.
 */
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ALLOW, refuse } from './access-gate.js';
import { RelayClock } from '../clock.js';
import { DEFAULT_RELAY_LIMITS } from '../limits.js';
import { Relay } from '../relay.js';
import { SocketDialer } from '../upstream/socket-stream.js';
import type { StreamPool } from '../upstream/stream-pool.js';
import { StreamPools } from '../upstream/stream-pools.js';
import { Route } from './route.js';
import { DEFAULT_ROUTER_LIMITS, Router } from './router.js';

const HOST = 'a.preview.test';
const { routeTtlMs } = DEFAULT_ROUTER_LIMITS;
/** By then every old route has been checked. */
const REFRESHED_MS = routeTtlMs + 2500;

interface Preview {
  readonly access: 'team' | 'public';
  readonly header: string;
}

/** What the store returns. */
let read: () => Promise<Preview | null>;
let reads: number;
let checks: number;
let faults: unknown[];
let service: http.Server;
let listener: net.Server;
let relay: Relay;
/** The event streams of the service, in the order they were opened. */
let streams: http.ServerResponse[];
let seen: (string | undefined)[];

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  [reads, checks, faults, streams, seen] = [0, 0, [], [], []];
  stored({ access: 'public', header: '1' });
  service = http.createServer((request, response) => {
    seen.push(request.headers['x-set'] as string | undefined);
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\n\n');
    streams.push(response);
  });
  const servicePort = await listen(service);
  const pools = new StreamPools();
  const dialer = new SocketDialer(() => net.connect({ port: servicePort, host: '127.0.0.1' }));
  const clock = new RelayClock();
  relay = new Relay({
    clock,
    routes: new Router(async () => {
      reads++;
      const preview = await read();
      return preview && routeOf(preview, pools.open(dialer));
    }, clock),
    gate: {
      check: (route) => {
        checks++;
        return route?.access === 'public' ? ALLOW : refuse('access_denied');
      },
    },
    limits: DEFAULT_RELAY_LIMITS,
    pools,
    onFault: (error) => faults.push(error),
  });
  listener = net.createServer({ allowHalfOpen: true }, (socket) => relay.accept(socket, { isSecure: false }));
  await listen(listener);
});

afterEach(async () => {
  relay.close();
  vi.useRealTimers();
  service.closeAllConnections();
  await Promise.all([service, listener].map((each) => new Promise((resolve) => each.close(resolve))));
});

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function routeOf({ access, header }: Preview, pool: StreamPool): Route {
  return Route.forPreview(
    {
      id: 'p',
      teamId: 't',
      hostname: HOST,
      interceptId: 'i',
      ingress: 'web:80',
      l5Host: 'web',
      addRequestHeaders: { 'X-Set': header },
      access,
      expiresAt: Infinity,
      revision: access + header,
    },
    pool,
  );
}

function stored(preview: Preview | null): void {
  read = () => Promise.resolve(preview);
}

/** An exchange that stays open: its event stream. */
async function open(): Promise<http.IncomingMessage> {
  const { port } = listener.address() as AddressInfo;
  const request = http.get({ port, host: '127.0.0.1', agent: false, headers: { host: HOST } });
  // The end that tests wait for: the connection breaks off.
  request.on('error', () => {});
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.on('error', () => {});
  response.resume();
  return response;
}

const ended = (response: http.IncomingMessage): Promise<void> =>
  new Promise((resolve) => response.once('close', resolve));

/** Lets time pass, and waits for everything that this starts. */
async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await new Promise((resolve) => setImmediate(resolve));
}

/** Checks that the exchange lives: what the service sends arrives. */
async function expectLiving(response: http.IncomingMessage, at = 0): Promise<void> {
  const heard = once(response, 'data');
  streams[at].write('data: more\n\n');
  expect(String((await heard)[0])).toContain('more');
}

describe('an exchange that stays open', () => {
  it.each([
    ['was removed', null],
    ['was made private', { access: 'team', header: '1' }],
  ] as const)('ends when its preview %s without an event', async (_what, preview) => {
    const response = await open();
    stored(preview);
    const closed = ended(response);
    await pass(REFRESHED_MS);
    await closed;
    expect(faults).toEqual([]);
  });

  it('continues when its preview changed and it would be let in again; later requests see the change', async () => {
    const response = await open();
    stored({ access: 'public', header: '2' });
    await pass(REFRESHED_MS);
    await expectLiving(response);
    await open();
    expect(seen).toEqual(['1', '2']);
  });

  it('continues while its preview stays as it is', async () => {
    const response = await open();
    expect([reads, checks]).toEqual([1, 1]);
    await pass(3 * REFRESHED_MS);
    await expectLiving(response);
    expect(checks).toBe(1);
    // Once per age of a route, not once per check.
    expect(reads).toBe(1 + Math.floor((3 * REFRESHED_MS) / REFRESHED_MS));
  });

  it('has its route read again only once the route is old, and once for many exchanges', async () => {
    const responses = [await open(), await open(), await open()];
    await pass(routeTtlMs - 500);
    expect(reads).toBe(1);
    await pass(3000);
    expect(reads).toBe(2);
    for (const [at, response] of responses.entries()) await expectLiving(response, at);
  });

  it('continues while the store fails, and ends once the store returns the change', async () => {
    const response = await open();
    read = () => Promise.reject(new Error('no database'));
    await pass(2 * REFRESHED_MS);
    await expectLiving(response);
    expect(reads).toBeGreaterThan(1);
    expect(faults).toEqual([]);
    stored(null);
    const closed = ended(response);
    await pass(REFRESHED_MS);
    await closed;
  });

  it('ends when its preview changed and the store fails before it returns the new state', async () => {
    const response = await open();
    let answers = 0;
    read = () =>
      answers++ === 0
        ? Promise.resolve({ access: 'public', header: '2' })
        : Promise.reject(new Error('no database'));
    const closed = ended(response);
    await pass(REFRESHED_MS);
    await closed;
    expect(faults).toHaveLength(1);
  });
});
