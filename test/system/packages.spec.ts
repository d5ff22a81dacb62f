/** The npm packages `culvert` and `@culvert/client`, installed where nothing else of Culvert is. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { API_KEY, type Deployment, startDeployment, visit } from '../support/deployment.js';
import { filesLoadedBy } from '../support/loaded-files.js';
import { ALLOW_THIS_MACHINE, type Program, startCommand } from '../support/process.js';

const WITH_KEY = { authorization: `Bearer ${API_KEY}` };

/** A hostname without a preview looks like that of a private one. */
const GONE = 401;

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const KIB = 1024;
const run = promisify(execFile);

interface Packed {
  readonly filename: string;
  /** Bytes of the tarball. */
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

let folder: string;
let project: string;
let home: string;
let deployment: Deployment;
let service: http.Server;
let port: number;
let cli: Packed;
let client: Packed;
const running: Program[] = [];

/** Makes what `npm publish` would upload. */
async function pack(path: string): Promise<Packed> {
  const args = ['pack', '--json', '--pack-destination', folder];
  const env = { ...process.env, npm_config_cache: join(folder, 'npm-cache') };
  const { stdout } = await run('npm', args, { cwd: join(ROOT, path), env });
  const packed: unknown = JSON.parse(stdout);
  // npm 12 prints an object by name.
  return (Array.isArray(packed) ? packed : Object.values(packed as object))[0] as Packed;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  project = join(folder, 'project');
  home = join(folder, 'home');
  for (const path of [project, home]) mkdirSync(path);
  [deployment, [cli, client]] = await Promise.all([
    startDeployment(),
    pack('apps/cli').then(async (first) => [first, await pack('libs/client')] as const),
  ]);
  writeFileSync(join(project, 'package.json'), '{"name":"project","private":true,"type":"module"}');
  const tarballs = [cli, client].map(({ filename }) => join(folder, filename));
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', ...tarballs], {
    cwd: project,
    env: environment({ npm_config_cache: join(folder, 'npm-cache') }),
  });
}, 180_000);
afterAll(async () => {
  await deployment?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  service = http.createServer((request, response) => {
    response.setHeader('content-type', request.url === '/basket' ? 'text/html' : 'text/plain');
    response.end(request.url === '/basket' ? '<h1>Basket</h1>' : `served ${request.url}`);
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  ({ port } = service.address() as AddressInfo);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((program) => program.stop()));
  service.closeAllConnections();
  service.close();
});

const environment = (more: Record<string, string> = {}): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  HOME: home,
  ...more,
});
const withKey = () => ({ CULVERT_URL: `http://localhost:${deployment.port}`, CULVERT_API_KEY: API_KEY });
const culvertPath = () => join(project, 'node_modules/.bin/culvert');

/** Returns the examples below a heading of docs/client.md, as a person copies them. */
function examplesBelow(heading: string): string[] {
  const docs = readFileSync(join(ROOT, 'docs/client.md'), 'utf8');
  const [, section = ''] = docs.split(`\n## ${heading}\n`);
  const [own = ''] = section.split('\n## ');
  return [...own.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, example = '']) => example);
}

function start(command: readonly string[], env: Record<string, string> = {}): Program {
  const program = startCommand(command, { cwd: project, env: environment(env) });
  running.push(program);
  return program;
}

describe('the npm packages', () => {
  it.each([
    ['culvert', () => cli, 900 * KIB],
    ['@culvert/client', () => client, 400 * KIB],
  ])(
    '%s contains its bundle, declarations and legal texts alone, without paths of the machine',
    (name, packed, limit) => {
      const { files, size } = packed();
      const paths = files.map(({ path }) => path);
      expect(paths).toEqual(
        expect.arrayContaining(['LICENSE', 'README.md', 'npm/THIRD_PARTY_NOTICES', 'package.json']),
      );
      const others = paths.filter(
        (path) =>
          !/^(LICENSE|README\.md|package\.json|culvert\.schema\.json|npm\/THIRD_PARTY_NOTICES|npm\/[\w./-]+\.(?:m?js|d\.ts|1))$/.test(
            path,
          ),
      );
      expect(others).toEqual([]);
      expect(size).toBeLessThan(limit);
      process.stdout.write(`npm package ${name}: ${Math.round(size / KIB)} KiB in ${paths.length} files\n`);
      const installed = join(project, 'node_modules', name);
      for (const path of paths) {
        const text = readFileSync(join(installed, path), 'utf8');
        expect(text.includes(ROOT), path).toBe(false);
        expect(/sourceMappingURL=/.test(text), path).toBe(false);
      }
    },
  );

  it.each(['culvert', '@culvert/client'])('%s needs no other package', (name) => {
    const manifest = JSON.parse(
      readFileSync(join(project, 'node_modules', name, 'package.json'), 'utf8'),
    ) as Record<string, unknown>;
    expect(manifest).not.toHaveProperty('private');
    for (const field of ['dependencies', 'peerDependencies', 'optionalDependencies'])
      expect(manifest).not.toHaveProperty(field);
    expect(manifest).toMatchObject({
      license: 'Apache-2.0',
      engines: { node: expect.stringContaining('20') },
    });
  });
});

describe('the installed culvert', () => {
  it('loads the traffic manager only for its command', () => {
    const installed = pathToFileURL(join(project, 'node_modules/culvert/npm/'));
    const atStart = (program: string) =>
      filesLoadedBy(new URL(`${program}/src/main.js`, installed)).reduce((sum, { bytes }) => sum + bytes, 0);
    // The package has more than a million bytes of code.
    expect(atStart('cli')).toBeLessThan(256 * KIB);
    expect(atStart('traffic-manager')).toBeLessThan(32 * KIB);
  });

  it('has the version of both packages', async () => {
    const { stdout } = await run(culvertPath(), ['--version'], { cwd: project, env: environment() });
    for (const name of ['culvert', '@culvert/client']) {
      const manifest = readFileSync(join(project, 'node_modules', name, 'package.json'), 'utf8');
      expect((JSON.parse(manifest) as { version: string }).version).toBe(stdout.trim());
    }
  });

  it('signs in with a key on stdin, and exposes a service until it is interrupted', async () => {
    const login = run(
      culvertPath(),
      ['login', '--url', `http://localhost:${deployment.port}`, '--apikey', '-'],
      {
        cwd: project,
        env: environment(),
      },
    );
    login.child.stdin?.end(API_KEY);
    expect((await login).stdout).toContain('Signed in');
    const startedAt = performance.now();
    const program = start([culvertPath(), 'expose', String(port), '--access', 'public']);
    const [, hostname = ''] = await program.line(/^http:\/\/([a-z0-9-]+\.preview\.localhost):\d+$/m);
    const ms = Math.round(performance.now() - startedAt);
    process.stdout.write(`installed culvert expose: a URL ${ms} ms after its process was started\n`);
    const { status, body } = await visit(deployment.port, hostname, '/page');
    expect([status, body.toString()]).toEqual([200, 'served /page']);
    program.kill('SIGINT');
    expect((await program.exited).code).toBe(0);
    expect((await visit(deployment.port, hostname, '/')).status).toBe(GONE);
  });

  it('exposes what a file lists, and checks the way to Culvert, in a folder without a repository', async () => {
    writeFileSync(join(project, 'culvert.yaml'), `endpoints:\n  web: { target: ${port}, access: public }\n`);
    const program = start([culvertPath(), 'up'], withKey());
    const [, hostname = ''] = await program.line(/^web {2}http:\/\/([a-z0-9-]+\.preview\.localhost):\d+$/m);
    expect((await visit(deployment.port, hostname, '/page')).body.toString()).toBe('served /page');
    program.kill('SIGINT');
    expect((await program.exited).code).toBe(0);
    const down = await run(culvertPath(), ['down', '--remove'], {
      cwd: project,
      env: environment(withKey()),
    });
    expect(down.stdout).toContain(hostname);
    const doctor = await run(culvertPath(), ['doctor', String(port)], {
      cwd: project,
      env: environment(withKey()),
    });
    expect(doctor.stdout).toMatch(/^ok +Tunnel/m);
    expect(doctor.stdout).not.toMatch(/^FAIL/m);
  });

  it('runs a traffic manager', async () => {
    const manager = start([culvertPath(), 'traffic-manager'], {
      ...withKey(),
      CULVERT_MANAGER_ID: 'packed',
      CULVERT_ALLOW: ALLOW_THIS_MACHINE,
      LOG_LEVEL: 'info',
    });
    await manager.logged(/connected/i);
    const { hostname } = await deployment.createPreview(port);
    const { status, body } = await visit(deployment.port, hostname, '/page');
    expect([status, body.toString()]).toEqual([200, 'served /page']);
    expect(await manager.stop()).toBe(0);
  });

  it('runs a pod daemon, which reports wrong settings like the one of a container', async () => {
    const daemon = start([culvertPath(), 'pod-daemon', '--port', '8080']);
    expect((await daemon.exited).code).toBe(2);
    expect(daemon.stderr).toContain('--workload-name');
  });
});

describe('the installed @culvert/client', () => {
  it('exposes a server from a script, which then ends by itself', async () => {
    const script = join(project, 'script.js');
    writeFileSync(
      script,
      `import { createServer } from 'node:http';
       import { createClient, expose } from '@culvert/client';
       const server = createServer((request, response) => response.end('from a script')).listen(0, '127.0.0.1');
       const preview = await expose(server, { access: 'public' });
       console.log(preview.url);
       const client = createClient();
       console.log((await client.getPreview({ previewId: preview.id })).access);
       await new Promise((resolve) => process.once('SIGUSR2', resolve));
       await preview.close();
       client.close();
       server.close();`,
    );
    const program = start([process.execPath, script], withKey());
    const [, hostname = ''] = await program.line(/^http:\/\/([a-z0-9-]+\.preview\.localhost):\d+$/m);
    await program.line(/^public$/m);
    expect((await visit(deployment.port, hostname, '/')).body.toString()).toBe('from a script');
    program.kill('SIGUSR2');
    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect((await visit(deployment.port, hostname, '/')).status).toBe(GONE);
  });

  it('has declarations that TypeScript checks without skipping any', async () => {
    writeFileSync(
      join(project, 'check.ts'),
      `import { createServer } from 'node:http';
       import { ClientError, createClient, expose } from '@culvert/client';
       import { culvert } from '@culvert/client/vite';
       export async function main(): Promise<string> {
         await using preview = await expose(createServer(), { access: 'team', onRequest: ({ status }) => status });
         // @ts-expect-error -- not a kind of access
         await expose(3000, { access: 'secret' });
         const client = createClient({ url: 'https://culvert.example' });
         const { items } = await client.listPreviews({ query: { limit: 3 } });
         // @ts-expect-error -- the id of the preview is missing
         await client.getPreview({});
         // @ts-expect-error -- the methods are those of the contract
         await client.getMoon();
         await client.deletePreview({ previewId: items[0]?.id ?? '' });
         const all = await client.all('listIntercepts');
         const name: string = all[0]?.name ?? new ClientError('usage', 'none').message;
         return name + preview.url + culvert({ enabled: true }).name;
       }`,
    );
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          target: 'ES2023',
          lib: ['ES2023', 'ESNext.Disposable'],
          module: 'NodeNext',
          strict: true,
          exactOptionalPropertyTypes: true,
          noEmit: true,
          skipLibCheck: false,
          typeRoots: [join(ROOT, 'node_modules/@types')],
          types: ['node'],
        },
        files: ['check.ts'],
      }),
    );
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    const { stdout } = await run(process.execPath, [compiler, '-p', project], { cwd: project }).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toBe('');
  });

  it('is a plugin for Vite, by its types and until Ctrl-C', async () => {
    for (const name of ['vite', '@types'])
      symlinkSync(join(ROOT, 'node_modules', name), join(project, 'node_modules', name), 'dir');
    writeFileSync(join(project, 'index.html'), '<h1>From Vite</h1>');
    const [config = ''] = examplesBelow('Vite');
    writeFileSync(join(project, 'vite.config.ts'), config);
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'NodeNext', '--target', 'ES2023'];
    const { stdout } = await run(
      process.execPath,
      [compiler, '--ignoreConfig', ...options, 'vite.config.ts'],
      { cwd: project },
    ).catch((error: { stdout: string }) => error);
    expect(stdout).toBe('');

    const vite = join(ROOT, 'node_modules/vite/bin/vite.js');
    const program = start([process.execPath, vite, '--host', '127.0.0.1', '--port', '0'], withKey());
    const [, hostname = ''] = await program.line(/Culvert: http:\/\/([a-z0-9-]+\.preview\.localhost):\d+/);
    const page = await visit(deployment.port, hostname, '/', { headers: WITH_KEY });
    expect(page.body.toString()).toContain('From Vite');
    program.kill('SIGINT');
    expect(await program.exited).toEqual({ code: null, signal: 'SIGINT' });
    expect((await visit(deployment.port, hostname, '/', { headers: WITH_KEY })).status).toBe(404);
  });

  it('is a fixture of Playwright, whose tests open the URL', async () => {
    const [fixtures = '', test = ''] = examplesBelow('Playwright');
    const tests = join(project, 'browser');
    mkdirSync(join(project, 'node_modules/@playwright'), { recursive: true });
    for (const name of ['@playwright/test', 'playwright', 'playwright-core'])
      symlinkSync(join(ROOT, 'node_modules', name), join(project, 'node_modules', name), 'dir');
    mkdirSync(tests);
    writeFileSync(join(tests, 'fixtures.ts'), fixtures.replace('expose(3000', `expose(${port}`));
    writeFileSync(join(tests, 'basket.spec.ts'), test);
    const launchOptions = { executablePath: inject('chromiumPath'), args: ['--no-sandbox'] };
    const config = { use: { launchOptions }, workers: 1, reporter: 'line' };
    writeFileSync(join(tests, 'playwright.config.ts'), `export default ${JSON.stringify(config)};`);
    const paths: string[] = [];
    service.on('request', ({ url = '' }) => paths.push(url));
    const playwright = join(project, 'node_modules/@playwright/test/cli.js');
    const { stdout } = await run(process.execPath, [playwright, 'test'], {
      cwd: tests,
      env: environment(withKey()),
    }).catch((error: { stdout: string }) => error);
    expect(stdout).toContain('1 passed');
    expect(paths).toContain('/basket');
    const { items } = await deployment.api<{ items: { ingress: { port: number } }[] }>('GET', '/previews');
    expect(items.filter(({ ingress }) => ingress.port === port)).toEqual([]);
  });

  it('is a plugin for Vite whose URL stays at a restart, changes with its options, and ends at Ctrl-C', async () => {
    const root = join(project, 'restarted');
    mkdirSync(root);
    writeFileSync(join(root, 'index.html'), '<h1>From Vite</h1>');
    const configure = (options: string): void =>
      writeFileSync(
        join(root, 'vite.config.js'),
        // A later listener that sends the signal again, as Vite 8.4 has one after a restart.
        `import { culvert } from '@culvert/client/vite';
         const again = () => process.kill(process.pid, 'SIGINT');
         const configureServer = () => {
           process.off('SIGINT', globalThis.again ?? again);
           process.once('SIGINT', (globalThis.again = again));
         };
         export default { plugins: [culvert(${options}), { name: 'again', configureServer }] };`,
      );
    configure("{ access: 'public' }");
    const vite = join(ROOT, 'node_modules/vite/bin/vite.js');
    const program = start(
      [
        process.execPath,
        vite,
        root,
        '--host',
        '127.0.0.1',
        '--port',
        '0',
        '--config',
        join(root, 'vite.config.js'),
      ],
      withKey(),
    );
    const urls = () =>
      [...program.stdout.matchAll(/Culvert: http:\/\/([a-z0-9-]+\.preview\.localhost):\d+/g)].map(
        ([, name]) => name ?? '',
      );
    const shown = (count: number) =>
      vi.waitFor(() => expect(urls()).toHaveLength(count), { timeout: 20_000 });

    await shown(1);
    configure("{ access: 'public' } /* the same */");
    await shown(2);
    const [first = '', second] = urls();
    expect(second).toBe(first);
    configure("{ access: 'team' }");
    await shown(3);
    const last = urls()[2] ?? '';
    expect(last).not.toBe(first);
    expect((await visit(deployment.port, first, '/')).status).toBe(GONE);
    const accessOfLast = async (): Promise<string | undefined> => {
      const { items } = await deployment.api<{ items: { hostname: string; access: string }[] }>(
        'GET',
        '/previews',
      );
      return items.find((item) => item.hostname === last)?.access;
    };
    expect(await accessOfLast()).toBe('team');

    // The other listener is the later one again.
    configure("{ access: 'team' } /* the same */");
    await shown(4);
    program.kill('SIGINT');
    expect(await program.exited).toEqual({ code: null, signal: 'SIGINT' });
    expect(await accessOfLast()).toBeUndefined();
  });
});
