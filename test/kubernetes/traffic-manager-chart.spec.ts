/** The chart of the traffic manager on a real Kubernetes API server: what it finds there, makes there and keeps there. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { customResources, findGo } from '../../infra/scripts/kubernetes-tools.mjs';
import { podsOf } from '../infra/chart-pods.js';
import { readManifests } from '../infra/helm.js';
import { ROOT } from '../support/process.js';
import { ApiError, Cluster } from './cluster.js';

const GO = findGo();
const CHART = `${ROOT}infra/helm/traffic-manager`;
const INSTALLER = 'installer';
const SECRETS = [
  '--set',
  'culvertUrl=https://culvert.example.com,apiKey=cvt_key,clusterSecret=0123456789abcdef',
];

describe.skipIf(GO === null)('the chart of the traffic manager on a Kubernetes API server', () => {
  let cluster: Cluster;
  let count = 0;

  beforeAll(async () => {
    cluster = (await Cluster.start([INSTALLER]))!;
    await cluster.kubectl([
      'apply',
      '--server-side',
      ...customResources(GO!).flatMap((file) => ['-f', file]),
    ]);
    await cluster.kubectl(['wait', '--for=condition=Established', '--all', 'crd', '--timeout=30s']);
  });

  afterAll(() => cluster?.stop());

  /** Creates a namespace that enforces the restricted Pod Security Standard, and lets the installer edit it. */
  async function newNamespace(): Promise<string> {
    const namespace = `clusters-${++count}`;
    await cluster.kubectl(['create', 'namespace', namespace]);
    await cluster.kubectl(['label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted']);
    for (const role of ['view', 'edit', 'admin']) {
      const binding = [
        'rolebinding',
        role,
        `--clusterrole=system:aggregate-to-${role}`,
        `--user=${INSTALLER}`,
      ];
      await cluster.kubectl(['-n', namespace, 'create', ...binding]);
    }
    return namespace;
  }

  const helm = (user: string, command: string, namespace: string, ...args: readonly string[]) =>
    cluster.helm(user, [command, 'traffic-manager', CHART, '-n', namespace, ...SECRETS, ...args]);

  /** Returns the manager id that is kept in the namespace, or null. */
  async function keptId(namespace: string): Promise<string | null> {
    try {
      const path = `/api/v1/namespaces/${namespace}/configmaps/traffic-manager-id`;
      return (await cluster.get<{ data: { CULVERT_MANAGER_ID: string } }>(path)).data.CULVERT_MANAGER_ID;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }

  it('makes a manager id when it is installed, which upgrades, removal and another installation keep', async () => {
    const namespace = await newNamespace();
    // The installer may not read other namespaces, where an older id could not be anyway.
    await cluster.kubectl([
      '-n',
      namespace,
      'create',
      'configmap',
      'kube-root-ca.crt',
      '--from-literal=ca.crt=x',
    ]);
    await helm(INSTALLER, 'install', namespace);
    const made = await keptId(namespace);
    expect(made).toMatch(/^[0-9a-f-]{36}$/);
    await helm(INSTALLER, 'upgrade', namespace, '--set', 'logLevel=debug');
    expect(await keptId(namespace)).toBe(made);
    await cluster.helm(INSTALLER, ['uninstall', 'traffic-manager', '-n', namespace]);
    expect(await keptId(namespace)).toBe(made);
    await helm(INSTALLER, 'install', namespace);
    expect(await keptId(namespace)).toBe(made);
  });

  it('makes another id in another namespace, also in one that Helm is about to create', async () => {
    const namespaces = [`clusters-${++count}`, `clusters-${++count}`];
    for (const namespace of namespaces) await helm('admin', 'install', namespace, '--create-namespace');
    const ids = await Promise.all(namespaces.map(keptId));
    expect(ids).toEqual([expect.any(String), expect.any(String)]);
    expect(ids[0]).not.toBe(ids[1]);
  });

  it('makes no manager id when the values name one, nor when a release without one is upgraded', async () => {
    const namespace = await newNamespace();
    await helm('admin', 'install', namespace, '--set', 'managerId=eu-1');
    expect(await keptId(namespace)).toBeNull();
    await helm('admin', 'upgrade', namespace);
    expect(await keptId(namespace)).toBeNull();
  });

  it('makes a pod that the restricted Pod Security Standard admits', async () => {
    const namespace = await newNamespace();
    await helm('admin', 'install', namespace);
    const { stdout } = await cluster.helm('admin', ['get', 'manifest', 'traffic-manager', '-n', namespace]);
    const pods = podsOf(readManifests(stdout));
    expect(pods).toHaveLength(1);
    for (const { labels, spec } of pods) {
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { generateName: 'try-', labels }, spec };
      await cluster.call(
        'POST',
        `/api/v1/namespaces/${namespace}/pods?dryRun=All&fieldValidation=Strict`,
        pod,
      );
    }
  });

  it('is accepted with a PodMonitor', async () => {
    const namespace = await newNamespace();
    await helm('admin', 'install', namespace, '--set', 'podMonitor=true');
    const monitors = `/apis/monitoring.coreos.com/v1/namespaces/${namespace}/podmonitors`;
    expect((await cluster.get<{ items: unknown[] }>(monitors)).items).toHaveLength(1);
  });
});
