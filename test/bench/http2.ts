import { once } from 'node:events';
import { connect } from 'node:tls';
import { cpuMicroseconds } from './cpu.js';
import { runH2load } from './h2load.js';
import { atLeast, figure, type Measure, medianOfRounds } from './measure.js';
import { type Entrance, rowOf, TO_NGINX } from './rig.js';
import { SECURE_WAYS, startSecureRig } from './tls.js';

const CONNECTIONS = 8;
const STREAMS = 32;
const NAME = 'requests over HTTP/2';
const TARGET = atLeast(0.5);

/** Requests per second over HTTP/2 with TLS. */
export const http2: Measure = {
  name: 'http2',
  run: async (scope, effort) => {
    const rig = await startSecureRig(scope);
    const missing: string[] = [];
    for (const way of SECURE_WAYS) if (!(await speaksHttp2(rig.service[way]))) missing.push(way);
    if (missing.length > 0) {
      return {
        tables: [],
        figures: [figure(`${NAME}, Culvert to nginx`, null, 'ratio', TARGET)],
        notes: [`HTTP/2 is not available: ALPN h2 is not answered by ${missing.join(' and ')}.`],
      };
    }
    const found = await medianOfRounds(SECURE_WAYS, effort, async (way, seconds) => {
      const before = cpuMicroseconds(rig.pids[way]);
      const { requests } = await runH2load({
        port: rig.service[way].port,
        // nginx accepts any name.
        host: rig.service.culvert.host,
        connections: CONNECTIONS,
        streamsPerConnection: STREAMS,
        seconds,
      });
      return {
        perSecond: requests / seconds,
        cpu: (cpuMicroseconds(rig.pids[way]) - before) / requests,
      };
    });
    const { nginx, culvert } = found;
    return {
      tables: [
        {
          title: `Requests over HTTP/2 with TLS: ${CONNECTIONS} connections of ${STREAMS} streams, 1 KiB bodies`,
          columns: SECURE_WAYS,
          ratio: TO_NGINX,
          rows: [
            rowOf(found, { label: 'requests/s', key: 'perSecond', digits: 0 }),
            rowOf(found, { label: 'CPU of proxy or edge, us/request', key: 'cpu', digits: 1 }),
          ],
        },
      ],
      figures: [
        figure(`${NAME}, nginx`, nginx.perSecond, 'requests/s'),
        figure(`${NAME}, Culvert`, culvert.perSecond, 'requests/s'),
        figure(`${NAME}, Culvert to nginx`, culvert.perSecond / nginx.perSecond, 'ratio', TARGET),
      ],
      notes: [],
    };
  },
};

/** Reports whether ALPN chooses HTTP/2 there. */
async function speaksHttp2({ port }: Entrance): Promise<boolean> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    ALPNProtocols: ['h2', 'http/1.1'],
    // The certificate was made for this run, and nothing is sent.
    rejectUnauthorized: false,
  });
  try {
    await once(socket, 'secureConnect');
    return socket.alpnProtocol === 'h2';
  } finally {
    socket.destroy();
  }
}
