import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
} from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
// @ts-expect-error The release script has no types.
import { contextFiles } from '../../infra/release/images.mjs';
import { TemporaryFolder } from '../services/server.js';
import { lastOf, parseDockerfile } from './dockerfile.js';

const PATH = 'infra/docker/Dockerfile';
const CHART = 'infra/helm/culvert/templates';
const text = readFileSync(PATH, 'utf8');
const stages = parseDockerfile(text);
const names = stages.map(({ name }) => name);
const APPS = ['edge', 'api', 'traffic-agent', 'traffic-manager', 'sample-service', 'standalone'];

/** Apps whose containers get arguments of their own, as a pod daemon's do, and whose images hold only their own folder. */
const IN_CLUSTERS = ['traffic-agent', 'traffic-manager'];

/** Optional packages of Nest, which looks for them when a program uses certain features; none of ours does. */
const OPTIONAL = new Set([
  '@nestjs/microservices',
  '@nestjs/platform-socket.io',
  'class-transformer',
  'class-validator',
]);

describe('the Dockerfile', () => {
  it('builds on images pinned to an exact version of Node or Postgres, or on its own stages', () => {
    const images = stages
      .map(({ from }) => from)
      .filter((from, index) => !names.slice(0, index).includes(from));
    expect(images.length).toBeGreaterThan(0);
    // The other one brings the tools of Postgres for backups.
    for (const image of images)
      expect(image).toMatch(/^(?:node:20\.\d+\.\d+-\w+-slim|postgres:\d+\.\d+-\w+)$/);
  });

  it('copies only files that exist and that .dockerignore includes, or that an earlier stage made', () => {
    const allowed = readFileSync('.dockerignore', 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    for (const [index, { instructions }] of stages.entries()) {
      for (const { argument } of instructions.filter(({ keyword }) => keyword === 'COPY')) {
        const words = argument.split(/\s+/);
        const from = /^--from=(.+)$/.exec(words[0])?.[1];
        if (from !== undefined) {
          expect(names.slice(0, index)).toContain(from);
          continue;
        }
        for (const source of words.slice(0, -1)) {
          expect(existsSync(source), source).toBe(true);
          expect(
            allowed.some((path) => source === path || source.startsWith(`${path}/`)),
            source,
          ).toBe(true);
        }
      }
    }
  });

  it('generates the sources that are not written by hand from its context', () => {
    const folder = new TemporaryFolder('context');
    try {
      for (const path of contextFiles('.') as string[]) cpSync(path, join(folder.path, path));
      linkPackages(folder.path);
      const generated = join(folder.path, 'libs/store/src/generated');
      expect(existsSync(generated)).toBe(false);
      execFileSync(process.execPath, ['infra/scripts/generate.mjs'], { cwd: folder.path, stdio: 'pipe' });
      expect(existsSync(generated)).toBe(true);
    } finally {
      folder.remove();
    }
  });

  it('has a stage for every app', () => {
    expect(names).toEqual(expect.arrayContaining(APPS));
  });

  it('has an image with every program that the chart of the server runs', () => {
    const templates = readdirSync(CHART).map((file) => readFileSync(`${CHART}/${file}`, 'utf8'));
    const programs = [...templates.join('\n').matchAll(/command: \[node, (\S+)\]/g)].map(([, path]) => path);
    expect(programs).toHaveLength(3);
    for (const program of programs)
      expect(existsSync(program), `${program} (after npm run build)`).toBe(true);
    expect(stages.find(({ name }) => name === 'server')?.from).toBe('runtime');
  });

  it('has culvert-admin beside the tools of Postgres, without root', () => {
    expect(stages.find(({ name }) => name === 'admin')?.from).toMatch(/^postgres:/);
    expect(lastOf(stages, 'admin', 'USER')).toBe('1000:1000');
    const [node, program] = JSON.parse(lastOf(stages, 'admin', 'ENTRYPOINT')!) as string[];
    expect([node, existsSync(program)]).toEqual(['node', true]);
  });

  it('contains no secret', () => {
    const variables = stages
      .flatMap(({ instructions }) => instructions)
      .filter(({ keyword }) => keyword === 'ENV' || keyword === 'ARG');
    for (const { argument } of variables) expect(argument).not.toMatch(/key|password|secret|token/i);
  });

  describe.each(APPS)('%s', (app) => {
    it('runs without root', () => {
      const [uid, gid] = (lastOf(stages, app, 'USER') ?? '').split(':').map(Number);
      expect(uid).toBeGreaterThan(0);
      expect(gid).toBeGreaterThan(0);
    });

    it('starts a compiled program as process 1, so that signals reach it', () => {
      const [present, absent] = IN_CLUSTERS.includes(app) ? ['ENTRYPOINT', 'CMD'] : ['CMD', 'ENTRYPOINT'];
      const command = JSON.parse(lastOf(stages, app, present)!) as string[];
      expect(command[0]).toBe('node');
      expect(existsSync(command[1]), `${command[1]} (after npm run build)`).toBe(true);
      expect(lastOf(stages, app, absent)).toBeUndefined();
    });

    it('has a health check that needs only what is in the image', () => {
      const check = lastOf(stages, app, 'HEALTHCHECK')!;
      const command = JSON.parse(check.slice(check.indexOf('['))) as string[];
      expect(command.slice(0, 2)).toEqual(['node', 'healthcheck.mjs']);
      expect(URL.canParse(command[2])).toBe(true);
    });

    it('needs at run time only packages that the image contains', () => {
      const packages = packagesNeededBy(`dist/apps/${app}/src/main.js`);
      if (IN_CLUSTERS.includes(app)) {
        expect(packages).toEqual([]);
        return;
      }
      const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
        packages: Record<string, { dev?: boolean; devOptional?: boolean; peer?: boolean } | undefined>;
      };
      const missing = packages.filter((name) => {
        if (OPTIONAL.has(name)) return false;
        const locked = lock.packages[`node_modules/${name}`];
        return !locked || locked.dev || locked.devOptional || locked.peer;
      });
      expect(packages.length).toBeGreaterThan(0);
      expect(missing).toEqual([]);
    });
  });
});

describe('the .dockerignore', () => {
  it('excludes local state, history and secrets', () => {
    const lines = readFileSync('.dockerignore', 'utf8').split('\n');
    expect(lines.find((line) => line !== '' && !line.startsWith('#'))).toBe('*');
    for (const path of ['.env', '.git', '.culvert', 'node_modules', 'dist', '.'])
      expect(lines).not.toContain(`!${path}`);
    expect(lines).toContain('**/node_modules');
  });

  it('excludes every file that imports a test tool, so that the image compiles without them', () => {
    const ignored = /\.spec\.ts$|\/src\/spec\/|\/src\/testing\//;
    // Not those that git ignores: another spec may be packing the npm packages.
    const listing = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', 'apps', 'libs'];
    const files = execFileSync('git', listing, { encoding: 'utf8' })
      .split('\0')
      .filter((path) => /\/src\/.*\.ts$/.test(path) && existsSync(path))
      .filter((path) => !ignored.test(path) && !path.startsWith('libs/testkit/'));
    const testing = files.filter((path) =>
      /from '(vitest|@culvert\/testkit|supertest)'/.test(readFileSync(path, 'utf8')),
    );
    expect(files.length).toBeGreaterThan(50);
    expect(testing).toEqual([]);
  });
});

/** Returns the third-party packages that a compiled program imports, itself or through other compiled modules of ours. */
function packagesNeededBy(entry: string): string[] {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const queue = [new URL(`../../${entry}`, import.meta.url)];
  for (let file = queue.pop(); file; file = queue.pop()) {
    if (seen.has(file.href)) continue;
    seen.add(file.href);
    const statements = readFileSync(file, 'utf8').matchAll(
      /^(?:import|export)(?: [^'";=()]*? from)? ['"]([^'"]+)['"];|\bimport\(['"]([^'"]+)['"]\)/gm,
    );
    for (const [, stated, imported] of statements) {
      const specifier = stated ?? imported;
      const name = specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/');
      if (specifier.startsWith('.')) queue.push(new URL(specifier, file));
      else if (name.startsWith('@culvert/')) queue.push(entryOf(name));
      else if (!specifier.startsWith('node:') && !builtinModules.includes(specifier)) packages.add(name);
    }
  }
  return [...packages];
}

function entryOf(name: string): URL {
  const folder = new URL(`../../dist/node_modules/${name}/`, import.meta.url);
  const manifest = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as {
    exports: { '.': string };
  };
  return new URL(manifest.exports['.'], folder);
}

/** Gives the repository at `target` the installed packages, and its own workspaces among them. */
function linkPackages(target: string): void {
  mkdirSync(join(target, 'node_modules/@culvert'), { recursive: true });
  const link = (path: string): void => {
    // Workspaces are relative links.
    const isWorkspace = lstatSync(path).isSymbolicLink();
    symlinkSync(isWorkspace ? readlinkSync(path) : realpathSync(path), join(target, path));
  };
  for (const name of readdirSync('node_modules'))
    if (name !== '@culvert' && name !== '.cache') link(join('node_modules', name));
  for (const name of readdirSync('node_modules/@culvert')) link(join('node_modules/@culvert', name));
  for (const app of readdirSync('apps')) {
    const own = join('apps', app, 'node_modules');
    if (existsSync(own)) symlinkSync(realpathSync(own), join(target, own));
  }
}
