/**
 * The reverse connection of a Telepresence traffic manager beside the native tunnel: one edge with TLS, a far end of either
 * kind in a process of its own, the same services behind both.
 */
import { API_KEY } from '../support/deployment.js';
import { startProgram } from '../support/process.js';
import { cpuMicroseconds } from './cpu.js';
import { type CulvertEdge, startEdge, startManager, writeCertificate } from './culvert.js';
import { atLeast, figure, type Measure, medianOfRounds } from './measure.js';
import { startNginxService } from './nginx.js';
import { CONNECTIONS } from './requests.js';
import { BODY_BYTES, BULK_BYTES, rowOf } from './rig.js';
import { startSink } from './sink.js';
import { runWrk } from './wrk.js';

const WAYS = ['native', 'telepresence'] as const;
const BULK_CONNECTIONS = 4;

export const telepresence: Measure = {
  name: 'telepresence',
  run: async (scope, effort) => {
    const tls = scope.keep(writeCertificate());
    const service = scope.keep(await startNginxService({ bodyBytes: BODY_BYTES, bulkBytes: BULK_BYTES }));
    const sink = scope.keep(await startSink());
    const edge = await startEdge(scope, { tls });
    const manager = await startManager(scope, edge.url, { tls });
    // While the native traffic manager is the team's only one, previews need not name it.
    const native = {
      service: await edge.previewOf('service', service.port),
      sink: await edge.previewOf('sink', sink.port),
    };
    const double = scope.keep(
      startProgram(
        'test/bench/processes/telepresence-manager.js',
        {
          CLOUD_HOST: 'localhost',
          CLOUD_PORT: String(edge.port),
          CLOUD_CA_FILE: tls.cert,
          API_KEY,
          PORTS: `${service.port},${sink.port}`,
        },
        [],
        scope.nodeArgs,
      ),
    );
    const hosts = {
      native,
      telepresence: {
        service: (await double.line(new RegExp(`^Preview ${service.port} (\\S+)`, 'm')))[1],
        sink: (await double.line(new RegExp(`^Preview ${sink.port} (\\S+)`, 'm')))[1],
      },
    };
    await makePublic(edge, Object.values(hosts.telepresence));
    const far = { native: [manager.pid], telepresence: [double.pid] };

    const found = await medianOfRounds(WAYS, effort, async (way, seconds) => {
      const url = `https://127.0.0.1:${edge.port}`;
      const edgeMicroseconds = (): number => cpuMicroseconds([edge.program.pid]);
      const before = { edge: edgeMicroseconds(), far: cpuMicroseconds(far[way]) };
      const requests = await runWrk({
        url: `${url}/`,
        hosts: [hosts[way].service],
        connections: CONNECTIONS,
        seconds,
      });
      const afterRequests = edgeMicroseconds();
      const edgeCpu = (afterRequests - before.edge) / requests.requests;
      const farCpu = (cpuMicroseconds(far[way]) - before.far) / requests.requests;
      const bulk = { connections: BULK_CONNECTIONS, seconds };
      const download = await runWrk({ url: `${url}/bulk`, hosts: [hosts[way].service], ...bulk });
      const afterDownload = edgeMicroseconds();
      const upload = await runWrk({
        url: `${url}/upload`,
        hosts: [hosts[way].sink],
        postBytes: BULK_BYTES,
        ...bulk,
      });
      return {
        perSecond: requests.requests / requests.seconds,
        p99Ms: requests.p99Ms,
        edgeCpu,
        farCpu,
        download: megabytesPerSecond(download),
        downloadCpu: (afterDownload - afterRequests) / megabytes(download),
        upload: megabytesPerSecond(upload),
        uploadCpu: (edgeMicroseconds() - afterDownload) / megabytes(upload),
      };
    });
    const reverse = found.telepresence;
    return {
      tables: [
        {
          title: `Telepresence's reverse connection and the native tunnel, over TLS`,
          columns: WAYS,
          ratio: { of: 'telepresence', to: 'native' },
          rows: [
            rowOf(found, { label: 'requests/s, 1 KiB bodies', key: 'perSecond', digits: 0 }),
            rowOf(found, { label: 'latency p99, ms', key: 'p99Ms', digits: 2 }),
            rowOf(found, { label: 'CPU of edge, us/request', key: 'edgeCpu', digits: 1 }),
            rowOf(found, { label: 'CPU of far end, us/request', key: 'farCpu', digits: 1 }),
            rowOf(found, { label: 'download, MB/s', key: 'download', digits: 0 }),
            rowOf(found, { label: 'CPU of edge, us/MB of downloads', key: 'downloadCpu', digits: 0 }),
            rowOf(found, { label: 'upload, MB/s', key: 'upload', digits: 0 }),
            rowOf(found, { label: 'CPU of edge, us/MB of uploads', key: 'uploadCpu', digits: 0 }),
          ],
        },
      ],
      figures: [
        figure(
          'requests, reverse connection to native tunnel',
          reverse.perSecond / found.native.perSecond,
          'ratio',
          atLeast(0.35),
        ),
        figure('download, reverse connection', reverse.download, 'MB/s', atLeast(150)),
        figure('upload, reverse connection', reverse.upload, 'MB/s', atLeast(150)),
      ],
      notes: ["The far end of the reverse connection is the testkit's double, on Node's http2."],
    };
  },
};

function megabytesPerSecond(run: { readonly requests: number; readonly seconds: number }): number {
  return megabytes(run) / run.seconds;
}

function megabytes({ requests }: { readonly requests: number }): number {
  return (requests * BULK_BYTES) / 1e6;
}

/** Previews of traffic managers are private to the team until a person changes that. */
async function makePublic(edge: CulvertEdge, hostnames: readonly string[]): Promise<void> {
  const { items } = (await edge.api('GET', '/previews')) as { items: { id: string; hostname: string }[] };
  for (const { id, hostname } of items) {
    if (hostnames.includes(hostname)) await edge.api('PATCH', `/previews/${id}`, { access: 'public' });
  }
}
