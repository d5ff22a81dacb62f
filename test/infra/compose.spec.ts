import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadSettings, VARIABLES } from '@culvert/runtime';
import { parseDockerfile } from './dockerfile.js';

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string; readonly target: string };
  readonly user?: string;
  readonly restart?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly networks: readonly string[] | Readonly<Record<string, { readonly ipv4_address?: string } | null>>;
  readonly ports?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly volumes?: readonly string[];
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const FILE = 'docker-compose.yml';
/** Values that `.env` must hold, in the form that `.env.example` asks for. */
const ENV = { POSTGRES_PASSWORD: '0123456789abcdef', CULVERT_BOOTSTRAP_API_KEY: 'fedcba9876543210' };

const text = readFileSync(FILE, 'utf8');
const parsed: unknown = parse(text, { merge: true });
const compose = interpolate(parsed, ENV) as Compose;
const services = Object.entries(compose.services);
const ours = services.filter(([, { build }]) => build !== undefined);

/** Compose's own interpolation of scalars: `${NAME:-default}` and `${NAME:?message}`. */
function interpolate(node: unknown, env: Readonly<Record<string, string>>): unknown {
  if (Array.isArray(node)) return node.map((item) => interpolate(item, env));
  if (typeof node === 'object' && node !== null) {
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, interpolate(value, env)]));
  }
  if (typeof node !== 'string') return node;
  return node.replaceAll(
    /\$\{(\w+)(?::([-?])([^}]*))?\}/g,
    (_, name: string, operator?: string, rest = '') => {
      if (env[name]) return env[name];
      if (operator === '-') return rest;
      throw new Error(`${name}: ${rest || 'not set'}`);
    },
  );
}

function networksOf({ networks }: Service): readonly string[] {
  return Array.isArray(networks) ? (networks as readonly string[]) : Object.keys(networks);
}

describe('docker-compose.yml', () => {
  it('contains the whole deployment', () => {
    expect(services.map(([name]) => name).toSorted()).toEqual([
      'api',
      'edge',
      'postgres',
      'redis',
      'sample-service',
      'traffic-manager',
    ]);
  });

  it.each(services)(
    '%s has an image, a health check and a restart policy, and waits only for what exists',
    (_, service) => {
      expect(service.image ?? service.build?.target).toBeDefined();
      if (service.image !== undefined) expect(service.image).toMatch(/^[\w/]+:\d+\.\d+[\w.-]*$/);
      expect(service.healthcheck?.test[0]).toBe('CMD');
      expect(service.restart).toBe('unless-stopped');
      for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(compose.services[name]?.healthcheck).toBeDefined();
        expect(condition).toBe('service_healthy');
      }
    },
  );

  it.each(services)('%s uses only networks and volumes that are declared', (_, service) => {
    for (const network of networksOf(service)) expect(Object.keys(compose.networks)).toContain(network);
    for (const volume of service.volumes ?? [])
      expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0]);
  });

  it('also runs third-party images without root', () => {
    for (const [, { user }] of services.filter(([, { image }]) => image))
      expect(user).toMatch(/^(?!root)[a-z]+$/);
  });

  it.each(ours)('builds %s from a stage of the Dockerfile', (name, { build }) => {
    expect(build?.target).toBe(name);
    const stages = parseDockerfile(readFileSync(build!.dockerfile, 'utf8')).map((stage) => stage.name);
    expect(stages).toContain(build?.target);
  });

  it('contains no secret: each comes from the environment and is required', () => {
    const literals = [...text.matchAll(/^\s+\w*(?:PASSWORD|API_KEY)\w*: (.*)$/gm)].map(([, value]) => value);
    expect(literals.length).toBeGreaterThan(0);
    for (const value of literals) expect(value).toMatch(/^\$\{\w+:[?-]/);
    for (const name of Object.keys(ENV)) {
      expect(() => interpolate(parsed, { ...ENV, [name]: '' })).toThrow(name);
    }
  });

  it('explains in .env.example every variable it reads', () => {
    const explained = readFileSync('.env.example', 'utf8').match(/^\w+(?==$)/gm);
    const read = new Set([...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => name));
    expect(new Set(explained)).toEqual(read);
  });
});

describe('the environment in docker-compose.yml', () => {
  const environmentOf = (name: string) => compose.services[name].environment ?? {};

  it.each(['edge', 'api'] as const)('is known to %s and accepted', (app) => {
    const environment = environmentOf(app);
    expect(Object.keys(environment).filter((name) => !(name in VARIABLES))).toEqual([]);
    const settings = loadSettings(app, environment);
    expect(settings.public).toMatchObject({ scheme: 'http', appHost: 'localhost:8080', port: 8080 });
  });

  it('is known to the traffic manager', () => {
    const { stdout } = spawnSync(process.execPath, ['dist/apps/traffic-manager/src/main.js', '--help'], {
      encoding: 'utf8',
    });
    const known: readonly string[] = stdout.match(/\b[A-Z]+(?:_[A-Z]+)+\b/g) ?? [];
    expect(known).toContain('CULVERT_URL');
    expect(Object.keys(environmentOf('traffic-manager')).filter((name) => !known.includes(name))).toEqual([]);
  });

  it('is known to the sample service', () => {
    const source = readFileSync('apps/sample-service/src/main.ts', 'utf8');
    for (const name of Object.keys(environmentOf('sample-service'))) expect(source).toContain(name);
  });

  it('directs every process to the ports that the others listen on', () => {
    const api = loadSettings('api', environmentOf('api'));
    const edge = loadSettings('edge', environmentOf('edge'));
    const { CULVERT_URL: url, CULVERT_ALLOW: allow } = environmentOf('traffic-manager');
    const address = (compose.services['edge'].networks as Record<string, { ipv4_address?: string } | null>)[
      'tunnels'
    ];

    expect(edge.apiUpstreamUrls).toEqual([`http://api:${api.listen.port}`]);
    expect(url).toBe(`http://${address?.ipv4_address}:${edge.listen.port}`);
    expect(allow).toBe(`sample-service:${environmentOf('sample-service')['SAMPLE_PORT']}`);
    expect(compose.services['edge'].ports).toEqual([`127.0.0.1:${edge.listen.port}:${edge.listen.port}`]);
    for (const name of ['edge', 'api'] as const) {
      const { adminPort } = loadSettings(name, environmentOf(name)).listen;
      expect(compose.services[name].healthcheck?.test).toContain(`http://127.0.0.1:${adminPort}/readyz`);
    }
  });
});

describe('the networks in docker-compose.yml', () => {
  const members = (network: string) =>
    services.filter(([, service]) => networksOf(service).includes(network)).map(([name]) => name);

  it('let only the traffic manager reach the sample service', () => {
    expect(compose.networks['cluster']).toEqual({ internal: true });
    expect(members('cluster').toSorted()).toEqual(['sample-service', 'traffic-manager']);
    expect(networksOf(compose.services['sample-service'])).toEqual(['cluster']);
  });

  it('let the traffic manager reach only the edge of the deployment', () => {
    expect(members('tunnels').toSorted()).toEqual(['edge', 'traffic-manager']);
    expect(networksOf(compose.services['traffic-manager']).toSorted()).toEqual(['cluster', 'tunnels']);
  });

  it('expose only the edge to the outside', () => {
    expect(members('public')).toEqual(['edge']);
    expect(services.filter(([, { ports }]) => ports).map(([name]) => name)).toEqual(['edge']);
    const open = Object.entries(compose.networks).filter(([, network]) => !network?.internal);
    expect(open.map(([name]) => name)).toEqual(['public']);
  });
});

describe('docker compose', () => {
  const hasCompose = spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status === 0;

  it('accepts the file', ({ skip }) => {
    skip(!hasCompose, 'docker compose is not installed');
    const { status, stderr } = spawnSync('docker', ['compose', '-f', FILE, 'config', '-q'], {
      encoding: 'utf8',
      env: { ...process.env, ...ENV },
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});
