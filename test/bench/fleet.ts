import { startOwnRedis } from '../services/redis.js';
import { cpuMicroseconds } from './cpu.js';
import { type CulvertEdge, startEdge, startManager } from './culvert.js';
import { startDatabase } from './database.js';
import {
  atLeast,
  atMost,
  type Effort,
  figure,
  type Measure,
  type MeasureResult,
  medianOfRounds,
  percentile,
} from './measure.js';
import { fleetSettings } from './fleet-settings.js';
import { startNginxService } from './nginx.js';
import { measureAtRate } from './open-loop.js';
import { BODY_BYTES, BULK_BYTES, rowOf } from './rig.js';
import { Scope } from './scope.js';
import { startSink } from './sink.js';
import { compareWorkers } from './workers.js';
import { runWrk } from './wrk.js';

/** `local`: the edge that holds the tunnel. `hop`: another edge, which passes the stream on to it. */
const WAYS = ['local', 'hop'] as const;
type Way = (typeof WAYS)[number];

const CONNECTIONS = 64;
const BULK_CONNECTIONS = 4;
const RATE = 1000;
const SETTLING_SECONDS = 5;

/** What the way through another edge costs, and then what a second worker costs. */
export const fleet: Measure = {
  name: 'fleet',
  run: async (scope, effort) => {
    const parts: MeasureResult[] = [];
    // One after the other: the processes of one part must not disturb the other part.
    for (const run of [compareWays, compareWorkers]) {
      const part = new Scope(scope.nodeArgs);
      try {
        parts.push(await run(part, effort));
      } finally {
        await part.close();
      }
    }
    return {
      tables: parts.flatMap(({ tables }) => tables),
      figures: parts.flatMap(({ figures }) => figures),
      notes: parts.flatMap(({ notes }) => notes),
    };
  },
};

/** Visitors at an edge without a tunnel, and at the edge that holds it. */
async function compareWays(scope: Scope, effort: Effort): Promise<MeasureResult> {
  const { edges, service, sink } = await startFleet(scope);
  const pids = Object.values(edges).map(({ program }) => program.pid);
  const rate = (way: Way, seconds: number) =>
    measureAtRate({ port: edges[way].port, host: service, rate: RATE, seconds, connections: CONNECTIONS });
  const mibPerSecond = async (way: Way, host: string, path: string, seconds: number) => {
    const result = await runWrk({
      url: `http://127.0.0.1:${edges[way].port}${path}`,
      hosts: [host],
      connections: BULK_CONNECTIONS,
      seconds,
      postBytes: host === sink ? BULK_BYTES : 0,
    });
    return (result.requests * BULK_BYTES) / 2 ** 20 / result.seconds;
  };
  for (const way of WAYS) await rate(way, SETTLING_SECONDS);
  const found = await medianOfRounds(WAYS, effort, async (way, seconds) => {
    const latencies = await rate(way, seconds);
    const before = pids.map((pid) => cpuMicroseconds([pid]));
    const url = `http://127.0.0.1:${edges[way].port}/`;
    const result = await runWrk({ url, hosts: [service], connections: CONNECTIONS, seconds });
    const [holderCpu = 0, otherCpu = 0] = pids.map(
      (pid, index) => (cpuMicroseconds([pid]) - before[index]) / result.requests,
    );
    return {
      perSecond: result.requests / result.seconds,
      holderCpu,
      otherCpu,
      edgeCpu: holderCpu + otherCpu,
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
      download: await mibPerSecond(way, service, '/bulk', seconds),
      upload: await mibPerSecond(way, sink, '/upload', seconds),
    };
  });
  const { local, hop } = found;
  return {
    tables: [
      {
        title: `Through another edge: ${CONNECTIONS} keep-alive connections, 1 KiB bodies; 10 MiB bodies in bulk`,
        columns: WAYS,
        ratio: { of: 'hop', to: 'local' },
        rows: [
          rowOf(found, { label: 'requests/s', key: 'perSecond', digits: 0 }),
          rowOf(found, { label: 'CPU of both edges, us/request', key: 'edgeCpu', digits: 1 }),
          rowOf(found, { label: 'CPU of the edge with the tunnel, us/request', key: 'holderCpu', digits: 1 }),
          rowOf(found, { label: 'CPU of the other edge, us/request', key: 'otherCpu', digits: 1 }),
          rowOf(found, { label: `latency p50 at ${RATE} requests/s, ms`, key: 'p50', digits: 2 }),
          rowOf(found, { label: `latency p99 at ${RATE} requests/s, ms`, key: 'p99', digits: 2 }),
          rowOf(found, { label: 'download, MiB/s', key: 'download', digits: 0 }),
          rowOf(found, { label: 'upload, MiB/s', key: 'upload', digits: 0 }),
        ],
      },
    ],
    figures: [
      figure('requests, hop to local', hop.perSecond / local.perSecond, 'ratio', atLeast(0.7)),
      figure('p50 latency that a hop adds', hop.p50 - local.p50, 'ms', atMost(0.3)),
      figure('CPU per request, both edges, local', local.edgeCpu, 'us'),
      figure('CPU per request, both edges, hop', hop.edgeCpu, 'us'),
      figure('download, hop to local', hop.download / local.download, 'ratio', atLeast(0.7)),
      figure('upload, hop to local', hop.upload / local.upload, 'ratio', atLeast(0.7)),
    ],
    notes: [
      'Both edges, traffic manager, service and load share the cores: a hop has one process more to run.',
    ],
  };
}

/** Two edges, of which one holds the only tunnel of the traffic manager. Hostnames of a service and of a sink. */
async function startFleet(
  scope: Scope,
): Promise<{ edges: Readonly<Record<Way, CulvertEdge>>; service: string; sink: string }> {
  const service = scope.keep(await startNginxService({ bodyBytes: BODY_BYTES, bulkBytes: BULK_BYTES }));
  const sink = scope.keep(await startSink());
  const databaseUrl = await startDatabase(scope);
  const env = fleetSettings(scope.keep(await startOwnRedis()).url);
  const local = await startEdge(scope, { databaseUrl, env });
  const hop = await startEdge(scope, { databaseUrl, env });
  await startManager(scope, local.url, { tunnels: 1 });
  return {
    edges: { local, hop },
    service: await local.previewOf('service', service.port),
    sink: await local.previewOf('sink', sink.port),
  };
}
