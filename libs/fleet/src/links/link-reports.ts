/** Counts what goes wrong with links, and bounds what the log gets of it. */
import { GoAwayCode } from '@culvert/tunnel';
import type { FleetEvent } from '../fleet-log.js';
import {
  LINK_FAILURE_CAUSES,
  type LinkFailureCause,
  REFUSAL_CAUSES,
  type RefusalCause,
} from './link-failure.js';
import type { LinkEvent } from './links.js';
import { RepeatLimit } from './repeat-limit.js';

type Failed = Omit<Extract<FleetEvent, { type: 'failed' }>, 'count'>;
type Refused = Omit<Extract<FleetEvent, { type: 'refused' }>, 'count'>;

/** An edge that cannot be reached is dialed every few seconds while requests need it. */
const FAILURE_INTERVAL_MS = 60_000;
const REFUSAL_INTERVAL_MS = 10_000;

export class LinkReports {
  /** Attempts to dial that failed, and links that broke, since the start. */
  readonly failures = zeros(LINK_FAILURE_CAUSES);
  /** Connections that were refused since the start. */
  readonly refusals = zeros(REFUSAL_CAUSES);
  private readonly failed: RepeatLimit<Failed>;
  private readonly refused: RepeatLimit<Refused>;

  constructor(private readonly report: (event: FleetEvent) => void) {
    this.failed = new RepeatLimit((failed, count) => report({ ...failed, count }), FAILURE_INTERVAL_MS);
    this.refused = new RepeatLimit((refused, count) => report({ ...refused, count }), REFUSAL_INTERVAL_MS);
  }

  handle(event: LinkEvent): void {
    switch (event.type) {
      case 'failed': {
        const { edge, error } = event;
        this.failures[error.failure]++;
        this.failed.add(`${edge.id} ${error.failure}`, { type: 'failed', edge, error });
        return;
      }
      case 'refused':
        this.refuse(event.remoteAddress, 'handshake', event.detail);
        return;
      case 'closed':
        if (event.code !== GoAwayCode.NORMAL && event.code !== GoAwayCode.SHUTTING_DOWN) this.failures.lost++;
        this.report(event);
        return;
      case 'open':
        this.report(event);
        return;
      default:
        throw new Error(`unknown event of links: ${(event satisfies never as LinkEvent).type}`);
    }
  }

  /** A connection was refused before a link could begin. */
  refuse(remoteAddress: string, cause: RefusalCause, detail: string): void {
    this.refusals[cause]++;
    this.refused.add(`${cause} ${detail}`, { type: 'refused', cause, remoteAddress, detail });
  }

  /** Reports what is left. */
  close(): void {
    this.failed.close();
    this.refused.close();
  }
}

function zeros<Cause extends LinkFailureCause | RefusalCause>(
  causes: readonly Cause[],
): Record<Cause, number> {
  return Object.fromEntries(causes.map((cause) => [cause, 0])) as Record<Cause, number>;
}
