import { setTimeout as delay } from 'node:timers/promises';
import { startOwnRedis } from '../services/redis.js';
import { startEdge } from './culvert.js';
import { startDatabase } from './database.js';
import { fleetSettings } from './fleet-settings.js';
import { openIdleTunnels } from './idle-tunnels.js';
import { INSPECTABLE, settledMemory } from './inspector.js';
import { atMost, figure, type Measure, type Row } from './measure.js';
import { measureLoad } from './server-load.js';

const TUNNELS = 5000;
const WARM_UP_TUNNELS = 100;
/** Longer than a round of pings and the edge's maintenance, which are part of an idle tunnel. */
const SETTLE_MS = 12_000;
/** Three times the interval at which edges write to Redis and Postgres what has changed: includes what follows connecting. */
const FIRST_SECONDS = 30;
/** Long after connecting: only what recurs. */
const STEADY_SECONDS = 60;

/** Memory of an edge of a fleet with many idle tunnels, and what these cost while nothing happens. */
export const tunnelMemory: Measure = {
  name: 'tunnel-memory',
  run: async (scope) => {
    const databaseUrl = await startDatabase(scope);
    const redis = scope.keep(await startOwnRedis());
    const env = fleetSettings(redis.url);
    const edge = await startEdge(scope, { databaseUrl, env, nodeArgs: INSPECTABLE });
    // The first tunnels load code and fill pools, regardless of later ones.
    await openIdleTunnels(scope, edge, { count: WARM_UP_TUNNELS, prefix: 'warm', processes: 1 });
    await delay(SETTLE_MS);
    const before = await settledMemory(edge.program);
    const checkOpen = await openIdleTunnels(scope, edge, { count: TUNNELS, prefix: 'idle', processes: 2 });
    await delay(SETTLE_MS);
    const after = await settledMemory(edge.program);
    checkOpen();
    const servers = { pid: edge.program.pid, redisUrl: redis.url, databaseUrl };
    const loadFor = (seconds: number) =>
      measureLoad({ ...servers, units: seconds }, () => delay(seconds * 1_000));
    const first = await loadFor(FIRST_SECONDS);
    const idle = await loadFor(STEADY_SECONDS);
    checkOpen();
    const loadRow = (label: string, digits: number, read: (load: typeof idle) => number): Row => ({
      label,
      values: { 'at first': read(first), steady: read(idle) },
      digits,
    });
    const perTunnelKib = (key: keyof typeof after) => ((after[key] - before[key]) * 1024) / TUNNELS;
    return {
      tables: [
        {
          title: `Memory of an edge with ${TUNNELS} idle tunnels, without TLS`,
          columns: ['before', 'with tunnels'],
          rows: [
            {
              label: 'resident, MiB',
              values: { before: before.resident, 'with tunnels': after.resident },
              digits: 1,
            },
            {
              label: 'JavaScript heap and buffers, MiB',
              values: { before: before.referred, 'with tunnels': after.referred },
              digits: 1,
            },
          ],
        },
        {
          title: `${TUNNELS} idle tunnels, a second: in the ${FIRST_SECONDS} s after they connected, and in the ${STEADY_SECONDS} s after that`,
          columns: ['at first', 'steady'],
          rows: [
            loadRow('commands of Redis', 1, (load) => load.redisCommands),
            loadRow('transactions of Postgres', 1, (load) => load.transactions),
            loadRow('rows written in Postgres', 1, (load) => load.rowsWritten),
            loadRow('CPU of Postgres, ms', 1, (load) => load.postgresCpuMs),
            loadRow('CPU of the edge, ms', 0, (load) => load.cpuMs),
          ],
        },
      ],
      figures: [
        figure(`resident memory with ${TUNNELS} tunnels`, after.resident, 'MiB'),
        figure('heap and buffers per idle tunnel', perTunnelKib('referred'), 'KiB'),
        figure('memory per idle tunnel', perTunnelKib('resident'), 'KiB', atMost(24)),
        figure(`commands of Redis with ${TUNNELS} idle tunnels`, idle.redisCommands, '1/s'),
        figure(`transactions of Postgres with ${TUNNELS} idle tunnels`, idle.transactions, '1/s'),
        figure(`rows written in Postgres with ${TUNNELS} idle tunnels`, idle.rowsWritten, '1/s'),
        figure(`CPU of the edge with ${TUNNELS} idle tunnels`, idle.cpuMs, 'ms/s'),
      ],
      notes: [
        `Each tunnel is a session of a traffic manager of its own. "Before" has ${WARM_UP_TUNNELS} tunnels; ` +
          `both values after a forced garbage collection. Postgres and Redis are servers, not part of the edge.`,
        `Redis in the steady state, by command: ${idle.byCommand}. The edge is a standalone server, so its API is included.`,
      ],
    };
  },
};
