import { LineBudget } from '@culvert/runtime';
import type { RelayError } from '@culvert/relay';
import type { Logger } from 'pino';

/** Log lines of each kind: at most about 30 MB a day. */
const BURST = 100;
const PER_MINUTE = 60;

/**
 * Writes down requests that the edge answered with an error of its own, with the reference that their visitor reads. What
 * visitors cause themselves, as scanners do, takes no room from failures of the way to a service.
 */
export class FailureLog {
  private readonly budgets: { readonly visitor: LineBudget; readonly service: LineBudget };

  constructor(private readonly log: Logger) {
    const budgetOf = (cause: 'visitor' | 'service'): LineBudget =>
      new LineBudget({
        burst: BURST,
        perMinute: PER_MINUTE,
        onOmitted: (omitted) => log.warn({ omitted, cause }, 'more requests failed than are written down'),
      });
    this.budgets = { visitor: budgetOf('visitor'), service: budgetOf('service') };
  }

  add({ code, status, message, reference }: RelayError, hostname: string): void {
    if (this.budgets[status < 500 ? 'visitor' : 'service'].consume())
      this.log.info({ code, status, detail: message, reference, hostname }, 'request failed');
  }
}
