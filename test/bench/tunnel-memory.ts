import { setTimeout as delay } from 'node:timers/promises';
import { startEdge } from './culvert.js';
import { startDatabase } from './database.js';
import { openIdleTunnels } from './idle-tunnels.js';
import { INSPECTABLE, settledMemory } from './inspector.js';
import { atMost, figure, type Measure } from './measure.js';

const TUNNELS = 5000;
const WARM_UP_TUNNELS = 100;
/** Longer than a round of pings and the edge's maintenance, which are part of an idle tunnel. */
const SETTLE_MS = 12_000;

/** Resident memory of an edge with many idle tunnels. */
export const tunnelMemory: Measure = {
  name: 'tunnel-memory',
  run: async (scope) => {
    const databaseUrl = await startDatabase(scope);
    const edge = await startEdge(scope, { databaseUrl, nodeArgs: INSPECTABLE });
    // The first tunnels load code and fill pools, regardless of later ones.
    await openIdleTunnels(scope, edge, { count: WARM_UP_TUNNELS, prefix: 'warm', processes: 1 });
    await delay(SETTLE_MS);
    const before = await settledMemory(edge.program);
    await openIdleTunnels(scope, edge, { count: TUNNELS, prefix: 'idle', processes: 2 });
    await delay(SETTLE_MS);
    const after = await settledMemory(edge.program);
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
      ],
      figures: [
        figure(`resident memory with ${TUNNELS} tunnels`, after.resident, 'MiB'),
        figure('heap and buffers per idle tunnel', perTunnelKib('referred'), 'KiB'),
        figure('memory per idle tunnel', perTunnelKib('resident'), 'KiB', atMost(24)),
      ],
      notes: [
        `Each tunnel is a session of a traffic manager of its own. "Before" has ${WARM_UP_TUNNELS} tunnels; ` +
          `both values after a forced garbage collection. The database is a server, not part of the edge.`,
      ],
    };
  },
};
