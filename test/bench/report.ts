import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Figure, MeasureResult, Row, Table } from './measure.js';

const HEADINGS: Readonly<Record<string, string>> = { culvert: 'Culvert' };

/** Returns the report as Markdown: the figures that have a target, then a table and notes per measure. */
export function toMarkdown(results: readonly MeasureResult[]): string {
  const targets = results.flatMap(({ figures }) => figures).filter(({ target }) => target !== null);
  return [
    `${machine()}. One run, medians.`,
    ...(targets.length === 0 ? [] : ['### Targets', tableOfTargets(targets)]),
    ...results.flatMap(({ tables, notes }) => [
      ...tables.map(tableOf),
      ...(notes.length === 0 ? [] : [notes.map((note) => `- ${note}`).join('\n')]),
    ]),
  ].join('\n\n');
}

function tableOfTargets(targets: readonly Figure[]): string {
  return [
    '| figure | value | target | met |',
    '|---|--:|--:|---|',
    ...targets.map((it) => `| ${it.measure} | ${valueOf(it)} | ${targetOf(it)} | ${verdictOf(it)} |`),
  ].join('\n');
}

/** Returns the report for programs: `target` and `met` are null without a target, `value` if it is not available. */
export function toJson(results: readonly MeasureResult[]): string {
  const figures = results
    .flatMap((result) => result.figures)
    .map((it) => ({
      measure: it.measure,
      value: round(it),
      unit: it.unit,
      target: targetOf(it),
      met: isMet(it),
    }));
  return `${JSON.stringify(figures, null, 2)}\n`;
}

const PLACE = /(<!-- bench:begin -->\n)[^]*(<!-- bench:end -->)/;

/** Returns `page` with `report` between its marks, or the report alone if the page has no marks. */
export function placeReport(page: string, report: string): string {
  if (!PLACE.test(page)) return report;
  return page.replace(PLACE, (_, begin: string, end: string) => `${begin}\n${report}\n${end}`);
}

/** The machine in general terms. */
function machine(): string {
  const system = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease())?.[1] ?? process.platform;
  return `${cpus().length} cores, ${system}, Node ${process.versions.node}`;
}

function osRelease(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    return '';
  }
}

function tableOf({ title, columns, ratio, rows }: Table): string {
  const headings = [...columns.map(headingOf), ...(ratio ? [ratioHeading(ratio)] : [])];
  return [
    `### ${title}\n`,
    `| | ${headings.join(' | ')} |`,
    `|---|${headings.map(() => '--:').join('|')}|`,
    ...rows.map((row) => {
      const cells = columns.map((column) => cell(row, row.values[column]));
      return `| ${[row.label, ...cells, ...(ratio ? [quotient(row, ratio)] : [])].join(' | ')} |`;
    }),
  ].join('\n');
}

function headingOf(column: string): string {
  return HEADINGS[column] ?? column;
}

function ratioHeading({ of, to }: NonNullable<Table['ratio']>): string {
  return `${headingOf(of)} / ${headingOf(to)}`;
}

function cell({ digits }: Row, value: number | null): string {
  return value === null ? '' : value.toFixed(digits);
}

function quotient({ values }: Row, { of, to }: NonNullable<Table['ratio']>): string {
  const [dividend, divisor] = [values[of], values[to]];
  return dividend === null || divisor === null || divisor === 0 ? '' : (dividend / divisor).toFixed(2);
}

function isMet({ value, target }: Figure): boolean | null {
  if (target === null || value === null) return null;
  return target.comparison === '>=' ? value >= target.value : value <= target.value;
}

function verdictOf(it: Figure): string {
  const met = isMet(it);
  if (met === null) return 'not available';
  return met ? 'yes' : '**no**';
}

function targetOf({ target }: Figure): string | null {
  return target && `${target.comparison} ${target.value}`;
}

function valueOf(it: Figure): string {
  return it.value === null ? '' : `${round(it)} ${it.unit}`;
}

function round({ value }: Figure): number | null {
  return value === null ? null : Number(value.toPrecision(4));
}
