import { cpus } from 'node:os';
import type { Figure, MeasureResult, Row, Table } from './measure.js';
import { WAYS } from './rig.js';

/** The report as Markdown: a table per measure, then the figures that have a target. */
export function toMarkdown(results: readonly MeasureResult[]): string {
  const targets = results.flatMap(({ figures }) => figures).filter(({ target }) => target !== null);
  const processor = cpus();
  return [
    `${processor.length} cores (${processor[0].model.trim()}), Node ${process.versions.node}, one run, medians.`,
    'The last column is Culvert in terms of nginx as a plain reverse proxy.',
    ...results.map(({ table }) => tableOf(table)),
    '### Targets',
    [
      '| figure | value | target | met |',
      '|---|--:|--:|---|',
      ...targets.map(
        (figure) =>
          `| ${figure.measure} | ${round(figure)} ${figure.unit} | ${targetOf(figure)} | ${isMet(figure) ? 'yes' : 'no'} |`,
      ),
    ].join('\n'),
  ].join('\n\n');
}

/** The report for programs: `target` and `met` are null where there is no target. */
export function toJson(results: readonly MeasureResult[]): string {
  const figures = results
    .flatMap((result) => result.figures)
    .map((figure) => ({
      measure: figure.measure,
      value: round(figure),
      unit: figure.unit,
      target: targetOf(figure),
      met: isMet(figure),
    }));
  return `${JSON.stringify(figures, null, 2)}\n`;
}

function tableOf({ title, rows }: Table): string {
  return [
    `### ${title}\n`,
    '| | direct | nginx | Culvert | Culvert / nginx |',
    '|---|--:|--:|--:|--:|',
    ...rows.map(
      (row) =>
        `| ${row.label} | ${[...WAYS.map((way) => cell(row, row.values[way])), ratio(row)].join(' | ')} |`,
    ),
  ].join('\n');
}

function cell({ digits }: Row, value: number | null): string {
  return value === null ? '' : value.toFixed(digits);
}

function ratio({ values: { nginx, culvert } }: Row): string {
  return nginx === null || culvert === null ? '' : (culvert / nginx).toFixed(2);
}

function isMet({ value, target }: Figure): boolean | null {
  if (target === null) return null;
  return target.comparison === '>=' ? value >= target.value : value <= target.value;
}

function targetOf({ target }: Figure): string | null {
  return target && `${target.comparison} ${target.value}`;
}

function round({ value }: Figure): number {
  return Number(value.toPrecision(4));
}
