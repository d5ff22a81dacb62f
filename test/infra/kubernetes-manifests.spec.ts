/** Checks the manifests and the Helm chart against Kubernetes' own schemas, which do not refuse unknown fields. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CLUSTER_CA_FILE } from '@culvert/traffic-manager';
import * as apps from 'kubernetes-models/apps/v1';
import * as core from 'kubernetes-models/v1';
import { parse } from 'yaml';
import { HELM, lintChart, type Manifest, readManifests, renderChart, type Values } from './helm.js';

const MODELS: Readonly<Record<string, new (data: never) => { validate(): void }>> = {
  'apps/v1 Deployment': apps.Deployment,
  'v1 ConfigMap': core.ConfigMap,
  'v1 Namespace': core.Namespace,
  'v1 Secret': core.Secret,
  'v1 Service': core.Service,
  'v1 ServiceAccount': core.ServiceAccount,
};

const CHART = 'infra/helm/traffic-manager';

/** Values that have no default. */
const REQUIRED = {
  culvertUrl: 'https://culvert.example.com',
  apiKey: 'cvt_key',
  clusterSecret: '0123456789abcdef',
};

/** Values as users set them. */
const chart = (changes: Values = {}): Manifest[] =>
  renderChart(CHART, 'ambassador', { ...REQUIRED, ...changes });

const kindsOf = (manifests: readonly Manifest[]): string[] => manifests.map(({ kind }) => kind);

interface DeploymentManifest extends Manifest {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly env: readonly {
            readonly name: string;
            readonly value?: string;
            readonly valueFrom?: object;
          }[];
          readonly volumeMounts?: unknown;
        }[];
        readonly volumes?: readonly { readonly name: string; readonly secret?: object }[];
      };
    };
  };
}

function validate(manifest: Manifest): void {
  const model = MODELS[`${manifest.apiVersion} ${manifest.kind}`];
  expect(model, `${manifest.apiVersion} ${manifest.kind}`).toBeDefined();
  new model(manifest as never).validate();
}

describe('the manifests', () => {
  it.each(readdirSync('infra/examples').filter((file) => file.endsWith('.yaml')))(
    '%s matches the schemas of Kubernetes',
    (file) => {
      const manifests = readManifests(readFileSync(`infra/examples/${file}`, 'utf8'));
      expect(manifests.length).toBeGreaterThan(1);
      for (const manifest of manifests) validate(manifest);
    },
  );

  it('do not match if a field has the wrong type', () => {
    const [deployment] = chart().filter(({ kind }) => kind === 'Deployment');
    const wrong = structuredClone(deployment) as Manifest & { spec: { replicas: unknown } };
    wrong.spec.replicas = 'one';
    expect(() => validate(wrong)).toThrow('replicas');
  });
});

const NO_HELM = 'Helm is not in PATH, and HELM does not name it';

describe('the Helm chart', () => {
  it('has a description that YAML can read, a name and a version', () => {
    expect(parse(readFileSync(`${CHART}/Chart.yaml`, 'utf8'))).toMatchObject({
      apiVersion: 'v2',
      name: 'traffic-manager',
      type: 'application',
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
      description: expect.any(String) as string,
    });
  });

  it('renders to what Kubernetes accepts, all in its namespace', () => {
    const manifests = chart();
    expect(kindsOf(manifests)).toEqual(['Deployment', 'Secret', 'Service', 'ServiceAccount']);
    for (const manifest of manifests) {
      validate(manifest);
      expect(manifest.metadata.namespace).toBe('ambassador');
    }
  });

  it('uses an existing secret and creates none then', () => {
    const manifests = chart({ existingSecret: 'mine' });
    expect(kindsOf(manifests)).toEqual(['Deployment', 'Service', 'ServiceAccount']);
    expect(JSON.stringify(manifests[0])).toContain('"secretKeyRef":{"name":"mine","key":"CULVERT_API_KEY"}');
  });

  it('mounts the certificate of the cluster port, and names its files', () => {
    const [deployment] = chart({ tlsSecret: 'cluster-tls' });
    validate(deployment);
    const { containers, volumes } = (deployment as DeploymentManifest).spec.template.spec;
    expect(volumes).toContainEqual({ name: 'tls', secret: { secretName: 'cluster-tls' } });
    const [{ env, volumeMounts }] = containers;
    expect(volumeMounts).toContainEqual({ name: 'tls', mountPath: '/etc/culvert/tls', readOnly: true });
    expect(env.filter(({ name }) => name.includes('TLS'))).toEqual([
      { name: 'CULVERT_CLUSTER_TLS_CERT_FILE', value: '/etc/culvert/tls/tls.crt' },
      { name: 'CULVERT_CLUSTER_TLS_KEY_FILE', value: '/etc/culvert/tls/tls.key' },
    ]);
  });

  it('trusts the given authority of Culvert, and uses the given proxy', () => {
    const values = { caSecret: 'culvert-ca', httpsProxy: 'http://proxy:3128', noProxy: '.svc,10.0.0.0/8' };
    const [deployment] = chart(values);
    validate(deployment);
    const { containers, volumes } = (deployment as DeploymentManifest).spec.template.spec;
    expect(volumes).toContainEqual({ name: 'ca', secret: { secretName: 'culvert-ca' } });
    const [{ env, volumeMounts }] = containers;
    expect(volumeMounts).toContainEqual({ name: 'ca', mountPath: '/etc/culvert/ca', readOnly: true });
    expect(env).toContainEqual({ name: 'CULVERT_CA_FILE', value: '/etc/culvert/ca/ca.crt' });
    expect(env).toContainEqual({ name: 'HTTPS_PROXY', value: 'http://proxy:3128' });
    expect(env).toContainEqual({ name: 'NO_PROXY', value: '.svc,10.0.0.0/8' });
  });

  it('mounts both the certificate and the authority', () => {
    const [deployment] = chart({ tlsSecret: 'cluster-tls', caSecret: 'culvert-ca' });
    validate(deployment);
    const { volumes } = (deployment as DeploymentManifest).spec.template.spec;
    expect(volumes?.map(({ name }) => name)).toEqual(['cluster-ca', 'tls', 'ca']);
  });

  it('gives the manager id of the values to its container, or the one that is kept in the cluster', () => {
    const idOf = (changes: Values) => {
      const [deployment] = chart(changes);
      validate(deployment);
      const [{ env }] = (deployment as DeploymentManifest).spec.template.spec.containers;
      return env.find(({ name }) => name === 'CULVERT_MANAGER_ID');
    };
    expect(idOf({ managerId: 'eu-1' })).toEqual({ name: 'CULVERT_MANAGER_ID', value: 'eu-1' });
    // Optional: without a kept id, as in releases from before there was one, the traffic manager derives its id.
    const configMapKeyRef = { name: 'traffic-manager-id', key: 'CULVERT_MANAGER_ID', optional: true };
    expect(idOf({})).toEqual({ name: 'CULVERT_MANAGER_ID', valueFrom: { configMapKeyRef } });
  });

  it('starts a new traffic manager before the old one stops', () => {
    const [deployment] = chart();
    expect(deployment).toMatchObject({
      spec: {
        replicas: 1,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      },
    });
  });

  it('lets Prometheus find its metrics if the values ask for it', () => {
    expect(kindsOf(chart())).not.toContain('PodMonitor');
    const monitor = chart({ podMonitor: true }).find(({ kind }) => kind === 'PodMonitor');
    expect(monitor).toMatchObject({ spec: { podMetricsEndpoints: [{ port: 'health', path: '/metrics' }] } });
  });

  it('makes no manager id without a cluster: every rendering would make another one', () => {
    expect(kindsOf(chart())).not.toContain('ConfigMap');
  });

  it('mounts the certificates of the cluster where the traffic manager looks for them', () => {
    const [deployment] = chart();
    const { containers, volumes } = (deployment as DeploymentManifest).spec.template.spec;
    expect(volumes).toEqual([
      { name: 'cluster-ca', configMap: { name: 'kube-root-ca.crt', optional: true } },
    ]);
    expect(containers[0].volumeMounts).toEqual([
      { name: 'cluster-ca', mountPath: dirname(CLUSTER_CA_FILE), readOnly: true },
    ]);
  });

  it.each(['"', "'", '\\', '{{ .Values.apiKey }}', 'a: b # c', 'yes', '007', '*', '𝄞'])(
    'gives a value that is %j to its container as it is',
    (name) => {
      const [deployment] = chart({ name, clusterId: `${name}${name}` });
      const [{ env }] = (deployment as DeploymentManifest).spec.template.spec.containers;
      expect(env).toContainEqual({ name: 'CULVERT_MANAGER_NAME', value: name });
      expect(env).toContainEqual({ name: 'CULVERT_CLUSTER_ID', value: `${name}${name}` });
    },
  );

  it('equals the plain manifest', () => {
    const plain = readManifests(readFileSync('infra/examples/traffic-manager.yaml', 'utf8'));
    const rendered = chart({ apiKey: '{YOUR_API_KEY}', clusterSecret: '{YOUR_CLUSTER_SECRET}' });
    expect(plain.filter(({ kind }) => kind !== 'Namespace')).toEqual(rendered);
  });

  it('uses every value, and has a value for every use', () => {
    const templates = readdirSync(`${CHART}/templates`).map((file) =>
      readFileSync(`${CHART}/templates/${file}`, 'utf8'),
    );
    const values = parse(readFileSync(`${CHART}/values.yaml`, 'utf8')) as Values;
    for (const name of Object.keys(values)) expect(templates.join(), name).toContain(`.Values.${name}`);
    for (const [, name] of templates.join().matchAll(/\.Values\.(\w+)/g)) expect(values).toHaveProperty(name);
  });

  it.each([
    ['a name that is spelled wrong', { tlsSecert: 'tls' }, 'tlsSecert'],
    ['a name below another that is', { resources: { limits: { cpus: '1' } } }, 'cpus'],
    ['no address', { culvertUrl: '' }, 'culvertUrl'],
    ['an address that is none', { culvertUrl: 'culvert.example.com' }, 'culvertUrl'],
    ['credentials in the address', { culvertUrl: 'https://a:b@culvert.example.com' }, 'culvertUrl'],
    ['a secret that is too short', { clusterSecret: 'short' }, 'clusterSecret'],
    ['a secret with a space', { clusterSecret: 'sixteen letters!' }, 'clusterSecret'],
    ['a key that is none', { apiKey: 'cvt_a\n' }, 'apiKey'],
    ['a name of no secret', { tlsSecret: 'My Secret' }, 'tlsSecret'],
    ['a proxy that is none', { httpsProxy: 'proxy:3128' }, 'httpsProxy'],
    ['a level that is none', { logLevel: 'loud' }, 'logLevel'],
    ['a manager id with a space', { managerId: 'eu 1' }, 'managerId'],
    ['two lines', { name: 'a\nb' }, 'name'],
    ['no tunnel', { tunnels: 0 }, 'tunnels'],
    ['more tunnels than a manager keeps', { tunnels: 9 }, 'tunnels'],
    ['a quantity that is none', { resources: { limits: { memory: 'much' } } }, 'memory'],
  ])('refuses %s before anything is installed', (_, changes, name) => {
    expect(() => chart(changes)).toThrow(/values don't meet the (?:schema|specifications)/);
    expect(() => chart(changes)).toThrow(name);
  });

  it.each(['apiKey', 'clusterSecret'])('refuses an empty %s unless a secret is named', (name) => {
    expect(() => chart({ [name]: '' })).toThrow(`${name}: set `);
    expect(kindsOf(chart({ [name]: '', existingSecret: 'mine' }))).not.toContain('Secret');
  });

  const ALIKE: readonly Values[] = [
    {},
    { existingSecret: 'mine', tlsSecret: 'tls', name: 'a: "b"', clusterId: 7 },
    { tlsSecret: 'tls', caSecret: 'ca', httpsProxy: 'http://proxy:3128', noProxy: '.svc' },
    { caSecret: 'ca', tunnels: 1, managerId: 'eu-1', podMonitor: true },
    { apiKey: 'cvt_key', clusterSecret: '0123456789abcdef', allow: '10.0.0.0/8,*.shop:80' },
    { resources: { requests: { cpu: 0.1 }, limits: { memory: '1Gi' } }, imagePullPolicy: 'Always' },
  ];

  it.for(ALIKE)('renders the same in Helm and in this test with %o', (changes, { skip }) => {
    skip(HELM === null, NO_HELM);
    expect(renderChart(CHART, 'ambassador', { ...REQUIRED, ...changes }, null)).toEqual(chart(changes));
  });

  it.for(ALIKE)('passes Helm’s lint with %o', (changes, { skip }) => {
    skip(HELM === null, NO_HELM);
    expect(lintChart(HELM!, CHART, { ...REQUIRED, ...changes })).toBe('');
  });
});
