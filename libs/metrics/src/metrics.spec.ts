import { readFileSync } from 'node:fs';
import { Counts, Histogram } from '@culvert/measure';
import { describe, expect, it } from 'vitest';
import { CATALOG } from './catalog/catalog.js';
import { Metrics } from './metrics.js';
import { metricsReference } from './reference.js';

const OUTCOME = { name: 'outcome', values: ['ok', 'failed'] } as const;
const ABOUT = { program: 'test', version: '1.2.3' };

/** Returns the lines of one metric. */
function linesOf(page: string, name: string): string[] {
  return page.split('\n').filter((line) => line.replace(/^# (HELP|TYPE) /, '').startsWith(name));
}

describe('docs/metrics.md', () => {
  it('is up to date (otherwise run: npm run generate)', () => {
    expect(readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8')).toBe(
      metricsReference(),
    );
  });
});

describe('the catalog', () => {
  it.each(Object.entries(CATALOG))(
    'follows the rules of Prometheus: %s',
    (name, { type, help, labels = {} }) => {
      expect(name).toMatch(/^culvert_[a-z][a-z0-9]*(_[a-z0-9]+)*$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
      expect(name).not.toMatch(/_(ms|milliseconds|count|sum|bucket)$/);
      expect(help).toMatch(/\.$/);
      for (const label of Object.keys(labels)) expect(label).toMatch(/^(?!le$|quantile$)[a-z][a-z_]*$/);
    },
  );

  it('has no label whose values visitors or teams choose', () => {
    const labels = new Set(Object.values(CATALOG).flatMap(({ labels: own = {} }) => Object.keys(own)));
    for (const open of ['hostname', 'host', 'path', 'method', 'preview', 'team', 'address', 'user'])
      expect(labels).not.toContain(open);
  });
});

describe(Metrics.name, () => {
  it('shows a histogram as Prometheus reads it: in seconds, with cumulative buckets', async () => {
    const histogram = new Histogram([OUTCOME], [1, 100]);
    for (const ms of [0.5, 50, 5000]) histogram.observeAs(['ok'], ms);
    const metrics = new Metrics(ABOUT);
    metrics.histogram('culvert_hop_seconds', histogram);
    expect(linesOf(await metrics.page(), 'culvert_hop_seconds')).toEqual([
      `# HELP culvert_hop_seconds ${CATALOG.culvert_hop_seconds.help}`,
      '# TYPE culvert_hop_seconds histogram',
      'culvert_hop_seconds_bucket{outcome="ok",le="0.001"} 1',
      'culvert_hop_seconds_bucket{outcome="ok",le="0.1"} 2',
      'culvert_hop_seconds_bucket{outcome="ok",le="+Inf"} 3',
      'culvert_hop_seconds_sum{outcome="ok"} 5.0505',
      'culvert_hop_seconds_count{outcome="ok"} 3',
    ]);
  });

  it('shows counts with few series from the start, so that a first increase is seen', async () => {
    const metrics = new Metrics(ABOUT);
    const counts = new Counts([{ name: 'session', values: ['new'] }]);
    expect(() => metrics.counts('culvert_tunnel_opens_total', counts)).toThrow('its labels are session');
    metrics.value('culvert_event_gaps_total', () => 0);
    expect(await metrics.page()).toContain('\nculvert_event_gaps_total 0\n');
  });

  it('refuses labels and values that the catalog does not have', () => {
    const metrics = new Metrics(ABOUT);
    const other = new Histogram([{ name: 'outcome', values: ['ok', 'bad'] }]);
    expect(() => metrics.histogram('culvert_hop_seconds', other)).toThrow('the values of outcome');
  });

  it('escapes values of labels, whatever they contain', async () => {
    const metrics = new Metrics(ABOUT);
    metrics.samples('culvert_failures_total', () => [[['a"b\\c\nd'], 1]]);
    expect(linesOf(await metrics.page(), 'culvert_failures_total').slice(2)).toEqual([
      'culvert_failures_total{code="a\\"b\\\\c\\nd"} 1',
    ]);
  });

  it('has the figures of the process and of Node, without those that list every socket', async () => {
    const page = await new Metrics(ABOUT).page();
    const names = [...page.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    expect(names).toContain('process_cpu_seconds_total');
    expect(names).toContain('nodejs_eventloop_lag_p99_seconds');
    expect(names.filter((name) => /active_(handles|requests|resources)/.test(name))).toEqual([]);
  });
});
