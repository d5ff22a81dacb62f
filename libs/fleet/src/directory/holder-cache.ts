import type { Holder } from './directory.js';
import type { NumberedHolding } from './directory-codec.js';
import type { LivingEdges } from './living-edges.js';

const NONE: readonly KnownHolder[] = [];

/** A holder, with the number of the write that its figures are from. */
export type KnownHolder = Holder & NumberedHolding;

/** What is known of one traffic manager. */
export class CacheEntry {
  /** Null before the first answer. */
  holders: readonly KnownHolder[] | null = null;
  /** `LivingEdges.removals` when the holders were last checked. */
  removals = 0;
  /** Last use, in milliseconds of the directory's coarse clock. */
  usedAt: number;
  /** Last use that gave it another turn in the cache. */
  keptAt: number;
  /** Time from which a use asks again; infinite while a lookup is under way. */
  askAt = Number.POSITIVE_INFINITY;
  /** True if an announcement arrived during a lookup, whose answer may be older. */
  isOvertaken = false;
  /** Edges that turned out to hold nothing, with the number of the write that had reported the opposite. */
  disbelieved: Map<string, number> | null = null;

  constructor(
    readonly trafficManagerId: string,
    now: number,
  ) {
    this.usedAt = now;
    this.keptAt = now;
  }

  /** Removes the holders that are no longer alive. */
  prune(living: LivingEdges): void {
    this.removals = living.removals;
    if (this.holders === null) return;
    const alive = this.holders.filter(({ edge }) => living.has(edge.id));
    if (alive.length < this.holders.length) this.setHolders(alive);
  }

  /** Sets the holders. Returns true if these are other edges, or more or fewer tunnels, than before. */
  setHolders(holders: readonly KnownHolder[]): boolean {
    const before = this.holders;
    this.holders = holders.length === 0 ? NONE : holders;
    if (before === null || before.length !== holders.length) return true;
    return holders.some((holder) => {
      const known = before.find(({ edge }) => edge === holder.edge);
      return known?.tunnelCount !== holder.tunnelCount || known.maxIdleStreamMs !== holder.maxIdleStreamMs;
    });
  }

  /** Replaces or removes one holder. Returns true if that is a change. */
  replace(edgeId: string, holder: KnownHolder | null): boolean {
    if (this.holders === null) return false;
    const others = this.holders.filter(({ edge }) => edge.id !== edgeId);
    if (holder !== null) others.push(holder);
    return this.setHolders(others);
  }

  /** Reports whether this write of the edge is one that turned out to be wrong. */
  isDisbelieved(edgeId: string, sequence: number): boolean {
    const wrong = this.disbelieved?.get(edgeId);
    if (wrong === undefined) return false;
    if (sequence <= wrong) return true;
    this.disbelieved?.delete(edgeId);
    return false;
  }
}

/** The traffic managers that were looked up, of which those that are not used are dropped first. */
export class HolderCache {
  private readonly entries = new Map<string, CacheEntry>();

  constructor(private readonly maxEntries: number) {}

  get(trafficManagerId: string): CacheEntry | undefined {
    return this.entries.get(trafficManagerId);
  }

  get size(): number {
    return this.entries.size;
  }

  values(): Iterable<CacheEntry> {
    return this.entries.values();
  }

  add(entry: CacheEntry): void {
    if (this.entries.size >= this.maxEntries) this.evict();
    this.entries.set(entry.trafficManagerId, entry);
  }

  /** Drops the oldest entry. One that was used since its turn gets another turn: a hit must not reorder the map. */
  private evict(): void {
    for (let turns = 0; turns < 8; turns++) {
      const oldest = this.entries.values().next().value;
      if (oldest === undefined) return;
      this.entries.delete(oldest.trafficManagerId);
      if (oldest.usedAt <= oldest.keptAt || turns === 7) return;
      oldest.keptAt = oldest.usedAt;
      this.entries.set(oldest.trafficManagerId, oldest);
    }
  }
}
