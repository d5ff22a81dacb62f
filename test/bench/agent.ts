import { draftOf, startAgent, startClient, startClusterManager } from '../support/cluster.js';
import { cpuMicroseconds } from './cpu.js';
import { atLeast, figure, type Measure, medianOfRounds } from './measure.js';
import { startNginxProxy, startNginxService } from './nginx.js';
import { CONNECTIONS } from './requests.js';
import { BODY_BYTES, local, rowOf } from './rig.js';
import { runWrk } from './wrk.js';

const WAYS = ['direct', 'nginx', 'agent'] as const;
const INTERCEPTS = 3;

/** Requests per second through a traffic agent that looks for intercepts of which none matches. */
export const agent: Measure = {
  name: 'agent',
  run: async (scope, effort) => {
    const service = scope.keep(await startNginxService({ bodyBytes: BODY_BYTES, bulkBytes: 1 }));
    const proxy = scope.keep(await startNginxProxy({ service: service.port }));
    const manager = await startClusterManager();
    scope.keep(manager.program);
    const running = await startAgent({
      managerUrl: manager.url,
      applicationPort: service.port,
      nodeArgs: scope.nodeArgs,
    });
    scope.keep(running.program);
    for (let i = 0; i < INTERCEPTS; i++) {
      const client = startClient(manager.url, `developer-${i}`);
      scope.keep({ stop: () => client.stop(0) });
      const headers = [{ name: 'x-developer', pattern: `developer-${i}(-.*)?` }];
      await client.create(draftOf(headers), { host: '127.0.0.1', port: service.port });
    }
    await running.looksFor(INTERCEPTS);
    const ports = { direct: service.port, nginx: proxy.port, agent: running.port };
    const pids = { direct: [], nginx: proxy.pids, agent: [running.program.pid] };
    const found = await medianOfRounds(WAYS, effort, async (way, seconds) => {
      const { port, host } = local(ports[way]);
      const before = cpuMicroseconds(pids[way]);
      const result = await runWrk({
        url: `http://127.0.0.1:${port}/`,
        hosts: [host],
        connections: CONNECTIONS,
        seconds,
      });
      return {
        perSecond: result.requests / result.seconds,
        p99Ms: result.p99Ms,
        cpu: (cpuMicroseconds(pids[way]) - before) / result.requests,
      };
    });
    const { nginx, agent: through } = found;
    return {
      tables: [
        {
          title: `Traffic agent: ${INTERCEPTS} intercepts that do not match, ${CONNECTIONS} keep-alive connections, 1 KiB bodies`,
          columns: WAYS,
          ratio: { of: 'agent', to: 'nginx' },
          rows: [
            rowOf(found, { label: 'requests/s', key: 'perSecond', digits: 0 }),
            rowOf(found, { label: 'latency p99, ms', key: 'p99Ms', digits: 2 }),
            {
              label: 'CPU of proxy or agent, us/request',
              values: { direct: null, nginx: nginx.cpu, agent: through.cpu },
              digits: 1,
            },
          ],
        },
      ],
      figures: [
        figure('requests, agent', through.perSecond, 'requests/s'),
        figure('requests, agent to nginx', through.perSecond / nginx.perSecond, 'ratio', atLeast(0.9)),
        figure('CPU per request, agent', through.cpu, 'us'),
        figure('CPU per request, agent to nginx', through.cpu / nginx.cpu, 'ratio'),
      ],
      notes: [],
    };
  },
};
