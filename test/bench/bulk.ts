import { atLeast, figure, type Measure, medianOfRounds } from './measure.js';
import { BULK_BYTES, type Entrance, type Rig, rowOf, startRig, TO_NGINX, type Way, WAYS } from './rig.js';
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
    run: async (scope, effort) => {
      const rig = await startRig(scope);
      const found = await medianOfRounds(WAYS, effort, async (way, seconds) => {
        const { port, host } = entrances(rig)[way];
        const url = `http://127.0.0.1:${port}${path}`;
        const result = await runWrk({ url, hosts: [host], connections: CONNECTIONS, seconds, postBytes });
        return { mibPerSecond: (result.requests * BULK_BYTES) / 2 ** 20 / result.seconds };
      });
      const { direct, nginx, culvert } = found;
      return {
        tables: [
          {
            title: `Bulk ${name}: ${CONNECTIONS} connections, 10 MiB bodies`,
            columns: WAYS,
            ratio: TO_NGINX,
            rows: [rowOf(found, { label: 'MiB/s', key: 'mibPerSecond', digits: 0 })],
          },
        ],
        figures: [
          figure(`${name}, direct`, direct.mibPerSecond, 'MiB/s'),
          figure(`${name}, nginx`, nginx.mibPerSecond, 'MiB/s'),
          figure(`${name}, Culvert`, culvert.mibPerSecond, 'MiB/s'),
          figure(
            `${name}, Culvert to nginx`,
            culvert.mibPerSecond / nginx.mibPerSecond,
            'ratio',
            atLeast(0.6),
          ),
        ],
        notes: [],
      };
    },
  };
}
