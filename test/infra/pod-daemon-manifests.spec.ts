/** Manifests of pod daemons, read as Kubernetes passes them to the program. */
import { readFileSync } from 'node:fs';
import { readPodDaemonCommand } from '@culvert/traffic-manager';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly secretKeyRef?: { readonly name: string; readonly key: string };
    readonly fieldRef?: { readonly fieldPath: string };
  };
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly template?: {
      readonly spec: {
        readonly containers: readonly {
          readonly name: string;
          readonly args: readonly string[];
          readonly env: readonly Variable[];
        }[];
      };
    };
  };
}

function read(text: string) {
  const manifests = parseAllDocuments(text).map((document) => document.toJS() as Manifest | null);
  const secrets = new Map(
    manifests.flatMap((manifest) =>
      manifest?.kind === 'Secret' ? [[manifest.metadata.name, manifest.stringData!]] : [],
    ),
  );
  const container = manifests
    .flatMap((manifest) => manifest?.spec?.template?.spec.containers ?? [])
    .find(({ name }) => name === 'pod-daemon')!;
  const env: Record<string, string> = {};
  for (const { name, value, valueFrom } of container.env) {
    const secret = valueFrom?.secretKeyRef;
    env[name] = value ?? (secret ? secrets.get(secret.name)![secret.key] : 'default');
  }
  return readPodDaemonCommand(container.args, env).options;
}

const expected = {
  workload: 'quote',
  namespace: 'default',
  kind: 'Deployment',
  port: 8080,
  headers: [{ name: 'test-telepresence', value: '1' }],
  preview: {
    host: 'quote.default.svc.cluster.local',
    port: 80,
    useTls: false,
    l5Host: 'quote.default.svc.cluster.local',
    displayBanner: true,
    addRequestHeaders: { 'test-telepresence': '1' },
  },
};

describe('the pod daemon', () => {
  it.each(['test/infra/telepresence-pod-daemon.yaml', 'infra/examples/pod-daemon.yaml'])(
    'accepts the arguments and environment of %s',
    async (file) => {
      const options = read(readFileSync(file, 'utf8').replace('{YOUR_API_KEY}', 'cvt_key'));
      expect(options).toMatchObject(expected);
      expect(options.managerUrl.href).toBe('http://traffic-manager.ambassador:8085/');
      expect(await options.apiKey()).toBe('cvt_key');
    },
  );

  // The page itself, if a copy is available: its indented YAML blocks.
  const page = process.env['TELEPRESENCE_POD_DAEMON_PAGE'];
  it("accepts the manifests on Telepresence's page", ({ skip }) => {
    skip(page === undefined, 'TELEPRESENCE_POD_DAEMON_PAGE does not name a page');
    const blocks = [...readFileSync(page!, 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)];
    const text = blocks.map(([, block]) => block.replaceAll(/^ {2}/gm, '')).join('\n');
    expect(read(text.replace('{YOUR_API_KEY}', 'cvt_key'))).toMatchObject(expected);
  });
});
