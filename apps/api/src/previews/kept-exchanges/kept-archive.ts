import { setImmediate as othersHadTheirTurn } from 'node:timers/promises';
import { harEnd, harEntry, harStart } from '@culvert/exchanges';
import { VERSION } from '../../http/docs/version.js';
import type { SearchPage } from './kept-exchange-search.js';

/** Limit of an archive in characters. */
const MAX_CHARACTERS = 64 * 1024 * 1024;

/**
 * Yields the JSON of an HTTP archive in parts, newest exchange first. Exchanges beyond 64 MiB are left out, and the
 * comment says so.
 * @param read returns a page of exchanges
 * @param origin URL of the preview without a path
 */
export async function* archiveOf(
  read: (cursor: string | undefined) => Promise<SearchPage>,
  origin: string,
): AsyncGenerator<string> {
  const comments: string[] = [];
  let [characters, omitted, unreadable] = [0, 0, 0];
  let separator = '\n';
  yield harStart(VERSION);
  entries: for (
    let cursor: string | undefined, isFirst = true;
    isFirst || cursor !== undefined;
    isFirst = false
  ) {
    const page = await read(cursor);
    for (const item of page.items) {
      omitted += item.omitted;
      if (item.kind === 'unreadable') unreadable++;
      if (item.exchange === null) continue;
      if (item.bodies !== null) await othersHadTheirTurn();
      const entry = separator + harEntry({ exchange: item.exchange, bodies: item.bodies }, origin);
      characters += entry.length;
      if (characters > MAX_CHARACTERS) {
        comments.push('Older exchanges are left out: the archive has reached its limit of 64 MiB.');
        break entries;
      }
      separator = ',\n';
      yield entry;
    }
    cursor = page.nextCursor ?? undefined;
  }
  if (omitted > 0) comments.push(`${omitted} exchanges were not kept.`);
  if (unreadable > 0) comments.push(`${unreadable} exchanges cannot be read.`);
  yield harEnd(comments.join(' '));
}
