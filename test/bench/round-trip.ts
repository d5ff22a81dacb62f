import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { startProgram } from '../support/process.js';
import { startEdge, startManager } from './culvert.js';
import { atLeast, figure, type Measure, median } from './measure.js';
import { startNginxService } from './nginx.js';
import { BODY_BYTES, type Entrance, local } from './rig.js';
import type { Scope } from './scope.js';

const ROUND_TRIP_MS = 100;
const DOWNLOAD_BYTES = 64 * 1024 * 1024;
const DEADLINE_MS = 60_000;

/** Linux's default maximum send buffer, if the kernel does not report it. */
const DEFAULT_SEND_BUFFER_BYTES = 4 * 1024 * 1024;

const WAYS = ['plain TCP', 'culvert'] as const;
type FarWay = (typeof WAYS)[number];

/** One download over a long path: between edge and traffic manager, or between visitor and service. */
export const roundTrip: Measure = {
  name: 'round-trip',
  run: async (scope, { rounds }) => {
    const service = scope.keep(await startNginxService({ bodyBytes: BODY_BYTES, bulkBytes: DOWNLOAD_BYTES }));
    const sendBufferBytes = greatestSendBufferBytes();
    const like = await measureFar(scope, {
      servicePort: service.port,
      maxInFlightBytes: sendBufferBytes,
      rounds,
    });
    const unbounded = await measureFar(scope, {
      servicePort: service.port,
      maxInFlightBytes: Number.MAX_SAFE_INTEGER,
      rounds: Math.min(rounds, 3),
    });
    const mib = sendBufferBytes / 2 ** 20;
    return {
      tables: [
        {
          title: `One download of 64 MiB over a round trip of ${ROUND_TRIP_MS} ms`,
          columns: WAYS,
          ratio: { of: 'culvert', to: 'plain TCP' },
          rows: [
            { label: `MiB/s, ${mib} MiB under way at most`, values: like, digits: 1 },
            { label: 'MiB/s, any amount under way', values: unbounded, digits: 1 },
          ],
        },
      ],
      figures: [
        figure('download over 100 ms, plain TCP', like['plain TCP'], 'MiB/s'),
        figure('download over 100 ms, Culvert', like.culvert, 'MiB/s'),
        figure(
          'download over 100 ms, Culvert to plain TCP',
          like.culvert / like['plain TCP'],
          'ratio',
          atLeast(0.8),
        ),
        figure(
          'download over 100 ms with any amount under way, Culvert to plain TCP',
          unbounded.culvert / unbounded['plain TCP'],
          'ratio',
        ),
      ],
      notes: [
        `The way is a process that holds every byte back ${ROUND_TRIP_MS / 2} ms in each direction and has no ` +
          `bandwidth of its own. A TCP connection over such a way has at most its send buffer under way, on this ` +
          `system ${mib} MiB: the first row. The second row is a TCP that no system has by default.`,
      ],
    };
  },
};

async function measureFar(
  scope: Scope,
  options: { readonly servicePort: number; readonly maxInFlightBytes: number; readonly rounds: number },
): Promise<Record<FarWay, number>> {
  const { servicePort, maxInFlightBytes, rounds } = options;
  const entrances: Record<FarWay, Entrance> = {
    'plain TCP': local(await startDelay(scope, servicePort, maxInFlightBytes)),
    culvert: await startFarCulvert(scope, servicePort, maxInFlightBytes),
  };
  const samples: Record<FarWay, number[]> = { 'plain TCP': [], culvert: [] };
  for (const way of WAYS) await downloadMibPerSecond(entrances[way]);
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? WAYS : WAYS.toReversed();
    for (const way of order) samples[way].push(await downloadMibPerSecond(entrances[way]));
  }
  return { 'plain TCP': median(samples['plain TCP']), culvert: median(samples.culvert) };
}

async function startFarCulvert(
  scope: Scope,
  servicePort: number,
  maxInFlightBytes: number,
): Promise<Entrance> {
  const edge = await startEdge(scope);
  const far = await startDelay(scope, edge.port, maxInFlightBytes);
  await startManager(scope, `http://127.0.0.1:${far}`);
  return { port: edge.port, host: await edge.previewOf('service', servicePort) };
}

/** Returns the port of the long path to `targetPort`. */
async function startDelay(scope: Scope, targetPort: number, maxInFlightBytes: number): Promise<number> {
  const relay = scope.keep(
    startProgram('test/bench/processes/delay-relay.js', {
      TARGET_PORT: String(targetPort),
      DELAY_MS: String(ROUND_TRIP_MS / 2),
      MAX_IN_FLIGHT_BYTES: String(maxInFlightBytes),
    }),
  );
  return Number((await relay.line(/^Listening (\d+)/m))[1]);
}

/** Measures from the request to the last byte, on a new connection. */
function downloadMibPerSecond({ port, host }: Entrance): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const request = get(
      { port, host: '127.0.0.1', path: '/bulk', agent: false, headers: { host } },
      (response) => {
        let received = 0;
        response.on('data', (chunk: Buffer) => (received += chunk.length));
        response.on('error', reject);
        response.on('end', () => {
          const seconds = (performance.now() - started) / 1000;
          if (response.statusCode === 200 && received === DOWNLOAD_BYTES)
            resolve(received / 2 ** 20 / seconds);
          else reject(new Error(`a download of ${received} bytes, status ${response.statusCode}`));
        });
      },
    );
    request.setTimeout(DEADLINE_MS, () => request.destroy(new Error('the download stands still')));
    request.on('error', reject);
  });
}

function greatestSendBufferBytes(): number {
  try {
    const [, , greatest] = readFileSync('/proc/sys/net/ipv4/tcp_wmem', 'utf8')
      .trim()
      .split(/\s+/)
      .map(Number);
    return greatest;
  } catch {
    return DEFAULT_SEND_BUFFER_BYTES;
  }
}
