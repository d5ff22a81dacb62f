import {
  MAX_CONNECTION_DETAIL_LENGTH,
  type ConnectionChange,
  type ConnectionEventDraft,
  type ConnectionEventRepository,
  type ConnectionReason,
  type HeldTunnel,
  type Session,
} from '@culvert/domain';
import type { Logger } from 'pino';

/** Events of one traffic manager that are always kept, however fast they arrive. */
const BURST = 30;
/** Beyond the burst, one event in this time is kept. */
const REFILL_MS = 60_000;
/** Maximum number of events held while the store does not answer. */
const MAX_PENDING = 10_000;

/** Remaining events that may be written for one traffic manager. */
interface Allowance {
  left: number;
  refilledAt: number;
  /**
   * Newest event beyond the allowance, with the number of events it replaces, so that the last state is always
   * recorded.
   */
  held: ConnectionEventDraft | null;
}

/** A tunnel that opened or closed. */
export interface TunnelChange {
  readonly session: Session;
  readonly held: HeldTunnel;
  readonly edgeId: string;
  readonly change: ConnectionChange;
  /** Null if it opened. */
  readonly end: { readonly reason: ConnectionReason; readonly detail: string } | null;
}

/** Collects tunnel events and writes them in batches; limits the events of an unstable traffic manager. */
export class ConnectionHistory {
  private pending: ConnectionEventDraft[] = [];
  private readonly allowances = new Map<string, Allowance>();

  constructor(
    private readonly events: Pick<ConnectionEventRepository, 'append'>,
    private readonly log: Logger,
  ) {}

  add(event: Omit<ConnectionEventDraft, 'omittedBefore'>): void {
    const allowance = this.allowanceOf(event.trafficManagerId, event.at.getTime());
    const { held } = allowance;
    const draft = { ...event, omittedBefore: held === null ? 0 : held.omittedBefore + 1 };
    if (held !== null || allowance.left === 0) {
      allowance.held = draft;
      return;
    }
    allowance.left--;
    this.pending.push(draft);
  }

  /** Adds the event of a tunnel that opens or closes now. */
  addChange({ session, held, edgeId, change, end }: TunnelChange): void {
    this.add({
      teamId: session.teamId,
      trafficManagerId: session.trafficManagerId,
      sessionId: session.id,
      at: new Date(),
      change,
      kind: held.kind,
      edgeId,
      remoteAddress: held.remoteAddress,
      version: session.version,
      reason: end?.reason ?? null,
      detail: shorten(end?.detail ?? ''),
    });
  }

  /** Writes the collected events. Those that cannot be written now are written with the next call. */
  async flush(now: Date): Promise<void> {
    for (const [id, allowance] of this.allowances) {
      refill(allowance, now.getTime());
      if (allowance.held !== null && allowance.left > 0) {
        allowance.left--;
        this.release(allowance);
      }
      if (allowance.left === BURST) this.allowances.delete(id);
    }
    await this.write();
  }

  /** Writes all events, including held ones. */
  async close(): Promise<void> {
    for (const allowance of this.allowances.values()) this.release(allowance);
    await this.write();
  }

  private release(allowance: Allowance): void {
    if (allowance.held !== null) this.pending.push(allowance.held);
    allowance.held = null;
  }

  private async write(): Promise<void> {
    const batch = this.pending;
    if (batch.length === 0) return;
    this.pending = [];
    try {
      await this.events.append(batch);
    } catch (error) {
      this.pending = [...batch, ...this.pending];
      const excess = this.pending.splice(0, Math.max(0, this.pending.length - MAX_PENDING)).length;
      if (excess > 0)
        this.log.warn({ count: excess }, 'connection events lost: the store does not accept them');
      throw error;
    }
  }

  private allowanceOf(trafficManagerId: string, now: number): Allowance {
    let allowance = this.allowances.get(trafficManagerId);
    if (!allowance) {
      this.allowances.set(trafficManagerId, (allowance = { left: BURST, refilledAt: now, held: null }));
    }
    refill(allowance, now);
    return allowance;
  }
}

function refill(allowance: Allowance, now: number): void {
  const earned = Math.floor((now - allowance.refilledAt) / REFILL_MS);
  if (earned <= 0) return;
  allowance.refilledAt += earned * REFILL_MS;
  allowance.left = Math.min(BURST, allowance.left + earned);
}

/** Cuts the detail from the far end, and removes characters that a database cannot store. */
function shorten(detail: string): string {
  return detail.slice(0, MAX_CONNECTION_DETAIL_LENGTH).replace(/[\0\p{Surrogate}]/gu, '\ufffd');
}
