/** The beginning of a list, for commands whose lists can be long. */
import { InvalidArgumentError, Option } from 'commander';

/** The most items that one response has. */
const MAX_PAGE_SIZE = 200;
export const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 100_000;

interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

export interface FirstItems<Item> {
  readonly items: readonly Item[];
  /** Whether the list has more items. */
  readonly hasMore: boolean;
}

/** Returns the first items of a list, at most `limit`, from as many pages as that needs. */
export async function firstItems<Item>(
  limit: number,
  pageAt: (query: { readonly limit: number; readonly cursor: string | undefined }) => Promise<Page<Item>>,
): Promise<FirstItems<Item>> {
  const items: Item[] = [];
  let cursor: string | undefined;
  for (;;) {
    const page = await pageAt({ limit: Math.min(limit - items.length, MAX_PAGE_SIZE), cursor });
    items.push(...page.items);
    cursor = page.nextCursor ?? undefined;
    if (cursor === undefined || items.length >= limit)
      return { items: items.slice(0, limit), hasMore: cursor !== undefined };
  }
}

/** The flag `--limit`. */
export function limitOption(things: string): Option {
  return new Option('--limit <number>', `show at most this many ${things}`)
    .argParser(readLimit)
    .default(DEFAULT_LIMIT);
}

/**
 * Returns the note below a list that was cut off.
 * @param alternative another way to see the rest, as an imperative; '' for none
 */
export function moreNote(limit: number, alternative = ''): string {
  if (limit >= MAX_LIMIT)
    return `There are more than --limit can show.${alternative && ` To see them, ${alternative}.`}`;
  return `There are more. Show them with --limit ${Math.min(limit * 10, MAX_LIMIT)}${alternative && `, or ${alternative}`}.`;
}

export function readLimit(text: string): number {
  const limit = Number(text);
  if (/^\d{1,6}$/.test(text) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new InvalidArgumentError(`Use a number from 1 to ${MAX_LIMIT}.`);
}
