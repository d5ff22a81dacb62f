import { randomUUID } from 'node:crypto';
import {
  type KeptExchangeDraft,
  type KeptExchangeRepository,
  type PreviewRoute,
  StoreUnavailableError,
} from '@culvert/domain';
import type { ExchangeVault } from '@culvert/exchanges';
import { InflateBudget } from '@culvert/messages';
import type { Logger } from 'pino';
import { type KeptBatch, KeptExchangeQueue, type KeptRoom } from './kept-exchange-queue.js';

/** How long an exchange may wait to be written together with others. */
const WRITE_MS = 500;
/** Teams whose exchanges the database did not take, after which a round ends. */
const MAX_FAILURES = 2;
/** Pause after the database did not answer. */
const RETRY_MS = 2000;
/** Maximum number of waiting exchanges of all previews, and of their bytes; one preview gets at most a quarter. */
const MAX_WAITING = 4000;
const MAX_WAITING_BYTES = 32 * 1024 * 1024;
const SHARE = 4;
/** Bytes of bodies and messages that are decoded and searched for names to redact in a second. */
const REDACTED_BYTES_PER_SECOND = 1024 * 1024;
/** How long a stopping edge waits for the last exchanges to be written. */
const CLOSE_MS = 3000;

/** Writes the exchanges that previews keep: encrypted, in batches, and never at the expense of traffic. */
export class KeptExchangeWriter implements KeptRoom {
  /** What all previews together may redact: at worst, a second of it takes about a fifth of that second. */
  readonly redactionBudget = new InflateBudget(REDACTED_BYTES_PER_SECOND);
  /** Exchanges that were written, and those that were left out: too many, or the database did not take them. */
  readonly counts = { kept: 0, omitted: 0 };
  /** Queues with something to write. */
  private readonly active = new Set<KeptExchangeQueue>();
  private waiting = 0;
  private waitingBytes = 0;
  private timer: NodeJS.Timeout | null = null;
  private writing: Promise<void> | null = null;
  private isClosed = false;

  constructor(
    private readonly vault: Pick<ExchangeVault, 'seal' | 'forget'>,
    private readonly store: Pick<KeptExchangeRepository, 'add'>,
    private readonly log: Logger,
  ) {}

  /** Returns a queue for the exchanges of a preview, while it is kept in this way. */
  queueFor({ id, teamId, keep }: Pick<PreviewRoute, 'id' | 'teamId' | 'keep'>): KeptExchangeQueue | null {
    return keep === null ? null : new KeptExchangeQueue({ teamId, previewId: id }, keep, this);
  }

  /** Writes what waits, for a limited time. Further exchanges are not kept. */
  async close(): Promise<void> {
    this.isClosed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    let timeout: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timeout = setTimeout(resolve, CLOSE_MS);
    });
    const rest = (async () => {
      await this.writing;
      while (this.active.size > 0 && (await this.writeRound({ isLast: true })));
    })();
    await Promise.race([deadline, rest]);
    clearTimeout(timeout);
  }

  // --- For queues -----------------------------------------------------------------------------------------

  hasRoom(queue: KeptExchangeQueue, bytes: number): boolean {
    const isFull =
      this.isClosed ||
      this.waiting >= MAX_WAITING ||
      this.waitingBytes + bytes > MAX_WAITING_BYTES ||
      queue.size >= MAX_WAITING / SHARE ||
      queue.bytes + bytes > MAX_WAITING_BYTES / SHARE;
    return !isFull;
  }

  reserve(queue: KeptExchangeQueue, bytes: number): boolean {
    if (!this.hasRoom(queue, bytes)) return false;
    this.waiting++;
    this.waitingBytes += bytes;
    return true;
  }

  countOmitted(count: number): void {
    this.counts.omitted += count;
  }

  wake(queue: KeptExchangeQueue): void {
    this.active.add(queue);
    this.schedule(WRITE_MS);
  }

  // --- Writing --------------------------------------------------------------------------------------------

  private schedule(delayMs: number): void {
    if (this.isClosed || this.timer !== null || this.writing !== null) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      let hasAnswered = true;
      this.writing = this.writeRound({ isLast: false })
        .then((answered) => {
          hasAnswered = answered;
        })
        .finally(() => {
          this.writing = null;
          if (this.active.size > 0) this.schedule(hasAnswered ? WRITE_MS : RETRY_MS);
        });
    }, delayMs).unref();
  }

  /**
   * Writes everything that waits now. A preview whose batch the database does not take waits, and the next round begins
   * with others: rows of one team may be locked. False if a batch waits; a round ends after those of two teams. Never rejects.
   */
  private async writeRound(options: { readonly isLast: boolean }): Promise<boolean> {
    const failed = new Set<string>();
    for (const queue of this.active) {
      const { teamId } = queue.owner;
      if (failed.has(teamId)) continue;
      for (let batch = queue.take(options); batch !== null; batch = queue.take(options)) {
        if (await this.write(queue, batch)) continue;
        failed.add(teamId);
        this.active.delete(queue);
        this.active.add(queue);
        break;
      }
      if (queue.isEmpty) this.active.delete(queue);
      if (failed.size === MAX_FAILURES) return false;
    }
    return failed.size === 0;
  }

  private async write(queue: KeptExchangeQueue, batch: KeptBatch): Promise<boolean> {
    const { owner, policyVersion } = queue;
    const { previewId, teamId } = owner;
    try {
      const drafts = await this.vault.seal(owner, batch.written);
      if (drafts !== null) {
        if (batch.omitted > 0) drafts.push(statementOf(batch));
        const isKept = await this.store.add(teamId, previewId, { policyVersion, at: new Date(), drafts });
        if (isKept) this.counts.kept += batch.written.length;
      }
      this.release(batch);
      return true;
    } catch (error) {
      if (error instanceof StoreUnavailableError) {
        queue.putBack(batch);
        this.log.warn({ err: error, count: this.waiting }, 'cannot keep exchanges of previews yet');
        return false;
      }
      // The key may be one of a preview that was removed and restored.
      this.vault.forget(owner);
      this.release(batch);
      this.countOmitted(batch.written.length);
      queue.stateOmitted(batch.written.length + batch.omitted);
      this.log.error({ err: error, previewId }, 'exchanges of a preview were not kept');
      return true;
    }
  }

  private release({ written, bytes }: KeptBatch): void {
    this.waiting -= written.length;
    this.waitingBytes -= bytes;
  }
}

/** Returns the record that states how many exchanges were left out. */
function statementOf({ omitted, omittedSince }: KeptBatch): KeptExchangeDraft {
  return {
    id: randomUUID(),
    startedAt: omittedSince,
    omitted,
    keyId: null,
    sealed: null,
    sealedBodies: null,
  };
}
