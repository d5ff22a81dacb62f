import type { Holding } from './directory.js';

/** Limit of withdrawals that wait for Redis. Others notice the rest when they open a stream, and ask. */
const MAX_WITHDRAWALS = 100_000;

/** What this edge holds, and what of it Redis does not have yet. */
export class OwnHoldings {
  private readonly holdings = new Map<string, Holding>();
  /** Traffic managers that were attached, detached, or asked for by another edge: written first, and announced. */
  private readonly changed = new Set<string>();
  /** Traffic managers that are written without an announcement. */
  private readonly unwritten = new Set<string>();
  /** Traffic managers whose load alone has changed since it was last collected. */
  private readonly newLoads = new Set<string>();
  private renewals: Iterator<string> | null = null;
  private sequence = 0;

  get size(): number {
    return this.holdings.size;
  }

  get(trafficManagerId: string): Holding | undefined {
    return this.holdings.get(trafficManagerId);
  }

  ids(): string[] {
    return [...this.holdings.keys()];
  }

  /** Returns the number of the next write. */
  nextSequence(): number {
    return ++this.sequence;
  }

  /** Returns true if the change must be announced. */
  record(trafficManagerId: string, holding: Holding | null): boolean {
    const known = this.holdings.get(trafficManagerId);
    if (holding === null) {
      if (known === undefined) return false;
      this.holdings.delete(trafficManagerId);
      this.announce(trafficManagerId);
      return true;
    }
    this.holdings.set(trafficManagerId, holding);
    if (
      known === undefined ||
      known.tunnelCount !== holding.tunnelCount ||
      known.maxIdleStreamMs !== holding.maxIdleStreamMs
    ) {
      this.announce(trafficManagerId);
      return true;
    }
    if (hasNewLoad(known, holding)) this.newLoads.add(trafficManagerId);
    return false;
  }

  /** Queues a traffic manager for a write and an announcement, held or not. */
  announce(trafficManagerId: string): void {
    this.changed.add(trafficManagerId);
    if (this.changed.size <= MAX_WITHDRAWALS) return;
    for (const id of this.changed) {
      if (this.holdings.has(id)) continue;
      this.changed.delete(id);
      return;
    }
  }

  /** Queues everything, because Redis may have lost it. An edge that looks for one of them asks until it is found. */
  requeueAll(): void {
    for (const id of this.holdings.keys()) {
      this.changed.delete(id);
      this.unwritten.add(id);
    }
  }

  /** Queues what has a new load. Called as often as a load may be written. */
  queueNewLoads(): void {
    for (const id of this.newLoads) if (this.holdings.has(id)) this.unwritten.add(id);
    this.newLoads.clear();
  }

  /** Queues the next `limit` holdings, one round after the other, so that Redis does not let them expire. */
  queueRenewals(limit: number): void {
    for (let left = Math.min(limit, this.holdings.size); left > 0; left--) {
      this.renewals ??= this.holdings.keys();
      const next = this.renewals.next();
      if (next.done === true) this.renewals = null;
      else this.unwritten.add(next.value);
    }
  }

  get hasChanged(): boolean {
    return this.changed.size > 0;
  }

  get unwrittenCount(): number {
    return this.unwritten.size;
  }

  /** Removes up to `limit` traffic managers from the queue of changes, and returns them. */
  shiftChanged(limit: number): string[] {
    return shift(this.changed, limit);
  }

  /** Removes `shifted` traffic managers from the other queue, `limit` at most, and returns those that are still held. */
  shiftUnwritten(limit: number): { readonly ids: string[]; readonly shifted: number } {
    const shifted = shift(this.unwritten, limit);
    return { ids: shifted.filter((id) => this.holdings.has(id)), shifted: shifted.length };
  }

  /** Queues again what could not be written. */
  returnChanged(ids: readonly string[]): void {
    for (const id of ids) this.announce(id);
  }

  /** Queues again what could not be written. */
  returnUnwritten(ids: readonly string[]): void {
    for (const id of ids) this.unwritten.add(id);
  }
}

/**
 * Reports whether others should learn the new load. A round trip alone matters only for what is in use: otherwise every
 * holding would be written twice, because the round trip is measured after the tunnel was announced. It is written with
 * the next change. Telepresence's managers are the exception: others use the round trip to keep idle streams no longer
 * than these managers do.
 */
function hasNewLoad(known: Holding, now: Holding): boolean {
  if (known.streamCount !== now.streamCount) return true;
  if (known.roundTripMs === now.roundTripMs) return false;
  return now.streamCount > 0 || now.maxIdleStreamMs !== undefined;
}

function shift(ids: Set<string>, limit: number): string[] {
  const shifted: string[] = [];
  for (const id of ids) {
    if (shifted.length >= limit) break;
    ids.delete(id);
    shifted.push(id);
  }
  return shifted;
}
