import { type Measure, medianOfRounds } from './measure.js';
import { BULK_BYTES, type Entrance, type Rig, type Way } from './rig.js';
import { runWrk } from './wrk.js';

const CONNECTIONS = 4;

/** Bodies of 10 MiB towards the visitor. */
export const download: Measure = bulk({
  name: 'download',
  entrances: (rig) => rig.service,
  path: '/bulk',
  postBytes: 0,
});

/** Bodies of 10 MiB towards the service. */
export const upload: Measure = bulk({
  name: 'upload',
  entrances: (rig) => rig.sink,
  path: '/upload',
  postBytes: BULK_BYTES,
});

function bulk(options: {
  readonly name: string;
  readonly entrances: (rig: Rig) => Readonly<Record<Way, Entrance>>;
  readonly path: string;
  readonly postBytes: number;
}): Measure {
  const { name, entrances, path, postBytes } = options;
  return {
    name,
    run: async (rig, effort) => {
      const { direct, nginx, culvert } = await medianOfRounds(effort, async (way, seconds) => {
        const { port, host } = entrances(rig)[way];
        const url = `http://127.0.0.1:${port}${path}`;
        const result = await runWrk({ url, host, connections: CONNECTIONS, seconds, postBytes });
        return { mibPerSecond: (result.requests * BULK_BYTES) / 2 ** 20 / result.seconds };
      });
      const values = {
        direct: direct.mibPerSecond,
        nginx: nginx.mibPerSecond,
        culvert: culvert.mibPerSecond,
      };
      return {
        table: {
          title: `Bulk ${name}: ${CONNECTIONS} connections, 10 MiB bodies`,
          rows: [{ label: 'MiB/s', values, digits: 0 }],
        },
        figures: [
          { measure: `${name}, direct`, value: values.direct, unit: 'MiB/s', target: null },
          { measure: `${name}, nginx`, value: values.nginx, unit: 'MiB/s', target: null },
          { measure: `${name}, Culvert`, value: values.culvert, unit: 'MiB/s', target: null },
          {
            measure: `${name}, Culvert to nginx`,
            value: values.culvert / values.nginx,
            unit: 'ratio',
            target: { comparison: '>=', value: 0.6 },
          },
        ],
      };
    },
  };
}
