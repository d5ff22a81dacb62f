import { plainText } from '@culvert/client';
import { eastAsianWidth } from 'get-east-asian-width';

const GAP = '  ';

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/**
 * Returns the lines of a table, without padding at their ends. Cells are made safe for a terminal.
 * @param maxColumns width of the terminal. Returns null if the table is wider: the caller must use another form.
 */
export function tableLines(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  maxColumns: number,
): string[] | null {
  const cells = [header, ...rows].map((row) => row.map((cell) => (cell === '' ? '-' : plainText(cell))));
  const sizes = cells.map((row) => row.map(columnsOf));
  const widths = header.map((_, column) =>
    sizes.reduce((widest, row) => Math.max(widest, row[column] ?? 0), 0),
  );
  const total = widths.reduce((sum, width) => sum + width, GAP.length * (header.length - 1));
  if (total > maxColumns) return null;
  return cells.map((row, i) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - (sizes[i]?.[column] ?? 0)))
      .join(GAP)
      .trimEnd(),
  );
}

/** Returns how many terminal columns a text takes: each visible character takes one or two. */
function columnsOf(text: string): number {
  // Segmenting is slow, and nearly all cells are ASCII.
  if (PRINTABLE_ASCII.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of graphemes.segment(text)) columns += eastAsianWidth(segment.codePointAt(0) ?? 0);
  return columns;
}
