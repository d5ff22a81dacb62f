import { availableParallelism } from 'node:os';
import { startOwnRedis } from '../services/redis.js';
import { cpuMicroseconds, withChildren } from './cpu.js';
import { startManager, startSplitEdge } from './culvert.js';
import { startDatabase } from './database.js';
import { fleetSettings } from './fleet-settings.js';
import { atMost, type Effort, figure, type MeasureResult, medianOfRounds } from './measure.js';
import { startNginxService } from './nginx.js';
import { BODY_BYTES, BULK_BYTES, rowOf } from './rig.js';
import type { Scope } from './scope.js';
import { runWrk } from './wrk.js';

const WAYS = ['one worker', 'two workers'] as const;
type Way = (typeof WAYS)[number];

/** Each worker has as many: with fewer, it would handle fewer requests at a time, which costs more CPU for each. */
const CONNECTIONS_PER_WORKER = 64;
const WORKERS: Readonly<Record<Way, number>> = { 'one worker': 1, 'two workers': 2 };
/** Two workers, load, service and traffic manager. With fewer cores, a second worker has none to itself. */
const CORES_NEEDED = 5;

/** Requests through an edge with one worker, and through one with two: each with an API process and a manager of its own. */
export async function compareWorkers(scope: Scope, effort: Effort): Promise<MeasureResult> {
  const service = scope.keep(await startNginxService({ bodyBytes: BODY_BYTES, bulkBytes: BULK_BYTES }));
  const edges: Record<Way, WorkedEdge> = {
    'one worker': await startWorkers(scope, WORKERS['one worker'], service.port),
    'two workers': await startWorkers(scope, WORKERS['two workers'], service.port),
  };
  const found = await medianOfRounds(WAYS, effort, async (way, seconds) => {
    const { port, host, pids } = edges[way];
    const before = cpuMicroseconds(pids);
    const url = `http://127.0.0.1:${port}/`;
    const connections = CONNECTIONS_PER_WORKER * WORKERS[way];
    const result = await runWrk({ url, hosts: [host], connections, seconds });
    return {
      perSecond: result.requests / result.seconds,
      cpu: (cpuMicroseconds(pids) - before) / result.requests,
    };
  });
  const { 'one worker': one, 'two workers': two } = found;
  const cores = availableParallelism();
  return {
    tables: [
      {
        title: `Workers of one edge: ${CONNECTIONS_PER_WORKER} keep-alive connections for each, 1 KiB bodies`,
        columns: WAYS,
        ratio: { of: 'two workers', to: 'one worker' },
        rows: [
          rowOf(found, { label: 'requests/s', key: 'perSecond', digits: 0 }),
          rowOf(found, { label: 'CPU of supervisor and workers, us/request', key: 'cpu', digits: 1 }),
        ],
      },
    ],
    figures: [
      figure('CPU per request, two workers to one', two.cpu / one.cpu, 'ratio', atMost(1.05)),
      figure(
        'requests, two workers to one',
        cores < CORES_NEEDED ? null : two.perSecond / one.perSecond,
        'ratio',
      ),
    ],
    notes: [
      cores < CORES_NEEDED
        ? `This machine has ${cores} cores. Two workers, load, service and traffic manager need ${CORES_NEEDED}, so the ` +
          'requests a second of two workers do not show what a second worker adds.'
        : `The machine has ${cores} cores: each worker has one to itself.`,
    ],
  };
}

interface WorkedEdge {
  readonly port: number;
  /** The Host field that leads to the service. */
  readonly host: string;
  /** The edge with its workers. */
  readonly pids: readonly number[];
}

/** The manager has a tunnel to each worker, as by default, so that no request needs a link. */
async function startWorkers(scope: Scope, workers: number, servicePort: number): Promise<WorkedEdge> {
  const databaseUrl = await startDatabase(scope);
  const redis = scope.keep(await startOwnRedis());
  const env = { ...fleetSettings(redis.url), EDGE_WORKERS: String(workers) };
  const edge = await startSplitEdge(scope, { databaseUrl, env });
  await startManager(scope, edge.url, { tunnels: workers });
  return {
    port: edge.port,
    host: await edge.previewOf('service', servicePort),
    pids: withChildren(edge.program.pid),
  };
}
