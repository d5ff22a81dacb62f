import { CATALOG } from './catalog/catalog.js';
import { type MetricDefinition, type Program, PROGRAMS } from './catalog/definition.js';

const TITLES: Readonly<Record<Program, string>> = {
  edge: 'Edge',
  api: 'API process',
  'traffic-manager': 'Traffic manager',
  'traffic-agent': 'Traffic agent',
  'pod-daemon': 'Pod daemon',
};

/** Returns the page docs/metrics.md. */
export function metricsReference(): string {
  const sections = PROGRAMS.map((program) => {
    const own = Object.entries(CATALOG).filter(([, { programs }]) => programs.includes(program));
    const rows = own.map(([name, definition]) => rowOf(name, definition));
    return `## ${TITLES[program]}\n\n| metric | type | labels | |\n|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `${INTRODUCTION}\n${sections.join('\n')}`;
}

function rowOf(name: string, { type, help, labels = {} }: MetricDefinition): string {
  const list = Object.entries(labels).map(
    ([label, values]) =>
      `\`${label}\`: ${typeof values === 'string' ? values : values.map((value) => `\`${value}\``).join(', ')}`,
  );
  return `| \`${name}\` | ${type} | ${list.join('; ') || '–'} | ${help} |`;
}

const INTRODUCTION = `# Metrics

This page lists every metric that a program of Culvert has of its own. It is made from code: \`npm run generate\` writes it.
[Monitor](monitoring.md) says where programs serve metrics, and which to watch.

Standalone has the metrics of edge and API process in one. Every program also has those of its process (\`process_*\`) and of
Node.js (\`nodejs_*\`), such as \`nodejs_eventloop_lag_p99_seconds\` and \`nodejs_gc_duration_seconds\`. An edge with several
workers adds the label \`worker\` to each metric; sum over it.

Times are in seconds and sizes in bytes. No label has a value that a visitor or team chooses: there are no hostnames, paths
or methods, so the number of series is bounded. A histogram shows a series once something was observed in it.
`;
