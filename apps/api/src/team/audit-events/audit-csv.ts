import type { ExportedEvent } from './audit-events.service.js';

/** Columns in their order. New ones are added at the end: programs may read a table by position. */
const COLUMNS: Readonly<Record<string, (event: ExportedEvent) => string | null>> = {
  id: ({ id }) => id,
  at: ({ at }) => at,
  actorKind: ({ actor }) => actor.kind,
  actorId: ({ actor }) => actor.id,
  actorAddress: ({ actor }) => actor.address,
  action: ({ action }) => action,
  targetId: ({ targetId }) => targetId,
  before: ({ before }) => before && JSON.stringify(before),
  after: ({ after }) => after && JSON.stringify(after),
  actorName: ({ actor }) => actor.name,
  targetName: ({ targetName }) => targetName,
  summary: ({ summary }) => summary,
};

/**
 * Characters with which spreadsheets begin a formula, including East Asian widths and characters that they skip before
 * one.
 */
const FORMULA = /^[\s\p{Cc}]*[=+\-@＝＋－＠|%]/u;

/** Returns a table of events (RFC 4180), one chunk for each page of them. */
export async function* toCsv(pages: AsyncIterable<readonly ExportedEvent[]>): AsyncGenerator<string> {
  yield toLine(Object.keys(COLUMNS));
  for await (const events of pages) {
    const lines = events.map((event) => toLine(Object.values(COLUMNS).map((read) => read(event))));
    if (lines.length > 0) yield lines.join('');
  }
}

function toLine(cells: readonly (string | null)[]): string {
  return `${cells.map(toCell).join(',')}\r\n`;
}

/** Returns a quoted cell. An apostrophe turns text that a spreadsheet might run as a formula into plain text. */
export function toCell(text: string | null): string {
  if (text === null) return '';
  return `"${FORMULA.test(text) ? "'" : ''}${text.replaceAll('"', '""')}"`;
}
