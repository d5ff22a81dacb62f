import { randomBytes } from 'node:crypto';
import { startRedis } from '../services/redis.js';
import { cpuMicroseconds } from './cpu.js';
import { type CulvertEdge, startEdge, startManager } from './culvert.js';
import { startDatabase } from './database.js';
import { atLeast, atMost, figure, type Measure, medianOfRounds, percentile } from './measure.js';
import { startNginxService } from './nginx.js';
import { measureAtRate } from './open-loop.js';
import { BODY_BYTES, BULK_BYTES, rowOf } from './rig.js';
import type { Scope } from './scope.js';
import { runWrk } from './wrk.js';

/** `local`: the edge that holds the tunnel. `hop`: another edge, which passes the stream on to it. */
const WAYS = ['local', 'hop'] as const;
type Way = (typeof WAYS)[number];

const CONNECTIONS = 64;
const BULK_CONNECTIONS = 4;
const RATE = 1000;
const SETTLING_SECONDS = 5;

/** Visitors at an edge without a tunnel: what the way through another edge costs. */
export const fleet: Measure = {
  name: 'fleet',
  run: async (scope, effort) => {
    const { edges, hostname, service } = await startFleet(scope);
    const pids = Object.values(edges).map(({ program }) => program.pid);
    const load = (way: Way, path: string, connections: number, seconds: number) =>
      runWrk({
        url: `http://127.0.0.1:${edges[way].port}${path}`,
        hosts: [hostname],
        connections,
        seconds,
      });
    const rate = (way: Way, seconds: number) =>
      measureAtRate({ port: edges[way].port, host: hostname, rate: RATE, seconds, connections: CONNECTIONS });
    for (const way of WAYS) await rate(way, SETTLING_SECONDS);
    const found = await medianOfRounds(WAYS, effort, async (way, seconds) => {
      const latencies = await rate(way, seconds);
      const before = cpuMicroseconds(pids);
      const result = await load(way, '/', CONNECTIONS, seconds);
      const edgeCpu = (cpuMicroseconds(pids) - before) / result.requests;
      const bulk = await load(way, '/bulk', BULK_CONNECTIONS, seconds);
      return {
        perSecond: result.requests / result.seconds,
        edgeCpu,
        p50: percentile(latencies, 0.5),
        p99: percentile(latencies, 0.99),
        mibPerSecond: (bulk.requests * BULK_BYTES) / 2 ** 20 / bulk.seconds,
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
            rowOf(found, { label: `latency p50 at ${RATE} requests/s, ms`, key: 'p50', digits: 2 }),
            rowOf(found, { label: `latency p99 at ${RATE} requests/s, ms`, key: 'p99', digits: 2 }),
            rowOf(found, { label: 'download, MiB/s', key: 'mibPerSecond', digits: 0 }),
          ],
        },
      ],
      figures: [
        figure('requests, hop to local', hop.perSecond / local.perSecond, 'ratio', atLeast(0.7)),
        figure('p50 latency that a hop adds', hop.p50 - local.p50, 'ms', atMost(0.3)),
        figure('CPU per request, both edges, local', local.edgeCpu, 'us'),
        figure('CPU per request, both edges, hop', hop.edgeCpu, 'us'),
        figure('download, hop to local', hop.mibPerSecond / local.mibPerSecond, 'ratio', atLeast(0.7)),
      ],
      notes: [
        `Both edges, traffic manager and service (port ${service}) share the cores: a hop has one process more to run.`,
      ],
    };
  },
};

/** Two edges, of which one holds the only tunnel of the traffic manager, linked by TLS or a Unix socket. */
async function startFleet(
  scope: Scope,
): Promise<{ edges: Readonly<Record<Way, CulvertEdge>>; hostname: string; service: number }> {
  const service = scope.keep(await startNginxService({ bodyBytes: BODY_BYTES, bulkBytes: BULK_BYTES }));
  const redis = scope.keep(await startRedis());
  const databaseUrl = await startDatabase(scope);
  const env = {
    REDIS_URL: redis.url,
    EDGE_LINK_SECRET: randomBytes(32).toString('hex'),
    EDGE_LINK_PORT: '0',
  };
  const local = await startEdge(scope, { databaseUrl, env });
  const hop = await startEdge(scope, { databaseUrl, env });
  await startManager(scope, local.url);
  return {
    edges: { local, hop },
    hostname: await local.previewOf('service', service.port),
    service: service.port,
  };
}
