/** How often a relay checks everything it holds, in milliseconds: time-outs are checked this often, and as exact as this. */
export const SWEEP_MS = 250;

/** Time in steps of `SWEEP_MS`: reading it costs nothing on the hot path. */
export interface Clock {
  /** Milliseconds, monotonic. */
  readonly now: number;
}

/** The clock of one relay, which advances it at each sweep. Made first, so that router and relay read the same. */
export class RelayClock implements Clock {
  now = Math.floor(performance.now());

  advance(): void {
    this.now = Math.floor(performance.now());
  }
}
