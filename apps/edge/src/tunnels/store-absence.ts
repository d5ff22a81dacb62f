import { StoreUnavailableError } from '@culvert/domain';

/** Time after a question without an answer until the store is asked again. */
const RETRY_MS = 1000;

/**
 * Remembers for a moment that the store does not answer. A question takes seconds to fail: while it is away, only one
 * caller a second waits for that, and all others fail at once.
 */
export class StoreAbsence {
  private isAway = false;
  private retryAt = -Infinity;
  /** When the last question began that the store has answered. */
  private answeredAt = -Infinity;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Asks the store. Throws StoreUnavailableError, without asking, if it did not answer within the last second. */
  async ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    const begunAt = this.now();
    if (this.isAway) {
      if (begunAt < this.retryAt) throw new StoreUnavailableError();
      this.retryAt = begunAt + RETRY_MS;
    }
    try {
      const answer = await question();
      this.answeredAt = Math.max(this.answeredAt, begunAt);
      this.isAway = false;
      return answer;
    } catch (error) {
      // A question from before the last one that was answered says nothing about the present.
      if (error instanceof StoreUnavailableError && begunAt >= this.answeredAt) {
        this.isAway = true;
        this.retryAt = Math.max(this.retryAt, this.now() + RETRY_MS);
      }
      throw error;
    }
  }
}
