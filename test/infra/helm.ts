/**
 * Renders a chart: with Helm itself if `HELM` names it, it is in the PATH or `npm run test:kubernetes` has built it, else with a small renderer that supports only
 * what our templates use, and fails at anything else.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { parse, parseAllDocuments } from 'yaml';
import { findTool } from '../../infra/scripts/kubernetes-tools.mjs';

export type Values = Readonly<Record<string, unknown>>;

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** Helm's command, or null. */
export const HELM =
  [process.env['HELM'], 'helm', findTool('helm')].find(
    (command) => command && spawnSync(command, ['version', '--short']).status === 0,
  ) ?? null;

/**
 * Renders the chart with these changes to its values; returns objects by kind and name. Throws if it cannot be rendered.
 * @param helm null: without it
 */
export function renderChart(
  chart: string,
  namespace: string,
  changes: Values = {},
  helm: string | null = HELM,
): Manifest[] {
  const text =
    helm === null ? renderPlainly(chart, namespace, changes) : template(helm, chart, namespace, changes);
  return readManifests(text).toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** Returns Helm's complaints about a chart; empty if there are none. */
export function lintChart(helm: string, chart: string, changes: Values): string {
  const { status, stdout } = run(helm, ['lint', '--strict', chart, '-f', '-'], changes);
  return status === 0 ? '' : stdout;
}

export function readManifests(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    const manifest = document.toJS() as Manifest | null;
    return manifest === null ? [] : [manifest];
  });
}

const keyOf = ({ kind, metadata }: Manifest): string => `${kind} ${metadata.name}`;

function run(
  helm: string,
  args: readonly string[],
  values: Values,
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(helm, args, { input: JSON.stringify(values), encoding: 'utf8' });
}

function template(helm: string, chart: string, namespace: string, values: Values): string {
  const { status, stdout, stderr } = run(
    helm,
    ['template', 'release', chart, '-n', namespace, '-f', '-'],
    values,
  );
  if (status !== 0) throw new Error(`helm template: ${stderr}`);
  return stdout;
}

function renderPlainly(chart: string, namespace: string, changes: Values): string {
  const values = merged(parse(readFileSync(`${chart}/values.yaml`, 'utf8')) as Values, changes);
  const schema = JSON.parse(readFileSync(`${chart}/values.schema.json`, 'utf8')) as object;
  const ajv = new Ajv({ strict: false, validateSchema: false });
  if (!ajv.validate({ ...schema, $schema: undefined }, values))
    throw new Error(`values don't meet the schema: ${JSON.stringify(ajv.errors)}`);
  return readdirSync(`${chart}/templates`)
    .map((file) => render(readFileSync(`${chart}/templates/${file}`, 'utf8'), values, namespace))
    .join('\n---\n');
}

const isObject = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Merges values like Helm: objects are merged, everything else is replaced. */
export function merged(values: Values, changes: Values): Values {
  const entries = Object.entries(changes).map(([name, value]) => {
    const before = values[name];
    return [name, isObject(before) && isObject(value) ? merged(before, value) : value];
  });
  return { ...values, ...(Object.fromEntries(entries) as Values) };
}

const BLOCK =
  /^ *\{\{- if (not |or )?(\.[\w.]+(?: \.[\w.]+)?) \}\}\n((?:(?!^ *\{\{- (?:if|end))[^\n]*\n)*?)^ *\{\{- end \}\}\n/gm;
const COMMENT = /^\{\{- \/\*[^]*?\*\/\}\}\n/gm;
/** A block that depends on a cluster. Without one, Helm finds nothing either. */
const LOOKUP = /^\{\{- if [^\n]*\(lookup [^\n]*\}\}\n[^]*?^\{\{- end \}\}\n/gm;
const PLACE = /\{\{ ([^}]+) \}\}/g;

/** Blocks of `{{- if .Path }}`, `{{- if not .Path }}` or `{{- if or .Path .Path }}`, `{{ .Path }}`, `{{- fail "…" }}`, `| default "…"` and `| quote`. */
function render(text: string, values: Values, namespace: string): string {
  const scope = { Values: values, Release: { Namespace: namespace } };
  const lookUp = (path: string): unknown =>
    path
      .split('.')
      .slice(1)
      .reduce<unknown>((found, name) => (found as Values | undefined)?.[name], scope);
  const placed = (_: string, expression: string): string => {
    const [path, ...filters] = expression.split(' | ');
    const value = /^\.(Values|Release)(\.\w+)+$/.test(path) ? lookUp(path) : undefined;
    if (typeof value !== 'string' && typeof value !== 'number') throw new Error(`${path} is not text`);
    return filters.reduce(apply, String(value));
  };
  const choose = (_: string, word: string | undefined, paths: string, inside: string): string =>
    paths.split(' ').some(lookUp) === (word !== 'not ') ? inside : '';
  let chosen = text.replaceAll(COMMENT, '').replaceAll(LOOKUP, '');
  // Innermost blocks come first.
  while (chosen.search(BLOCK) >= 0) chosen = chosen.replaceAll(BLOCK, choose);
  const failure = /\{\{- fail "([^"]*)" \}\}/.exec(chosen);
  if (failure !== null) throw new Error(failure[1]);
  const left = /\{\{.*/.exec(chosen.replaceAll(PLACE, ''));
  if (left !== null) throw new Error(`${left[0]} is not rendered here`);
  return chosen.replaceAll(PLACE, placed);
}

function apply(value: string, filter: string): string {
  const fallback = /^default "([^"]*)"$/.exec(filter)?.[1];
  if (fallback !== undefined) return value === '' ? fallback : value;
  if (filter === 'quote') return JSON.stringify(value);
  throw new Error(`the filter ${filter} is not rendered here`);
}
