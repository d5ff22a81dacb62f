import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Deployment, type Preview, startDeployment, visit } from '../support/deployment.js';
import { MemoryWatch, percentile99, readMetric } from '../support/figures.js';
import type { Program } from '../support/process.js';
import { RawVisitors } from '../support/raw-visitors.js';

/** All previews except one share a manager, and so a tunnel. */
let deployment: Deployment;
let manager: Program;
let service: http.Server;
let quiet: Preview;
/** A preview like `quiet`, on a tunnel of its own. */
let apart: Preview;
let greedy: Preview;
let stalled: Preview;
let visitors: RawVisitors;
/** Bytes that the service has exchanged with greedy visitors. */
let moved = 0;

const BLOCK = Buffer.alloc(65_536, 'x');

beforeAll(async () => {
  service = http.createServer((request, response) => {
    if (request.url === '/endless') pour(response);
    else if (request.url === '/unread') request.pause();
    else response.end('x'.repeat(100));
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  deployment = await startDeployment();
  manager = await deployment.startManager();
  const { port } = service.address() as AddressInfo;
  quiet = await deployment.createPreview(port);
  await deployment.startManager({ CULVERT_MANAGER_ID: 'apart' });
  const { items } = await deployment.api<{ items: { id: string }[] }>('GET', '/traffic-managers');
  const { trafficManagerId } = quiet;
  const other = items.find(({ id }) => id !== trafficManagerId)!;
  apart = await deployment.createPreview(port, { trafficManagerId: other.id });
  greedy = await deployment.createPreview(port, { trafficManagerId });
  stalled = await deployment.createPreview(port, { trafficManagerId });
  visitors = new RawVisitors(deployment.port);
});

/** Sends until the connection closes, as fast as it accepts. */
function pour(response: http.ServerResponse): void {
  while (!response.destroyed) {
    moved += BLOCK.length;
    if (response.write(BLOCK)) continue;
    response.once('drain', () => pour(response));
    return;
  }
}

afterEach(async () => {
  visitors.close();
  service.closeAllConnections();
  await expect.poll(() => readMetric(deployment.port, 'culvert_streams'), { timeout: 10_000 }).toBe(0);
});

afterAll(async () => {
  await deployment?.stop();
  service.closeAllConnections();
  service.close();
});

const endless = (preview: Preview): string => `GET /endless HTTP/1.1\r\nHost: ${preview.hostname}\r\n\r\n`;

/** Returns the milliseconds of each of `count` small requests, eight at a time over kept connections. */
async function smallRequests(preview: Preview, count: number): Promise<number[]> {
  const agent = new http.Agent({ keepAlive: true });
  const times: number[] = [];
  let left = count;
  const run = async (): Promise<void> => {
    while (left-- > 0) {
      const from = performance.now();
      const { status } = await visit(deployment.port, preview.hostname, '/', { agent });
      expect(status).toBe(200);
      times.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: 8 }, run));
  agent.destroy();
  return times;
}

/** Waits until `read` returns the same value for half a second. */
async function settled(read: () => number): Promise<void> {
  let last = -1;
  let since = performance.now();
  await expect
    .poll(
      () => {
        const value = read();
        if (value !== last) {
          last = value;
          since = performance.now();
        }
        return performance.now() - since;
      },
      { timeout: 20_000, interval: 50 },
    )
    .toBeGreaterThan(500);
}

/**
 * Largest factor between a tunnel that is shared with the load and one that is not; the load of the machine affects
 * both.
 */
const MAX_FACTOR = 8;

describe('a shared tunnel', () => {
  it('keeps a preview fast beside a stalled visitor and greedy ones', { retry: 1 }, async () => {
    await smallRequests(quiet, 100);
    await smallRequests(apart, 100);
    await visitors.open(1, endless(stalled), { read: false });
    await visitors.open(50, endless(greedy), { read: true });
    await expect.poll(() => readMetric(deployment.port, 'culvert_streams')).toBeGreaterThanOrEqual(51);
    const onItsOwn = percentile99(await smallRequests(apart, 200));
    const before = moved;
    const inCompany = percentile99(await smallRequests(quiet, 200));
    const besideMiB = (moved - before) / 2 ** 20;
    console.log(
      `p99 on its own tunnel ${onItsOwn.toFixed(1)} ms, in company ${inCompany.toFixed(1)} ms, ` +
        `beside ${Math.round(besideMiB)} MiB`,
    );
    expect(besideMiB).toBeGreaterThan(10);
    expect(inCompany).toBeLessThan(onItsOwn * MAX_FACTOR);
  });

  it('holds 500 visitors that do not read their responses in bounded memory', async () => {
    const edge = new MemoryWatch(deployment.program);
    const ofManager = new MemoryWatch(manager);
    moved = 0;
    await visitors.open(500, endless(greedy), { read: false });
    await expect.poll(() => readMetric(deployment.port, 'culvert_streams')).toBe(500);
    await settled(() => moved);
    expect((await smallRequests(quiet, 20)).length).toBe(20);
    const growth = { edge: Math.round(edge.stop()), manager: Math.round(ofManager.stop()) };
    console.log(`500 unread responses, ${Math.round(moved / 2 ** 20)} MiB sent: memory grew by`, growth);
    expect(growth.edge).toBeLessThan(128);
    expect(growth.manager).toBeLessThan(128);
  });

  it('holds 500 uploads to a service that does not read in bounded memory', async () => {
    const edge = new MemoryWatch(deployment.program);
    const ofManager = new MemoryWatch(manager);
    const head = `POST /unread HTTP/1.1\r\nHost: ${greedy.hostname}\r\nContent-Length: 1000000000\r\n\r\n`;
    const sockets = await visitors.open(500, head, { read: true });
    let sent = 0;
    for (const socket of sockets) {
      const push = (): void => {
        do sent += BLOCK.length;
        while (socket.write(BLOCK));
      };
      socket.on('drain', push);
      push();
    }
    await expect.poll(() => readMetric(deployment.port, 'culvert_streams')).toBe(500);
    await settled(() => sent);
    expect((await smallRequests(quiet, 20)).length).toBe(20);
    const growth = { edge: Math.round(edge.stop()), manager: Math.round(ofManager.stop()) };
    console.log(`500 unread uploads, ${Math.round(sent / 2 ** 20)} MiB sent: memory grew by`, growth);
    expect(growth.edge).toBeLessThan(128);
    expect(growth.manager).toBeLessThan(128);
  });

  it('leaves room on the tunnel for other previews, whatever one of them uses', async () => {
    // As many as a tunnel has streams.
    await visitors.open(1000, `GET /unread HTTP/1.1\r\nHost: ${greedy.hostname}\r\n\r\n`, { read: false });
    expect((await smallRequests(quiet, 20)).length).toBe(20);
  });
});
