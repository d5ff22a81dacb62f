import type { auditEventFilter } from '@culvert/contract';
import { Backoff } from '@culvert/outbound';
import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import type { AuditEvent } from '../api.js';
import { asCliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { follow, isTemporary, type LiveEvent } from '../live/follow.js';
import { firstItems } from '../paging/first-items.js';

/** Limit of new events that are read after one change, or after an outage. */
const MAX_NEW = 10_000;
/** Number of newest events whose ids are kept, to recognize the new ones. */
const MAX_KNOWN = 2000;
/** Transactions that overlap may record events out of order, by less than this. */
const OVERLAP_MS = 10_000;
const PAGE_SIZE = 200;

export interface FollowAuditOptions {
  readonly query: z.input<typeof auditEventFilter>;
  /** Number of past events to begin with. */
  readonly limit: number;
  readonly signal: AbortSignal;
  readonly show: (event: AuditEvent) => void;
}

/** Shows past events and then new ones, oldest first. Never resolves; rejects as `follow` does. */
export async function followAudit(
  { api, output }: CommandContext,
  { query, limit, signal, show }: FollowAuditOptions,
): Promise<never> {
  const known = new Set<string>();
  let newestAt = 0;
  let isFirst = true;
  /** Returns the events that were not seen before, newest first. */
  const findNew = async (): Promise<AuditEvent[]> => {
    const since = newestAt - OVERLAP_MS;
    const fresh: AuditEvent[] = [];
    const { hasMore } = await firstItems(isFirst ? Math.max(limit, PAGE_SIZE) : MAX_NEW, async (page) => {
      const { items, nextCursor } = await api.call('listAuditEvents', { query: { ...query, ...page } });
      const recent = items.filter(({ at }) => Date.parse(at) >= since);
      fresh.push(...recent.filter(({ id }) => !known.has(id)));
      return { items, nextCursor: recent.length < items.length ? null : nextCursor };
    });
    if (hasMore && !isFirst) output.note(`Left out events before the newest ${MAX_NEW}.`);
    return fresh;
  };
  const showNew = async (): Promise<void> => {
    const fresh = await findNew();
    const shown = isFirst ? fresh.slice(0, limit) : fresh;
    isFirst = false;
    for (const { id, at } of fresh.toReversed()) {
      known.add(id);
      newestAt = Math.max(newestAt, Date.parse(at));
    }
    for (const id of known) {
      if (known.size <= MAX_KNOWN) break;
      known.delete(id);
    }
    for (const event of shown.toReversed()) show(event);
  };
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const backoff = new Backoff();
  /** Tries again while Culvert restarts or has too many requests, as `follow` does for the stream. */
  const showNewPatiently = async (): Promise<void> => {
    for (;;) {
      try {
        await showNew();
        backoff.reset();
        return;
      } catch (error) {
        either.throwIfAborted();
        if (!isTemporary(asCliError(error))) throw error;
      }
      await delay(backoff.next(), undefined, { signal: either });
    }
  };
  const refresh = refresher(showNewPatiently, (error) => failed.abort(error));
  const onEvent = ({ name, data }: LiveEvent): void => {
    const { resource } = (data ?? {}) as { readonly resource?: unknown };
    // Events that were missed while the stream was interrupted are fetched once it is ready again.
    if (name === 'ready' || name === 'reset' || resource === 'audit-event') refresh();
  };
  return follow({ of: 'changes' }, { api, signal: either, onEvent, note: (text) => output.note(text) });
}

/** Returns a function that runs `work`, and once more if it is called while `work` is under way. */
function refresher(work: () => Promise<void>, onError: (error: unknown) => void): () => void {
  let isRunning = false;
  let isAskedAgain = false;
  const run = async (): Promise<void> => {
    isRunning = true;
    do {
      isAskedAgain = false;
      await work();
    } while (isAskedAgain);
    isRunning = false;
  };
  return () => {
    if (isRunning) isAskedAgain = true;
    else run().catch(onError);
  };
}
