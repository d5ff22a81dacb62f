/** Three services in a row, the last one intercepted: docs/context-propagation.md. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { startTrafficAgent } from '@culvert/traffic-agent';
import { startTrafficManager } from '@culvert/traffic-manager';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CLUSTER_SECRET, draftOf, OUT_OF_REACH, startClient } from '../support/cluster.js';

const cleanUps: (() => unknown)[] = [];
let orders: number;

async function listen(answer: http.RequestListener): Promise<number> {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const color = (name: string) => listen((_request, response) => response.end(name));

/** Starts a service that calls the next one; `passedOn` are the headers that it forwards. */
function service(next: number, passedOn: readonly string[]): Promise<number> {
  const context = new AsyncLocalStorage<Record<string, string>>();
  const ask = async (): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${next}/`, { headers: context.getStore()! });
    return answer.text();
  };
  return listen((request, response) => {
    const passed = passedOn.flatMap((name) => {
      const value = request.headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    });
    context.run(Object.fromEntries(passed) as Record<string, string>, () => {
      ask().then(
        (body) => response.end(body),
        (error: Error) => response.writeHead(502).end(error.message),
      );
    });
  });
}

async function get(port: number, headers: Record<string, string>): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/`, { headers })).text();
}

beforeAll(async () => {
  const log = pino({ level: 'silent' });
  const manager = startTrafficManager(
    {
      url: OUT_OF_REACH,
      apiKey: 'cvt_none',
      managerId: 'm',
      clusterPort: 0,
      clusterSecret: CLUSTER_SECRET,
      drainMs: 100,
    },
    log,
  );
  cleanUps.push(() => manager.stop());
  const managerUrl = `http://127.0.0.1:${await manager.clusterPort}`;
  const agent = await startTrafficAgent(
    {
      ports: [{ port: 0, applicationPort: await color('green'), name: '', protocol: 'http' }],
      applicationHost: '127.0.0.1',
      workload: 'orders',
      namespace: 'shop',
      kind: 'Deployment',
      pod: 'orders-1',
      managerUrl: new URL(managerUrl),
      credential: () => Promise.resolve(CLUSTER_SECRET),
      drainMs: 100,
      adminPort: null,
      metrics: null,
    },
    log,
  );
  cleanUps.push(() => agent.stop());
  const client = startClient(managerUrl, 'alice');
  cleanUps.push(() => client.close());
  const target = { host: '127.0.0.1', port: await color('blue') };
  await client.create(draftOf([{ name: 'x-dev', value: 'alice' }]), target);
  const byBaggage = { name: 'baggage', pattern: '(.*,)?dev=alice([,;].*)?' };
  await client.create(draftOf([byBaggage], { name: 'by-baggage' }), target);
  await vi.waitUntil(() => agent.intercepts.length === 2, { timeout: 10_000 });
  orders = agent.ports[0];
});
afterAll(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
});

describe('an intercept of the third of three services in a row', () => {
  it('gets the request if the first two forward the header', async () => {
    const gateway = await service(await service(orders, ['x-dev']), ['x-dev']);
    expect(await get(gateway, { 'x-dev': 'alice' })).toBe('blue');
    expect(await get(gateway, { 'x-dev': 'bob' })).toBe('green');
    expect(await get(gateway, {})).toBe('green');
  });

  it('does not get the request if the second does not forward the header', async () => {
    const gateway = await service(await service(orders, []), ['x-dev']);
    expect(await get(gateway, { 'x-dev': 'alice' })).toBe('green');
  });

  it('can match baggage, which the first two forward anyway', async () => {
    const gateway = await service(await service(orders, ['baggage']), ['baggage']);
    expect(await get(gateway, { baggage: 'tenant=7,dev=alice;ttl=1' })).toBe('blue');
    expect(await get(gateway, { baggage: 'dev=alicent' })).toBe('green');
  });
});
