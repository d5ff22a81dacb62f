import stringWidth from 'string-width';
import { plainText } from './plain-text.js';

const GAP = '  ';

/** Lines of a table, without padding at their ends. Cells are shown as they are, whoever wrote them. */
export function tableLines(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const cells = [header, ...rows].map((row) => row.map((cell) => (cell === '' ? '-' : plainText(cell))));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => stringWidth(row[column] ?? ''))));
  return cells.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - stringWidth(cell)))
      .join(GAP)
      .trimEnd(),
  );
}
