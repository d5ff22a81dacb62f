/**
 * Keeps several tunnels ("legs") of one process open, to different edges behind one address. The address decides which edge
 * answers: each leg tells the edge which ones the process has already, and an edge that is among them refuses the leg. At first
 * an edge on a machine that the process has already refuses it too, if there are edges on other machines.
 */
import type { Retry } from '@culvert/tunnel';
import { KeptTunnel, type KeptTunnelOptions, type LegHost } from './kept-tunnel.js';

/** Maximum number of legs of a process. */
export const MAX_LEGS = 8;

/** Time between the first tunnel and the second leg's first attempt, and between further legs. */
const LEG_INTERVAL_MS = 1000;

export interface KeptLegsOptions extends KeptTunnelOptions {
  /** Number of tunnels to keep, 1 to MAX_LEGS. One is kept while the edge does not send its id. */
  readonly legs: number;
  /** Milliseconds between the first attempts of two legs. Default: 1 s. */
  readonly legIntervalMs?: number;
}

export class KeptLegs {
  private readonly legs: KeptTunnel[] = [];
  /** Legs that want to dial and must wait for another one. */
  private readonly held = new Set<KeptTunnel>();
  /** The leg that dials now. One dials at a time, so that its HELLO can name all edges that are taken. */
  private dialing: KeptTunnel | null = null;
  /** The leg that dials while no tunnel is open, at its own pace: others would only repeat its attempts. */
  private scout: KeptTunnel | null = null;
  /** Whether the patient legs are due once a tunnel is open. */
  private isWakeDue = false;
  private nextLeg: NodeJS.Timeout | null = null;
  /** Whether a tunnel of the process was ever open: an edge of its version exists. */
  private wasOpen = false;
  private isStopping = false;
  private readonly host: LegHost;
  private readonly options: KeptLegsOptions;

  /** Starts dialing at once. */
  constructor(options: KeptLegsOptions) {
    this.options = { ...options, hello: { ...options.hello, wantedTunnels: options.legs } };
    this.host = {
      edges: () => this.edges(),
      machines: () => [...new Set(this.legs.flatMap(({ machineId }) => machineId ?? []))],
      mayGiveUp: () => !this.wasOpen,
      mayDial: (leg) => this.mayDial(leg),
      handleAttempt: (leg) => this.handleAttempt(leg),
      handleLoss: (leg, retry) => this.handleLoss(leg, retry),
    };
    this.addLeg();
  }

  /** Number of legs whose tunnel takes new streams. */
  get openCount(): number {
    return this.openLegs().length;
  }

  /** Tunnels that have not closed, including those that finish their streams. */
  get count(): number {
    return this.legs.reduce((sum, leg) => sum + leg.count, 0);
  }

  /** Lets open streams finish within `graceMs`. Resolves when no tunnel is left. */
  async stop(reason: string, graceMs: number): Promise<void> {
    this.abandon();
    await Promise.all(this.legs.map((leg) => leg.stop(reason, graceMs)));
  }

  /** Ends every tunnel at once and stops dialing. */
  close(reason: string): void {
    this.abandon();
    for (const leg of this.legs) leg.close(reason);
  }

  private abandon(): void {
    this.isStopping = true;
    this.held.clear();
    if (this.nextLeg !== null) clearTimeout(this.nextLeg);
  }

  private addLeg(): void {
    const { options } = this;
    const leg: KeptTunnel = new KeptTunnel(
      {
        ...options,
        onOpen: (tunnel, welcome) => {
          this.wasOpen = true;
          // Without its id the edge could be one that the process has already: it would close the older tunnel.
          if (welcome.edgeId === undefined && this.openCount > 1)
            leg.putOff('the edge did not send its id, and the process has another tunnel');
          else options.onOpen(tunnel, welcome);
        },
        onGiveUp: (reason) => {
          this.close('giving up');
          options.onGiveUp(reason);
        },
      },
      this.host,
    );
    this.legs.push(leg);
  }

  private openLegs(): KeptTunnel[] {
    return this.legs.filter(({ current }) => current !== null);
  }

  private edges(): string[] {
    return this.legs.flatMap(({ edgeId }) => edgeId ?? []);
  }

  private mayDial(leg: KeptTunnel): boolean {
    const open = this.openLegs();
    const isFree = this.dialing === null || this.dialing === leg;
    const isTurn =
      open.length === 0
        ? this.scout === null || this.scout === leg
        : open.every(({ edgeId }) => edgeId !== null);
    if (!isFree || !isTurn) {
      this.held.add(leg);
      return false;
    }
    this.held.delete(leg);
    this.dialing = leg;
    if (open.length === 0) this.scout = leg;
    return true;
  }

  private handleAttempt(leg: KeptTunnel): void {
    if (this.dialing === leg) this.dialing = null;
    if (this.isStopping) return;
    if (leg.current !== null) {
      this.scout = null;
      if (leg.edgeId !== null) this.addLegLater();
      if (this.isWakeDue) this.wakeLegs();
    }
    this.releaseHeld();
  }

  private handleLoss(leg: KeptTunnel, retry: Retry): void {
    if (this.dialing === leg) this.dialing = null;
    if (this.isStopping) return;
    const isAlone = this.openCount === 0;
    if (isAlone) this.scout = leg;
    // Legs do not hurry after a loss that only a person can end, such as that of a revoked key.
    if (retry === 'now' || retry === 'soon') {
      if (isAlone) this.isWakeDue = true;
      else this.wakeLegs();
    }
    this.releaseHeld();
  }

  private wakeLegs(): void {
    this.isWakeDue = false;
    for (const leg of this.legs) leg.wake();
  }

  /** Lets waiting legs dial, as far as they may: `mayDial` holds the others again. */
  private releaseHeld(): void {
    const waiting = [...this.held];
    for (const leg of waiting) leg.dialNow();
  }

  private addLegLater(): void {
    const { legs, legIntervalMs = LEG_INTERVAL_MS } = this.options;
    if (this.nextLeg !== null || this.legs.length >= legs) return;
    this.nextLeg = setTimeout(() => {
      this.nextLeg = null;
      this.addLeg();
      this.addLegLater();
    }, legIntervalMs);
  }
}
