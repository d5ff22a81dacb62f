import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { TemporaryFolder } from '../services/server.js';
import { API_KEY } from '../support/deployment.js';
import { startEdge } from './culvert.js';
import { atMost, figure, type Measure, median } from './measure.js';
import type { Scope } from './scope.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SERVER = join(ROOT, 'infra/npm/server');
const run = promisify(execFile);

type Manifest = Readonly<Record<'name' | 'version', string>> & {
  readonly bin: object;
  readonly dependencies?: Readonly<Record<string, string>>;
};

/** How fast a person has a URL who has run `npx culvert` before, and one who tries the demo. */
export const npx: Measure = {
  name: 'npx',
  run: async (scope, { rounds }) => {
    const folder = new TemporaryFolder('bench-npx');
    scope.keep({ stop: async () => folder.remove() });
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: folder.path,
      npm_config_cache: join(folder.path, 'npm-cache'),
      npm_config_registry: await startRegistry(scope, folder.path),
      npm_config_update_notifier: 'false',
    };
    const project = await installServer(folder.path);
    const { url } = await startEdge(scope);
    const withKey = { ...env, CULVERT_URL: url, CULVERT_API_KEY: API_KEY };
    const port = await startTarget(scope);
    const ownPort = { ...env, PORT: '0' };
    // Fills the cache of npx.
    await run('npx', ['--yes', 'culvert', '--version'], { cwd: project, env });
    const exposed: number[] = [];
    const demos: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      exposed.push(
        await timeUntil(/^http:/, ['culvert', 'expose', String(port)], { cwd: project, env: withKey }),
      );
      demos.push(await timeUntil(/^Preview URL/, ['culvert', 'demo'], { cwd: project, env: ownPort }));
    }
    return {
      tables: [
        {
          title: '`npx culvert`, from its start to the URL',
          columns: ['expose', 'demo'],
          rows: [
            { label: 'URL after, ms', values: { expose: median(exposed), demo: median(demos) }, digits: 0 },
          ],
        },
      ],
      figures: [
        figure('URL of npx culvert expose', median(exposed), 'ms', atMost(1500)),
        figure('URL of npx culvert demo', median(demos), 'ms', atMost(15_000)),
      ],
      notes: [
        `${rounds} starts each. The cache of npx has \`culvert\`, whose version npx checks at a registry on this machine; ` +
          '`@culvert/server` is installed. Each demo begins with an empty database.',
      ],
    };
  },
};

/** Starts a registry that has the package `culvert` of this tree. Returns its URL. */
async function startRegistry(scope: Scope, folder: string): Promise<string> {
  await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: join(ROOT, 'apps/cli') });
  const manifest = manifestOf(join(ROOT, 'apps/cli'));
  const tarball = readFileSync(join(folder, `culvert-${manifest.version}.tgz`));
  const server = createServer(({ url = '', headers }, response) => {
    if (url.endsWith('.tgz')) return void response.end(tarball);
    if (url !== '/culvert') return void response.writeHead(404).end('{}');
    const { name, version, bin } = manifest;
    const published = { name, version, bin, dist: { tarball: `http://${headers.host}/culvert.tgz` } };
    return void response.end(
      JSON.stringify({ name, 'dist-tags': { latest: version }, versions: { [version]: published } }),
    );
  });
  return `http://127.0.0.1:${await listen(scope, server)}/`;
}

/** Makes a folder in which `@culvert/server` of this tree is installed. Returns its path. */
async function installServer(folder: string): Promise<string> {
  await run(process.execPath, [join(ROOT, 'infra/scripts/pack.mjs'), 'server'], { cwd: ROOT });
  const project = join(folder, 'project');
  const modules = join(project, 'node_modules');
  const installed = join(modules, '@culvert/server');
  mkdirSync(installed, { recursive: true });
  for (const name of ['package.json', 'npm'])
    cpSync(join(SERVER, name), join(installed, name), { recursive: true });
  for (const name of Object.keys(manifestOf(SERVER).dependencies ?? {})) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  return project;
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

function startTarget(scope: Scope): Promise<number> {
  return listen(
    scope,
    createServer((_request, response) => response.end()),
  );
}

async function listen(scope: Scope, server: ReturnType<typeof createServer>): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.keep({
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
  return (server.address() as AddressInfo).port;
}

/** Resolves with the milliseconds until `npx` prints a line, after it was interrupted as at a terminal and has ended. */
async function timeUntil(
  pattern: RegExp,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<number> {
  const startedAt = performance.now();
  // In a process group of its own, because Ctrl-C at a terminal reaches the whole group.
  const child = spawn('npx', args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(child, 'close');
  try {
    for await (const line of createInterface(child.stdout))
      if (pattern.test(line)) return performance.now() - startedAt;
    throw new Error(`npx ${args.join(' ')} ended without its URL`);
  } finally {
    child.stdout.resume();
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGINT');
    await exited;
  }
}
