import { expect, it } from 'vitest';
import { median, medianOfRounds, type MeasureResult } from './measure.js';
import { placeReport, toJson, toMarkdown } from './report.js';
import { type Way, WAYS } from './rig.js';

const RESULT: MeasureResult = {
  tables: [
    {
      title: 'Speed',
      columns: WAYS,
      ratio: { of: 'culvert', to: 'nginx' },
      rows: [
        { label: 'requests/s', values: { direct: 100, nginx: 80, culvert: 60 }, digits: 0 },
        { label: 'CPU', values: { direct: null, nginx: 8, culvert: 10 }, digits: 1 },
      ],
    },
  ],
  figures: [
    { measure: 'speed', value: 60.004, unit: 'requests/s', target: null },
    { measure: 'ratio', value: 0.75, unit: 'ratio', target: { comparison: '>=', value: 0.5 } },
    { measure: 'added', value: 2.5, unit: 'ms', target: { comparison: '<=', value: 1 } },
    { measure: 'streams', value: null, unit: 'ratio', target: { comparison: '>=', value: 0.5 } },
  ],
  notes: ['read it so'],
};

it('the report has a row per quantity with its ratio to nginx, and shows which targets are met', () => {
  const markdown = toMarkdown([RESULT]);
  expect(markdown).toContain('| | direct | nginx | Culvert | Culvert / nginx |');
  expect(markdown).toContain('| requests/s | 100 | 80 | 60 | 0.75 |');
  expect(markdown).toContain('| CPU |  | 8.0 | 10.0 | 1.25 |');
  expect(markdown).toContain('| ratio | 0.75 ratio | >= 0.5 | yes |');
  expect(markdown).toContain('| added | 2.5 ms | <= 1 | **no** |');
  expect(markdown).toContain('| streams |  | >= 0.5 | not available |');
  expect(markdown).toContain('- read it so');
});

it('the JSON report has every figure, without a target or value where there is none', () => {
  expect(JSON.parse(toJson([RESULT]))).toEqual([
    { measure: 'speed', value: 60, unit: 'requests/s', target: null, met: null },
    { measure: 'ratio', value: 0.75, unit: 'ratio', target: '>= 0.5', met: true },
    { measure: 'added', value: 2.5, unit: 'ms', target: '<= 1', met: false },
    { measure: 'streams', value: null, unit: 'ratio', target: '>= 0.5', met: null },
  ]);
});

it('the report replaces the text between the marks of a page, and stands alone without marks', () => {
  const page = '# Performance\n\n<!-- bench:begin -->\nold $1\n<!-- bench:end -->\n\n## More\n';
  const placed = placeReport(page, 'costs $1\n');
  expect(placed).toBe('# Performance\n\n<!-- bench:begin -->\n\ncosts $1\n\n<!-- bench:end -->\n\n## More\n');
  expect(placeReport(placed, 'costs $1\n')).toBe(placed);
  expect(placeReport('an old report\n', 'costs $1\n')).toBe('costs $1\n');
});

it('median works for odd and even numbers of values', () => {
  expect([median([3, 1, 2]), median([4, 1, 3, 2])]).toEqual([2, 2.5]);
});

it('medianOfRounds alternates the ways, warms each up first, and returns the median of the rounds', async () => {
  const calls: Way[] = [];
  const result = await medianOfRounds(WAYS, { rounds: 3, seconds: 1 }, (way) => {
    calls.push(way);
    return Promise.resolve({ call: calls.length });
  });
  expect(calls.slice(0, 3)).toEqual(['direct', 'nginx', 'culvert']);
  expect([calls[3], calls[6], calls[9]]).toEqual(['direct', 'nginx', 'culvert']);
  expect(result.direct.call).toBe(9);
});
