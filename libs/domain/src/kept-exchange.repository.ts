import type { KeptExchange, KeptExchangeBatch, KeptExchangeKey, KeptExchangePage } from './kept-exchange.js';

/** Exchanges that are kept for a while, encrypted by the caller. */
export interface KeptExchangeRepository {
  /** Returns the data keys of a preview, newest first. */
  findKeys(teamId: string, previewId: string): Promise<KeptExchangeKey[]>;
  /** Adds a data key. False if the preview does not exist. */
  addKey(teamId: string, previewId: string, key: KeptExchangeKey): Promise<boolean>;
  /**
   * Adds exchanges and removes the oldest ones beyond the preview's number. False if nothing was added, because the
   * preview or the policy no longer allows it. An exchange that is kept already stays as it is.
   */
  add(teamId: string, previewId: string, batch: KeptExchangeBatch): Promise<boolean>;
  /** Returns at most `limit` exchanges, newest first; a cursor of the last one leads to the next page. */
  list(teamId: string, previewId: string, page: KeptExchangePage): Promise<KeptExchange[]>;
  /** Returns one exchange with its bodies, unless it has expired at `now`. */
  find(teamId: string, previewId: string, id: string, now: Date): Promise<KeptExchange | null>;
  /** False if the preview does not keep such an exchange. */
  remove(teamId: string, previewId: string, id: string): Promise<boolean>;
  /** Removes all exchanges of a preview. Returns how many. */
  removeAll(teamId: string, previewId: string): Promise<number>;
  /** Removes at most `max` exchanges of any team that have expired. Returns how many. */
  removeExpired(now: Date, max: number): Promise<number>;
  /** Across teams: returns at most `max` data keys that are sealed with other keys than this one. */
  findKeysToReseal(
    currentKeyId: string,
    max: number,
    afterId: string | null,
  ): Promise<(KeptExchangeKey & { readonly teamId: string; readonly previewId: string })[]>;
  /** Replaces the sealed form of a data key. */
  replaceKey(teamId: string, key: KeptExchangeKey): Promise<void>;
}
