import { LineBudget } from '@culvert/runtime';
import type { RelayError } from '@culvert/relay';
import type { Logger } from 'pino';

/** Log lines of each kind in a burst: at most about 30 MB a day. */
const BURST = 100;
const PER_MINUTE = 60;

/**
 * Logs requests that the edge answered with an error of its own, with the reference that the visitor sees. Failures on
 * the way to a service are warnings, so that the demo shows them too. Failures that visitors cause themselves, such as
 * scanners, are not, and do not use up the lines for the others.
 */
export class FailureLog {
  private readonly budgets: { readonly visitor: LineBudget; readonly service: LineBudget };

  constructor(private readonly log: Logger) {
    const budgetOf = (cause: 'visitor' | 'service'): LineBudget =>
      new LineBudget({
        burst: BURST,
        perMinute: PER_MINUTE,
        onOmitted: (omitted) => log.warn({ omitted, cause }, 'more requests failed than are logged'),
      });
    this.budgets = { visitor: budgetOf('visitor'), service: budgetOf('service') };
  }

  add({ code, status, message, reference }: RelayError, hostname: string): void {
    const isOfVisitor = status < 500;
    if (!this.budgets[isOfVisitor ? 'visitor' : 'service'].consume()) return;
    const level = isOfVisitor ? 'info' : 'warn';
    this.log[level]({ code, status, detail: message, reference, hostname }, 'request failed');
  }
}
