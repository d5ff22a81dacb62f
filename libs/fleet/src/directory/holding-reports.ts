import type { Holding } from './directory.js';
import { encodeChanges, encodeHolding, MalformedDirectoryDataError } from './directory-codec.js';
import type { Command, DirectoryConnection } from './directory-connection.js';
import { ANNOUNCEMENTS, holdersKey } from './directory-keys.js';
import type { DirectoryTimes } from './directory-times.js';
import { OwnHoldings } from './own-holdings.js';

/** Traffic managers in one batch of commands, and in one announcement. */
const BATCH_SIZE = 200;

/** Writes what this edge holds into Redis, and announces changes. */
export class HoldingReports {
  private readonly own = new OwnHoldings();
  /** False before this edge is registered: others ignore the holdings of an edge that they do not know. */
  private isOpen = false;
  private isScheduled = false;
  private isWriting = false;
  private isWritingChanges = false;
  /** Holdings that Redis may lack: those of the last `restart` that are not written yet. */
  private unrestored = 0;
  private restarts = 0;
  /** Number of renewals that are due by now, with its fraction. */
  private dueRenewals = 0;

  constructor(
    private readonly edgeId: string,
    private readonly connection: DirectoryConnection,
    private readonly times: DirectoryTimes,
    private readonly onError: (error: MalformedDirectoryDataError) => void,
  ) {}

  /** Reports whether Redis has everything. */
  get isComplete(): boolean {
    return this.unrestored === 0;
  }

  get size(): number {
    return this.own.size;
  }

  report(trafficManagerId: string, holding: Holding | null): void {
    if (this.own.record(trafficManagerId, holding)) this.schedule();
  }

  /** Writes and announces anew what this edge holds, or does not hold, of a traffic manager. */
  confirm(trafficManagerId: string): void {
    this.own.announce(trafficManagerId);
  }

  /** Stops writing, and queues everything. */
  restart(): void {
    this.isOpen = false;
    this.restarts++;
    this.own.requeueAll();
    this.unrestored = this.own.unwrittenCount;
  }

  /** Begins to write, once the edge is registered. */
  open(): void {
    this.isOpen = true;
    this.schedule();
  }

  /** Writes the next part of what is not urgent. Called at every tick. */
  async tick(tickMs: number): Promise<void> {
    // While everything is written anew, all of it is renewed.
    if (this.isComplete) this.dueRenewals += (this.own.size * 3 * tickMs) / this.times.holdingsLifeMs;
    if (this.dueRenewals >= 1) {
      const due = Math.floor(this.dueRenewals);
      this.dueRenewals -= due;
      this.own.queueRenewals(due);
    }
    this.schedule();
    if (!this.isOpen || this.isWriting || !this.connection.isReady) return;
    this.isWriting = true;
    try {
      let budget = Math.ceil((this.times.writesPerSecond * tickMs) / 1_000);
      while (budget > 0 && this.isOpen && this.own.unwrittenCount > 0) {
        const size = Math.min(budget, BATCH_SIZE);
        budget -= size;
        if (!(await this.writeUnwritten(size))) break;
      }
    } finally {
      this.isWriting = false;
    }
  }

  /** Queues what has a new load. Called as often as a load may be written. */
  queueNewLoads(): void {
    this.own.queueNewLoads();
  }

  /** Removes everything from Redis, as far as Redis does it in time. */
  async withdrawAll(): Promise<void> {
    this.isOpen = false;
    const ids = this.own.ids();
    for (let start = 0; start < ids.length; start += BATCH_SIZE) {
      const batch = ids
        .slice(start, start + BATCH_SIZE)
        .map((id): Command => ['hdel', holdersKey(id), this.edgeId]);
      if ((await this.connection.run(batch)) === null) return;
    }
  }

  /** Changes of one turn of the event loop are written together. */
  private schedule(): void {
    if (this.isScheduled || this.isWritingChanges || !this.isOpen || !this.own.hasChanged) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      void this.writeChanges();
    });
  }

  private async writeChanges(): Promise<void> {
    if (this.isWritingChanges) return;
    this.isWritingChanges = true;
    try {
      while (this.isOpen && this.own.hasChanged) {
        const ids = this.own.shiftChanged(BATCH_SIZE);
        const batch: Command[] = [];
        const changes = ids.map((id) => this.write(batch, id));
        batch.push(['publish', ANNOUNCEMENTS, encodeChanges(this.edgeId, changes)]);
        if (await this.run(batch)) continue;
        this.own.returnChanged(ids);
        break;
      }
    } finally {
      this.isWritingChanges = false;
    }
  }

  private async writeUnwritten(limit: number): Promise<boolean> {
    const { restarts } = this;
    const { ids, shifted } = this.own.shiftUnwritten(limit);
    const batch: Command[] = [];
    for (const id of ids) this.write(batch, id);
    if (batch.length > 0 && !(await this.run(batch))) {
      this.own.returnUnwritten(ids);
      return false;
    }
    // A restart meanwhile has queued these again.
    if (restarts === this.restarts) this.unrestored = Math.max(0, this.unrestored - shifted);
    return true;
  }

  /** Adds the commands for one traffic manager, and returns the change as it is announced. */
  private write(batch: Command[], id: string): readonly unknown[] {
    const holding = this.own.get(id);
    const sequence = this.own.nextSequence();
    if (holding === undefined) {
      batch.push(['hdel', holdersKey(id), this.edgeId]);
      return [id, null, sequence];
    }
    const text = encodeHolding(holding, sequence);
    batch.push(
      ['hset', holdersKey(id), this.edgeId, text],
      ['pexpire', holdersKey(id), this.times.holdingsLifeMs],
    );
    return [id, text];
  }

  private async run(batch: readonly Command[]): Promise<boolean> {
    const replies = await this.connection.run(batch);
    if (replies?.some((reply) => reply instanceof Error) === true)
      this.onError(new MalformedDirectoryDataError('type'));
    return replies !== null;
  }
}
