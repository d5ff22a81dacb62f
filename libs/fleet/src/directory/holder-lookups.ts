import type { Holder } from './directory.js';
import { CacheEntry, HolderCache, type KnownHolder } from './holder-cache.js';
import {
  decodeEdge,
  decodeHolding,
  encodeConfirm,
  MalformedDirectoryDataError,
  type HoldingChange,
} from './directory-codec.js';
import type { Command, DirectoryConnection } from './directory-connection.js';
import { edgeKey, holdersKey, inboxOf, REMOVE_IF_SAME } from './directory-keys.js';
import type { DirectoryTimes } from './directory-times.js';
import type { LivingEdges } from './living-edges.js';

/** Lookups in one batch of commands. */
const BATCH_SIZE = 500;
/** Holders of one traffic manager that are considered. */
const MAX_HOLDERS = 64;
/** After the last use, a traffic manager without holders is looked up again and again for this long, in milliseconds. */
const WANTED_MS = 30_000;
/** Traffic managers that are looked up again without being used, at most, and of these in one interval of `negativeMs`. */
const MAX_WANTED = 10_000;
const MAX_WANTED_AT_ONCE = 500;

export interface LookupListener {
  onHolders(trafficManagerId: string): void;
  onMalformed(error: MalformedDirectoryDataError): void;
}

/** Fields of the hash of one traffic manager, or an error. */
type Answer = Record<string, string> | Error;

/**
 * The holders of traffic managers, from memory. What is not known, or is old, is looked up in batches: one at a time, so
 * that a slow Redis gets larger batches and not more of them.
 */
export class HolderLookups {
  private readonly cache: HolderCache;
  private queue: CacheEntry[] = [];
  /** Entries without a holder. */
  private readonly wanted = new Set<CacheEntry>();
  private readonly challenges = new Map<string, string[]>();
  private isScheduled = false;
  private isRunning = false;
  /** Coarse clock in milliseconds, advanced by every tick. */
  private now = performance.now();
  private retriedAt = this.now;

  constructor(
    private readonly edgeId: string,
    private readonly connection: DirectoryConnection,
    private readonly living: LivingEdges,
    private readonly times: DirectoryTimes,
    private readonly listener: LookupListener,
  ) {
    this.cache = new HolderCache(times.maxCached);
  }

  get size(): number {
    return this.cache.size;
  }

  /** As `Directory.holdersOf`: one look into a map when the answer is known. */
  holdersOf(trafficManagerId: string): readonly Holder[] | null {
    const entry = this.cache.get(trafficManagerId);
    if (entry === undefined) {
      this.addEntry(trafficManagerId);
      return null;
    }
    entry.usedAt = this.now;
    if (entry.removals !== this.living.removals) this.prune(entry);
    if (this.now >= entry.askAt) {
      // An old "none" is not an answer.
      if (entry.holders?.length === 0) entry.holders = null;
      this.ask(entry);
    }
    return entry.holders;
  }

  /** Removes a holder, asks it to confirm or withdraw what it wrote, and looks the traffic manager up again. */
  disbelieve(trafficManagerId: string, edgeId: string): void {
    const entry = this.cache.get(trafficManagerId);
    const holder = entry?.holders?.find(({ edge }) => edge.id === edgeId);
    if (entry === undefined || holder === undefined) return;
    (entry.disbelieved ??= new Map()).set(edgeId, holder.sequence);
    entry.replace(edgeId, null);
    if (entry.holders?.length === 0) entry.holders = null;
    this.challenge(edgeId, trafficManagerId);
    this.ask(entry);
  }

  /** Applies an announced change. Changes of traffic managers that were not looked up are ignored. */
  handleChange(edgeId: string, { trafficManagerId, sequence, holding }: HoldingChange): void {
    const entry = this.cache.get(trafficManagerId);
    if (entry === undefined) return;
    if (entry.askAt === Number.POSITIVE_INFINITY) entry.isOvertaken = true;
    const known = entry.holders?.find(({ edge }) => edge.id === edgeId);
    if (known !== undefined && known.sequence > sequence) return;
    if (entry.isDisbelieved(edgeId, sequence)) return;
    if (holding === null) {
      if (!entry.replace(edgeId, null)) return;
    } else {
      const record = this.living.get(edgeId);
      if (record === undefined) {
        this.ask(entry);
        return;
      }
      entry.holders ??= [];
      if (!entry.replace(edgeId, { ...holding, edge: record.node })) return;
    }
    if (entry.askAt !== Number.POSITIVE_INFINITY) this.scheduleNext(entry);
    this.listener.onHolders(trafficManagerId);
  }

  /** Has everything looked up again when it is next used, because announcements may have been missed. */
  doubtAll(): void {
    for (const entry of this.cache.values()) if (entry.askAt !== Number.POSITIVE_INFINITY) entry.askAt = 0;
    this.askWanted();
  }

  /** Has what this edge holds looked up again when it is next used: its record changed what an answer means. */
  doubt(edgeId: string): void {
    for (const entry of this.cache.values()) {
      if (entry.holders?.some(({ edge }) => edge.id === edgeId) !== true) continue;
      if (entry.askAt === Number.POSITIVE_INFINITY) entry.isOvertaken = true;
      else entry.askAt = 0;
    }
  }

  /** Advances the clock, and looks up again what is still wanted. */
  tick(now: number): void {
    this.now = now;
    if (now - this.retriedAt < this.times.negativeMs) return;
    this.retriedAt = now;
    this.askWanted();
  }

  private addEntry(trafficManagerId: string): void {
    const entry = new CacheEntry(trafficManagerId, this.now);
    entry.askAt = 0;
    entry.removals = this.living.removals;
    this.cache.add(entry);
    this.want(entry);
    this.ask(entry);
  }

  private prune(entry: CacheEntry): void {
    entry.prune(this.living);
    if (entry.holders?.length === 0 && entry.askAt !== Number.POSITIVE_INFINITY) this.scheduleNext(entry);
  }

  private want(entry: CacheEntry): void {
    if (this.wanted.size < MAX_WANTED) this.wanted.add(entry);
  }

  private askWanted(): void {
    let asked = 0;
    for (const entry of this.wanted) {
      const isNeeded = (entry.holders?.length ?? 0) === 0 && entry.usedAt >= this.now - WANTED_MS;
      if (!isNeeded || this.cache.get(entry.trafficManagerId) !== entry) this.wanted.delete(entry);
      else if (entry.askAt !== Number.POSITIVE_INFINITY && asked++ < MAX_WANTED_AT_ONCE) {
        // Behind the others, for the next time.
        this.wanted.delete(entry);
        this.wanted.add(entry);
        this.ask(entry);
      }
    }
  }

  /** Queues a lookup. During one, its answer will be followed by another. */
  private ask(entry: CacheEntry): void {
    if (entry.askAt === Number.POSITIVE_INFINITY) {
      entry.isOvertaken = true;
      return;
    }
    entry.askAt = Number.POSITIVE_INFINITY;
    this.queue.push(entry);
    this.schedule();
  }

  private challenge(edgeId: string, trafficManagerId: string): void {
    const ids = this.challenges.get(edgeId);
    if (ids === undefined) this.challenges.set(edgeId, [trafficManagerId]);
    else if (ids.length < BATCH_SIZE) ids.push(trafficManagerId);
    this.schedule();
  }

  private schedule(): void {
    if (this.isScheduled || this.isRunning) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      void this.runAll();
    });
  }

  private async runAll(): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    try {
      while (this.queue.length > 0 || this.challenges.size > 0) {
        if (this.challenges.size > 0) await this.sendChallenges();
        const entries = this.queue.splice(0, BATCH_SIZE);
        if (entries.length === 0) continue;
        const answers = await this.lookUp(entries);
        if (answers === null) {
          for (const entry of [...entries, ...this.queue.splice(0)]) this.handleFailure(entry);
        } else {
          this.handleAnswers(entries, answers);
        }
      }
    } finally {
      this.isRunning = false;
    }
  }

  private async sendChallenges(): Promise<void> {
    const batch = [...this.challenges].map(([edgeId, ids]): Command => [
      'publish',
      inboxOf(edgeId),
      encodeConfirm(ids),
    ]);
    this.challenges.clear();
    // One that is lost is repeated with the next lookup.
    await this.connection.run(batch);
  }

  /**
   * Reads the hashes, and then the records of edges that they name and that are not known. In this order, an edge without
   * a record was dead when its field was read: if it wakes, it writes another value.
   */
  private async lookUp(entries: readonly CacheEntry[]): Promise<Answer[] | null> {
    const answers = (await this.connection.run(
      entries.map((entry): Command => ['hgetall', holdersKey(entry.trafficManagerId)]),
    )) as Answer[] | null;
    if (answers === null) return null;
    const unknown = new Set<string>();
    for (const [index, entry] of entries.entries()) {
      const answer = answers[index];
      if (answer instanceof Error) continue;
      for (const edgeId of Object.keys(answer).slice(0, MAX_HOLDERS))
        if (edgeId !== this.edgeId && !this.living.has(edgeId)) unknown.add(edgeId);
      // A holder that Redis does not name: is its own record still there? If not, Redis has lost both.
      for (const { edge } of entry.holders ?? [])
        if (!Object.hasOwn(answer, edge.id) && this.living.get(edge.id)?.isComplete === true)
          unknown.add(edge.id);
    }
    return unknown.size === 0 || (await this.lookUpEdges([...unknown])) ? answers : null;
  }

  private async lookUpEdges(edgeIds: readonly string[]): Promise<boolean> {
    const replies = await this.connection.run(
      edgeIds.flatMap((id): Command[] => [
        ['get', edgeKey(id)],
        ['pttl', edgeKey(id)],
      ]),
    );
    if (replies === null) return false;
    for (const [index, edgeId] of edgeIds.entries())
      this.handleEdge(edgeId, replies[2 * index], replies[2 * index + 1]);
    return true;
  }

  private handleEdge(edgeId: string, text: unknown, leftMs: unknown): void {
    const record = typeof text === 'string' ? decodeEdge(edgeId, text) : null;
    if (record !== null && Number(leftMs) > 0) {
      // It is alive for as long as Redis knows, and not for longer; never for longer than a record may live.
      const elapsedMs = Math.max(0, this.times.edgeLifeMs - Number(leftMs));
      this.living.add(record, performance.now() - elapsedMs);
      return;
    }
    if (text !== null && record === null)
      this.listener.onMalformed(new MalformedDirectoryDataError(text instanceof Error ? 'type' : 'edge'));
    const known = this.living.get(edgeId);
    if (known !== undefined) this.living.add({ ...known, isComplete: false }, 0);
  }

  private handleFailure(entry: CacheEntry): void {
    entry.isOvertaken = false;
    entry.askAt = this.now + this.times.negativeMs;
    if (entry.holders === null) this.want(entry);
  }

  private handleAnswers(entries: readonly CacheEntry[], answers: readonly Answer[]): void {
    const removals: Command[] = [];
    for (const [index, entry] of entries.entries()) {
      const wasKnown = entry.holders !== null;
      entry.askAt = 0;
      if (entry.isOvertaken) {
        entry.isOvertaken = false;
        this.ask(entry);
        continue;
      }
      const isChanged = entry.setHolders(this.readHolders(entry, answers[index], removals));
      entry.removals = this.living.removals;
      this.scheduleNext(entry);
      if (isChanged || !wasKnown) this.listener.onHolders(entry.trafficManagerId);
    }
    if (removals.length > 0) void this.connection.run(removals);
  }

  private scheduleNext(entry: CacheEntry): void {
    const isNone = (entry.holders?.length ?? 0) === 0;
    entry.askAt = this.now + (isNone ? this.times.negativeMs : this.times.refreshMs);
    if (isNone) this.want(entry);
  }

  private readHolders(entry: CacheEntry, answer: Answer, removals: Command[]): KnownHolder[] {
    const holders: KnownHolder[] = [];
    if (answer instanceof Error) {
      this.listener.onMalformed(new MalformedDirectoryDataError('type'));
      return holders;
    }
    const { trafficManagerId } = entry;
    for (const [edgeId, text] of Object.entries(answer).slice(0, MAX_HOLDERS)) {
      if (edgeId === this.edgeId) continue;
      const record = this.living.get(edgeId);
      const holding = decodeHolding(text);
      if (holding === null) this.listener.onMalformed(new MalformedDirectoryDataError('holding'));
      else if (record === undefined)
        removals.push(['eval', REMOVE_IF_SAME, 1, holdersKey(trafficManagerId), edgeId, text]);
      else if (entry.isDisbelieved(edgeId, holding.sequence)) this.challenge(edgeId, trafficManagerId);
      else {
        const known = entry.holders?.find(({ edge }) => edge.id === edgeId);
        const isNewer = known !== undefined && known.sequence > holding.sequence;
        holders.push(isNewer ? known : { ...holding, edge: record.node });
      }
    }
    for (const known of entry.holders ?? [])
      if (!Object.hasOwn(answer, known.edge.id) && this.living.get(known.edge.id)?.isComplete === false)
        holders.push(known);
    return holders;
  }
}
