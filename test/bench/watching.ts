import { request } from 'node:http';
import { API_KEY } from '../support/deployment.js';
import { cpuMicroseconds } from './cpu.js';
import { previewBody, startCulvert } from './culvert.js';
import { figure, type Measure, medianOfRounds } from './measure.js';
import { startNginxService } from './nginx.js';
import { CONNECTIONS } from './requests.js';
import { BODY_BYTES, BULK_BYTES, rowOf } from './rig.js';
import { runWrk } from './wrk.js';

const WAYS = ['unwatched', 'watched', 'with bodies'] as const;

/**
 * The cost of watching the exchanges of a preview: the same requests to three previews, of which one is watched and one is
 * watched with its bodies captured.
 */
export const watching: Measure = {
  name: 'watching',
  run: async (scope, effort) => {
    const service = scope.keep(await startNginxService({ bodyBytes: BODY_BYTES, bulkBytes: BULK_BYTES }));
    const culvert = await startCulvert(scope);
    const hostOf = async (way: (typeof WAYS)[number]): Promise<string> => {
      const name = way.replace(' ', '-');
      const { id, hostname } = await culvert.api('POST', '/previews', previewBody(name, service.port));
      if (way !== 'unwatched')
        scope.keep(await watch(culvert.port, String(id), { captureBodies: way === 'with bodies' }));
      return String(hostname);
    };
    const hosts = {
      unwatched: await hostOf('unwatched'),
      watched: await hostOf('watched'),
      'with bodies': await hostOf('with bodies'),
    };
    const found = await medianOfRounds(WAYS, effort, async (way, seconds) => {
      const before = cpuMicroseconds([culvert.edge.pid]);
      const result = await runWrk({
        url: `http://127.0.0.1:${culvert.port}/`,
        hosts: [hosts[way]],
        connections: CONNECTIONS,
        seconds,
      });
      return {
        perSecond: result.requests / result.seconds,
        p99Ms: result.p99Ms,
        cpu: (cpuMicroseconds([culvert.edge.pid]) - before) / result.requests,
      };
    });
    return {
      tables: [
        {
          title: `Watched previews: ${CONNECTIONS} keep-alive connections, 1 KiB bodies`,
          columns: WAYS,
          ratio: { of: 'watched', to: 'unwatched' },
          rows: [
            rowOf(found, { label: 'requests/s', key: 'perSecond', digits: 0 }),
            rowOf(found, { label: 'latency p99, ms', key: 'p99Ms', digits: 2 }),
            rowOf(found, { label: 'CPU of edge and API, us/request', key: 'cpu', digits: 1 }),
          ],
        },
      ],
      figures: [
        figure('CPU per request, unwatched', found.unwatched.cpu, 'us'),
        figure('CPU per request, watched to unwatched', found.watched.cpu / found.unwatched.cpu, 'ratio'),
        figure(
          'requests, watched to unwatched',
          found.watched.perSecond / found.unwatched.perSecond,
          'ratio',
        ),
      ],
      notes: ['Of a watched preview 300 exchanges a second are shown; the rest are counted.'],
    };
  },
};

/** Reads the exchanges of a preview until it is stopped. Resolves once they arrive. */
function watch(
  port: number,
  previewId: string,
  { captureBodies }: { readonly captureBodies: boolean },
): Promise<{ stop(): Promise<void> }> {
  return new Promise((resolve, reject) => {
    request({
      host: '127.0.0.1',
      port,
      path: `/api/v1/previews/${previewId}/exchanges?captureBodies=${captureBodies}`,
      headers: { authorization: `Bearer ${API_KEY}` },
      agent: false,
    })
      .on('error', reject)
      .on('response', (response) => {
        if (response.statusCode !== 200)
          reject(new Error(`watching was answered with ${response.statusCode}`));
        response.on('error', () => {});
        response.setEncoding('utf8').on('data', (text: string) => {
          if (text.includes('event: ready')) resolve({ stop: async () => void response.destroy() });
        });
      })
      .end();
  });
}
