import { maskTarget } from './masking.js';
import type { MeasuredExchange, RelayError, TrustedProxies } from '@culvert/relay';
import { forwardedFor } from '@culvert/relay';
import { type ExchangeLogSettings, LineBudget } from '@culvert/runtime';
import type { Logger } from 'pino';

/** Lines about failures of each kind in a burst, and a minute: at most about 50 MB a day. */
const FAILURE_BURST = 100;
const FAILURES_PER_MINUTE = 60;

/** Longest path of a line. */
const MAX_PATH_LENGTH = 1024;

type Kind = 'visitor' | 'service' | 'other';

/**
 * Writes one line for an exchange, when it ends. Failures are always written, unless the mode is `off`: their lines have the
 * reference that the visitor was shown. A flood of one kind uses up the lines of that kind alone: those of visitors, such as
 * scanners, of services, and of exchanges that did not fail.
 */
export class ExchangeLog {
  /** Lines that were left out. */
  omitted = 0;
  private readonly budgets: Readonly<Record<Kind, LineBudget>>;
  private untilSample: number;

  constructor(
    private readonly log: Logger,
    private readonly settings: ExchangeLogSettings,
    private readonly trustedProxies: Pick<TrustedProxies, 'clientOf'>,
  ) {
    const budgetOf = (kind: Kind, burst: number, perMinute: number): LineBudget =>
      new LineBudget({
        burst,
        perMinute,
        onOmitted: (omitted) => {
          this.omitted += omitted;
          log.warn(
            { omitted, kind },
            kind === 'other' ? 'more requests ended than are logged' : 'more requests failed than are logged',
          );
        },
      });
    this.budgets = {
      visitor: budgetOf('visitor', FAILURE_BURST, FAILURES_PER_MINUTE),
      service: budgetOf('service', FAILURE_BURST, FAILURES_PER_MINUTE),
      other: budgetOf('other', Math.ceil(settings.perMinute / 10), settings.perMinute),
    };
    this.untilSample = settings.sampleOneOf;
  }

  /** Takes an exchange that has ended. Costs one that is not logged some comparisons. */
  readonly handleEnd = (exchange: MeasuredExchange): void => {
    const { record } = exchange;
    const { mode, slowMs } = this.settings;
    if (mode === 'off') return;
    if (record.failure !== null) {
      this.write(exchange, record.status >= 500 || record.failure.status >= 500 ? 'service' : 'visitor');
      return;
    }
    const isFailed = record.status >= 500 || record.error === 'tunnel_lost';
    const beginMs = record.firstByteMs < 0 ? record.durationMs : record.firstByteMs;
    if (isFailed) this.write(exchange, 'service');
    else if (mode === 'all' || beginMs >= slowMs || (mode === 'sample' && this.isSampled()))
      this.write(exchange, 'other');
  };

  /** Takes a request that could not become an exchange. @param peer address of the connection's other end */
  handleRefusal({ code, status, message, reference }: RelayError, peer: string): void {
    if (this.settings.mode === 'off' || !this.budgets.visitor.consume()) return;
    this.log.info({ code, status, detail: message, reference, peer }, 'request failed');
  }

  private isSampled(): boolean {
    if (--this.untilSample > 0) return false;
    this.untilSample = this.settings.sampleOneOf;
    return true;
  }

  private write(exchange: MeasuredExchange, kind: Kind): void {
    if (!this.budgets[kind].consume()) return;
    const { record } = exchange;
    const { failure } = record;
    const level = kind === 'service' && failure !== null ? 'warn' : 'info';
    this.log[level](this.lineOf(exchange), failure === null ? 'request' : 'request failed');
  }

  private lineOf({ request, hostname, requester, route, record }: MeasuredExchange): object {
    const { failure, error, status } = record;
    const isPreview = route?.kind === 'preview';
    return {
      requestId: record.requestId,
      hostname,
      ...(isPreview && { previewId: route.id, teamId: route.teamId }),
      method: request.method,
      path: this.pathOf(request.target),
      protocol: requester.isHttp2 ? 'h2' : `http/1.${request.minorVersion}`,
      status,
      ...(error !== null && { code: error }),
      ...(failure !== null && { detail: failure.message, reference: failure.reference }),
      durationMs: Math.round(record.durationMs),
      ...(record.firstByteMs >= 0 && { firstByteMs: Math.round(record.firstByteMs) }),
      ...(record.waitMs > 0 && { waitMs: Math.round(record.waitMs) }),
      bytesIn: record.bytesIn,
      bytesOut: record.bytesOut,
      peer: this.trustedProxies.clientOf(requester.peer, forwardedFor(request)),
      ...(requester.replay !== undefined && { replayId: requester.replay.id }),
    };
  }

  private pathOf(target: string): string {
    const shown = this.settings.withQuery ? maskTarget(target) : (target.split('?', 1)[0] ?? '');
    return shown.length > MAX_PATH_LENGTH ? `${shown.slice(0, MAX_PATH_LENGTH)}…` : shown;
  }
}
