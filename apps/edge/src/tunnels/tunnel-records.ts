import {
  MAX_EDGE_SILENCE_MS,
  type Edge,
  type HeldTunnel,
  type SessionRef,
  type Store,
} from '@culvert/domain';
import type { Tunnel } from '@culvert/tunnel';
import type { Logger } from 'pino';
import { TunnelMeter } from './tunnel-meter.js';

/** Limit of closed tunnels that are kept while the store does not answer. */
const MAX_CLOSED = 10_000;

/** Beats follow each other every ten seconds. After a longer gap, this edge may have been away itself. */
const MAX_BEAT_GAP_MS = 20_000;

/** A tunnel that this edge holds. */
interface Recorded {
  readonly held: HeldTunnel;
  readonly meter: TunnelMeter;
  /** Whether it was registered with the store. Until then it must not get a row. */
  isRegistered: boolean;
  /** Whether its row was added anew, without the figures that were reported before. */
  isRestored: boolean;
}

/** A tunnel that has closed, and whose row exists. */
interface Closed {
  readonly held: HeldTunnel;
  /** Null if the tunnel was never held: nothing came through it. */
  readonly meter: TunnelMeter | null;
}

/** The rows of this edge and its tunnels in the store. Methods that write must not run at the same time. */
export class TunnelRecords {
  private readonly recorded = new Map<string, Recorded>();
  private closed: Closed[] = [];
  /** Time since which this edge was seen without a gap; null: it was not seen the last time. */
  private seenSince: number | null = null;
  private seenAt = 0;

  constructor(
    private readonly store: Pick<Store, 'edges' | 'sessions' | 'tunnels'>,
    private readonly edge: Edge,
    private readonly log: Logger,
  ) {}

  /** Number of tunnels that are held without a row, because the store was away when they opened. */
  get unregisteredCount(): number {
    let count = 0;
    for (const { isRegistered } of this.recorded.values()) if (!isRegistered) count++;
    return count;
  }

  /** Measures a tunnel whose row exists. */
  add(held: HeldTunnel, tunnel: Tunnel): void {
    this.addUnregistered(held, tunnel);
    this.confirm(held);
  }

  /** Measures a tunnel that is registered later, with `confirm`. */
  addUnregistered(held: HeldTunnel, tunnel: Tunnel): void {
    const meter = new TunnelMeter(held.id, tunnel);
    this.recorded.set(held.id, { held, meter, isRegistered: false, isRestored: false });
  }

  /** Records that a tunnel was registered: from here on its row is added again when it is missing. */
  confirm({ id }: HeldTunnel): void {
    const recorded = this.recorded.get(id);
    if (recorded) recorded.isRegistered = true;
  }

  /** Remembers that a tunnel has closed, for `writeClosed`. Also for one that was never added. */
  remove(held: HeldTunnel): void {
    const meter = this.recorded.get(held.id)?.meter ?? null;
    meter?.finish();
    this.recorded.delete(held.id);
    this.closed.push({ held, meter });
  }

  /** Removes the rows of closed tunnels. Those that the store does not accept now are written with the next call. */
  async writeClosed(): Promise<void> {
    const closed = this.closed;
    if (closed.length === 0) return;
    this.closed = [];
    try {
      // Read only now: a report that was under way when the tunnel closed has been settled.
      const rows = closed.map(({ held: { id, teamId, sessionId }, meter }) => {
        const { receivedBytes = 0, sentBytes = 0 } = meter?.read() ?? {};
        return { id, teamId, sessionId, receivedBytes, sentBytes };
      });
      await this.store.tunnels.close(rows, new Date());
    } catch (error) {
      this.closed = [...closed, ...this.closed];
      // `verify` removes the rows of those that are dropped here.
      const excess = this.closed.splice(0, Math.max(0, this.closed.length - MAX_CLOSED)).length;
      if (excess > 0)
        this.log.warn({ count: excess }, 'bytes of closed tunnels lost: the store does not accept them');
      throw error;
    }
  }

  /** Records that this edge is alive. Called every ten seconds. */
  async beat(now: Date): Promise<void> {
    const at = now.getTime();
    try {
      await this.store.edges.beat(this.edge);
    } catch (error) {
      this.seenSince = null;
      throw error;
    }
    if (this.seenSince === null || at - this.seenAt > MAX_BEAT_GAP_MS) this.seenSince = at;
    this.seenAt = at;
  }

  /** Records the load of one tunnel now. */
  async report({ id }: HeldTunnel): Promise<void> {
    const recorded = this.recorded.get(id);
    if (recorded) await this.write([recorded]);
  }

  /**
   * Records what has changed, and does the work that any edge does for all: removes dead edges, and ends sessions that were
   * disconnected for `graceMs`. Returns the sessions that changed. Called every ten seconds.
   *
   * After the database was away, no edge was seen for a while, and no traffic manager could resume its session. The first
   * edge that is seen again must not remove all others, nor end sessions before their grace has passed anew.
   */
  async keepUp(now: Date, graceMs: number): Promise<SessionRef[]> {
    const { edges, sessions } = this.store;
    await this.writeClosed();
    await this.reportChanged();
    const restored = await this.verify(now);
    const left = this.wasSeenFor(MAX_EDGE_SILENCE_MS, now) ? await edges.removeSilent(now) : [];
    const corrected = await sessions.correctStates(now);
    const staleBefore = new Date(now.getTime() - graceMs);
    const ended = this.wasSeenFor(graceMs, now) ? await sessions.endStale(staleBefore, now) : [];
    return [...restored, ...left, ...corrected, ...ended];
  }

  /** Removes this edge. Its tunnels must have been closed. */
  async removeEdge(): Promise<void> {
    await this.store.edges.remove(this.edge.id);
  }

  /** Reports whether this edge was seen without a gap for this long. */
  private wasSeenFor(durationMs: number, now: Date): boolean {
    const at = now.getTime();
    if (this.seenSince === null || at - this.seenAt > MAX_BEAT_GAP_MS) return false;
    return at - this.seenSince >= durationMs;
  }

  /** Records the loads that have changed. */
  private async reportChanged(): Promise<void> {
    const changed: Recorded[] = [];
    for (const recorded of this.recorded.values())
      if (recorded.meter.look() || recorded.isRestored) changed.push(recorded);
    await this.write(changed);
  }

  /**
   * Makes the rows of this edge agree with the tunnels that it holds. Other edges remove its rows if it was not seen for
   * too long, although its tunnels may have survived. Returns the sessions that are connected again.
   */
  private async verify(now: Date): Promise<SessionRef[]> {
    const registeredBefore = new Date(now.getTime() - MAX_EDGE_SILENCE_MS);
    const { missing, surplus } = await this.store.tunnels.compare(
      this.edge.id,
      [...this.recorded.keys()],
      registeredBefore,
    );
    if (surplus.length > 0) {
      const closed = surplus.map((tunnel) => ({ ...tunnel, receivedBytes: 0, sentBytes: 0 }));
      await this.store.tunnels.close(closed, now);
    }
    const lost = missing
      .flatMap((id) => this.recorded.get(id) ?? [])
      .filter(({ isRegistered }) => isRegistered);
    if (lost.length === 0) return [];
    this.log.warn({ count: lost.length }, 'tunnels are recorded again: this edge was not seen for too long');
    for (const recorded of lost) recorded.isRestored = true;
    return this.store.tunnels.restore(
      this.edge.id,
      lost.map(({ held }) => held),
      now,
    );
  }

  private async write(recorded: readonly Recorded[]): Promise<void> {
    const reports = recorded.map(({ meter }) => meter.read());
    if (reports.length === 0) return;
    const accepted = new Set(await this.store.tunnels.report(reports, new Date()));
    for (const [index, report] of reports.entries()) {
      if (!accepted.has(report.id)) continue;
      recorded[index].meter.settle(report);
      recorded[index].isRestored = false;
    }
  }
}
