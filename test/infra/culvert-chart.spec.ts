/** The chart of the server: its values against its schema, and what Helm makes of it, against the schemas of Kubernetes. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { VARIABLES } from '@culvert/runtime';
import * as apps from 'kubernetes-models/apps/v1';
import * as autoscaling from 'kubernetes-models/autoscaling/v2';
import * as batch from 'kubernetes-models/batch/v1';
import * as networking from 'kubernetes-models/networking.k8s.io/v1';
import * as policy from 'kubernetes-models/policy/v1';
import * as core from 'kubernetes-models/v1';
import { parse, stringify } from 'yaml';
import { describe, expect, it } from 'vitest';
import { type ChartPod, podsOf } from './chart-pods.js';
import { HELM, lintChart, type Manifest, merged, renderChart, type Values } from './helm.js';

const CHART = 'infra/helm/culvert';
const NO_HELM = 'Helm is not in PATH, and HELM does not name it';

const MODELS: Readonly<Record<string, new (data: never) => { validate(): void }>> = {
  'apps/v1 Deployment': apps.Deployment,
  'apps/v1 StatefulSet': apps.StatefulSet,
  'autoscaling/v2 HorizontalPodAutoscaler': autoscaling.HorizontalPodAutoscaler,
  'batch/v1 Job': batch.Job,
  'networking.k8s.io/v1 Ingress': networking.Ingress,
  'networking.k8s.io/v1 NetworkPolicy': networking.NetworkPolicy,
  'policy/v1 PodDisruptionBudget': policy.PodDisruptionBudget,
  'v1 ConfigMap': core.ConfigMap,
  'v1 Secret': core.Secret,
  'v1 Service': core.Service,
  'v1 ServiceAccount': core.ServiceAccount,
};

/** Resources of other projects: the tests of `test/kubernetes` check them against their own definitions. */
const CUSTOM = ['Certificate', 'HTTPRoute', 'TLSRoute', 'ServiceMonitor', 'PrometheusRule'];

const defaults = parse(readFileSync(`${CHART}/values.yaml`, 'utf8')) as Values;
const schema = JSON.parse(readFileSync(`${CHART}/values.schema.json`, 'utf8')) as {
  properties: Record<string, { propertyNames?: { allOf: { not?: { enum?: string[] } }[] } }>;
};
const texts = Object.fromEntries(
  readdirSync(`${CHART}/templates`).map((file) => [file, readFileSync(`${CHART}/templates/${file}`, 'utf8')]),
);
const templates = Object.values(texts).join('\n');

const NAMES = { appHost: 'culvert.example.com', previewDomain: 'preview.example.com' };
/** An installation on servers of its own, with nothing that the chart generates. */
const EXTERNAL: Values = {
  ...NAMES,
  database: { existingSecret: 'database' },
  redis: { existingSecret: 'redis' },
  edgeLink: { existingSecret: 'link' },
  encryption: { existingSecret: 'encryption' },
  bootstrap: { existingSecret: 'bootstrap' },
};
const BUNDLED: Values = { ...NAMES, bundled: { postgres: { enabled: true }, redis: { enabled: true } } };
const BEHIND_PROXY = { tls: { endsAt: 'proxy' }, trustedProxies: ['10.0.0.0/8'] };
const ALL: Values = {
  ...BUNDLED,
  tls: { certManager: { enabled: true, issuerRef: { name: 'letsencrypt' } } },
  caSecret: 'authorities',
  settings: { LOG_LEVEL: 'warn', CONNECTION_HISTORY_MS: 2_592_000_000, OIDC_TRUST_EMAIL: true },
  settingsSecret: 'more',
  imagePullSecrets: ['registry'],
  edge: { workers: 3, autoscaling: { enabled: true } },
  ingress: { enabled: true, className: 'nginx', annotations: { 'example.com/passthrough': 'true' } },
  gateway: { enabled: true, parentRefs: [{ name: 'public', namespace: 'gateways' }] },
  monitoring: {
    serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
    alerts: { enabled: true },
    dashboards: { enabled: true },
  },
};
const VARIANTS: readonly (readonly [string, Values])[] = [
  ['servers of its own', EXTERNAL],
  ['bundled servers', BUNDLED],
  ['an Ingress that ends TLS', { ...EXTERNAL, ...BEHIND_PROXY, ingress: { enabled: true } }],
  [
    'a Gateway that ends TLS',
    { ...EXTERNAL, ...BEHIND_PROXY, gateway: { enabled: true, parentRefs: [{ name: 'g' }] } },
  ],
  ['everything', ALL],
];

const ajv = new Ajv({ strict: false, validateSchema: false });
const accepts = ajv.compile({ ...schema, $schema: undefined });

/** Returns what the schema has against these changes to the values. */
function complaints(changes: Values): string {
  return accepts(merged(defaults, changes)) ? '' : JSON.stringify(accepts.errors);
}

const render = (changes: Values): Manifest[] => renderChart(CHART, 'culvert', changes);
const named = (manifests: readonly Manifest[], kind: string, name: string): Manifest | undefined =>
  manifests.find((each) => each.kind === kind && each.metadata.name === name);

function validate(manifest: Manifest): void {
  if (CUSTOM.includes(manifest.kind)) return;
  const model = MODELS[`${manifest.apiVersion} ${manifest.kind}`];
  expect(model, `${manifest.apiVersion} ${manifest.kind}`).toBeDefined();
  new model(manifest as never).validate();
}

/** The chart leaves metrics at the port of the probes, where its ServiceMonitor looks for them. */
const OF_METRICS = ['METRICS_PORT', 'METRICS_ADDRESS'];

describe('the values of the chart of the server', () => {
  it.each(VARIANTS)('meet their schema with %s', (_, changes) => {
    expect(complaints(changes)).toBe('');
  });

  it.each([
    ['no host', { ...EXTERNAL, appHost: '' }, '/appHost'],
    ['a URL as the host', { ...EXTERNAL, appHost: 'https://culvert.example.com' }, '/appHost'],
    ['a wildcard as the domain', { ...EXTERNAL, previewDomain: '*.preview.example.com' }, '/previewDomain'],
    ['a name that is spelled wrong', { ...EXTERNAL, redsi: {} }, 'redsi'],
    ['a name below another that is', { ...EXTERNAL, edge: { replica: 3 } }, 'replica'],
    ['no edge', { ...EXTERNAL, edge: { replicas: 0 } }, '/edge/replicas'],
    ['a place where TLS cannot end', { ...EXTERNAL, tls: { endsAt: 'browser' } }, '/tls/endsAt'],
    ['a host name as a trusted proxy', { ...EXTERNAL, trustedProxies: ['proxy'] }, '/trustedProxies'],
    ['a setting that the chart makes itself', { ...EXTERNAL, settings: { PORT: 80 } }, 'PORT'],
    ['a list as a setting', { ...EXTERNAL, settings: { LOG_LEVEL: ['warn'] } }, '/settings/LOG_LEVEL'],
    [
      'a quantity that is not one',
      { ...EXTERNAL, api: { resources: { limits: { memory: 'much' } } } },
      'memory',
    ],
    ['half a pod', { ...EXTERNAL, edge: { maxUnavailable: 0.5 } }, '/edge/maxUnavailable'],
  ])('do not with %s', (_, changes, where) => {
    expect(complaints(changes)).toContain(where);
  });

  it('are used, each of them, and every use has a value', () => {
    const leaves = (value: unknown, path: string): string[] =>
      typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
        ? Object.entries(value).flatMap(([name, inner]) => leaves(inner, `${path}.${name}`))
        : [path];
    const used = new Set([...templates.matchAll(/\.([A-Za-z]+)/g)].map(([, name]) => name));
    for (const path of leaves(defaults, '')) {
      if (/\.(resources|labels|metricsFrom)\b/.test(path)) continue;
      for (const name of path.split('.').slice(1)) expect([...used], path).toContain(name);
    }
    for (const [, path] of templates.matchAll(/\$?\.Values\.([\w.]+)/g)) {
      expect(defaults, path).toHaveProperty(path.replace(/\.$/, ''));
    }
  });

  it('reserve exactly the settings that the chart makes itself', () => {
    const reserved = schema.properties['settings']?.propertyNames?.allOf.flatMap(
      ({ not }) => not?.enum ?? [],
    );
    const made = [...templates.matchAll(/- name: ([A-Z][A-Z0-9_]+)$/gm)].map(([, name]) => name);
    const listed = [...templates.matchAll(/"(CULVERT_BOOTSTRAP_\w+)"/g)].map(([, name]) => name);
    const ofPostgres = ['POSTGRES_USER', 'POSTGRES_DB', 'PGDATA'];
    const own = [...made, ...listed].filter((name) => name !== undefined && !ofPostgres.includes(name));
    expect(new Set(reserved)).toEqual(new Set([...own, 'EDGE_LINK_SECRET', ...OF_METRICS]));
    const ofKubernetes = [
      ...OF_METRICS,
      'POD_IP',
      'POSTGRES_PASSWORD',
      'REDIS_PASSWORD',
      'NODE_EXTRA_CA_CERTS',
    ];
    for (const name of reserved ?? []) {
      if (!ofKubernetes.includes(name)) expect(VARIABLES).toHaveProperty(name);
    }
  });
});

describe.skipIf(HELM === null)(
  `the chart of the server in Helm${HELM === null ? `: ${NO_HELM}` : ''}`,
  () => {
    it.each(VARIANTS)('passes lint with %s', (_, changes) => {
      expect(lintChart(HELM!, CHART, changes)).toBe('');
    });

    it.each(VARIANTS)('renders to what Kubernetes accepts, all in its namespace, with %s', (_, changes) => {
      const manifests = render(changes);
      expect(manifests.length).toBeGreaterThan(8);
      for (const manifest of manifests) {
        validate(manifest);
        expect(manifest.metadata.namespace, manifest.metadata.name).toBe('culvert');
      }
    });

    it('renders the same every time if all secrets exist, and creates none', () => {
      const manifests = render(EXTERNAL);
      expect(manifests.map(({ kind }) => kind)).not.toContain('Secret');
      expect(render(EXTERNAL)).toEqual(manifests);
    });

    it('shows no password outside the secret that it generates', () => {
      const manifests = render(BUNDLED);
      const secret = named(manifests, 'Secret', 'release-culvert-generated') as Manifest & { data: Values };
      const others = JSON.stringify(manifests.filter((each) => each !== secret));
      for (const value of Object.values(secret.data)) {
        expect(others).not.toContain(value);
        expect(others).not.toContain(Buffer.from(String(value), 'base64').toString());
      }
      expect(Object.keys(secret.data).toSorted()).toEqual([
        'CULVERT_BOOTSTRAP_API_KEY',
        'CULVERT_BOOTSTRAP_PASSWORD',
        'EDGE_LINK_SECRET',
        'ENCRYPTION_KEYS',
        'POSTGRES_PASSWORD',
        'REDIS_PASSWORD',
      ]);
    });

    it.each([
      [
        'no database',
        { ...EXTERNAL, database: {}, bundled: {} },
        /database\.existingSecret: name a secret/,
        { database: { existingSecret: '' } },
      ],
      ['no Redis', EXTERNAL, /redis\.existingSecret: name a secret/, { redis: { existingSecret: '' } }],
      [
        'a proxy that nothing names',
        EXTERNAL,
        /trustedProxies: .* list the addresses/,
        { tls: { endsAt: 'proxy' } },
      ],
      ['no issuer', EXTERNAL, /issuerRef\.name: name an Issuer/, { tls: { certManager: { enabled: true } } }],
      ['no Gateway', EXTERNAL, /gateway\.parentRefs: name at least one/, { gateway: { enabled: true } }],
      [
        'previews that could take the place of the app',
        EXTERNAL,
        /previewDomain: .* contains appHost/,
        { previewDomain: 'example.com' },
      ],
      [
        'a secret among the settings',
        EXTERNAL,
        /settings\.OIDC_CLIENT_SECRET: .* settingsSecret/,
        { settings: { OIDC_CLIENT_SECRET: 'x' } },
      ],
      [
        'no target to scale by',
        EXTERNAL,
        /edge\.autoscaling: set at least one/,
        { edge: { autoscaling: { enabled: true, connections: 0, tunnels: 0, cpuPercent: 0 } } },
      ],
      [
        'more replicas at least than at most',
        EXTERNAL,
        /minReplicas: must not be greater/,
        { edge: { autoscaling: { enabled: true, minReplicas: 11 } } },
      ],
    ])('refuses %s, and says what to do', (_, base, message, changes) => {
      expect(() => render(merged(base, changes))).toThrow(message);
    });

    it.each(VARIANTS)(
      'asks for nothing that the restricted Pod Security Standard forbids, with %s',
      (_, changes) => {
        for (const pod of podsOf(render(changes))) {
          expect(pod.spec.automountServiceAccountToken, pod.name).toBe(false);
          expect(pod.spec.securityContext).toMatchObject({
            runAsNonRoot: true,
            seccompProfile: { type: 'RuntimeDefault' },
          });
          for (const { securityContext } of pod.spec.containers) {
            expect(securityContext).toEqual({
              readOnlyRootFilesystem: true,
              allowPrivilegeEscalation: false,
              capabilities: { drop: ['ALL'] },
            });
          }
        }
      },
    );

    it('chooses no user for its own pods, so that the cluster may give them a random one', () => {
      for (const { name, spec } of podsOf(render(EXTERNAL)))
        expect(spec.securityContext, name).not.toHaveProperty('runAsUser');
    });

    const pod = (changes: Values, suffix: string): ChartPod => {
      const found = podsOf(render(changes)).find(({ name }) => name.endsWith(suffix));
      if (found === undefined) throw new Error(`no pod of ${suffix}`);
      return found;
    };
    const envOf = (changes: Values, suffix: string): Record<string, unknown> =>
      Object.fromEntries(
        pod(changes, suffix).spec.containers[0].env.map(({ name, value, valueFrom }) => [
          name,
          value ?? valueFrom,
        ]),
      );

    it('contains the alerts and dashboards of its files as they are', () => {
      const folder = mkdtempSync(join(tmpdir(), 'culvert-chart-'));
      try {
        cpSync(CHART, join(folder, 'culvert'), { recursive: true });
        mkdirSync(join(folder, 'culvert/files/dashboards'), { recursive: true });
        const rule = {
          alert: 'EdgeMissing',
          expr: 'max(culvert_edges) < 12',
          annotations: { a: '{{ $labels.pod }}' },
        };
        const groups = [{ name: 'culvert', rules: [rule] }];
        writeFileSync(join(folder, 'culvert/files/alerts.yaml'), stringify({ groups }));
        const dashboard = JSON.stringify({ title: 'Edges', legend: '{{pod}}' });
        writeFileSync(join(folder, 'culvert/files/dashboards/edges.json'), dashboard);
        const monitoring = {
          alerts: { enabled: true, labels: { release: 'p' } },
          dashboards: { enabled: true },
        };
        const manifests = renderChart(join(folder, 'culvert'), 'culvert', { ...EXTERNAL, monitoring });
        expect(named(manifests, 'PrometheusRule', 'release-culvert-alerts')).toMatchObject({
          metadata: { labels: { release: 'p' } },
          spec: { groups },
        });
        expect(named(manifests, 'ConfigMap', 'release-culvert-dashboard-edges')).toMatchObject({
          metadata: { labels: { grafana_dashboard: '1' } },
          data: { 'edges.json': dashboard },
        });
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    it('gives pods the time that their processes need to stop, and five seconds more', () => {
      expect(pod(EXTERNAL, '-edge').spec.terminationGracePeriodSeconds).toBe(50);
      expect(pod(EXTERNAL, '-api').spec.terminationGracePeriodSeconds).toBe(40);
      const edge = { lameDuckMs: 1, shutdownGraceMs: 60_000 };
      expect(pod({ ...EXTERNAL, edge }, '-edge').spec.terminationGracePeriodSeconds).toBe(66);
      expect(envOf({ ...EXTERNAL, edge }, '-edge')).toMatchObject({
        LAME_DUCK_MS: '1',
        SHUTDOWN_GRACE_MS: '60000',
      });
    });

    it('opens a port of links for each worker, to edges alone', () => {
      const manifests = render({ ...EXTERNAL, edge: { workers: 3 } });
      const ports = podsOf(manifests).find(({ name }) => name.endsWith('-edge'))?.spec.containers[0].ports;
      expect(ports?.map(({ containerPort }) => containerPort)).toEqual([8080, 9090, 9091, 9092, 9093]);
      const { spec } = named(manifests, 'NetworkPolicy', 'release-culvert-edge') as Manifest & {
        spec: { ingress: { from?: unknown; ports: { port: unknown }[] }[] };
      };
      const links = spec.ingress.find(({ ports: [first] }) => first?.port === 9091);
      expect(links?.ports).toEqual([{ port: 9091 }, { port: 9092 }, { port: 9093 }]);
      expect(links?.from).toEqual([
        {
          podSelector: {
            matchLabels: {
              'app.kubernetes.io/name': 'culvert',
              'app.kubernetes.io/instance': 'release',
              'app.kubernetes.io/component': 'edge',
            },
          },
        },
      ]);
      expect(envOf({ ...EXTERNAL, edge: { workers: 3 } }, '-edge')).toMatchObject({
        EDGE_WORKERS: '3',
        EDGE_LINK_ADDRESS: '$(POD_IP):9091',
      });
      expect(envOf({ ...EXTERNAL, podAddresses: 'IPv6' }, '-edge')).toMatchObject({
        EDGE_LINK_ADDRESS: '[$(POD_IP)]:9091',
      });
    });

    it('passes settings on as they were written, to edges and API processes', () => {
      for (const suffix of ['-edge', '-api'])
        expect(envOf(ALL, suffix)).toMatchObject({
          LOG_LEVEL: 'warn',
          CONNECTION_HISTORY_MS: '2592000000',
          OIDC_TRUST_EMAIL: 'true',
        });
      expect(pod(ALL, '-api').spec.containers[0].envFrom).toEqual([{ secretRef: { name: 'more' } }]);
    });

    it('migrates before anything is installed or upgraded, except on a Postgres that is not there yet', () => {
      const hookOf = (changes: Values) => {
        const job = named(render(changes), 'Job', 'release-culvert-migration') as Manifest & {
          metadata: { annotations: Record<string, string> };
        };
        return job.metadata.annotations['helm.sh/hook'];
      };
      expect(hookOf(EXTERNAL)).toBe('pre-install,pre-upgrade');
      expect(hookOf(BUNDLED)).toBe('pre-upgrade');
      expect(
        named(render({ ...EXTERNAL, migration: { enabled: false } }), 'Job', 'release-culvert-migration'),
      ).toBeUndefined();
    });

    it.each([
      ['LoadBalancer', 443, EXTERNAL],
      ['ClusterIP', 443, { ...EXTERNAL, gateway: { enabled: true, parentRefs: [{ name: 'g' }] } }],
      ['ClusterIP', 80, { ...EXTERNAL, ...BEHIND_PROXY, ingress: { enabled: true } }],
      ['NodePort', 8443, { ...EXTERNAL, edge: { service: { type: 'NodePort', port: 8443 } } }],
    ])('makes the edges a %s at port %i where the values ask for it', (type, port, changes) => {
      const service = named(render(changes), 'Service', 'release-culvert-edge');
      expect(service).toMatchObject({ spec: { type, ports: [{ port, targetPort: 'public' }] } });
    });

    it('leaves the number of edges to the autoscaler where there is one', () => {
      expect(named(render(EXTERNAL), 'Deployment', 'release-culvert-edge')).toMatchObject({
        spec: { replicas: 2 },
      });
      const scaled = named(render(ALL), 'Deployment', 'release-culvert-edge');
      expect(scaled).not.toHaveProperty('spec.replicas');
    });

    it('lets a TLS route pass connections on undecrypted, and an HTTP route without a limit of time', () => {
      const gateway = { enabled: true, parentRefs: [{ name: 'g' }] };
      const hostnames = ['culvert.example.com', '*.preview.example.com'];
      expect(named(render({ ...EXTERNAL, gateway }), 'TLSRoute', 'release-culvert-edge')).toMatchObject({
        spec: { hostnames },
      });
      expect(
        named(render({ ...EXTERNAL, ...BEHIND_PROXY, gateway }), 'HTTPRoute', 'release-culvert-edge'),
      ).toMatchObject({
        spec: { hostnames, rules: [{ timeouts: { request: '0s' } }] },
      });
    });
  },
);
