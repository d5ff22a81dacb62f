/** Reads pages of metrics in the text format of Prometheus. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CATALOG, type MetricName, type Program } from '@culvert/metrics';

/** Values of one page by series, such as `culvert_streams` or `culvert_tunnels{kind="native",leg="1"}`. */
export type Page = ReadonlyMap<string, number>;

/** Reads a page. @throws Error if a line is neither a comment nor a value */
export async function readPage(port: number, path = '/metrics'): Promise<{ text: string; page: Page }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${path} answers ${response.status}: ${text}`);
  const page = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# ')) continue;
    const [, series, value] =
      /^([a-z_0-9]+(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*\})?) (\S+)$/.exec(line) ?? [];
    if (series === undefined || value === undefined) throw new Error(`not a line of Prometheus: ${line}`);
    if (page.has(series)) throw new Error(`${series} occurs twice`);
    page.set(series, value === 'Nan' || value === 'NaN' ? NaN : Number(value));
  }
  return { text, page };
}

/** Returns the sum of the series of a metric that have these labels. */
export function sumOf(page: Page, name: string, labels: Readonly<Record<string, string>> = {}): number {
  let sum = 0;
  for (const [series, value] of page) {
    const own = series.startsWith(`${name}{`) || series === name;
    if (own && Object.entries(labels).every(([label, text]) => series.includes(`${label}="${text}"`)))
      sum += value;
  }
  return sum;
}

/** Returns what is wrong with the metrics of Culvert on a page: names, labels and values that the catalog does not have. */
export function differences(page: Page, programs: readonly Program[]): string[] {
  const found: string[] = [];
  const shown = new Set<string>();
  for (const series of page.keys()) {
    const [name = '', rest = ''] = series.split('{', 2);
    if (!name.startsWith('culvert_')) continue;
    const family = familyOf(name);
    if (family === null) {
      found.push(`${name} is not in the catalog`);
      continue;
    }
    shown.add(family);
    const { labels = {}, programs: own } = CATALOG[family];
    if (!own.some((program) => programs.includes(program)))
      found.push(`${name} is not of ${programs.join(' and ')}`);
    for (const [, label = '', value = ''] of rest.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)) {
      if (label === 'le' || label === 'worker') continue;
      const values = labels[label];
      if (values === undefined) found.push(`${name} has the label ${label}`);
      else if (typeof values !== 'string' && !values.includes(value))
        found.push(`${name} has ${label}="${value}"`);
    }
  }
  for (const [name, { type, programs: own }] of Object.entries(CATALOG)) {
    // Histograms show a series once something was observed in it.
    if (type !== 'histogram' && own.some((program) => programs.includes(program)) && !shown.has(name))
      found.push(`${name} is missing`);
  }
  return [...new Set(found)];
}

function familyOf(name: string): MetricName | null {
  if (name in CATALOG) return name as MetricName;
  const base = name.replace(/_(bucket|sum|count)$/, '');
  return base in CATALOG && CATALOG[base as MetricName].type === 'histogram' ? (base as MetricName) : null;
}

const LINT = `package main

import (
	"fmt"
	"os"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

func main() {
	problems, err := promlint.New(os.Stdin).Lint()
	if err != nil {
		fmt.Println("not the text format of Prometheus:", err)
	}
	for _, p := range problems {
		fmt.Println(p.Metric, p.Text)
	}
}
`;
const LINT_VERSION = 'v1.22.0';

/** Go's compiler, where it is installed. */
const GO = ['/usr/local/go/bin/go', '/usr/lib/go/bin/go', '/usr/bin/go'].find((path) => existsSync(path));

/**
 * Returns what Prometheus' own parser and linter, those of `promtool check metrics`, say of a page; null without Go. They
 * are built once, from Go's module proxy, and kept in the cache of the user.
 */
export function lintPage(text: string): string[] | null {
  if (GO === undefined) return null;
  const cache = join(homedir(), '.cache', 'culvert');
  const program = join(cache, `promlint-${LINT_VERSION}`);
  if (!existsSync(program)) {
    const folder = join(cache, `promlint-source-${process.pid}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'main.go'), LINT);
    writeFileSync(join(folder, 'go.mod'), 'module promlint\n\ngo 1.23\n');
    const run = (...args: string[]): void =>
      void execFileSync(GO, args, { cwd: folder, stdio: 'ignore', timeout: 300_000 });
    run('get', `github.com/prometheus/client_golang/prometheus/testutil/promlint@${LINT_VERSION}`);
    run('build', '-o', 'promlint', '.');
    renameSync(join(folder, 'promlint'), program);
  }
  return execFileSync(program, { input: text, encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.startsWith('culvert_') || line.startsWith('not '));
}
