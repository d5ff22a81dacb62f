/** Workers of an edge that die, again and again or while others start. All are real processes. */
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { childrenOf } from '../support/child-processes.js';
import { createDatabase } from '../support/database.js';
import { freePort } from '../support/network.js';
import { type Program, startProgram } from '../support/process.js';

let edge: Program;
let port: number;
let adminPort: number;
/** First of the two ports at which the workers accept links. */
let linkPort: number;
const blockers: net.Server[] = [];

/** Starts an edge with two workers; does not wait for them. */
beforeEach(async () => {
  const { url } = await createDatabase();
  [port, adminPort, linkPort] = [await freePort(), await freePort(), await twoFreePorts()];
  edge = startProgram('apps/edge/src/main.js', {
    DATABASE_URL: url,
    REDIS_URL: inject('redisUrl'),
    APP_HOST: `localhost:${port}`,
    API_UPSTREAM_URL: 'http://127.0.0.1:9',
    PORT: String(port),
    ADMIN_PORT: String(adminPort),
    EDGE_WORKERS: '2',
    EDGE_LINK_SECRET: 'links-of-tests-0123456789abcdef0123456789',
    EDGE_LINK_PORT: String(linkPort),
    EDGE_LINK_ADDRESS: `127.0.0.1:${linkPort}`,
  });
});

afterEach(async () => {
  await edge.stop();
  for (const blocker of blockers.splice(0)) blocker.close();
});

/** Returns the first of two free ports that follow each other. */
async function twoFreePorts(): Promise<number> {
  for (;;) {
    const first = await freePort();
    const second = await listen(first + 1).catch(() => null);
    if (second === null) continue;
    second.close();
    return first;
  }
}

async function listen(at: number): Promise<net.Server> {
  const server = net.createServer((socket) => socket.destroy()).listen(at);
  await once(server, 'listening');
  return server;
}

/** Occupies a port at which a worker accepts links, so that it ends at every start. */
async function block(at: number): Promise<net.Server> {
  const blocker = await listen(at);
  blockers.push(blocker);
  return blocker;
}

async function readiness() {
  const response = await fetch(`http://127.0.0.1:${adminPort}/readyz`).catch(() => null);
  if (response === null) return { status: 0, workers: null };
  const { workers } = (await response.json()) as { workers: { ready: number; total: number } };
  return { status: response.status, workers };
}

const expectReady = (status: number, ready: number) =>
  expect.poll(readiness, { timeout: 60_000 }).toEqual({ status, workers: { ready, total: 2 } });

/** Waits of the supervisor before it started a worker again, in milliseconds. */
const waits = () =>
  [...edge.stderr.matchAll(/"delayMs":(\d+),"msg":"a worker ended: starting it again"/g)].map(([, ms]) =>
    Number(ms),
  );

describe('a worker that dies', { timeout: 180_000 }, () => {
  // The supervisor took it for a first start that had failed, which ends the edge, and did not start it again.
  it('twice while another one still starts is started again', async () => {
    await expect.poll(() => childrenOf(edge.pid).length).toBe(2);
    const [quick, slow] = childrenOf(edge.pid);
    process.kill(slow, 'SIGSTOP');
    try {
      await expectReady(200, 1);
      process.kill(quick, 'SIGKILL');
      await expect.poll(waits).toHaveLength(1);
      const newChild = () => childrenOf(edge.pid).find((pid) => pid !== quick && pid !== slow);
      await expect.poll(newChild).toBeDefined();
      process.kill(newChild()!, 'SIGKILL');
      await expect.poll(waits).toHaveLength(2);
    } finally {
      process.kill(slow, 'SIGCONT');
    }
    await edge.logged(/"workers":2,"msg":"serving"/);
    await expectReady(200, 2);
  });

  it('at every start is started again after growing waits, while the other one serves', async () => {
    await edge.logged(/"serving"/);
    process.kill(childrenOf(edge.pid)[0], 'SIGKILL');
    await expect.poll(waits).toHaveLength(1);
    // The ports of the other worker are taken: one of the two is free now.
    const blocker = await block(linkPort).catch(() => block(linkPort + 1));
    // A busy machine takes seconds for each start.
    await expect.poll(() => waits().length, { timeout: 120_000 }).toBeGreaterThan(5);
    for (const [count, ms] of waits().entries()) expect(ms).toBeLessThanOrEqual(100 * 2 ** count);
    expect(Math.max(...waits())).toBeGreaterThan(100);
    expect(edge.stderr).toContain('EDGE_LINK_PORT');
    expect(await readiness()).toEqual({ status: 200, workers: { ready: 1, total: 2 } });
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBeGreaterThan(0);
    blocker.close();
    await expectReady(200, 2);
  });

  it('beside all others leaves an edge that is not ready, lives, recovers by itself, and can be stopped', async () => {
    await edge.logged(/"serving"/);
    const killAll = async () => {
      const before = waits().length;
      for (const pid of childrenOf(edge.pid)) process.kill(pid, 'SIGKILL');
      // Their ports are free once they are gone, and new workers need a moment to start.
      await expect.poll(() => waits().length).toBe(before + 2);
      return Promise.all([block(linkPort), block(linkPort + 1)]);
    };
    const held = await killAll();
    await expectReady(503, 0);
    expect((await fetch(`http://127.0.0.1:${adminPort}/healthz`)).status).toBe(200);
    await expect.poll(() => waits().length, { timeout: 60_000 }).toBeGreaterThan(4);
    for (const blocker of held) blocker.close();
    await expectReady(200, 2);
    await killAll();
    await expectReady(503, 0);
    expect(await edge.stop()).toBe(0);
  });
});

describe('an edge', () => {
  it('ends with an error if a worker cannot start at its first start', async () => {
    await block(linkPort + 1);
    expect((await edge.exited).code).toBe(1);
    expect(edge.stderr).toMatch(/worker \d ended before it served/);
  });
});
