import { atMost, figure, type Measure, medianOfRounds, percentile } from './measure.js';
import { measureAtRate } from './open-loop.js';
import { rowOf, startRig, TO_NGINX, type Way, WAYS } from './rig.js';

const RATE = 2000;
const CONNECTIONS = 64;

/** At this rate an edge takes this long to compile its code and to collect the garbage of its start. */
const SETTLING_SECONDS = 8;

/** Latency at a low rate: what the path itself adds. */
export const latency: Measure = {
  name: 'latency',
  run: async (scope, effort) => {
    const rig = await startRig(scope);
    const load = (way: Way, seconds: number) =>
      measureAtRate({ ...rig.service[way], rate: RATE, seconds, connections: CONNECTIONS });
    await load('culvert', SETTLING_SECONDS);
    const found = await medianOfRounds(WAYS, effort, async (way, seconds) => {
      const latencies = await load(way, seconds);
      return { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) };
    });
    const { direct, nginx, culvert } = found;
    const name = `p99 latency at ${RATE} requests/s`;
    return {
      tables: [
        {
          title: `Latency at ${RATE} requests a second`,
          columns: WAYS,
          ratio: TO_NGINX,
          rows: [
            rowOf(found, { label: 'p50, ms', key: 'p50', digits: 2 }),
            rowOf(found, { label: 'p99, ms', key: 'p99', digits: 2 }),
          ],
        },
      ],
      figures: [
        figure(`${name}, direct`, direct.p99, 'ms'),
        figure(`${name}, nginx`, nginx.p99, 'ms'),
        figure(`${name}, Culvert`, culvert.p99, 'ms'),
        figure(`${name}, Culvert over direct`, culvert.p99 - direct.p99, 'ms', atMost(1)),
      ],
      notes: [],
    };
  },
};
