import type { Exchange, ExchangeBodies } from '@culvert/contract';
import { type Keeping, NEVER_KEPT_FIELDS } from '@culvert/domain';
import {
  type ExchangeOwner,
  Redaction,
  type RedactionBudget,
  writeExchange,
  type WrittenExchange,
} from '@culvert/exchanges';
import { InflateBudget } from '@culvert/messages';
import type { Keeper } from './exchange-watch.js';

/** Bytes of one preview that are written in a second, on average and at once. Further exchanges are left out. */
const BYTES_PER_SECOND = 1024 * 1024;
const BURST_BYTES = 8 * 1024 * 1024;
/** Bytes of bodies and messages of one preview that are decoded and searched for names to redact in a second. */
const REDACTED_BYTES_PER_SECOND = 512 * 1024;
/** How often at most one record states how many exchanges of a preview were left out. */
const OMITTED_MS = 10_000;
/** Maximum number of exchanges in one transaction, and of their bytes. */
const BATCH = 100;
const BATCH_BYTES = 4 * 1024 * 1024;

/** Room for waiting exchanges, which all queues share. */
export interface KeptRoom {
  /** For the redaction of all queues. */
  readonly redactionBudget: RedactionBudget;
  /** Reports whether there is room for one exchange. */
  hasRoom(queue: KeptExchangeQueue, bytes: number): boolean;
  /** Reserves room for one exchange. False if there is none. */
  reserve(queue: KeptExchangeQueue, bytes: number): boolean;
  /** Counts exchanges that are left out. */
  countOmitted(count: number): void;
  /** Is called when a queue has something to write. */
  wake(queue: KeptExchangeQueue): void;
}

/** Exchanges of one preview that are written together. */
export interface KeptBatch {
  readonly written: readonly WrittenExchange[];
  readonly bytes: number;
  /** Number of exchanges that were left out, and when the first one was. */
  readonly omitted: number;
  readonly omittedSince: Date;
}

/** The exchanges of one preview that wait to be written, already without what its team does not want to keep. */
export class KeptExchangeQueue implements Keeper {
  readonly bodies: boolean;
  readonly policyVersion: number;
  /** Bytes of the waiting exchanges. */
  bytes = 0;
  private readonly redaction: Redaction;
  private waiting: WrittenExchange[] = [];
  private omitted = 0;
  private omittedSince = new Date(0);
  /** Bytes that can be written now. */
  private budget = BURST_BYTES;
  private budgetAt = performance.now();
  private statedAt = -Infinity;

  constructor(
    readonly owner: ExchangeOwner,
    { bodies, redactedNames, policyVersion }: Keeping,
    private readonly room: KeptRoom,
  ) {
    this.bodies = bodies;
    this.policyVersion = policyVersion;
    this.redaction = new Redaction(redactedNames, NEVER_KEPT_FIELDS, both(room.redactionBudget));
  }

  /** Number of waiting exchanges. */
  get size(): number {
    return this.waiting.length;
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0 && this.omitted === 0;
  }

  add(exchange: Exchange, bodies: ExchangeBodies | null): void {
    // First without the work of redaction, most of which a flood must not cause.
    const captured = capturedBytes(bodies);
    if (!this.isWithinBudget(captured) || !this.room.hasRoom(this, captured)) {
      this.omit();
      return;
    }
    const written = writeExchange({
      exchange: this.redaction.exchange(exchange),
      bodies: bodies && this.redaction.bodies(bodies),
    });
    const bytes = bytesOf(written);
    if (!this.isWithinBudget(bytes) || !this.room.reserve(this, bytes)) {
      this.omit();
      return;
    }
    this.budget -= bytes;
    this.waiting.push(written);
    this.bytes += bytes;
    this.room.wake(this);
  }

  omit(): void {
    this.room.countOmitted(1);
    this.stateOmitted(1);
  }

  /** Lets a record state that `count` further exchanges were left out. */
  stateOmitted(count: number): void {
    if (this.omitted === 0) this.omittedSince = new Date();
    this.omitted += count;
    this.room.wake(this);
  }

  /**
   * Takes the next exchanges to write; null if there is nothing to write yet.
   * @param isLast states at once how many were left out
   */
  take({ isLast }: { readonly isLast: boolean }): KeptBatch | null {
    let count = 0;
    let bytes = 0;
    for (const written of this.waiting) {
      const size = bytesOf(written);
      if (count === BATCH || (count > 0 && bytes + size > BATCH_BYTES)) break;
      count++;
      bytes += size;
    }
    const now = performance.now();
    const states = this.omitted > 0 && (isLast || now - this.statedAt >= OMITTED_MS);
    if (count === 0 && !states) return null;
    const written = this.waiting.splice(0, count);
    this.bytes -= bytes;
    const batch = { written, bytes, omitted: states ? this.omitted : 0, omittedSince: this.omittedSince };
    if (states) {
      this.statedAt = now;
      this.omitted = 0;
    }
    return batch;
  }

  /** Takes back a batch that was not written. */
  putBack({ written, bytes, omitted, omittedSince }: KeptBatch): void {
    this.waiting.unshift(...written);
    this.bytes += bytes;
    if (omitted === 0) return;
    this.omitted += omitted;
    this.omittedSince = omittedSince;
    this.statedAt = -Infinity;
  }

  private isWithinBudget(bytes: number): boolean {
    const now = performance.now();
    this.budget = Math.min(BURST_BYTES, this.budget + ((now - this.budgetAt) * BYTES_PER_SECOND) / 1000);
    this.budgetAt = now;
    return this.budget >= bytes;
  }
}

/** Returns the budget of one preview within that of all. */
function both(ofAll: RedactionBudget): RedactionBudget {
  const own = new InflateBudget(REDACTED_BYTES_PER_SECOND);
  return {
    get hasRoom() {
      return own.hasRoom && ofAll.hasRoom;
    },
    spend: (bytes) => {
      own.spend(bytes);
      ofAll.spend(bytes);
    },
  };
}

/** Returns the size of captured bodies, about as large as they are written. */
function capturedBytes(bodies: ExchangeBodies | null): number {
  return (bodies?.request?.base64.length ?? 0) + (bodies?.response?.base64.length ?? 0);
}

/** An upper bound for most text: characters beyond ASCII are rare in it. */
function bytesOf({ exchange, bodies }: WrittenExchange): number {
  return exchange.length + (bodies?.length ?? 0);
}
