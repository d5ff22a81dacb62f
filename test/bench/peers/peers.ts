import { findBinary } from '../../services/binary.js';
import { cpuMicroseconds } from '../cpu.js';
import { startCulvert } from '../culvert.js';
import { figure, type Measure, medianOfRounds } from '../measure.js';
import { startNginxService } from '../nginx.js';
import { CONNECTIONS } from '../requests.js';
import { BODY_BYTES, BULK_BYTES, rowOf } from '../rig.js';
import { runWrk } from '../wrk.js';
import { chisel } from './chisel.js';
import { frp } from './frp.js';
import type { Peer, RunningPeer } from './peer.js';
import { piko } from './piko.js';
import { rathole } from './rathole.js';

const PEERS: readonly Peer[] = [frp, piko, rathole, chisel];
const CULVERT = 'culvert';

/** The same load through other tunnels, as far as their programs are installed. */
export const peers: Measure = {
  name: 'peers',
  run: async (scope, effort) => {
    const missing = PEERS.filter((peer) => pathsOf(peer) === null).map(({ name }) => name);
    const notes =
      missing.length === 0 ? [] : [`Peers not on PATH, and so not measured: ${missing.join(', ')}.`];
    if (missing.length === PEERS.length) return { tables: [], figures: [], notes };

    const service = scope.keep(await startNginxService({ bodyBytes: BODY_BYTES, bulkBytes: BULK_BYTES }));
    const culvert = await startCulvert(scope);
    const entrance = { port: culvert.port, host: await culvert.previewOf('service', service.port) };
    const ways = new Map<string, RunningPeer>([[CULVERT, { entrance, serverPid: culvert.edge.pid }]]);
    for (const peer of PEERS) {
      const paths = pathsOf(peer);
      if (paths === null) continue;
      try {
        ways.set(peer.name, await peer.start(scope, { paths, servicePort: service.port }));
      } catch (error) {
        notes.push(`${peer.name} is on PATH but did not start: ${(error as Error).message}.`);
      }
    }
    const names = [...ways.keys()];
    const found = await medianOfRounds(names, effort, async (name, seconds) => {
      const { entrance: way, serverPid } = ways.get(name)!;
      const before = cpuMicroseconds([serverPid]);
      const url = `http://127.0.0.1:${way.port}/`;
      const result = await runWrk({ url, hosts: [way.host], connections: CONNECTIONS, seconds });
      return {
        perSecond: result.requests / result.seconds,
        p99Ms: result.p99Ms,
        cpu: (cpuMicroseconds([serverPid]) - before) / result.requests,
      };
    });
    return {
      tables: [
        {
          title: `Other tunnels: ${CONNECTIONS} keep-alive connections, 1 KiB bodies`,
          columns: names,
          rows: [
            rowOf(found, { label: 'requests/s', key: 'perSecond', digits: 0 }),
            rowOf(found, { label: 'latency p99, ms', key: 'p99Ms', digits: 2 }),
            rowOf(found, { label: 'CPU of server side, us/request', key: 'cpu', digits: 1 }),
          ],
        },
      ],
      figures: names
        .filter((name) => name !== CULVERT)
        .flatMap((name) => [
          figure(`requests, Culvert to ${name}`, found[CULVERT].perSecond / found[name].perSecond, 'ratio'),
          figure(`CPU per request, edge to ${name}`, found[CULVERT].cpu / found[name].cpu, 'ratio'),
        ]),
      notes,
    };
  },
};

function pathsOf({ programs }: Peer): string[] | null {
  const paths = programs.map((name) => findBinary({ names: [name], debianPackage: name }));
  return paths.every((path) => path !== null) ? paths : null;
}
