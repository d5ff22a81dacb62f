/**
 * The chart of the server on a real Kubernetes API server: a person who may only edit a namespace installs it there with
 * the commands of docs/install-kubernetes.md. Admission enforces the restricted Pod Security Standard.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createTestDatabase, type TestDatabase } from '@culvert/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { customResources, findGo } from '../../infra/scripts/kubernetes-tools.mjs';
import { podsOf } from '../infra/chart-pods.js';
import { type Manifest, readManifests, type Values } from '../infra/helm.js';
import { TemporaryFolder } from '../services/server.js';
import { ROOT } from '../support/process.js';
import { Cluster, type Output } from './cluster.js';
import { type RunJob, withJobs } from './jobs.js';
import { secretData } from './pod-env.js';

const GO = findGo();
const CHART = `${ROOT}infra/helm/culvert`;
const NAMESPACE = 'culvert';
const INSTALLER = 'installer';
const NAMES = { appHost: 'culvert.example.com', previewDomain: 'preview.example.com' };
const BUNDLED: Values = { ...NAMES, bundled: { postgres: { enabled: true }, redis: { enabled: true } } };

/** Commands of the page, by the heading that they are below. */
const documented = commandsOf(readFileSync(`${ROOT}docs/install-kubernetes.md`, 'utf8'));

describe.skipIf(GO === null)('the chart of the server on a Kubernetes API server', () => {
  let cluster: Cluster;
  let database: TestDatabase;
  let folder: TemporaryFolder;

  beforeAll(async () => {
    // Empty: the migration makes the schema.
    database = await createTestDatabase(inject('databaseUrl'));
    folder = new TemporaryFolder('install');
    symlinkSync(join(ROOT, 'infra'), join(folder.path, 'infra'));
    cluster = (await Cluster.start([INSTALLER]))!;
    await cluster.kubectl([
      'apply',
      '--server-side',
      ...customResources(GO!).flatMap((file) => ['-f', file]),
    ]);
    await cluster.kubectl(['wait', '--for=condition=Established', '--all', 'crd', '--timeout=30s']);
  });

  afterAll(async () => {
    await cluster?.stop();
    await database?.drop();
    folder?.remove();
  });

  /** Runs the commands below a heading of the page as an operator, while the cluster runs the jobs they cause. */
  async function follow(
    heading: string,
    user?: string,
  ): Promise<{ result: Output; jobs: readonly RunJob[] }> {
    const script = documented
      .get(heading)
      ?.replaceAll(/postgresql:\/\/\S+(?=')/g, database.url)
      .replaceAll(/rediss:\/\/\S+(?=')/g, inject('redisUrl'));
    if (script === undefined) throw new Error(`docs/install-kubernetes.md: no commands below ${heading}`);
    const env = cluster.shellEnv(user);
    return withJobs(cluster, NAMESPACE, () =>
      promisify(execFile)('bash', ['--norc', '-euc', script], { cwd: folder.path, env, timeout: 60_000 }),
    );
  }

  /** Does what controllers do with a new namespace, and lets a person edit it. The roles are those behind `edit` and `admin`. */
  async function allowInstaller(): Promise<void> {
    await cluster.kubectl(['-n', NAMESPACE, 'create', 'serviceaccount', 'default']);
    for (const role of ['view', 'edit', 'admin']) {
      await cluster.kubectl([
        '-n',
        NAMESPACE,
        'create',
        'rolebinding',
        `installer-${role}`,
        `--clusterrole=system:aggregate-to-${role}`,
        `--user=${INSTALLER}`,
      ]);
    }
  }

  it('gets its secrets and its namespace as the page says', async () => {
    await follow('Namespace');
    await allowInstaller();
    writeCertificate(folder.path);
    await follow('Secrets', INSTALLER);
    expect(Object.keys(await secretData(cluster, NAMESPACE, 'culvert-link'))).toEqual(['EDGE_LINK_SECRET']);
    expect(await secretData(cluster, NAMESPACE, 'culvert-database')).toEqual({ DATABASE_URL: database.url });
  });

  it('migrates the database and is installed by someone who may only edit the namespace', async () => {
    writeFileSync(join(folder.path, 'culvert.yaml'), valuesOf('Values'));
    const { result, jobs } = await follow('Installation', INSTALLER);
    expect(jobs.map(({ name }) => name)).toEqual(['culvert-migration']);
    expect(jobs[0]?.stdout).toContain('Applied ');
    expect(await tableCount(database.url)).toBeGreaterThan(10);
    expect(result.stdout).toContain('Sign in at https://culvert.example.com');
    const { items } = await cluster.get<{ items: Manifest[] }>(
      `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`,
    );
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['culvert-api', 'culvert-edge']);
  });

  it('is applied by the server, which thus knows who owns each field', async () => {
    const deployment = await cluster.get<{
      metadata: { managedFields: { manager: string; operation: string }[] };
    }>(`/apis/apps/v1/namespaces/${NAMESPACE}/deployments/culvert-edge?`);
    expect(deployment.metadata.managedFields).toContainEqual(
      expect.objectContaining({ manager: 'helm', operation: 'Apply' }),
    );
  });

  it('makes pods that the restricted Pod Security Standard admits, as they are and with a random user', async () => {
    const { stdout } = await cluster.helm(INSTALLER, ['-n', NAMESPACE, 'get', 'manifest', 'culvert']);
    const pods = podsOf(readManifests(stdout));
    expect(pods).toHaveLength(2);
    for (const { labels, spec } of pods) {
      for (const user of [
        {},
        { runAsUser: 1_000_740_000, runAsGroup: 1_000_740_000, fsGroup: 1_000_740_000 },
      ]) {
        const pod = {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { generateName: 'try-', labels },
          spec: { ...spec, securityContext: { ...spec.securityContext, ...user } },
        };
        await cluster.call(
          'POST',
          `/api/v1/namespaces/${NAMESPACE}/pods?dryRun=All&fieldValidation=Strict`,
          pod,
        );
      }
      const privileged = { ...spec, containers: [{ ...spec.containers[0], securityContext: {} }] };
      await expect(
        cluster.call('POST', `/api/v1/namespaces/${NAMESPACE}/pods?dryRun=All`, {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { generateName: 'try-', labels },
          spec: privileged,
        }),
      ).rejects.toThrow('violates PodSecurity');
    }
  });

  it('shows the password of the first owner as the page says, and keeps it in upgrades', async () => {
    const { result } = await follow('First sign-in', INSTALLER);
    const before = await secretData(cluster, NAMESPACE, 'culvert-generated');
    expect(result.stdout).toBe(before['CULVERT_BOOTSTRAP_PASSWORD']);
    const { jobs } = await follow('Upgrades', INSTALLER);
    expect(jobs.map(({ stdout }) => stdout)).toEqual([expect.stringContaining('Nothing to apply')]);
    expect(await secretData(cluster, NAMESPACE, 'culvert-generated')).toEqual(before);
  });

  it('keeps the generated secret when it is removed, and uses it again', async () => {
    const before = await secretData(cluster, NAMESPACE, 'culvert-generated');
    await follow('Removal', INSTALLER);
    expect(await secretData(cluster, NAMESPACE, 'culvert-generated')).toEqual(before);
    await follow('Installation', INSTALLER);
    expect(await secretData(cluster, NAMESPACE, 'culvert-generated')).toEqual(before);
    await follow('Removal', INSTALLER);
  });

  it('is tried with bundled servers, without any secret', async () => {
    await cluster.kubectl(['-n', NAMESPACE, 'delete', 'secret', '--all']);
    const { jobs } = await follow('Trial');
    expect(jobs).toEqual([]);
    const { stdout } = await cluster.helm(INSTALLER, ['-n', NAMESPACE, 'get', 'manifest', 'culvert']);
    for (const { labels, spec } of podsOf(readManifests(stdout)))
      await cluster.call('POST', `/api/v1/namespaces/${NAMESPACE}/pods?dryRun=All&fieldValidation=Strict`, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { generateName: 'try-', labels },
        spec,
      });
    await follow('Removal', INSTALLER);
  });

  const PROXY = { tls: { endsAt: 'proxy' }, trustedProxies: ['10.0.0.0/8'] };
  const gateway = { enabled: true, parentRefs: [{ name: 'public', namespace: 'gateways' }] };
  it.each<[string, Values, string[]]>([
    ['an Ingress', { ...BUNDLED, ...PROXY, ingress: { enabled: true, className: 'nginx' } }, ['Ingress']],
    ['a Gateway that ends TLS', { ...BUNDLED, ...PROXY, gateway }, ['HTTPRoute']],
    ['a Gateway that passes TLS through', { ...BUNDLED, gateway }, ['TLSRoute']],
    [
      'a certificate of cert-manager',
      { ...BUNDLED, tls: { certManager: { enabled: true, issuerRef: { name: 'le' } } } },
      ['Certificate'],
    ],
    [
      'an autoscaler',
      { ...BUNDLED, edge: { workers: 4, autoscaling: { enabled: true } } },
      ['HorizontalPodAutoscaler'],
    ],
    [
      'monitoring',
      {
        ...BUNDLED,
        monitoring: {
          serviceMonitor: { enabled: true },
          alerts: { enabled: true },
          dashboards: { enabled: true },
        },
      },
      ['ServiceMonitor'],
    ],
  ])('is accepted field by field with %s', async (_, values, kinds) => {
    const file = join(folder.path, 'variant.json');
    writeFileSync(file, JSON.stringify(values));
    const { stdout } = await cluster.helm(INSTALLER, [
      'template',
      'variant',
      CHART,
      '-n',
      NAMESPACE,
      '-f',
      file,
      '--no-hooks',
    ]);
    expect(readManifests(stdout).map(({ kind }) => kind)).toEqual(expect.arrayContaining(kinds));
    const rendered = join(folder.path, 'variant.yaml');
    writeFileSync(rendered, stdout);
    const { stderr } = await cluster.kubectl([
      'apply',
      '--server-side',
      '--dry-run=server',
      '--validate=strict',
      '-f',
      rendered,
    ]);
    expect(stderr).toBe('');
  });

  it('refuses an unknown field, so that the test above can fail', async () => {
    const wrong = join(folder.path, 'wrong.json');
    writeFileSync(
      wrong,
      JSON.stringify({
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'TLSRoute',
        metadata: { name: 'a', namespace: NAMESPACE },
        spec: { rulez: [] },
      }),
    );
    await expect(
      cluster.kubectl(['apply', '--server-side', '--dry-run=server', '--validate=strict', '-f', wrong]),
    ).rejects.toThrow('rulez');
  });
});

/** Returns the shell commands of a page by the nearest heading above them. */
function commandsOf(markdown: string): Map<string, string> {
  const commands = new Map<string, string>();
  let heading = '';
  for (const [, title, script] of markdown.matchAll(/^#+ (.+)$|^```sh\n([^]*?)^```$/gm)) {
    if (title !== undefined) heading = title;
    else commands.set(heading, `${commands.get(heading) ?? ''}${script}`);
  }
  return commands;
}

/** Returns the first block of YAML below a heading of the page. */
function valuesOf(heading: string): string {
  const page = readFileSync(`${ROOT}docs/install-kubernetes.md`, 'utf8');
  const block = new RegExp(`^#+ ${heading}$[^]*?^\`\`\`yaml\\n([^]*?)^\`\`\`$`, 'm').exec(page);
  if (block?.[1] === undefined) throw new Error(`docs/install-kubernetes.md: no YAML below ${heading}`);
  return block[1];
}

/** Writes `tls.crt` and `tls.key` for the names of the page. */
function writeCertificate(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const names = 'subjectAltName=DNS:culvert.example.com,DNS:*.preview.example.com';
  const args = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=culvert',
    '-addext',
    names,
  ];
  const { status, stderr } = spawnSync('openssl', [...args, '-keyout', 'tls.key', '-out', 'tls.crt'], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
}

async function tableCount(url: string): Promise<number> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ count: number }>(
      "SELECT count(*)::int AS count FROM information_schema.tables WHERE table_schema = 'public'",
    );
    return rows[0]?.count ?? 0;
  } finally {
    await client.end();
  }
}
