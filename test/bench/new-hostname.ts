import { connect } from 'node:net';
import { previewBody, startCulvert } from './culvert.js';
import { atMost, figure, type Measure, percentile, type Row } from './measure.js';
import { startNginxService } from './nginx.js';
import { BODY_BYTES, BULK_BYTES, type Entrance } from './rig.js';

const SAMPLES_PER_ROUND = 60;
const DEADLINE_MS = 15_000;

/** How fast a new preview answers its first visitor. */
export const newHostname: Measure = {
  name: 'new-hostname',
  run: async (scope, { rounds }) => {
    const service = scope.keep(await startNginxService({ bodyBytes: BODY_BYTES, bulkBytes: BULK_BYTES }));
    const culvert = await startCulvert(scope);
    const body = previewBody('service', service.port);
    const firstBytes: number[] = [];
    const creations: number[] = [];
    // The first few include code that runs for the first time.
    const warmUp = 20;
    for (let i = 0; i < warmUp + rounds * SAMPLES_PER_ROUND; i += 1) {
      const asked = performance.now();
      const { hostname } = await culvert.api('POST', '/previews', body);
      const answered = performance.now();
      await firstByte({ port: culvert.port, host: hostname as string });
      if (i < warmUp) continue;
      creations.push(answered - asked);
      firstBytes.push(performance.now() - answered);
    }
    const [created, first] = [creations, firstBytes].map((values) => values.toSorted((a, b) => a - b));
    return {
      tables: [
        {
          title: `A new hostname: ${first.length} previews, one after the other`,
          columns: ['p50', 'p99'],
          rows: [
            row('first byte after POST /previews answered, ms', first),
            row('POST /previews itself, ms', created),
          ],
        },
      ],
      figures: [
        figure('first byte of a new hostname, p50', percentile(first, 0.5), 'ms'),
        figure('first byte of a new hostname, p99', percentile(first, 0.99), 'ms', atMost(20)),
      ],
      notes: [
        'From the answer of the API to the first byte of a 200 on a new connection: connect, look-up, dial.',
      ],
    };
  },
};

/** Resolves with the first byte of a 200; rejects with anything else. */
function firstByte({ port, host }: Entrance): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.setTimeout(DEADLINE_MS, () => socket.destroy(new Error('no answer')));
    socket.on('error', reject);
    socket.once('connect', () => socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
    socket.once('data', (bytes) => {
      const head = bytes.toString('latin1');
      socket.destroy();
      if (head.startsWith('HTTP/1.1 200 ')) resolve();
      else reject(new Error(`unexpected answer: ${head}`));
    });
  });
}

function row(label: string, sorted: readonly number[]): Row {
  return { label, values: { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) }, digits: 2 };
}
