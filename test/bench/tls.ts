import { startCulvert, writeCertificate } from './culvert.js';
import { cpuMicroseconds } from './cpu.js';
import { atLeast, figure, type Measure, medianOfRounds } from './measure.js';
import { startNginxProxy, startNginxService } from './nginx.js';
import { CONNECTIONS } from './requests.js';
import { BODY_BYTES, BULK_BYTES, type Entrance, local, rowOf, TO_NGINX } from './rig.js';
import type { Scope } from './scope.js';
import { runWrk } from './wrk.js';

export const SECURE_WAYS = ['nginx', 'culvert'] as const;
export type SecureWay = (typeof SECURE_WAYS)[number];

export interface SecureRig {
  readonly service: Readonly<Record<SecureWay, Entrance>>;
  readonly pids: Readonly<Record<SecureWay, readonly number[]>>;
}

/** nginx and the edge with the same certificate before the same service, which speaks plain HTTP/1.1. */
export async function startSecureRig(scope: Scope): Promise<SecureRig> {
  const tls = scope.keep(writeCertificate());
  const service = scope.keep(await startNginxService({ bodyBytes: BODY_BYTES, bulkBytes: BULK_BYTES }));
  const proxy = scope.keep(await startNginxProxy({ service: service.port, tls }));
  const culvert = await startCulvert(scope, { tls });
  const host = await culvert.previewOf('service', service.port);
  return {
    service: { nginx: local(proxy.port), culvert: { port: culvert.port, host } },
    pids: { nginx: proxy.pids, culvert: [culvert.edge.pid] },
  };
}

/** Requests per second over TLS on keep-alive connections. */
export const tls: Measure = {
  name: 'tls',
  run: async (scope, effort) => {
    const rig = await startSecureRig(scope);
    const found = await medianOfRounds(SECURE_WAYS, effort, async (way, seconds) => {
      const { port, host } = rig.service[way];
      const before = cpuMicroseconds(rig.pids[way]);
      const result = await runWrk({
        url: `https://127.0.0.1:${port}/`,
        hosts: [host],
        connections: CONNECTIONS,
        seconds,
      });
      return {
        perSecond: result.requests / result.seconds,
        p99Ms: result.p99Ms,
        cpu: (cpuMicroseconds(rig.pids[way]) - before) / result.requests,
      };
    });
    const { nginx, culvert } = found;
    return {
      tables: [
        {
          title: `Requests over TLS: HTTP/1.1, ${CONNECTIONS} keep-alive connections, 1 KiB bodies`,
          columns: SECURE_WAYS,
          ratio: TO_NGINX,
          rows: [
            rowOf(found, { label: 'requests/s', key: 'perSecond', digits: 0 }),
            rowOf(found, { label: 'latency p99, ms', key: 'p99Ms', digits: 2 }),
            rowOf(found, { label: 'CPU of proxy or edge, us/request', key: 'cpu', digits: 1 }),
          ],
        },
      ],
      figures: [
        figure('requests over TLS, nginx', nginx.perSecond, 'requests/s'),
        figure('requests over TLS, Culvert', culvert.perSecond, 'requests/s'),
        figure(
          'requests over TLS, Culvert to nginx',
          culvert.perSecond / nginx.perSecond,
          'ratio',
          atLeast(0.75),
        ),
      ],
      notes: [
        'The edge has one port: the tunnel is TLS here as well, the way from nginx to the service is not.',
      ],
    };
  },
};
