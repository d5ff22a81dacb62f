const FIRST_MS = 100;
const MAX_MS = 5000;

const PATIENT_FIRST_MS = 1000;
const PATIENT_MAX_MS = 300_000;

const SLOW_MIN_MS = 30_000;
const SLOW_MAX_MS = 60_000;

/** Waits between attempts: full jitter, so that managers which lost one edge do not return in step. */
export class Backoff {
  private ceilingMs = FIRST_MS;
  private patientCeilingMs = PATIENT_FIRST_MS;

  constructor(private readonly random: () => number = Math.random) {}

  /** Returns a wait between 0 and a ceiling that doubles with every call, from 100 ms to 5 s. */
  next(): number {
    const delayMs = this.random() * this.ceilingMs;
    this.ceilingMs = Math.min(this.ceilingMs * 2, MAX_MS);
    return delayMs;
  }

  /** Returns a wait between 30 s and 60 s, for refusals that only a person can change. */
  slow(): number {
    return SLOW_MIN_MS + this.random() * (SLOW_MAX_MS - SLOW_MIN_MS);
  }

  /** Returns a wait between 0 and a ceiling that doubles with every call, from 1 s to 5 min: nothing is wrong meanwhile. */
  patient(): number {
    const delayMs = this.random() * this.patientCeilingMs;
    this.patientCeilingMs = Math.min(this.patientCeilingMs * 2, PATIENT_MAX_MS);
    return delayMs;
  }

  /** Resets the ceiling, because a connection was stable. */
  reset(): void {
    this.ceilingMs = FIRST_MS;
  }

  /** Resets the ceiling of patient waits, because there may be another acceptor to reach now. */
  resetPatience(): void {
    this.patientCeilingMs = PATIENT_FIRST_MS;
  }
}
