/**
 * The processes of a cluster, and Culvert, each killed and started again under load. Failures are counted: only
 * exchanges may fail that were under way through the killed process, or need it while it is away.
 */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TemporaryFolder } from '../services/server.js';
import {
  type ClusterManager,
  PREVIEW_LINE,
  type RunningAgent,
  startAgent,
  startClusterManager,
  startPodDaemon,
} from '../support/cluster.js';
import { CountedLoad, type Lane, type Outcome } from '../support/counted-load.js';
import { API_KEY, type Deployment, deploymentOf } from '../support/deployment.js';
import { freePort } from '../support/network.js';
import { type Program, startProgram } from '../support/process.js';

/** Number of requests of each kind under way at any time, since a service takes this long for each. */
const WORKERS = 3;
const SERVICE_MS = 15;

/** Time when a worker begins, it may not know yet that its kept connection is gone. */
const HEARSAY_MS = 100;

const dataDir = new TemporaryFolder('faults');
const services: http.Server[] = [];
let culvert: Deployment;
let manager: ClusterManager;
let agent: RunningAgent;
let daemon: Program;
let green: number;
let blue: number;
let url: string;
let load: CountedLoad;
let startedAt: number;

/** Results of each kind of request while nothing is wrong. */
const WHOLE = {
  'plain GET': 'green',
  'plain POST': 'green',
  'matched GET': 'blue',
  'matched POST': 'blue',
  'preview GET': 'blue',
  'preview POST': 'blue',
};
type LaneName = keyof typeof WHOLE;
const PREVIEW: readonly LaneName[] = ['preview GET', 'preview POST'];
const DIRECT: readonly LaneName[] = ['plain GET', 'plain POST', 'matched GET', 'matched POST'];

/** Results of requests that do not come through Culvert while there is no intercept. */
const NOBODY_INTERCEPTS = Object.fromEntries(DIRECT.map((lane) => [lane, 'green']));

async function service(color: string): Promise<number> {
  const server = http.createServer((request, response) => {
    request.resume();
    setTimeout(() => response.end(color), SERVICE_MS);
  });
  services.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function startCulvert(port: number): Promise<Deployment> {
  const program = startProgram('apps/standalone/src/main.js', {
    PORT: String(port),
    DATA_DIR: dataDir.path,
    CULVERT_BOOTSTRAP_API_KEY: API_KEY,
    LOG_LEVEL: 'info',
  });
  await program.line(/^Dashboard /m);
  return deploymentOf(program, port);
}

function startManager(port: string): Promise<ClusterManager> {
  return startClusterManager({
    CULVERT_URL: `http://127.0.0.1:${culvert.port}`,
    CULVERT_API_KEY: API_KEY,
    CULVERT_CLUSTER_PORT: port,
  });
}

function startDaemon(): Program {
  const ingress = { host: '127.0.0.1', port: agent.port };
  return startPodDaemon({ managerUrl: manager.url, apiKey: API_KEY, port: blue, ingress });
}

function lanes(): Record<string, Lane> {
  const previewed = { port: culvert.port, hostname: new URL(url).hostname };
  const direct = { port: agent.port, hostname: 'orders' };
  const kinds = {
    plain: { ...direct, headers: {} },
    matched: { ...direct, headers: { 'test-telepresence': '1' } },
    preview: { ...previewed, headers: { 'x-culvert-api-key': API_KEY } },
  };
  return Object.fromEntries(
    Object.entries(kinds).flatMap(([kind, lane]) =>
      (['GET', 'POST'] as const).map((method) => [`${kind} ${method}`, { ...lane, method }]),
    ),
  );
}

beforeAll(async () => {
  green = await service('green');
  blue = await service('blue');
  culvert = await startCulvert(await freePort());
  manager = await startManager('0');
  agent = await startAgent({ managerUrl: manager.url, applicationPort: green });
  daemon = startDaemon();
  url = (await daemon.line(PREVIEW_LINE))[1];
  load = new CountedLoad(lanes(), WORKERS);
});
afterAll(async () => {
  await load?.stop();
  for (const program of [daemon, agent?.program, manager?.program, culvert?.program]) await program?.stop();
  for (const server of services) {
    server.closeAllConnections();
    server.close();
  }
  dataDir.remove();
});
beforeEach(async () => {
  await load.gets(WHOLE);
  startedAt = performance.now();
});

/** The end of a process, in times of `performance.now`. */
interface Death {
  readonly killedAt: number;
  readonly goneAt: number;
}

async function kill(program: Program): Promise<Death> {
  const killedAt = performance.now();
  program.kill('SIGKILL');
  await program.exited;
  return { killedAt, goneAt: performance.now() };
}

/** Stops it by SIGTERM. */
async function stop(program: Program): Promise<Death> {
  const killedAt = performance.now();
  expect(await program.stop()).toBe(0);
  return { killedAt, goneAt: performance.now() };
}

/** Unusual results of these lanes since the test began, each with its explanation. */
class Accounts {
  private readonly outcomes: readonly Outcome[];
  private readonly explained = new Set<Outcome>();
  private readonly counts: string[] = [];

  constructor(readonly of: readonly LaneName[]) {
    this.outcomes = load
      .since(startedAt)
      .filter(({ lane, result }) => of.includes(lane as LaneName) && result !== WHOLE[lane as LaneName]);
  }

  /** Accepts failures of requests that were under way when the process died: at most one for each worker. */
  underWay(result: RegExp, { killedAt, goneAt }: Death): this {
    const found = this.take(result, 'under way');
    for (const outcome of found) {
      expect(outcome.startedAt, outcome.result).toBeLessThan(goneAt + HEARSAY_MS);
      expect(outcome.endedAt, outcome.result).toBeGreaterThan(killedAt);
    }
    for (const lane of this.of)
      expect(found.filter((outcome) => outcome.lane === lane).length, lane).toBeLessThanOrEqual(WORKERS);
    return this;
  }

  /** Accepts failures while the process was away: not before it was killed, and not after `backAt`. */
  away(result: RegExp, { killedAt }: Death, backAt: number): this {
    for (const outcome of this.take(result, 'away')) {
      expect(outcome.endedAt, outcome.result).toBeGreaterThan(killedAt);
      expect(outcome.startedAt, outcome.result).toBeLessThan(backAt);
    }
    return this;
  }

  /** Expects that there is nothing unexplained. */
  nothingElse(process: string): void {
    expect(this.outcomes.filter((outcome) => !this.explained.has(outcome))).toEqual([]);
    const total = load.since(startedAt).filter(({ lane }) => this.of.includes(lane as LaneName)).length;
    console.log(`${process}: of ${total} (${this.of.join(', ')}) ${this.counts.join(', ') || 'none'}`);
  }

  private take(result: RegExp, why: string): readonly Outcome[] {
    const found = this.outcomes.filter(
      (outcome) => !this.explained.has(outcome) && result.test(outcome.result),
    );
    for (const outcome of found) this.explained.add(outcome);
    if (found.length > 0)
      this.counts.push(`${found.length} ${why} ${[...new Set(found.map(({ result: r }) => r))].join('|')}`);
    return found;
  }
}

/** Expects the same preview as before, and no other. */
async function expectTheSamePreview(): Promise<void> {
  const { items } = await culvert.api<{ items: { url: string; hostname: string }[] }>('GET', '/previews');
  expect(items.map((preview) => preview.url)).toEqual([url]);
}

/** Resolves with the time from which everything works again. */
async function whole(): Promise<number> {
  await load.gets(WHOLE, 1);
  const backAt = performance.now();
  await load.gets(WHOLE);
  return backAt;
}

describe('after a kill', () => {
  it('the traffic agent loses only its own connections, and is refused until it is back', async () => {
    const { port } = agent;
    const death = await kill(agent.program);
    await load.gets({
      'plain GET': 'ECONNREFUSED',
      'matched POST': 'ECONNREFUSED',
      'preview GET': '502 ingress_refused',
    });
    agent = await startAgent({ managerUrl: manager.url, applicationPort: green, port });
    const listensAt = performance.now();
    const backAt = await whole();
    new Accounts(DIRECT)
      .underWay(/^(ECONNRESET|EPIPE)$/, death)
      .away(/^ECONNREFUSED$/, death, listensAt)
      // It serves the application before it knows the intercepts.
      .away(/^green$/, death, backAt)
      .nothingElse('traffic agent');
    new Accounts(PREVIEW)
      .underWay(/^502 (ingress_reset|ingress_closed)$/, death)
      .away(/^502 ingress_refused$/, death, listensAt)
      .away(/^green$/, death, backAt)
      .nothingElse('traffic agent');
    await expectTheSamePreview();
  });

  it(
    'the traffic manager loses only what it was carrying and cannot be repeated; the application answers ' +
      'until it is back',
    async () => {
      const death = await kill(manager.program);
      await load.gets(NOBODY_INTERCEPTS);
      manager = await startManager(new URL(manager.url).port);
      const backAt = await whole();
      new Accounts(['plain GET', 'plain POST']).nothingElse('traffic manager');
      new Accounts(['matched GET']).away(/^green$/, death, backAt).nothingElse('traffic manager');
      new Accounts(['matched POST'])
        .underWay(/^502\b/, death)
        .away(/^green$/, death, backAt)
        .nothingElse('traffic manager');
      // Visitors wait for it, and reach the application while the pod daemon is not back.
      new Accounts(['preview GET']).away(/^green$/, death, backAt).nothingElse('traffic manager');
      new Accounts(['preview POST'])
        .underWay(/^502\b/, death)
        .away(/^green$/, death, backAt)
        .nothingElse('traffic manager');
      await expectTheSamePreview();
    },
  );

  it('the pod daemon loses only what it was carrying and cannot be repeated, and has the same URL again', async () => {
    const death = await kill(daemon);
    await load.gets({ ...NOBODY_INTERCEPTS, 'preview GET': 'green', 'preview POST': 'green' });
    daemon = startDaemon();
    expect((await daemon.line(PREVIEW_LINE))[1]).toBe(url);
    const backAt = await whole();
    new Accounts(['plain GET', 'plain POST']).nothingElse('pod daemon');
    new Accounts(['matched GET', 'preview GET']).away(/^green$/, death, backAt).nothingElse('pod daemon');
    new Accounts(['matched POST', 'preview POST'])
      .underWay(/^502\b/, death)
      .away(/^green$/, death, backAt)
      .nothingElse('pod daemon');
    await expectTheSamePreview();
  });

  it('Culvert loses only its visitors, and nothing inside the cluster is affected', async () => {
    const death = await kill(culvert.program);
    await load.gets({
      'plain GET': 'green',
      'plain POST': 'green',
      'matched GET': 'blue',
      'matched POST': 'blue',
      'preview GET': 'ECONNREFUSED',
      'preview POST': 'ECONNREFUSED',
    });
    culvert = await startCulvert(culvert.port);
    const listensAt = performance.now();
    await whole();
    new Accounts(DIRECT).nothingElse('Culvert');
    // Visitors that arrive before the traffic manager is back wait for it.
    new Accounts(PREVIEW)
      .underWay(/^(ECONNRESET|EPIPE)$/, death)
      .away(/^ECONNREFUSED$/, death, listensAt)
      .nothingElse('Culvert');
    await expectTheSamePreview();
  });
});

describe('after a stop signal', () => {
  it('the traffic manager finishes what it carries, and fails nothing', async () => {
    const asked = await stop(manager.program);
    manager = await startManager(new URL(manager.url).port);
    const backAt = await whole();
    new Accounts(['plain GET', 'plain POST']).nothingElse('traffic manager');
    new Accounts(['matched GET', 'matched POST', ...PREVIEW])
      .away(/^green$/, asked, backAt)
      .nothingElse('traffic manager');
    await expectTheSamePreview();
  });

  // This is the last test: it removes the preview.
  it('the pod daemon finishes what it has, and fails nothing inside the cluster', async () => {
    const asked = await stop(daemon);
    await load.gets(NOBODY_INTERCEPTS);
    new Accounts(['plain GET', 'plain POST']).nothingElse('pod daemon');
    new Accounts(['matched GET', 'matched POST'])
      .away(/^green$/, asked, performance.now())
      .nothingElse('pod daemon');
    expect((await culvert.api<{ items: unknown[] }>('GET', '/previews')).items).toEqual([]);
  });
});
