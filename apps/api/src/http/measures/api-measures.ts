import { Injectable } from '@nestjs/common';
import { OPERATIONS } from '@culvert/contract';
import { Counts, Histogram, REQUEST_BOUNDS_MS } from '@culvert/measure';
import { Metrics } from '@culvert/metrics';

const OPERATION = { name: 'operation', values: [...OPERATIONS.map(({ id }) => id), 'other'] };
const STATUS = {
  name: 'status',
  values: ['2xx', '3xx', '400', '401', '403', '404', '409', '422', '429', '4xx', '500', '503', '5xx', 'none'],
} as const;
const SWEEPS = [
  'previews',
  'preview_traffic',
  'old_records',
  'user_sessions',
  'programs',
  'pull_request_comments',
] as const;
const FORGES = { GitHub: 'github', GitLab: 'gitlab', Bitbucket: 'bitbucket', Gitea: 'gitea' } as const;

export type Sweep = (typeof SWEEPS)[number];

/** What an API process measures. */
@Injectable()
export class ApiMeasures {
  private readonly requests = new Counts([OPERATION, STATUS]);
  private readonly durations = new Histogram([OPERATION], REQUEST_BOUNDS_MS);
  private readonly signIns = new Counts([
    { name: 'provider', values: ['password', 'oidc', 'github'] },
    { name: 'outcome', values: ['ok', 'refused', 'throttled', 'failed'] },
  ]);
  private readonly rateLimits = new Counts([{ name: 'limit', values: ['team', 'address'] }]);
  private readonly sweeps = new Histogram(
    [
      { name: 'sweep', values: SWEEPS },
      { name: 'outcome', values: ['ok', 'failed'] },
    ],
    REQUEST_BOUNDS_MS,
  );
  private readonly comments = new Counts([
    { name: 'forge', values: Object.values(FORGES) },
    { name: 'outcome', values: ['ok', 'refused', 'failed'] },
  ]);
  private readonly mails = new Counts([{ name: 'outcome', values: ['ok', 'failed'] }]);

  constructor(private readonly metrics: Metrics) {
    metrics.counts('culvert_api_requests_total', this.requests);
    metrics.histogram('culvert_api_request_duration_seconds', this.durations);
    metrics.counts('culvert_sign_ins_total', this.signIns);
    metrics.counts('culvert_rate_limit_refusals_total', this.rateLimits);
    metrics.histogram('culvert_sweep_duration_seconds', this.sweeps);
    metrics.counts('culvert_pull_request_comments_total', this.comments);
    metrics.counts('culvert_mails_total', this.mails);
  }

  /** Shows the number of open streams of events. */
  showStreams(count: () => number): void {
    this.metrics.value('culvert_api_event_streams', count);
  }

  /**
   * Counts an answer.
   * @param operation id of an operation; undefined: the request was for something else
   * @param status 0: the client left before an answer
   * @param ms time until it was sent; null: it is a stream, which lasts as long as its reader likes
   */
  countRequest(operation: string | undefined, status: number, ms: number | null): void {
    this.requests.addAs(operation ?? 'other', statusLabel(status));
    if (ms !== null) this.durations.observeAs([operation ?? 'other'], ms);
  }

  countSignIn(
    provider: 'password' | 'oidc' | 'github',
    outcome: 'ok' | 'refused' | 'throttled' | 'failed',
  ): void {
    this.signIns.addAs(provider, outcome);
  }

  countRateLimit(limit: 'team' | 'address'): void {
    this.rateLimits.addAs(limit);
  }

  countComment(forge: keyof typeof FORGES, outcome: 'ok' | 'refused' | 'failed'): void {
    this.comments.addAs(FORGES[forge], outcome);
  }

  countMail(outcome: 'ok' | 'failed'): void {
    this.mails.addAs(outcome);
  }

  /** Runs work that is repeated in the background, and measures it. Rejects as the work does. */
  async timeSweep<T>(sweep: Sweep, work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      const result = await work();
      this.sweeps.observeAs([sweep, 'ok'], performance.now() - began);
      return result;
    } catch (error) {
      this.sweeps.observeAs([sweep, 'failed'], performance.now() - began);
      throw error;
    }
  }
}

/** Returns the value of the label `status`: the status itself where it says what to do, and its class otherwise. */
function statusLabel(status: number): string {
  if (status < 200) return 'none';
  const exact = String(status);
  if (STATUS.values.some((value) => value === exact)) return exact;
  return status >= 500 ? '5xx' : `${Math.floor(status / 100)}xx`;
}
