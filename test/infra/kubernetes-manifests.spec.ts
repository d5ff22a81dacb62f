/**
 * The manifests and the Helm chart against Kubernetes' own schemas. There may be no helm where this runs: the templates keep to
 * what the few lines of `render` understand, which is asserted. Kubernetes' schemas do not refuse unknown fields.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as apps from 'kubernetes-models/apps/v1';
import * as core from 'kubernetes-models/v1';
import { parse, parseAllDocuments } from 'yaml';

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

const MODELS: Readonly<Record<string, new (data: never) => { validate(): void }>> = {
  'apps/v1 Deployment': apps.Deployment,
  'v1 Namespace': core.Namespace,
  'v1 Secret': core.Secret,
  'v1 Service': core.Service,
  'v1 ServiceAccount': core.ServiceAccount,
};

const CHART = 'infra/helm/traffic-manager';

type Values = Record<string, unknown>;

/** `{{ .Path }}`, `| default "…"`, `| quote`, and one `{{- if not .Path }}` … `{{- end }}` around a file. */
function render(template: string, values: Values): string {
  const scope = { Values: values, Release: { Namespace: 'ambassador' } };
  const lookUp = (path: string): unknown =>
    path
      .split('.')
      .slice(1)
      .reduce<unknown>((found, name) => (found as Values | undefined)?.[name], scope);
  const condition = /^\{\{- if not (\.[\w.]+) \}\}\n([\s\S]*)\n\{\{- end \}\}\n$/.exec(template);
  if (condition !== null) return lookUp(condition[1]) ? '' : render(condition[2], values);
  return template.replaceAll(/\{\{ ([^}]+) \}\}/g, (_, expression: string) => {
    const [path, ...filters] = expression.split(' | ');
    expect(path).toMatch(/^\.(Values|Release)(\.\w+)+$/);
    let value = lookUp(path);
    expect(value, path).toBeDefined();
    for (const filter of filters) {
      const fallback = /^default "([^"]*)"$/.exec(filter)?.[1];
      if (fallback !== undefined) value = value === '' ? fallback : value;
      else if (filter === 'quote') value = JSON.stringify(value);
      else throw new Error(`the filter ${filter} is not rendered here`);
    }
    return value as string;
  });
}

function read(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    expect(document.errors).toEqual([]);
    const manifest = document.toJS() as Manifest | null;
    return manifest === null ? [] : [manifest];
  });
}

function chart(changes: Values = {}): Manifest[] {
  const values = { ...(parse(readFileSync(`${CHART}/values.yaml`, 'utf8')) as Values), ...changes };
  return readdirSync(`${CHART}/templates`)
    .toSorted()
    .flatMap((file) => read(render(readFileSync(`${CHART}/templates/${file}`, 'utf8'), values)));
}

function validate(manifest: Manifest): void {
  const model = MODELS[`${manifest.apiVersion} ${manifest.kind}`];
  expect(model, `${manifest.apiVersion} ${manifest.kind}`).toBeDefined();
  new model(manifest as never).validate();
}

describe('the manifests', () => {
  it.each(readdirSync('infra/examples').filter((file) => file.endsWith('.yaml')))(
    '%s is what Kubernetes takes',
    (file) => {
      const manifests = read(readFileSync(`infra/examples/${file}`, 'utf8'));
      expect(manifests.length).toBeGreaterThan(1);
      for (const manifest of manifests) validate(manifest);
    },
  );

  it('are refused by this test when a field has the wrong type', () => {
    const [deployment] = chart().filter(({ kind }) => kind === 'Deployment');
    const wrong = structuredClone(deployment) as Manifest & { spec: { replicas: unknown } };
    wrong.spec.replicas = 'one';
    expect(() => validate(wrong)).toThrow('replicas');
  });
});

describe('the Helm chart', () => {
  it('renders to what Kubernetes takes, all in its namespace', () => {
    const manifests = chart();
    expect(manifests.map(({ kind }) => kind)).toEqual(['Deployment', 'Secret', 'Service', 'ServiceAccount']);
    for (const manifest of manifests) {
      validate(manifest);
      expect(manifest.metadata.namespace).toBe('ambassador');
    }
  });

  it('makes no secret when there is one already, and uses that', () => {
    const manifests = chart({ existingSecret: 'mine' });
    expect(manifests.map(({ kind }) => kind)).toEqual(['Deployment', 'Service', 'ServiceAccount']);
    expect(JSON.stringify(manifests[0])).toContain('"secretKeyRef":{"name":"mine","key":"CULVERT_API_KEY"}');
  });

  it('is what the plain manifest says', () => {
    const plain = read(readFileSync('infra/examples/traffic-manager.yaml', 'utf8'));
    const rendered = chart({ apiKey: '{YOUR_API_KEY}', clusterSecret: '{YOUR_CLUSTER_SECRET}' });
    expect(plain.filter(({ kind }) => kind !== 'Namespace')).toEqual(rendered);
  });

  it('has a place for every value, and a value for every place', () => {
    const templates = readdirSync(`${CHART}/templates`).map((file) =>
      readFileSync(`${CHART}/templates/${file}`, 'utf8'),
    );
    const values = parse(readFileSync(`${CHART}/values.yaml`, 'utf8')) as Values;
    for (const name of Object.keys(values)) expect(templates.join(), name).toContain(`.Values.${name}`);
  });
});
