import { request } from 'node:http';
import { startCulvert } from './culvert.js';
import { atLeast, figure, type Measure, medianOfRounds } from './measure.js';
import { startNginxService } from './nginx.js';
import { CONNECTIONS } from './requests.js';
import { BODY_BYTES, BULK_BYTES, rowOf } from './rig.js';
import { runWrk } from './wrk.js';

const WAYS = ['public', 'private'] as const;

/** The cost of private previews: the same requests, with the cookie of an admitted browser. */
export const access: Measure = {
  name: 'access',
  run: async (scope, effort) => {
    const service = scope.keep(await startNginxService({ bodyBytes: BODY_BYTES, bulkBytes: BULK_BYTES }));
    const culvert = await startCulvert(scope);
    const open = await culvert.previewOf('open', service.port);
    const closed = await culvert.previewOf('closed', service.port);
    const { items } = (await culvert.api('GET', '/previews', undefined)) as {
      items: readonly { id: string; hostname: string }[];
    };
    const id = items.find(({ hostname }) => hostname === closed)?.id ?? '';
    await culvert.api('PATCH', `/previews/${id}`, { access: 'team' });
    const link = await culvert.api('POST', `/previews/${id}/share-links`, { name: 'bench' });
    const cookie = await enter(culvert.port, closed, new URL(String(link['url'])).pathname);
    // Both requests carry a cookie of about the same length, so that the gate is measured and not the bytes.
    const theirs = `session=${'x'.repeat(cookie.length - 'session='.length)}`;
    const found = await medianOfRounds(WAYS, effort, async (way, seconds) => {
      const result = await runWrk({
        url: `http://127.0.0.1:${culvert.port}/`,
        hosts: [way === 'public' ? open : closed],
        connections: CONNECTIONS,
        seconds,
        cookie: way === 'private' ? cookie : theirs,
      });
      return { perSecond: result.requests / result.seconds, p99Ms: result.p99Ms };
    });
    const ratio = found.private.perSecond / found.public.perSecond;
    return {
      tables: [
        {
          title: `Private previews: ${CONNECTIONS} keep-alive connections, 1 KiB bodies, a cookie each`,
          columns: WAYS,
          ratio: { of: 'private', to: 'public' },
          rows: [
            rowOf(found, { label: 'requests/s', key: 'perSecond', digits: 0 }),
            rowOf(found, { label: 'latency p99, ms', key: 'p99Ms', digits: 2 }),
          ],
        },
      ],
      figures: [figure('requests, private preview to public one', ratio, 'ratio', atLeast(0.9))],
      notes: [],
    };
  },
};

/** Opens a share link; returns the cookie it sets. */
function enter(port: number, hostname: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers: { host: hostname }, agent: false }, (response) => {
      response.resume();
      const [cookie] = response.headers['set-cookie'] ?? [];
      if (cookie === undefined) reject(new Error(`the share link was answered with ${response.statusCode}`));
      else resolve(cookie.slice(0, cookie.indexOf(';')));
    })
      .on('error', reject)
      .end();
  });
}
