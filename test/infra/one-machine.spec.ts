/** The files for one machine: Docker Compose (infra/compose) and systemd (infra/systemd), and the page that explains them. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadSettings, VARIABLES } from '@culvert/runtime';
import { parseDockerfile } from './dockerfile.js';

interface Service {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly networks: readonly string[];
  readonly ports?: readonly string[];
  readonly restart?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly logging?: object;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly deploy?: { readonly resources: { readonly limits: Readonly<Record<string, unknown>> } };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const COMPOSE = 'infra/compose';
const SYSTEMD = 'infra/systemd';
const text = readFileSync(join(COMPOSE, 'compose.yaml'), 'utf8');
const example = readFileSync(join(COMPOSE, 'env.example'), 'utf8');
/** What an operator writes into `.env`. */
const FILLED = {
  APP_HOST: 'culvert.example.com',
  PREVIEW_DOMAIN: 'preview.example.com',
  OWNER_EMAIL: 'a@b.test',
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  cpSync(COMPOSE, join(folder, 'compose'), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function variablesOf(file: string): Record<string, string> {
  return Object.fromEntries([...file.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
}

/** Reads compose.yaml as Compose does with an `.env` that is filled in. */
function readCompose(
  env: Readonly<Record<string, string>> = { ...variablesOf(example), ...FILLED },
): Compose {
  const filled = text.replaceAll(
    /\$\{(\w+)(?::([-?])([^}]*))?\}/g,
    (_, name: string, operator, rest: string) => {
      if (env[name]) return env[name];
      if (operator === '-') return rest;
      throw new Error(`${name}: ${rest}`);
    },
  );
  // Compose fills in after parsing, so that an empty value is a text.
  return parse(filled.replaceAll(/^( +\w+:) $/gm, "$1 ''"), { merge: true }) as Compose;
}

const compose = readCompose();
const services = Object.entries(compose.services);

describe('infra/compose/compose.yaml', () => {
  it('is valid by the Compose specification', () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    formats.default(ajv);
    // From https://github.com/compose-spec/compose-spec, Apache License 2.0.
    const schema = JSON.parse(readFileSync('test/infra/compose-spec.json', 'utf8')) as Record<
      string,
      unknown
    >;
    const validate = ajv.compile({ ...schema, $schema: 'https://json-schema.org/draft/2020-12/schema' });
    validate(compose);
    expect(validate.errors).toBeNull();
    expect(validate({ services: { edge: { imag: 'x' } } })).toBe(false);
  });

  it.each(services)(
    '%s restarts, has limits, drops all capabilities and keeps its log bounded',
    (_name, service) => {
      expect(service.restart).toBe('unless-stopped');
      expect(Object.keys(service.deploy!.resources.limits).toSorted()).toEqual(['cpus', 'memory', 'pids']);
      expect(service.cap_drop).toEqual(['ALL']);
      expect(service.security_opt).toEqual(['no-new-privileges:true']);
      expect(service.logging).toMatchObject({ options: { 'max-size': '50m' } });
      for (const name of Object.keys(service.depends_on ?? {}))
        expect(compose.services[name].healthcheck, name).toBeDefined();
    },
  );

  it('runs images that the Dockerfile makes, in the version of .env', () => {
    const stages = parseDockerfile(readFileSync('infra/docker/Dockerfile', 'utf8')).map(({ name }) => name);
    for (const name of ['api', 'edge', 'admin']) expect(stages).toContain(name);
    const ours = services.filter(([, { image }]) => image.startsWith('registry.example.com/'));
    expect(ours.map(([, { image }]) => image)).toEqual(
      ['api', 'edge', 'admin'].map((target) => `registry.example.com/culvert/${target}:0.1.0`),
    );
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(variablesOf(example)['CULVERT_VERSION']).toBe(version);
  });

  it('opens ports of the edge only, and keeps the data away from other machines', () => {
    expect(services.flatMap(([name, { ports = [] }]) => ports.map((port) => `${name} ${port}`))).toEqual([
      'edge 443:8443',
      'edge 80:8080',
    ]);
    for (const name of ['postgres', 'redis', 'backup'])
      expect(compose.services[name].networks).toEqual(['data']);
  });

  it.each(['APP_HOST', 'PREVIEW_DOMAIN', 'OWNER_EMAIL', 'CULVERT_REGISTRY', 'CULVERT_VERSION'])(
    'does not start without %s',
    (name) => {
      expect(() => readCompose({ ...variablesOf(example), ...FILLED, [name]: '' })).toThrow('set it in .env');
    },
  );

  it('reads exactly the settings that env.example explains', () => {
    const read = new Set([...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => name));
    expect(Object.keys(variablesOf(example)).toSorted()).toEqual([...read].toSorted());
  });
});

describe('infra/compose/setup.sh', () => {
  const setup = () => spawnSync('./setup.sh', { cwd: join(folder, 'compose'), encoding: 'utf8' });
  const secret = (name: string) => readFileSync(join(folder, 'compose/secrets', name), 'utf8');

  it('makes secrets with which edge and API accept the environment of compose.yaml', () => {
    const { status, stderr } = setup();
    expect([status, stderr]).toEqual([0, '']);
    expect(secret('database-url')).toBe(
      `postgresql://culvert:${secret('database-password')}@postgres:5432/culvert`,
    );
    expect(secret('database-password')).toMatch(/^[0-9a-f]{48}$/);
    for (const name of Object.keys(compose.secrets))
      expect(statSync(join(folder, 'compose', compose.secrets[name].file)).isFile()).toBe(true);
    for (const app of ['edge', 'api'] as const) {
      const { environment = {}, healthcheck, secrets = [] } = compose.services[app];
      // Files are below the folder of the host instead of that of the container.
      const env = Object.fromEntries(
        Object.entries(environment)
          .filter(([name]) => !name.startsWith('TLS_'))
          .map(([name, value]) => [name, value.replace('/run/secrets', join(folder, 'compose/secrets'))]),
      );
      const known = (name: string) => name in VARIABLES || name.replace(/_FILE$/, '') in VARIABLES;
      expect(Object.keys(environment).filter((name) => !known(name))).toEqual([]);
      for (const [, name] of Object.values(environment)
        .join()
        .matchAll(/\/run\/secrets\/([\w-]+)/g))
        expect(secrets).toContain(name);
      const settings = loadSettings(app, env);
      expect(settings.encryptionKeys).toEqual([secret('encryption-keys')]);
      expect(settings.databaseUrl).toBe(secret('database-url'));
      expect(settings.public).toMatchObject({ scheme: 'https', appHost: 'culvert.example.com', port: 443 });
      expect(healthcheck?.test).toContain(`http://127.0.0.1:${settings.listen.adminPort}/readyz`);
      if (app === 'edge') expect([settings.listen.port, settings.httpRedirectPort]).toEqual([8443, 8080]);
      else expect(settings.bootstrap.password).toBe(secret('owner-password'));
    }
  });

  it('closes the folders, and changes nothing when it runs again', () => {
    const before = secret('database-url');
    for (const name of ['secrets', 'tls', 'backups'])
      expect((statSync(join(folder, 'compose', name)).mode & 0o777).toString(8)).toBe('700');
    expect((statSync(join(folder, 'compose/.env')).mode & 0o777).toString(8)).toBe('600');
    const { status, stdout } = setup();
    expect([status, stdout, secret('database-url')]).toEqual([0, '', before]);
  });
});

describe('infra/compose/upgrade.sh', () => {
  /** Runs it with a `docker` that records its calls, and fails at those that match. */
  function upgrade(version: string, failAt = 'nothing') {
    const bin = join(folder, 'bin');
    const log = join(folder, 'docker.log');
    spawnSync('mkdir', ['-p', bin]);
    writeFileSync(log, '');
    const script = `#!/bin/sh\necho "\${CULVERT_VERSION:-.env} $*" >> ${log}\ncase "\${CULVERT_VERSION:-.env} $*" in *"${failAt}"*) exit 1;; esac\n`;
    writeFileSync(join(bin, 'docker'), script);
    chmodSync(join(bin, 'docker'), 0o755);
    const env = { PATH: `${bin}:${process.env['PATH']}` };
    const { status, stderr } = spawnSync('./upgrade.sh', version === '' ? [] : [version], {
      cwd: join(folder, 'compose'),
      encoding: 'utf8',
      env,
    });
    const now = variablesOf(readFileSync(join(folder, 'compose/.env'), 'utf8'))['CULVERT_VERSION'];
    return { status, stderr, now, calls: readFileSync(log, 'utf8').trim().split('\n') };
  }

  it('fetches, backs up with the old version, and starts the API before the rest', () => {
    const { status, now, calls } = upgrade('0.2.0');
    expect([status, now]).toEqual([0, '0.2.0']);
    expect(calls).toEqual([
      '0.2.0 compose pull --quiet api edge backup',
      '.env compose run --rm --no-deps backup backup --dir /backups',
      '0.2.0 compose up --detach --wait api',
      '0.2.0 compose up --detach --wait',
    ]);
    expect(upgrade('0.1.0').now).toBe('0.1.0');
  });

  it.each([
    ['pull', 1, /cannot be fetched; nothing has changed/],
    ['run --rm', 2, /the backup failed; nothing has changed/],
    ['--wait api', 3, /the API of 0\.2\.0 does not start\. 0\.1\.0 is still the version in \.env/],
  ])('stops at the first failure, of %s, and keeps the version', (failAt, count, message) => {
    const { status, stderr, now, calls } = upgrade('0.2.0', failAt);
    expect([status, now, calls.length]).toEqual([1, '0.1.0', count]);
    expect(stderr).toMatch(message);
  });

  it.each(['', '1 2', '$(id)'])('refuses the version %j before it does anything', (version) => {
    const { status, stderr, calls } = upgrade(version);
    expect([status, calls]).toEqual([1, ['']]);
    expect(stderr).toContain('name a version');
  });
});

describe('the units of infra/systemd', () => {
  const units = readdirSync(SYSTEMD).filter((name) => /\.(service|timer)$/.test(name));
  const hasSystemd = spawnSync('systemd-analyze', ['--version'], { stdio: 'ignore' }).status === 0;
  const valuesOf = (unit: string, key: string) =>
    [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value]) => value);

  it.each(units.filter((name) => name.endsWith('.service')))(
    '%s starts a program with settings it knows',
    (name) => {
      const unit = readFileSync(join(SYSTEMD, name), 'utf8');
      const [, program = ''] = /^ExecStart=\/usr\/bin\/node (\S+)/m.exec(unit) ?? [];
      expect(statSync(program).isFile(), `${program} (after npm run build)`).toBe(true);
      const environment = valuesOf(unit, 'Environment').flatMap((line) => line.split(' '));
      for (const assignment of environment)
        expect(['NODE_ENV', ...Object.keys(VARIABLES)]).toContain(assignment.split('=')[0]);
      expect(environment).toContain('NODE_ENV=production');
    },
  );

  it('connect the edge to the API, at ports of their own', () => {
    const [edge, api] = ['edge', 'api'].map((app) => {
      const unit = readFileSync(join(SYSTEMD, `culvert-${app}.service`), 'utf8');
      const lines = valuesOf(unit, 'Environment').flatMap((line) => line.split(' '));
      return variablesOf(lines.join('\n'));
    });
    expect(edge['API_UPSTREAM_URL']).toBe(`http://${api['HOST']}:${api['PORT']}`);
    expect(new Set([edge['PORT'], edge['ADMIN_PORT'], '9091', api['PORT'], api['ADMIN_PORT']]).size).toBe(5);
  });

  it('give programs more time to stop than their exchanges have', () => {
    for (const app of ['standalone', 'edge', 'api'] as const) {
      const required = { DATABASE_URL: 'postgresql://db/x', REDIS_URL: 'redis://redis' };
      const { lameDuckMs, shutdownGraceMs } = loadSettings(app, required);
      const [seconds] = valuesOf(
        readFileSync(join(SYSTEMD, `culvert-${app}.service`), 'utf8'),
        'TimeoutStopSec',
      );
      expect(Number(seconds) * 1000).toBeGreaterThanOrEqual(lameDuckMs + shutdownGraceMs + 10_000);
    }
  });

  it.skipIf(!hasSystemd)('are accepted by systemd, which finds little that they are exposed to', () => {
    for (const name of units) {
      // Where this machine has Node and the programs.
      const unit = readFileSync(join(SYSTEMD, name), 'utf8')
        .replace('/usr/bin/node', process.execPath)
        .replace('WorkingDirectory=/opt/culvert', `WorkingDirectory=${process.cwd()}`);
      writeFileSync(join(folder, name), unit);
    }
    for (const name of units) {
      const verified = spawnSync('systemd-analyze', ['verify', '--man=no', join(folder, name)], {
        encoding: 'utf8',
      });
      expect([name, verified.status, verified.stderr]).toEqual([name, 0, '']);
      if (name.endsWith('.timer')) continue;
      const args = ['security', '--offline=true', '--no-pager', '--threshold=20', join(folder, name)];
      const { status, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
      expect(status, stdout.trim().split('\n').at(-1)).toBe(0);
    }
  });
});

describe('docs/install-one-machine.md', () => {
  const page = readFileSync('docs/install-one-machine.md', 'utf8');
  const blocks = [...page.matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block);

  it('has settings that compose.yaml and standalone accept', () => {
    const [compose1, systemd1] = blocks.filter((block) => /^APP_HOST=/m.test(block)).map(variablesOf);
    for (const name of Object.keys(compose1)) expect(variablesOf(example)).toHaveProperty(name);
    expect(readCompose({ ...variablesOf(example), ...compose1 }).services).toHaveProperty('edge');
    const { TLS_CERT_FILE, TLS_KEY_FILE, ...env } = systemd1;
    expect([TLS_CERT_FILE, TLS_KEY_FILE]).toEqual(['/etc/culvert/tls.crt', '/etc/culvert/tls.key']);
    expect(Object.keys(systemd1).filter((name) => !(name in VARIABLES))).toEqual([]);
    expect(loadSettings('standalone', { ...env, PUBLIC_SCHEME: 'https', PORT: '443' }).httpRedirectPort).toBe(
      80,
    );
  });

  it('names files and units that exist', () => {
    const units = new Set(page.match(/culvert-[a-z-]+\.(?:service|timer)/g));
    expect(units.size).toBeGreaterThan(4);
    for (const name of units) expect(readdirSync(SYSTEMD)).toContain(name);
    for (const block of blocks)
      for (const [, script] of block.matchAll(/^\.\/(\S+)/gm)) expect(readdirSync(COMPOSE)).toContain(script);
  });
});
