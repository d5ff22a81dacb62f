/** A pod daemon within the limits of the documented manifest: a tenth of a CPU, and 100 MiB. */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cpuMicroseconds } from '../bench/cpu.js';
import { ControlGroup } from '../support/cgroup.js';
import {
  type ClusterManager,
  PREVIEW_LINE,
  type RunningAgent,
  startAgent,
  startClusterManager,
  startPodDaemon,
} from '../support/cluster.js';
import { API_KEY, type Deployment, startDeployment, visit } from '../support/deployment.js';
import type { Program } from '../support/process.js';

const CPUS = 0.1;
const MEMORY_MIB = 100;
/** Memory that the kernel cannot reclaim, at any moment: the rest is reserve, and for Node's temporary needs. */
const MAX_OWN_MIB = 70;

/** Concurrent bodies, each way, which together exceed its memory. */
const BODIES = 4;
const BODY_MIB = 40;
const REQUESTS = 300;
const AT_ONCE = 8;

const group = ControlGroup.create(`culvert-pod-daemon-${process.pid}`, { cpus: CPUS, memoryMiB: MEMORY_MIB });
const cleanUps: (() => unknown)[] = [];
let culvert: Deployment;
let manager: ClusterManager;
let agent: RunningAgent;
let image: number;

/** Responds with the received bytes, so that none of them stays. */
async function listen(answer: http.RequestListener): Promise<number> {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  culvert = await startDeployment();
  cleanUps.push(() => culvert.stop());
  manager = await startClusterManager({
    CULVERT_URL: `http://127.0.0.1:${culvert.port}`,
    CULVERT_API_KEY: API_KEY,
  });
  cleanUps.push(() => manager.program.stop());
  agent = await startAgent({
    managerUrl: manager.url,
    applicationPort: await listen((_request, response) => response.end('green')),
  });
  cleanUps.push(() => agent.program.stop());
  image = await listen((request, response) => {
    response.setHeader('x-color', 'blue');
    request.pipe(response);
  });
});
afterAll(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  group?.remove();
});

function startDaemon(via: readonly string[]): Program {
  const ingress = { host: '127.0.0.1', port: agent.port };
  return startPodDaemon({ managerUrl: manager.url, apiKey: API_KEY, port: image, ingress, via });
}

/** Makes the image answer this many requests, a few at a time. */
async function serve(requests: number): Promise<void> {
  const kept = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
  let left = requests;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const headers = { 'test-telepresence': '1' };
      const answer = await visit(agent.port, 'orders', '/', { headers, agent: kept });
      expect(answer.headers['x-color']).toBe('blue');
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  kept.destroy();
}

/** Sends a body of this many MiB and counts what comes back. */
async function echo(mib: number): Promise<number> {
  const request = http.request({
    port: agent.port,
    host: '127.0.0.1',
    method: 'POST',
    headers: { 'test-telepresence': '1' },
    agent: false,
  });
  const answered = once(request, 'response') as Promise<[http.IncomingMessage]>;
  const chunk = Buffer.alloc(1024 * 1024, 'x');
  const sent = (async () => {
    for (let i = 0; i < mib; i++) if (!request.write(chunk)) await once(request, 'drain');
    request.end();
  })();
  let bytes = 0;
  for await (const piece of (await answered)[0]) bytes += (piece as Buffer).length;
  await sent;
  return bytes / chunk.length;
}

function echoes(): Promise<number[]> {
  return Promise.all(Array.from({ length: BODIES }, () => echo(BODY_MIB)));
}

describe('a pod daemon', () => {
  it('starts, serves and stops under these limits, and is never killed for its memory', async ({ skip }) => {
    skip(group === null, 'this process cannot create a control group');
    const startedAt = performance.now();
    const daemon = startDaemon(group!.via);
    await daemon.line(PREVIEW_LINE);
    const readyMs = performance.now() - startedAt;
    await agent.looksFor(1);
    const servedFrom = performance.now();
    await serve(REQUESTS);
    const perSecond = (REQUESTS / (performance.now() - servedFrom)) * 1000;
    let ownMiB = 0;
    const looks = setInterval(() => (ownMiB = Math.max(ownMiB, group!.anonymousMiB())), 20);
    cleanUps.push(() => clearInterval(looks));
    expect(await echoes()).toEqual(Array(BODIES).fill(BODY_MIB));
    clearInterval(looks);
    const stoppedAt = performance.now();
    expect(await daemon.stop()).toBe(0);
    console.log(
      `${group!.kind}, ${CPUS} CPU and ${MEMORY_MIB} MiB: URL after ${(readyMs / 1000).toFixed(1)} s, ` +
        `${perSecond.toFixed(0)} requests/s, peak ${group!.peakMiB().toFixed(0)} MiB, ${ownMiB.toFixed(0)} MiB its own, ` +
        `throttled ${group!.throttledPeriods()} times, gone after ${(performance.now() - stoppedAt).toFixed(0)} ms`,
    );
    expect(group!.throttledPeriods()).toBeGreaterThan(0);
    expect(group!.outOfMemoryKills()).toBe(0);
    expect(group!.peakMiB()).toBeLessThanOrEqual(MEMORY_MIB);
    expect(ownMiB).toBeLessThan(MAX_OWN_MIB);
  });

  it('uses less than its memory, and a small part of its CPU, while idle', async () => {
    const daemon = startDaemon([]);
    await daemon.line(PREVIEW_LINE);
    await agent.looksFor(1);
    const idleMiB = daemon.residentMiB();
    // The first requests cost many times more, because the code is not compiled yet.
    await serve(3 * REQUESTS);
    const before = cpuMicroseconds([daemon.pid]);
    await serve(3 * REQUESTS);
    const perRequestUs = (cpuMicroseconds([daemon.pid]) - before) / (3 * REQUESTS);
    const idleFrom = cpuMicroseconds([daemon.pid]);
    const idleAt = performance.now();
    // It has a heartbeat every few seconds: this includes at least two.
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const idleShare = (cpuMicroseconds([daemon.pid]) - idleFrom) / 1000 / (performance.now() - idleAt);
    console.log(
      `pod daemon: ${idleMiB.toFixed(0)} MiB resident, ${perRequestUs.toFixed(0)} us of CPU for a request, ` +
        `${(idleShare * 100).toFixed(2)} % of a CPU idle`,
    );
    expect(idleMiB).toBeLessThan(MEMORY_MIB);
    expect(idleShare).toBeLessThan(CPUS / 4);
    expect(await daemon.stop()).toBe(0);
  });
});
