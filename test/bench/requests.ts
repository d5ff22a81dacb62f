import { cpuMicroseconds } from './cpu.js';
import { type Measure, medianOfRounds } from './measure.js';
import { runWrk } from './wrk.js';

const CONNECTIONS = 64;

/** Requests a second and latency at full load, and the CPU time that the processes in between spend on each. */
export const requests: Measure = {
  name: 'requests',
  run: async (rig, effort) => {
    const pids = { direct: [], nginx: rig.pids.nginx, culvert: rig.pids.edge };
    const found = await medianOfRounds(effort, async (way, seconds) => {
      const { port, host } = rig.service[way];
      const before = { proxy: cpuMicroseconds(pids[way]), manager: cpuMicroseconds(rig.pids.manager) };
      const result = await runWrk({
        url: `http://127.0.0.1:${port}/`,
        host,
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
      table: {
        title: `Requests at full load: ${CONNECTIONS} keep-alive connections, 1 KiB bodies`,
        rows: [
          row('requests/s', 'perSecond', 0),
          row('latency p50, ms', 'p50Ms', 2),
          row('latency p99, ms', 'p99Ms', 2),
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
      figures: [
        { measure: 'requests, direct', value: direct.perSecond, unit: 'requests/s', target: null },
        { measure: 'requests, nginx', value: nginx.perSecond, unit: 'requests/s', target: null },
        { measure: 'requests, Culvert', value: culvert.perSecond, unit: 'requests/s', target: null },
        {
          measure: 'requests, Culvert to nginx',
          value: culvert.perSecond / nginx.perSecond,
          unit: 'ratio',
          target: { comparison: '>=', value: 0.5 },
        },
        { measure: 'p99 latency at full load, nginx', value: nginx.p99Ms, unit: 'ms', target: null },
        { measure: 'p99 latency at full load, Culvert', value: culvert.p99Ms, unit: 'ms', target: null },
        { measure: 'CPU per request, nginx', value: nginx.proxyCpu, unit: 'us', target: null },
        { measure: 'CPU per request, edge', value: culvert.proxyCpu, unit: 'us', target: null },
        { measure: 'CPU per request, traffic manager', value: culvert.managerCpu, unit: 'us', target: null },
        {
          measure: 'CPU per request, edge to nginx',
          value: culvert.proxyCpu / nginx.proxyCpu,
          unit: 'ratio',
          target: { comparison: '<=', value: 1 },
        },
      ],
    };

    function row(label: string, key: keyof typeof direct, digits: number) {
      return { label, values: { direct: direct[key], nginx: nginx[key], culvert: culvert[key] }, digits };
    }
  },
};
