import { once } from 'node:events';
import { WebSocket } from 'ws';
import { startProgram } from '../support/process.js';
import { cpuMicroseconds } from './cpu.js';
import { startCulvert } from './culvert.js';
import { atLeast, figure, type Measure, medianOfRounds } from './measure.js';
import { type Entrance, local, rowOf } from './rig.js';

const WAYS = ['direct', 'culvert'] as const;
const CONNECTIONS = 16;
/** Messages in flight on each connection. */
const WINDOW = 16;
const MESSAGE = Buffer.alloc(128, 'culvert ');
const DEADLINE_MS = 30_000;

/** WebSocket messages that an echo server sends back. */
export const websocket: Measure = {
  name: 'websocket',
  run: async (scope, effort) => {
    const echo = scope.keep(startProgram('apps/sample-service/src/main.js', { SAMPLE_PORT: '0' }));
    const port = Number((await echo.line(/^Listening +http:\/\/[^:]+:(\d+)/m))[1]);
    const culvert = await startCulvert(scope);
    const entrances = {
      direct: local(port),
      culvert: { port: culvert.port, host: await culvert.previewOf('echo', port) },
    };
    const found = await medianOfRounds(WAYS, effort, async (way, seconds) => {
      const before = cpuMicroseconds([culvert.edge.pid]);
      const messages = await echoes(entrances[way], seconds);
      return {
        perSecond: messages / seconds,
        edgeCpu: (cpuMicroseconds([culvert.edge.pid]) - before) / messages,
      };
    });
    const { direct, culvert: through } = found;
    return {
      tables: [
        {
          title: `WebSocket: ${CONNECTIONS} connections, ${WINDOW} messages of ${MESSAGE.length} bytes under way on each`,
          columns: WAYS,
          ratio: { of: 'culvert', to: 'direct' },
          rows: [
            rowOf(found, { label: 'messages echoed/s', key: 'perSecond', digits: 0 }),
            {
              label: 'CPU of edge, us/echo',
              values: { direct: null, culvert: through.edgeCpu },
              digits: 1,
            },
          ],
        },
      ],
      figures: [
        figure('WebSocket messages, direct', direct.perSecond, 'messages/s'),
        figure('WebSocket messages, Culvert', through.perSecond, 'messages/s'),
        figure(
          'WebSocket messages, Culvert to direct',
          through.perSecond / direct.perSecond,
          'ratio',
          atLeast(0.4),
        ),
      ],
      notes: [],
    };
  },
};

/** Returns how many messages came back within `seconds`. */
async function echoes(entrance: Entrance, seconds: number): Promise<number> {
  const sockets = Array.from({ length: CONNECTIONS }, () => open(entrance));
  try {
    await Promise.all(sockets.map((socket) => once(socket, 'open', { signal: deadline() })));
    return await countEchoes(sockets, seconds);
  } finally {
    for (const socket of sockets) socket.terminate();
  }
}

function open({ port, host }: Entrance): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/echo`, {
    headers: { host },
    perMessageDeflate: false,
    skipUTF8Validation: true,
  });
  // Waiting callers get the error. Afterwards an error has no effect, because the connection ends anyway.
  socket.on('error', () => socket.terminate());
  return socket;
}

function countEchoes(sockets: readonly WebSocket[], seconds: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let count = 0;
    for (const socket of sockets) {
      socket.on('close', () => reject(new Error('a WebSocket closed under load')));
      socket.on('message', (data: Buffer) => {
        if (data.length !== MESSAGE.length) reject(new Error(`an echo of ${data.length} bytes`));
        count += 1;
        socket.send(MESSAGE);
      });
      for (let i = 0; i < WINDOW; i += 1) socket.send(MESSAGE);
    }
    setTimeout(() => resolve(count), seconds * 1000);
  });
}

function deadline(): AbortSignal {
  return AbortSignal.timeout(DEADLINE_MS);
}
