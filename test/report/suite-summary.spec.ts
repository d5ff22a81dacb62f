import { describe, expect, it } from 'vitest';
import { type FileResult, progressLine, summaryLines } from './suite-summary.js';

const file = (path: string, durationMs: number, given: Partial<FileResult> = {}): FileResult => ({
  path,
  project: 'unit',
  passed: 3,
  failed: 0,
  skipped: [],
  durationMs,
  ...given,
});

describe('progressLine', () => {
  it('names the place in the run, the time, the file and its counts', () => {
    expect(progressLine(file('libs/a.spec.ts', 1234), 7, 316, 83_000)).toBe(
      '  7/316  1:23  libs/a.spec.ts: 3 passed (1.2 s)',
    );
  });

  it('names failed tests first and skipped tests last', () => {
    const skipped = [{ name: 'a', reason: null }];
    expect(progressLine(file('libs/a.spec.ts', 0, { failed: 2, skipped }), 10, 10, 600_000)).toBe(
      '10/10  10:00  libs/a.spec.ts: 2 failed, 3 passed, 1 skipped (0.0 s)',
    );
  });
});

describe('summaryLines', () => {
  it('adds up the files of each project', () => {
    const lines = summaryLines([
      file('a', 1000),
      file('b', 500, { passed: 1200 }),
      file('c', 2000, { project: 'system', passed: 0, failed: 1 }),
    ]);
    expect(lines).toContain('  unit           1,203 tests in 2 files, 1.5 s of work');
    expect(lines).toContain('  system         1 test in 1 file, 2.0 s of work');
  });

  it('lists the ten slowest files, the slowest first', () => {
    const lines = summaryLines(Array.from({ length: 12 }, (_, index) => file(`f${index}`, index * 1000)));
    const start = lines.indexOf('Slowest files');
    expect(lines.slice(start + 1).map((line) => line.trim())).toEqual(
      [11, 10, 9, 8, 7, 6, 5, 4, 3, 2].map((index) => `${index}.0 s  f${index}`),
    );
  });

  it('groups skipped tests by their reason', () => {
    const lines = summaryLines([
      file('a', 0, { skipped: [{ name: 'x', reason: 'needs Helm' }] }),
      file('b', 0, {
        skipped: [
          { name: 'y', reason: 'needs Helm' },
          { name: 'z', reason: null },
        ],
      }),
    ]);
    expect(lines.slice(lines.indexOf('Skipped tests') + 1)).toEqual([
      '  needs Helm:',
      '    a › x',
      '    b › y',
      '  no reason given:',
      '    b › z',
    ]);
  });

  it('omits skipped tests if there are none', () => {
    expect(summaryLines([file('a', 0)])).not.toContain('Skipped tests');
  });
});
