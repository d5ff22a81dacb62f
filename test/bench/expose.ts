import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TemporaryFolder } from '../services/server.js';
import { API_KEY } from '../support/deployment.js';
import { startProgram } from '../support/process.js';
import { cpuMicroseconds } from './cpu.js';
import { startEdge } from './culvert.js';
import { atMost, figure, type Measure, median } from './measure.js';
import { Scope } from './scope.js';

const CULVERT = fileURLToPath(new URL('../../apps/cli/', import.meta.url));
const URL_LINE = /^http:\/\/[a-z0-9-]+\.preview\.localhost:\d+$/m;
/** Number of measured starts in one deployment, after the first. */
const STARTS = 5;

interface Start {
  readonly ms: number;
  readonly cpuMs: number;
}

/** How fast `culvert expose` has a URL, and its cost for the machine. */
export const expose: Measure = {
  name: 'expose',
  run: async (scope, { rounds }) => {
    const target = createServer((_request, response) => response.end());
    target.listen(0, '127.0.0.1');
    await once(target, 'listening');
    scope.keep({ stop: () => closed(target) });
    const { port } = target.address() as AddressInfo;
    const first: Start[] = [];
    const later: Start[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const own = new Scope(scope.nodeArgs);
      try {
        const { url } = await startEdge(own);
        forget(CULVERT);
        first.push(await startOnce(own, url, port));
        for (let i = 0; i < STARTS; i += 1) later.push(await startOnce(own, url, port));
      } finally {
        await own.close();
      }
    }
    const of = (starts: readonly Start[], key: keyof Start) => median(starts.map((start) => start[key]));
    const row = (label: string, key: keyof Start) => ({
      label,
      values: { first: of(first, key), later: of(later, key) },
      digits: 0,
    });
    return {
      tables: [
        {
          title: '`culvert expose`, from the start of its process to the URL',
          columns: ['first', 'later'],
          rows: [row('URL after, ms', 'ms'), row('CPU of culvert until then, ms', 'cpuMs')],
        },
      ],
      figures: [
        figure('URL of culvert expose, first start', of(first, 'ms'), 'ms', atMost(2000)),
        figure('URL of culvert expose, later starts', of(later, 'ms'), 'ms'),
        figure('CPU of culvert expose until its URL', of(later, 'cpuMs'), 'ms'),
      ],
      notes: [
        `${rounds} fresh servers, which have served no request before "first"; the files of culvert are not in memory then. ` +
          `"Later": ${STARTS} more starts at each, one after the other.`,
      ],
    };
  },
};

/** Makes the kernel drop its cache of these files, as if they were installed a while ago. */
function forget(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.js'))
      execFileSync('dd', [`if=${join(folder, name)}`, 'iflag=nocache', 'count=0', 'status=none']);
}

async function startOnce(scope: Scope, url: string, port: number): Promise<Start> {
  const home = new TemporaryFolder('bench-home');
  scope.keep({ stop: async () => home.remove() });
  const env = { HOME: home.path, CULVERT_URL: url, CULVERT_API_KEY: API_KEY };
  const startedAt = performance.now();
  const program = startProgram('apps/cli/src/main.js', env, ['expose', String(port)], scope.nodeArgs);
  await program.line(URL_LINE);
  const ms = performance.now() - startedAt;
  const cpuMs = cpuMicroseconds([program.pid]) / 1000;
  await program.stop();
  return { ms, cpuMs };
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
