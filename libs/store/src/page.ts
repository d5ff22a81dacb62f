/**
 * Keyset pages, newest first: ordered by (time, id), so that rows of one millisecond have an order too and a page neither
 * repeats nor skips a row that existed all along.
 */
import assert from 'node:assert/strict';
import { InvalidCursorError, type Page, type PageRequest } from '@culvert/domain';
import { isUuid } from './ids.js';
import { isStorable } from './text.js';

const MAX_LIMIT = 200;
const MAX_CURSOR_LENGTH = 1024;
/** 9999-12-31: later years have more digits than the drivers write. */
const MAX_TIME_MS = 253_402_300_799_999;

interface Position {
  readonly at: Date;
  readonly id: string;
}

/**
 * Returns the part of a Prisma query that selects one page and the row after it.
 * @param time the column rows are ordered by
 */
export function pageQuery<Time extends string>(
  time: Time,
  page: PageRequest,
  isId: (id: string) => boolean = isUuid,
) {
  assert(page.limit >= 1 && page.limit <= MAX_LIMIT, `a page has 1 to ${MAX_LIMIT} items`);
  const column = <T>(value: T) => ({ [time]: value }) as Record<Time, T>;
  const after = page.cursor === undefined ? null : decodeCursor(page.cursor, isId);
  return {
    // `time <= t` bounds the index range; the OR alone would scan every row of the team.
    where: after && {
      AND: [column({ lte: after.at }), { OR: [column({ lt: after.at }), { id: { lt: after.id } }] }],
    },
    orderBy: [column('desc' as const), { id: 'desc' as const }],
    take: page.limit + 1,
  };
}

/** Returns the rows selected by `pageQuery`, without the one that only showed that there is a next page. */
export function toPage<Row extends { id: string }, Item>(
  rows: readonly Row[],
  page: PageRequest,
  timeOf: (row: Row) => Date,
  toItem: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  return {
    items: shown.map(toItem),
    nextCursor: last && rows.length > page.limit ? encodeCursor({ at: timeOf(last), id: last.id }) : null,
  };
}

export function emptyPage<Item>(): Page<Item> {
  return { items: [], nextCursor: null };
}

/** Returns the cursor of the page that begins after the row with this time and ID. */
export function cursorOf(at: Date, id: string): string {
  return encodeCursor({ at, id });
}

function encodeCursor({ at, id }: Position): string {
  return Buffer.from(`${at.getTime()}:${id}`).toString('base64url');
}

function decodeCursor(cursor: string, isId: (id: string) => boolean): Position {
  if (cursor.length > MAX_CURSOR_LENGTH) throw new InvalidCursorError();
  const [, ms, id] = /^(\d{1,15}):(.+)$/s.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (ms === undefined || id === undefined || Number(ms) > MAX_TIME_MS || !isId(id) || !isStorable(id)) {
    throw new InvalidCursorError();
  }
  return { at: new Date(Number(ms)), id };
}
