/**
 * How many requests the previews of one team may have forwarded: so many a minute. A bucket holds what a minute gives and
 * fills evenly, so that a page that sends many requests at once is not refused. The relay's clock drives it, and a request
 * costs it a comparison and two subtractions. Edges of one deployment add up what they let through, and each
 * lowers its bucket to what that leaves.
 */
import { RelayError } from '../answers/relay-error.js';

const MINUTE_MS = 60_000;

export class RequestBudget {
  /** Routes in use that take from it: while it has any, it must not be forgotten. */
  holders = 0;
  /** Requests let through, ever. */
  passed = 0;
  /** `passed` as of `RequestBudgets.drainCounts`. */
  counted = 0;
  /** `passed` as of `RequestBudgets.drainUnshared`. */
  shared = 0;
  private left: number;
  private filledAt: number;

  /**
   * @param perMinute Infinity for any number
   * @param now milliseconds, on the clock of every other call
   */
  constructor(
    private readonly perMinute: number,
    now: number,
  ) {
    this.left = perMinute;
    this.filledAt = now;
  }

  /** Reports whether one more request may pass, and counts it if so. A refused request does not lower the budget. */
  consume(now: number): boolean {
    this.fill(now);
    if (this.left < 1) return false;
    this.left--;
    this.passed++;
    return true;
  }

  /** Lowers what is left to `left`, which may be negative: so many that all edges let through were too many. */
  lowerTo(left: number, now: number): void {
    this.fill(now);
    this.left = Math.max(-this.perMinute, Math.min(this.left, left));
  }

  /** Reports whether it is full: dropping it then loses nothing. */
  isFull(now: number): boolean {
    this.fill(now);
    return this.left === this.perMinute;
  }

  /** Returns the answer to a request that `consume` refused. */
  refusal(): RelayError {
    const missing = 1 - this.left;
    return new RelayError(
      'team_request_limit',
      `The previews of this team get at most ${this.perMinute} requests a minute.`,
      { retryAfterSeconds: Math.max(1, Math.ceil((missing / this.perMinute) * (MINUTE_MS / 1000))) },
    );
  }

  private fill(now: number): void {
    if (now === this.filledAt) return;
    this.left = Math.min(this.perMinute, this.left + ((now - this.filledAt) * this.perMinute) / MINUTE_MS);
    this.filledAt = now;
  }
}

/** The budgets of the teams whose previews are in use, one each. */
export class RequestBudgets {
  private readonly byTeam = new Map<string, RequestBudget>();

  /** @param perMinute 0: no limit, requests are only counted */
  constructor(private readonly perMinute: number) {}

  /** Returns the team's budget; lower `holders` when it is no longer needed. */
  hold(teamId: string, now: number): RequestBudget {
    let budget = this.byTeam.get(teamId);
    if (budget === undefined) {
      budget = new RequestBudget(this.perMinute === 0 ? Infinity : this.perMinute, now);
      this.byTeam.set(teamId, budget);
    }
    budget.holders++;
    return budget;
  }

  /** Returns how many requests passed since the last call, of teams that had any. Forgets full budgets without holders. */
  drainCounts(now: number): Map<string, number> {
    const counts = new Map<string, number>();
    for (const [teamId, budget] of this.byTeam) {
      if (budget.passed > budget.counted) counts.set(teamId, budget.passed - budget.counted);
      budget.counted = budget.passed;
      if (budget.holders === 0 && budget.isFull(now)) this.byTeam.delete(teamId);
    }
    return counts;
  }

  /** Returns how many requests passed since they were last returned here, of teams that had at least `min`. */
  drainUnshared(min: number): Map<string, number> {
    const requests = new Map<string, number>();
    for (const [teamId, budget] of this.byTeam) {
      const unshared = budget.passed - budget.shared;
      if (unshared < min) continue;
      requests.set(teamId, unshared);
      budget.shared = budget.passed;
    }
    return requests;
  }

  /** Lowers the budget of a team to what all edges together leave of it. Does nothing for a team without one. */
  lowerTo(teamId: string, left: number, now: number): void {
    this.byTeam.get(teamId)?.lowerTo(left, now);
  }
}
