/** Results of checks as lines for people. */
import type { CheckResult } from './check.js';

const MARKS = { ok: 'ok', warning: 'WARN', failure: 'FAIL', skipped: 'skip' } as const;
const MARK_WIDTH = 4;

/** How many checks ended in each state. */
export type Counts = Readonly<Record<CheckResult['state'], number>>;

export function countsOf(results: readonly CheckResult[]): Counts {
  const count = (wanted: CheckResult['state']): number =>
    results.filter(({ state }) => state === wanted).length;
  return {
    ok: count('ok'),
    warning: count('warning'),
    failure: count('failure'),
    skipped: count('skipped'),
  };
}

/**
 * Returns the lines of a result: what was found and, below, what to do. They may hold control characters of others.
 * @param titleWidth width of the longest title, in characters
 */
export function linesOf({ state, title, message, advice }: CheckResult, titleWidth: number): string[] {
  const line = `${MARKS[state].padEnd(MARK_WIDTH)}  ${title.padEnd(titleWidth)}  ${message}`;
  return advice === null ? [line] : [line, `${' '.repeat(MARK_WIDTH + titleWidth + 4)}→ ${advice}`];
}

/** Returns `12 ok, 1 warning, 2 failures`. */
export function summaryOf({ ok, warning, failure, skipped }: Counts): string {
  const parts = [
    [ok, 'ok'],
    [warning, warning === 1 ? 'warning' : 'warnings'],
    [failure, failure === 1 ? 'failure' : 'failures'],
    [skipped, 'skipped'],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${count} ${what}`)
    .join(', ');
}
