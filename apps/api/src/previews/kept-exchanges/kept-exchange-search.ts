import { setImmediate as othersHadTheirTurn } from 'node:timers/promises';
import type { Exchange, ExchangeBodies, KeptExchangeFilter, KeptExchangeResource } from '@culvert/contract';
import type { KeptExchange, KeptExchangeRepository } from '@culvert/domain';
import { type ExchangeOwner, type ExchangeReader, matchesSearch } from '@culvert/exchanges';

/** Rows that are decrypted at once. Bodies are much larger than heads. */
const STEP = 100;
const STEP_WITH_BODIES = 20;
/** Characters of one page, beyond which it ends early. */
const MAX_PAGE_CHARACTERS = 8 * 1024 * 1024;
/** How long one page may take, beyond which it ends early. */
const MAX_PAGE_MS = 2000;

export interface SearchPage {
  readonly items: KeptExchangeResource[];
  readonly nextCursor: string | null;
}

/** An exchange that was found, and its size in characters. */
interface Found {
  readonly item: KeptExchangeResource;
  readonly characters: number;
}

/** Searches the kept exchanges of one preview: reads them step by step, decrypts each, and compares it. */
export class KeptExchangeSearch {
  private readonly isNarrow: boolean;

  constructor(
    private readonly store: Pick<KeptExchangeRepository, 'list'>,
    private readonly reader: ExchangeReader,
    private readonly owner: ExchangeOwner,
    private readonly filter: KeptExchangeFilter,
  ) {
    const { bodies: _bodies, from: _from, until: _until, ...others } = filter;
    this.isNarrow = Object.values(others).some((value) => value !== undefined);
  }

  /** Returns the next exchanges that match. The page ends early if it becomes large, or takes long. */
  async page(limit: number, cursor: string | undefined): Promise<SearchPage> {
    const endsAt = performance.now() + MAX_PAGE_MS;
    const items: KeptExchangeResource[] = [];
    let characters = 0;
    let last = cursor;
    for (;;) {
      const rows = await this.rows(last);
      for (const row of rows) {
        last = row.cursor;
        const found = this.find(row);
        if (found !== null) {
          items.push(found.item);
          characters += found.characters;
        }
        const isFull = items.length >= limit || characters >= MAX_PAGE_CHARACTERS;
        if (isFull || performance.now() >= endsAt) return { items, nextCursor: row.cursor };
        // Decoding bodies takes milliseconds.
        if (row.sealedBodies !== null) await othersHadTheirTurn();
      }
      if (rows.length < this.step) return { items, nextCursor: null };
    }
  }

  private get step(): number {
    return this.filter.bodies ? STEP_WITH_BODIES : STEP;
  }

  private rows(cursor: string | undefined): Promise<KeptExchange[]> {
    const { teamId, previewId } = this.owner;
    const { bodies, from, until } = this.filter;
    return this.store.list(teamId, previewId, {
      limit: this.step,
      cursor,
      withBodies: bodies,
      from: toDate(from),
      until: toDate(until),
      now: new Date(),
    });
  }

  private find(row: KeptExchange): Found | null {
    const item = toKeptResource(row, this.reader);
    if (item.exchange === null) return this.isNarrow ? null : { item, characters: 0 };
    if (!matchesSearch(item.exchange, item.bodies, searchOf(this.filter))) return null;
    return { item, characters: (row.sealed?.length ?? 0) + (row.sealedBodies?.length ?? 0) };
  }
}

/** Returns a kept exchange as the API shows it. */
export function toKeptResource(row: KeptExchange, reader: ExchangeReader): KeptExchangeResource {
  const { id, startedAt, expiresAt, omitted, hasBodies } = row;
  const opened = omitted > 0 ? null : reader.open(row);
  const document: { exchange: Exchange; bodies: ExchangeBodies | null } | null =
    opened !== null && 'exchange' in opened ? opened : null;
  return {
    id,
    kind: omitted > 0 ? 'omitted' : document === null ? 'unreadable' : 'exchange',
    startedAt: startedAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
    omitted,
    hasBodies,
    exchange: document?.exchange ?? null,
    bodies: document?.bodies ?? null,
  };
}

function searchOf({ method, bodies: _bodies, from: _from, until: _until, ...search }: KeptExchangeFilter) {
  return { ...search, method: method?.map((each) => each.toUpperCase()) };
}

function toDate(moment: string | undefined): Date | undefined {
  return moment === undefined ? undefined : new Date(moment);
}
