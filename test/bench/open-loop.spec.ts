import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { percentile } from './measure.js';
import { measureAtRate } from './open-loop.js';

let server: Server;

async function serve(listener: RequestListener): Promise<number> {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

it('measureAtRate sends as many requests as the rate requires, with the Host field', async () => {
  const hosts = new Set<string | undefined>();
  const port = await serve((request, response) => {
    hosts.add(request.headers.host);
    response.setHeader('content-length', 2).end('ok');
  });
  const latencies = await measureAtRate({ port, host: 'a.example', rate: 500, seconds: 1, connections: 8 });
  expect(latencies).toHaveLength(500);
  expect(latencies).toEqual(latencies.toSorted((a, b) => a - b));
  expect([...hosts]).toEqual(['a.example']);
});

it('measureAtRate counts a stall for every request that had to wait for it', async () => {
  let count = 0;
  const port = await serve((_, response) => {
    count += 1;
    setTimeout(() => response.setHeader('content-length', 2).end('ok'), count === 1 ? 300 : 0);
  });
  const latencies = await measureAtRate({ port, host: 'a', rate: 200, seconds: 1, connections: 1 });
  // One connection: the requests due in the stalled 300 ms, some 60, wait too.
  expect(latencies.filter((latency) => latency > 50).length).toBeGreaterThan(30);
});

it.each([
  ['an error status', 500],
  ['a redirect', 302],
])('measureAtRate fails on %s', async (_, status) => {
  const port = await serve((__, response) => response.writeHead(status, { 'content-length': 0 }).end());
  const load = { port, host: 'a', rate: 100, seconds: 1, connections: 1 };
  await expect(measureAtRate(load)).rejects.toThrow(String(status));
});

it('percentile reads from sorted values', () => {
  const values = Array.from({ length: 100 }, (_, index) => index + 1);
  expect([percentile(values, 0.5), percentile(values, 0.99), percentile([7], 0.99)]).toEqual([51, 100, 7]);
});
