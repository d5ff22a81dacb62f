/** What `npm run release` makes. It is made once, for all tests of this file. */
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { VERSION } from '@culvert/client';
import { unpackTar } from 'modern-tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { API_KEY, startDeployment, visit } from '../support/deployment.js';
import { startCommand } from '../support/process.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const EPOCH = 1_700_000_000;
const SCRIPT = join(ROOT, 'infra/release/main.mjs');
const OTHER_PLATFORM = process.arch === 'x64' ? /arm64/ : /linux-x64|amd64/;
const IS_LINUX = process.platform === 'linux';
const IS_EXECUTABLE = /-linux-|\.deb$/;
const HAS_DPKG = spawnSync('dpkg-deb', ['--version']).status === 0;
const run = promisify(execFile);

let folder: string;

interface Entry {
  readonly name: string;
  readonly mtime: number;
  readonly owner: string;
  readonly data: Buffer;
}

/** Reads a gzipped tar archive. */
async function entriesOf(name: string): Promise<Entry[]> {
  const entries = await unpackTar(gunzipSync(readFileSync(join(folder, name))), { strict: true });
  return entries.map(({ header, data }) => ({
    name: header.name,
    mtime: (header.mtime?.getTime() ?? 0) / 1000,
    owner: `${header.uid}:${header.gid}`,
    data: Buffer.from(data ?? []),
  }));
}

const textOf = (name: string) => readFileSync(join(folder, name), 'utf8');
const archives = () => readdirSync(folder).filter((name) => /\.t(ar\.)?gz$/.test(name));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(EPOCH), npm_config_offline: 'true' };
  await run(process.execPath, [SCRIPT, '--out', folder], { cwd: folder, env });
}, 180_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the release', () => {
  it('consists of the files that docs/releasing.md names', () => {
    const listed = readFileSync(join(ROOT, 'docs/releasing.md'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .flatMap((line) => [...line.split('|')[1].matchAll(/`([^`]+\.[^`]+)`/g)])
      .map(([, name]) => name.replace('<version>', VERSION))
      // They need a Node for another processor.
      .filter((name) => !OTHER_PLATFORM.test(name) && (IS_LINUX || !IS_EXECUTABLE.test(name)));
    expect(readdirSync(folder).toSorted()).toEqual(listed.toSorted());
  });

  it('has the checksum of every file', async () => {
    const { stdout } = await run('sha256sum', ['--check', '--strict', 'checksums.txt'], { cwd: folder });
    const checked = stdout.match(/^.*(?=: OK$)/gm);
    expect([...checked!, 'checksums.txt'].toSorted()).toEqual(readdirSync(folder).toSorted());
  });

  it('consists of the same bytes when it is made again', async () => {
    const second = join(folder, 'second');
    // Executables take three quarters of the time.
    const args = [SCRIPT, '--out', second, '--no-executables'];
    await run(process.execPath, args, {
      cwd: ROOT,
      env: { ...process.env, SOURCE_DATE_EPOCH: String(EPOCH) },
    });
    const again = readFileSync(join(second, 'checksums.txt'), 'utf8').trim().split('\n');
    rmSync(second, { recursive: true });
    expect(textOf('checksums.txt').split('\n')).toEqual(expect.arrayContaining(again));
    expect(again).toHaveLength(readdirSync(folder).filter((name) => !IS_EXECUTABLE.test(name)).length - 1);
  });

  it('contains no path and no user of the machine that made it', async () => {
    const traces = [ROOT, `${tmpdir()}/culvert-test-`, '.cache/culvert-release-'];
    const contents = readdirSync(folder).map((name): [string, Buffer] => [
      name,
      readFileSync(join(folder, name)),
    ]);
    for (const archive of archives())
      contents.push(
        ...(await entriesOf(archive)).map(({ name, data }): [string, Buffer] => [`${archive} ${name}`, data]),
      );
    // Node itself has paths of the machine that built it, below the home of its user.
    const tracesIn = (name: string) => (name.endsWith('/culvert') ? traces : [...traces, `${homedir()}/`]);
    const found = contents.filter(([name, bytes]) => tracesIn(name).some((trace) => bytes.includes(trace)));
    expect(found.map(([name]) => name)).toEqual([]);
  });

  it('has archives whose files are owned by root and have the time of the commit', async () => {
    for (const archive of archives()) {
      const entries = await entriesOf(archive);
      expect(new Set(entries.map(({ owner }) => owner)), archive).toEqual(new Set(['0:0']));
      // npm gives all files of its archives one time of its own.
      if (entries.some(({ name }) => name === 'package/package.json')) continue;
      expect(new Set(entries.map(({ mtime }) => mtime)), archive).toEqual(new Set([EPOCH]));
    }
  });

  it('has the licenses of bundled packages in each archive of a program', async () => {
    const found: [string, string][] = [];
    for (const archive of archives().filter((name) => !/images|traffic-manager/.test(name)))
      for (const { name, data } of await entriesOf(archive))
        if (name.endsWith('/THIRD_PARTY_NOTICES')) found.push([`${archive} ${name}`, data.toString()]);
    const expected = [
      [`culvert-${VERSION}.tgz package/npm`, 'commander'],
      [`culvert-client-${VERSION}.tgz package/npm`, 'zod'],
      [`culvert-github-action-${VERSION}.tar.gz dist`, 'commander'],
      [`culvert-server-${VERSION}.tgz package/npm/dist`, '@nestjs/core'],
      [`culvert-server-${VERSION}.tgz package/npm/dist/apps/dashboard`, 'react'],
      ...(IS_LINUX
        ? [
            [
              `culvert-${VERSION}-linux-${process.arch}.tar.gz culvert-${VERSION}-linux-${process.arch}`,
              'yaml',
            ],
          ]
        : []),
    ];
    expect(found.map(([path]) => path).toSorted()).toEqual(
      expected.map(([path]) => `${path}/THIRD_PARTY_NOTICES`).toSorted(),
    );
    for (const [path, contained] of expected) {
      const [, text = ''] = found.find(([name]) => name === `${path}/THIRD_PARTY_NOTICES`) ?? [];
      expect(text).toMatch(new RegExp(`^${contained} \\d+\\.\\S+ \\(\\w+\\)$`, 'm'));
      expect(text.includes('Node.js is licensed for use'), path).toBe(path.includes('linux'));
    }
  });

  it.skipIf(!IS_LINUX)('makes no executable without the license of Node', async () => {
    const other = join(folder, 'other');
    const args = ['--out', other, '--node-license', join(ROOT, 'LICENSE')];
    await expect(run(process.execPath, [SCRIPT, ...args], { cwd: ROOT })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('LICENSE: no license of Node, which goes with executables'),
    });
    expect(readdirSync(other)).toEqual([]);
    rmSync(other, { recursive: true });
  });

  it('has a server package whose migrated database every build makes of the same bytes', async () => {
    const tree = join(folder, 'tree');
    const database = join(tree, 'dist/embedded-postgres');
    cpSync(join(ROOT, 'prisma'), join(tree, 'prisma'), { recursive: true });
    const script = join(ROOT, 'dist/libs/store/src/migrate/write-migrated-cluster.js');
    const preload = join(ROOT, 'infra/scripts/same-everywhere.mjs');
    await run(process.execPath, ['--import', preload, script, join(tree, 'prisma')]);
    const [name] = readdirSync(database);
    const built = readFileSync(join(database, name));
    rmSync(tree, { recursive: true });
    const shipped = (await entriesOf(`culvert-server-${VERSION}.tgz`)).find((entry) =>
      entry.name.endsWith(`/dist/embedded-postgres/${name}`),
    );
    expect(shipped?.data.equals(built)).toBe(true);
  });

  it.skipIf(!IS_LINUX)('refuses a Node for another processor before it makes anything', async () => {
    const other = join(folder, 'other');
    const script = join(ROOT, 'package.json');
    const failed = run(process.execPath, [SCRIPT, '--out', other, '--node-arm64', script], { cwd: ROOT });
    await expect(failed).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is not a program for linux-arm64'),
    });
    expect(readdirSync(other)).toEqual([]);
    rmSync(other, { recursive: true });
  });

  it('refuses a folder that holds other files', async () => {
    const failed = run(process.execPath, [SCRIPT, '--out', join(ROOT, 'infra')]);
    await expect(failed).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('name an empty folder'),
    });
  });
});

describe.skipIf(!IS_LINUX)('the executable', () => {
  let home: string;
  let program: string;
  const environment = () => ({ HOME: home });
  const execute = (...args: string[]) => {
    const running = run(program, args, { cwd: home, env: environment() });
    running.child.stdin?.end(API_KEY);
    return running;
  };

  beforeAll(async () => {
    const archive = `culvert-${VERSION}-linux-${process.arch}`;
    home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    await run('tar', ['xzf', join(folder, `${archive}.tar.gz`), `${archive}/culvert`], { cwd: home });
    program = join(home, 'culvert');
    renameSync(join(home, archive, 'culvert'), program);
    rmSync(join(home, archive), { recursive: true });
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it('runs in an empty folder with an empty environment, and prints nothing but its output', async () => {
    const startedAt = performance.now();
    const printed = await run(program, ['--version'], { cwd: home, env: {} });
    process.stdout.write(`executable culvert --version: ${Math.round(performance.now() - startedAt)} ms\n`);
    expect(printed).toEqual({ stdout: `${VERSION}\n`, stderr: '' });
  });

  it('signs in, exposes a service, also in the background, and runs a traffic manager', async () => {
    const deployment = await startDeployment();
    const service = http.createServer((_request, response) => response.end('served'));
    service.listen(0, '127.0.0.1');
    await once(service, 'listening');
    const { port } = service.address() as AddressInfo;
    try {
      const url = `http://localhost:${deployment.port}`;
      expect((await execute('login', '--url', url, '--apikey', '-')).stdout).toContain('Signed in');
      const exposed = startCommand([program, 'expose', String(port), '--access', 'public'], {
        cwd: home,
        env: environment(),
      });
      const [, hostname = ''] = await exposed.line(/^http:\/\/([a-z0-9-]+\.preview\.localhost):\d+$/m);
      expect((await visit(deployment.port, hostname, '/')).body.toString()).toBe('served');
      exposed.kill('SIGINT');
      expect((await exposed.exited).code).toBe(0);
      expect(exposed.stderr).not.toMatch(/\(node:\d+\) /);

      writeFileSync(join(home, 'culvert.yaml'), `endpoints:\n  web:\n    target: ${port}\n`);
      await execute('up', '--detach');
      expect((await execute('status')).stdout).toContain('web');
      await execute('down');

      const manager = startCommand([program, 'traffic-manager'], {
        cwd: home,
        env: {
          CULVERT_URL: url,
          CULVERT_API_KEY: API_KEY,
          CULVERT_MANAGER_ID: 'executable',
          LOG_LEVEL: 'info',
        },
      });
      await manager.logged(/connected/i);
      expect(await manager.stop()).toBe(0);
    } finally {
      service.closeAllConnections();
      service.close();
      await deployment.stop();
    }
  });
});

describe.skipIf(!IS_LINUX)('install.sh', () => {
  let server: http.Server;
  let home: string;
  let base: string;
  let isDamaged = false;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    server = http.createServer(({ url = '' }, response) => {
      const path = join(folder, url.slice(`/v${VERSION}/`.length));
      if (!url.startsWith(`/v${VERSION}/`) || !existsSync(path)) {
        response.writeHead(404).end();
        return;
      }
      const content = readFileSync(path);
      if (isDamaged && url.endsWith('.gz')) content[Math.trunc(content.length / 2)] ^= 1;
      response.end(content);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
    rmSync(home, { recursive: true, force: true });
  });

  const install = (args: readonly string[] = [], path = process.env['PATH'] ?? '') =>
    run('sh', [join(folder, 'install.sh'), '--base-url', base, ...args], {
      cwd: home,
      env: { HOME: home, PATH: path, TMPDIR: home },
    });

  it('names the version and the downloads of its release', async () => {
    const { stdout } = await run('sh', [join(folder, 'install.sh'), '--help'], {
      env: { PATH: '/usr/bin:/bin' },
    });
    expect(stdout).toContain(`(default: ${VERSION})`);
    expect(stdout).toContain('(default: https://downloads.example.com/culvert)');
  });

  it('installs nothing when the download is damaged', async () => {
    isDamaged = true;
    const failed = install();
    await expect(failed).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nothing was installed'),
    });
    isDamaged = false;
    expect(readdirSync(home)).toEqual([]);
  });

  it.each([
    [['--version', '9.9.9'], 'cannot download'],
    [['--dir'], '--dir needs a value'],
    [['--folder', 'x'], '--folder is not an option'],
  ])('reports what is wrong with %j', async (args, message) => {
    await expect(install(args)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
    expect(readdirSync(home)).toEqual([]);
  });

  it('names the npm package on a platform that has no program', async () => {
    const bin = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    writeFileSync(join(bin, 'uname'), '#!/bin/sh\necho Plan9\n', { mode: 0o755 });
    const failed = install([], `${bin}:${process.env['PATH']}`);
    await expect(failed).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no program for Plan9: run "npm install --global culvert"'),
    });
    rmSync(bin, { recursive: true });
  });

  it('installs the program in ~/.local/bin, and says what is missing in the PATH', async () => {
    const { stdout } = await install();
    const dir = join(home, '.local/bin');
    expect(stdout).toContain(`Installed culvert ${VERSION} in ${dir}\nAdd ${dir} to your PATH`);
    expect(readdirSync(dir)).toEqual(['culvert']);
    expect((await run(join(dir, 'culvert'), ['--version'], { env: {} })).stdout).toBe(`${VERSION}\n`);
    expect(readdirSync(home)).toEqual(['.local']);
  });
});

describe.skipIf(!IS_LINUX || !HAS_DPKG)('the Debian package', () => {
  it('holds the program, its manual page and its completions, and the hash of each file', async () => {
    const root = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    try {
      const path = join(
        folder,
        readdirSync(folder).find((name) => name.endsWith('.deb'))!,
      );
      const { stdout: fields } = await run('dpkg-deb', ['--field', path, 'Package', 'Version', 'Depends']);
      expect(fields).toContain(`Package: culvert\nVersion: ${VERSION}\nDepends: libc6`);
      await run('dpkg-deb', ['--extract', path, root]);
      await run('dpkg-deb', ['--control', path, join(root, 'DEBIAN')]);
      const { stdout: checked } = await run('md5sum', ['--check', 'DEBIAN/md5sums'], { cwd: root });
      expect(checked.match(/: OK$/gm)).toHaveLength(7);
      const { stdout } = await run(join(root, 'usr/bin/culvert'), ['--version'], { env: {} });
      expect(stdout).toBe(`${VERSION}\n`);
      const manual = gunzipSync(readFileSync(join(root, 'usr/share/man/man1/culvert.1.gz'))).toString();
      expect(manual).toContain('.TH CULVERT 1');
      const completion = readFileSync(join(root, 'usr/share/bash-completion/completions/culvert'), 'utf8');
      expect(completion).toContain('complete ');
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});

describe('the npm packages', () => {
  it.each(['culvert', 'culvert-client', 'culvert-server'])(
    '%s contains everything that its manifest lists',
    async (name) => {
      const entries = await entriesOf(`${name}-${VERSION}.tgz`);
      const manifest = entries.find((entry) => entry.name === 'package/package.json');
      const { files } = JSON.parse(String(manifest?.data)) as { files: string[] };
      const isMissing = (file: string) => !entries.some((entry) => entry.name.startsWith(`package/${file}`));
      expect(files.filter(isMissing)).toEqual([]);
    },
  );
});

describe('the formula and the manifest', () => {
  const tarball = `culvert-${VERSION}.tgz`;
  const hashOfPackage = () =>
    new RegExp(`^[0-9a-f]{64}(?=  ${tarball}$)`, 'm').exec(textOf('checksums.txt'))?.[0];

  it('name the same package as the component for GitLab', async () => {
    const entries = await entriesOf(`culvert-gitlab-component-${VERSION}.tar.gz`);
    const [header] = parseAllDocuments(
      entries.find(({ name }) => name === 'templates/preview.yml')!.data.toString(),
    );
    expect(header?.toJS().spec.inputs).toMatchObject({
      'package-url': { default: `https://downloads.example.com/culvert/v${VERSION}/${tarball}` },
      'package-sha256': { default: hashOfPackage() },
    });
  });

  it.each(['culvert.rb', 'culvert.json'])('%s names the npm package and its checksum', (name) => {
    const hash = hashOfPackage();
    expect(textOf(name)).toContain(`"https://downloads.example.com/culvert/v${VERSION}/${tarball}"`);
    expect(textOf(name)).toContain(`"${hash}"`);
  });

  it('starts a program of the npm package on Windows', async () => {
    const manifest = JSON.parse(textOf('culvert.json')) as Record<string, string>;
    const [, started = ''] = /%~dp0(\S+)"/.exec(manifest['pre_install']) ?? [];
    const names = (await entriesOf(`culvert-${VERSION}.tgz`)).map(({ name }) => name);
    expect(names).toContain(`${manifest['extract_dir']}/${started.replaceAll('\\', '/')}`);
  });
});

describe('the context of the images', () => {
  const archive = `culvert-${VERSION}-images.tar.gz`;

  it('has everything that the Dockerfile copies, and neither tests nor local files', async () => {
    const names = (await entriesOf(archive)).map(({ name }) => name.replace(`culvert-${VERSION}/`, ''));
    const copied = [
      ...readFileSync(join(ROOT, 'infra/docker/Dockerfile'), 'utf8').matchAll(/^COPY (?!--)(.+) \S+$/gm),
    ].flatMap(([, sources]) => sources.split(' '));
    for (const source of ['infra/docker/Dockerfile', '.dockerignore', ...copied])
      expect(
        names.some((name) => name === source || name === `${source}/`),
        source,
      ).toBe(true);
    expect(names.filter((name) => /\.spec\.ts$|node_modules|^\.env|^\.git|^test\//.test(name))).toEqual([]);
  });

  it('is built into one image for each program, tagged with the version', () => {
    const { images, context } = JSON.parse(textOf('images.json')) as {
      context: string;
      images: { target: string; tags: string[] }[];
    };
    expect(context).toBe(archive);
    expect(images.map(({ target }) => target).toSorted()).toEqual(
      [
        'admin',
        'api',
        'edge',
        'sample-service',
        'server',
        'standalone',
        'traffic-agent',
        'traffic-manager',
      ].toSorted(),
    );
    for (const { target, tags } of images)
      expect(tags[0]).toBe(`registry.example.com/culvert/${target}:${VERSION}`);
  });
});

describe('the charts', () => {
  it.each(['traffic-manager', 'culvert'])(
    '%s names an image that is in the list of images',
    async (chart) => {
      const entries = await entriesOf(`${chart}-chart-${VERSION}.tgz`);
      const read = (path: string) =>
        parse(entries.find(({ name }) => name === `${chart}/${path}`)!.data.toString()) as Record<
          string,
          string
        >;
      expect(read('Chart.yaml')).toMatchObject({ version: VERSION, appVersion: VERSION });
      expect(textOf('images.json')).toContain(`"${read('values.yaml')['image']}"`);
    },
  );
});

describe('the bills of materials', () => {
  it.each([
    ['culvert-server', 'ioredis', 'vitest'],
    ['culvert-cli', 'commander', 'vitest'],
    ['culvert-client', 'zod', 'commander'],
  ])('%s lists %s, with its license, and not %s', (name, listed, absent) => {
    const bill = JSON.parse(textOf(`${name}-${VERSION}.cdx.json`)) as {
      metadata: { component: { name: string; version: string } };
      components: { name: string; 'bom-ref': string; licenses?: unknown[] }[];
    };
    expect(bill.metadata.component).toMatchObject({ name, version: VERSION });
    const found = bill.components.find((component) => component.name === listed);
    expect(found?.licenses).toHaveLength(1);
    expect(bill.components.map((component) => component.name)).not.toContain(absent);
    const refs = bill.components.map((component) => component['bom-ref']);
    expect(new Set(refs).size).toBe(refs.length);
  });
});
