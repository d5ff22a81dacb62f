import { type Measure, medianOfRounds } from './measure.js';
import { measureAtRate, percentile } from './open-loop.js';

const RATE = 2000;
const CONNECTIONS = 64;

/** Latency at a rate that keeps nobody busy: what the way itself adds. */
export const latency: Measure = {
  name: 'latency',
  run: async (rig, effort) => {
    const { direct, nginx, culvert } = await medianOfRounds(effort, async (way, seconds) => {
      const { port, host } = rig.service[way];
      const latencies = await measureAtRate({ port, host, rate: RATE, seconds, connections: CONNECTIONS });
      return { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) };
    });
    return {
      table: {
        title: `Latency at ${RATE} requests a second`,
        rows: [
          {
            label: 'p50, ms',
            values: { direct: direct.p50, nginx: nginx.p50, culvert: culvert.p50 },
            digits: 2,
          },
          {
            label: 'p99, ms',
            values: { direct: direct.p99, nginx: nginx.p99, culvert: culvert.p99 },
            digits: 2,
          },
        ],
      },
      figures: [
        { measure: `p99 latency at ${RATE} requests/s, direct`, value: direct.p99, unit: 'ms', target: null },
        { measure: `p99 latency at ${RATE} requests/s, nginx`, value: nginx.p99, unit: 'ms', target: null },
        {
          measure: `p99 latency at ${RATE} requests/s, Culvert`,
          value: culvert.p99,
          unit: 'ms',
          target: null,
        },
        {
          measure: `p99 latency at ${RATE} requests/s, Culvert over direct`,
          value: culvert.p99 - direct.p99,
          unit: 'ms',
          target: { comparison: '<=', value: 1 },
        },
      ],
    };
  },
};
