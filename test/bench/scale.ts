import { startCulvert } from './culvert.js';
import { startDatabase } from './database.js';
import { openIdleTunnels } from './idle-tunnels.js';
import { atLeast, figure, type Measure, medianOfRounds } from './measure.js';
import { startNginxService } from './nginx.js';
import { CONNECTIONS } from './requests.js';
import { BODY_BYTES, BULK_BYTES } from './rig.js';
import type { Scope } from './scope.js';
import { seedDatabase } from './seed.js';
import { visitAll } from './visit-all.js';
import { runWrk } from './wrk.js';

const FEW_PREVIEWS = 10;
const MANY_PREVIEWS = 100_000;
const SESSIONS = 10_000;
/** Sessions with a real tunnel: their pings share the CPU with everything else here. */
const LIVE_TUNNELS = 1000;

const EDGES = ['few', 'many'] as const;
type EdgeSize = (typeof EDGES)[number];
const LOADS = ['kept', 'spread'] as const;
type LoadKind = (typeof LOADS)[number];
const WAYS = EDGES.flatMap((edge) => LOADS.map((load) => `${edge} ${load}` as const));

interface SizedEdge {
  readonly port: number;
  /** Previews for the load on kept streams. */
  readonly busy: readonly string[];
  /** Every preview. */
  readonly all: readonly string[];
}

/** The cost for one edge of knowing many previews and sessions. */
export const scale: Measure = {
  name: 'scale',
  run: async (scope, effort) => {
    const service = scope.keep(await startNginxService({ bodyBytes: BODY_BYTES, bulkBytes: BULK_BYTES }));
    const edges: Record<EdgeSize, SizedEdge> = {
      few: await startFew(scope, service.port),
      many: await startMany(scope, service.port),
    };
    const visited = performance.now();
    await visitAll(edges.many, '/close');
    const visitsPerSecond = MANY_PREVIEWS / ((performance.now() - visited) / 1000);
    const found = await medianOfRounds(WAYS, effort, async (way, seconds) => {
      const [size, load] = way.split(' ') as [EdgeSize, LoadKind];
      const { port, busy, all } = edges[size];
      const result = await runWrk({
        // A stream that the service closes is never kept, so each request of the spread load opens one.
        url: `http://127.0.0.1:${port}${load === 'kept' ? '/' : '/close'}`,
        hosts: load === 'kept' ? busy : all,
        connections: CONNECTIONS,
        seconds,
      });
      return { perSecond: result.requests / result.seconds };
    });
    const perSecond = (load: LoadKind) => ({
      few: found[`few ${load}`].perSecond,
      many: found[`many ${load}`].perSecond,
    });
    const [kept, spread] = [perSecond('kept'), perSecond('spread')];
    return {
      tables: [
        {
          title: `Requests at an edge that knows ${FEW_PREVIEWS} (few) or ${MANY_PREVIEWS} previews (many)`,
          columns: EDGES,
          ratio: { of: 'many', to: 'few' },
          rows: [
            { label: `requests/s to ${FEW_PREVIEWS} of them, kept streams`, values: kept, digits: 0 },
            { label: 'requests/s to all of them in turn, a new stream each', values: spread, digits: 0 },
          ],
        },
      ],
      figures: [
        figure('requests, many previews to few', kept.many / kept.few, 'ratio', atLeast(0.95)),
        figure(
          'requests spread over all previews, many to few',
          spread.many / spread.few,
          'ratio',
          atLeast(0.95),
        ),
        figure('first visits of unknown hostnames', visitsPerSecond, 'requests/s'),
      ],
      notes: [
        `Many: ${MANY_PREVIEWS} previews, each visited before the load so that the edge has its route, and ` +
          `${SESSIONS} sessions, of which ${LIVE_TUNNELS} hold a tunnel and the others are rows. Few: ` +
          `${FEW_PREVIEWS} previews, one session. Both on a Postgres server.`,
      ],
    };
  },
};

async function startFew(scope: Scope, servicePort: number): Promise<SizedEdge> {
  const culvert = await startCulvert(scope, { databaseUrl: await startDatabase(scope) });
  const busy: string[] = [];
  for (let i = 0; i < FEW_PREVIEWS; i += 1) busy.push(await culvert.previewOf(`service-${i}`, servicePort));
  return { port: culvert.port, busy, all: busy };
}

async function startMany(scope: Scope, servicePort: number): Promise<SizedEdge> {
  const databaseUrl = await startDatabase(scope);
  const culvert = await startCulvert(scope, { databaseUrl });
  const like = await culvert.previewOf('service', servicePort);
  const copies = await seedDatabase(databaseUrl, {
    previews: { like, count: MANY_PREVIEWS - 1 },
    sessions: SESSIONS - LIVE_TUNNELS,
  });
  await openIdleTunnels(scope, culvert, { count: LIVE_TUNNELS, prefix: 'idle', processes: 1 });
  const all = [like, ...copies];
  const step = MANY_PREVIEWS / FEW_PREVIEWS;
  return { port: culvert.port, busy: all.filter((_, index) => index % step === 0), all };
}
