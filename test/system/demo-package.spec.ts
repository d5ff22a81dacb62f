/** `culvert demo` with the npm package `@culvert/server`, where nothing else of Culvert is. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { visit } from '../support/deployment.js';
import { startProgram } from '../support/process.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SOURCE = join(ROOT, 'infra/npm/server');
const run = promisify(execFile);
const manifest = JSON.parse(readFileSync(join(SOURCE, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts `culvert demo` as a shell that is in `cwd`. */
function startDemo(cwd: string, env: Record<string, string> = {}) {
  const inFolder = ['sh', '-c', 'cd "$0" && exec "$@"', cwd];
  return startProgram('apps/cli/src/main.js', { HOME: folder, PORT: '0', ...env }, ['demo'], [], inFolder);
}

it('culvert demo runs the installed server: preview, dashboard and API pages work, and it ends with the command', async () => {
  await run(process.execPath, ['infra/scripts/pack.mjs', 'server'], { cwd: ROOT });
  const modules = join(folder, 'installed/node_modules');
  const installed = join(modules, '@culvert/server');
  mkdirSync(installed, { recursive: true });
  for (const name of ['package.json', 'npm'])
    cpSync(join(SOURCE, name), join(installed, name), { recursive: true });
  const programs = readdirSync(join(installed, 'npm'), { recursive: true, encoding: 'utf8' }).filter((path) =>
    /\.m?js$/.test(path),
  );
  const withPaths = programs.filter((path) =>
    readFileSync(join(installed, 'npm', path), 'utf8').includes(ROOT),
  );
  expect([programs.length > 10, withPaths]).toEqual([true, []]);
  for (const name of Object.keys(manifest.dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  const startedAt = performance.now();
  const demo = startDemo(join(folder, 'installed'));
  const [, hostname = '', port = ''] = await demo.line(
    /^Preview URL +http:\/\/([a-z0-9-]+\.preview\.localhost):(\d+)$/m,
  );
  const ms = Math.round(performance.now() - startedAt);
  process.stdout.write(`culvert demo: a preview ${ms} ms after its process was started\n`);
  expect((await visit(Number(port), hostname, '/')).status).toBe(200);
  expect((await visit(Number(port), hostname, '/assets/clock.js')).status).toBe(200);
  for (const path of ['/sign-in', '/api/docs/swagger-ui.css', '/api/docs/swagger-ui-bundle.js'])
    expect([path, (await visit(Number(port), 'localhost', path)).status]).toEqual([path, 200]);
  expect(await demo.stop()).toBe(0);
  await expect(visit(Number(port), hostname, '/')).rejects.toThrow('ECONNREFUSED');
});

it('the server package has the versions of culvert and of the installed dependencies, and none that reports its use', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'apps/cli/package.json'), 'utf8')) as {
    version: string;
  };
  expect(manifest.version).toBe(version);
  const installed = Object.keys(manifest.dependencies).map((name) => {
    const found = JSON.parse(readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')) as {
      version: string;
    };
    return [name, found.version];
  });
  const wanted = Object.entries(manifest.dependencies).map(([name, range]) => [
    name,
    range.replace(/^\^/, ''),
  ]);
  expect(installed).toEqual(wanted);
  expect(Object.keys(manifest.dependencies)).not.toContain('swagger-ui-dist');
});

it('culvert demo fetches the server of its version with npm where it is not installed', async () => {
  const stub = join(folder, 'stub');
  mkdirSync(join(stub, 'npm'), { recursive: true });
  const { version } = manifest;
  writeFileSync(
    join(stub, 'package.json'),
    JSON.stringify({ name: '@culvert/server', version, bin: { 'culvert-server': 'npm/culvert-server.cjs' } }),
  );
  writeFileSync(
    join(stub, 'npm/culvert-server.cjs'),
    "#!/usr/bin/env node\nconsole.log(process.argv[2] === 'path' ? __filename : `ran ${process.argv[2]}`);\n",
    { mode: 0o755 },
  );
  await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: stub });
  const tarball = readFileSync(join(folder, `culvert-server-${version}.tgz`));
  const registry = http.createServer(({ url = '', headers }, response) => {
    if (url.endsWith('.tgz')) response.end(tarball);
    else if (url.toLowerCase() !== '/@culvert%2fserver') response.writeHead(404).end('{}');
    else {
      const dist = { tarball: `http://${headers.host}/server.tgz` };
      const published = {
        name: '@culvert/server',
        version,
        bin: { 'culvert-server': 'npm/culvert-server.cjs' },
        dist,
      };
      response.end(
        JSON.stringify({
          name: '@culvert/server',
          'dist-tags': { latest: version },
          versions: { [version]: published },
        }),
      );
    }
  });
  registry.listen(0, '127.0.0.1');
  await once(registry, 'listening');
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  const env = {
    npm_config_registry: `http://127.0.0.1:${(registry.address() as AddressInfo).port}/`,
    npm_config_cache: join(folder, 'npm-cache'),
  };
  const demo = startDemo(empty, env);
  expect((await demo.exited).code).toBe(0);
  expect(demo.stdout).toBe('ran demo\n');
  registry.closeAllConnections();
  registry.close();

  const failing = startDemo(empty, {
    ...env,
    npm_config_cache: join(folder, 'other-cache'),
    npm_config_fetch_retries: '0',
  });
  expect((await failing.exited).code).toBe(8);
  expect(failing.stderr).toContain(`npm cannot fetch @culvert/server@${version}`);
});
