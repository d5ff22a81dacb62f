import { ProblemError } from '@culvert/contract';

/** Maximum number of searches and exports of one team at once, in this process. */
const MAX_SEARCHES = 4;

/** Limits how many kept exchanges a team has decrypted and decoded at once, which takes time from all others. */
export class SearchSlots {
  private readonly running = new Map<string, number>();

  /** Does the work of one search. @throws ProblemError `too_many_requests` if the team has too many of them */
  async run<T>(teamId: string, work: () => Promise<T>): Promise<T> {
    const count = this.running.get(teamId) ?? 0;
    if (count >= MAX_SEARCHES)
      throw new ProblemError('too_many_requests', {
        detail: `the team already has ${MAX_SEARCHES} searches or exports of kept exchanges under way`,
        retryAfterSeconds: 2,
      });
    this.running.set(teamId, count + 1);
    try {
      return await work();
    } finally {
      const left = (this.running.get(teamId) ?? 1) - 1;
      if (left === 0) this.running.delete(teamId);
      else this.running.set(teamId, left);
    }
  }
}
