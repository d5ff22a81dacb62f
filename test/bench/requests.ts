import { cpuMicroseconds } from './cpu.js';
import { atLeast, atMost, figure, type Measure, medianOfRounds } from './measure.js';
import { rowOf, startRig, TO_NGINX, WAYS } from './rig.js';
import { runWrk } from './wrk.js';

export const CONNECTIONS = 64;

/** Requests per second and latency at full load, and the CPU time per request of the processes in between. */
export const requests: Measure = {
  name: 'requests',
  run: async (scope, effort) => {
    const rig = await startRig(scope);
    const pids = { direct: [], nginx: rig.pids.nginx, culvert: rig.pids.edge };
    const found = await medianOfRounds(WAYS, effort, async (way, seconds) => {
      const { port, host } = rig.service[way];
      const before = { proxy: cpuMicroseconds(pids[way]), manager: cpuMicroseconds(rig.pids.manager) };
      const result = await runWrk({
        url: `http://127.0.0.1:${port}/`,
        hosts: [host],
        connections: CONNECTIONS,
        seconds,
      });
      return {
        perSecond: result.requests / result.seconds,
        p50Ms: result.p50Ms,
        p99Ms: result.p99Ms,
        proxyCpu: (cpuMicroseconds(pids[way]) - before.proxy) / result.requests,
        managerCpu: (cpuMicroseconds(rig.pids.manager) - before.manager) / result.requests,
      };
    });
    const { direct, nginx, culvert } = found;
    return {
      tables: [
        {
          title: `Requests at full load: ${CONNECTIONS} keep-alive connections, 1 KiB bodies`,
          columns: WAYS,
          ratio: TO_NGINX,
          rows: [
            rowOf(found, { label: 'requests/s', key: 'perSecond', digits: 0 }),
            rowOf(found, { label: 'latency p50, ms', key: 'p50Ms', digits: 2 }),
            rowOf(found, { label: 'latency p99, ms', key: 'p99Ms', digits: 2 }),
            {
              label: 'CPU of proxy or edge, us/request',
              values: { direct: null, nginx: nginx.proxyCpu, culvert: culvert.proxyCpu },
              digits: 1,
            },
            {
              label: 'CPU of traffic manager, us/request',
              values: { direct: null, nginx: null, culvert: culvert.managerCpu },
              digits: 1,
            },
          ],
        },
      ],
      figures: [
        figure('requests, direct', direct.perSecond, 'requests/s'),
        figure('requests, nginx', nginx.perSecond, 'requests/s'),
        figure('requests, Culvert', culvert.perSecond, 'requests/s'),
        figure('requests, Culvert to nginx', culvert.perSecond / nginx.perSecond, 'ratio', atLeast(0.85)),
        figure('p99 latency at full load, nginx', nginx.p99Ms, 'ms'),
        figure('p99 latency at full load, Culvert', culvert.p99Ms, 'ms'),
        figure('CPU per request, nginx', nginx.proxyCpu, 'us'),
        figure('CPU per request, edge', culvert.proxyCpu, 'us'),
        figure('CPU per request, traffic manager', culvert.managerCpu, 'us'),
        figure('CPU per request, edge to nginx', culvert.proxyCpu / nginx.proxyCpu, 'ratio', atMost(1)),
      ],
      notes: [],
    };
  },
};
