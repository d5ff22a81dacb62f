import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { EventBus, ReplayReport } from '@culvert/events';
import {
  capturedBody,
  type CreateReplayRequest,
  type ErrorCode,
  exchangeHead,
  ProblemError,
  type ReplayResource,
} from '@culvert/contract';
import type { Store } from '@culvert/domain';
import { EVENT_BUS, STORE } from '@culvert/nest';
import { AuditLog } from '../../team/audit-events/audit-log.js';
import type { Caller } from '../../http/auth/caller.js';
import { KeptExchangesService } from '../kept-exchanges/kept-exchanges.service.js';
import { PreviewsService } from '../previews.service.js';
import { type RateLimiter, RateLimiters } from '../../http/rate-limits/rate-limiters.js';
import { throwRefusal } from '../../team/team-limits.js';
import { type Offers, ReplayCall } from './replay-call.js';
import { composeReplay, needsExchange, notRepeatable, type RecordedExchange } from './replay-request.js';

/** Maximum number of replays of one team in a minute. */
const MAX_PER_MINUTE = 120;
const MAX_AUDITED_PATH_LENGTH = 512;

/** Makes an edge send a request to a preview, for callers who can change that preview. */
@Injectable()
export class ReplaysService {
  private readonly limiter: RateLimiter;

  constructor(
    @Inject(EVENT_BUS) private readonly bus: EventBus,
    @Inject(STORE) private readonly store: Store,
    private readonly previews: PreviewsService,
    private readonly audit: AuditLog,
    private readonly kept: KeptExchangesService,
    limiters: RateLimiters,
  ) {
    this.limiter = limiters.create('replays', { points: MAX_PER_MINUTE, seconds: 60 });
  }

  /** @param address address of the caller, which the service receives */
  async create(
    caller: Caller,
    previewId: string,
    request: CreateReplayRequest,
    address: string,
  ): Promise<ReplayResource> {
    const { teamId } = caller;
    const { trafficManagerId, hostname, url } = await this.previews.show(caller, previewId);
    await this.count(teamId);
    const replayId = randomUUID();
    const replayOf = request.exchangeId ?? null;
    const call = new ReplayCall(this.bus, {
      replayId,
      teamId,
      previewId,
      trafficManagerId,
      exchangeId: replayOf,
    });
    try {
      const offers = await call.ask({ needsExchange: needsExchange(request) });
      const recorded = await this.recordedOf(request, offers, { teamId, previewId });
      if (needsExchange(request) && recorded === null)
        throw notRepeatable(
          'no edge holds the exchange, and it is not kept: edges hold only the latest ones, while someone watches the ' +
            'preview',
        );
      const { body, ...composed } = composeReplay(request, recorded);
      if (offers.offerId === null) throw notConnected(offers);
      await this.demandAgain(caller);
      // Recorded before it is sent, because no report may come back.
      await this.audit.record(
        caller,
        'preview.replay',
        { id: previewId, name: new URL(url).hostname },
        {
          after: { exchangeId: replayId, replayOf, method: composed.method, path: pathOf(composed.target) },
        },
      );
      const startedAt = new Date().toISOString();
      const { protocol, host } = new URL(url);
      const report = await call.order(offers.offerId, {
        ...composed,
        body: body.toString('base64'),
        replayId,
        replayOf,
        teamId,
        previewId,
        hostname,
        host,
        isSecure: protocol === 'https:',
        callerId: caller.user?.id ?? caller.apiKey?.id ?? '',
        address,
      });
      await this.demandAgain(caller);
      return { exchangeId: replayId, replayOf, startedAt, ...this.answerOf(report, previewId) };
    } finally {
      call.close();
    }
  }

  /** Returns the exchange to repeat, as an edge holds it or, without one, as it is kept. */
  private async recordedOf(
    request: CreateReplayRequest,
    { recorded }: Offers,
    owner: { readonly teamId: string; readonly previewId: string },
  ): Promise<RecordedExchange | null> {
    const { exchangeId } = request;
    if (recorded !== null || exchangeId === undefined || !needsExchange(request)) return recorded;
    return this.kept.findDocument(owner, exchangeId);
  }

  /**
   * Checks the caller again: edges and the service take time, and a member who was removed in the meantime must not
   * send or read anything.
   */
  private async demandAgain({ teamId, authority }: Caller): Promise<void> {
    await this.store.authorities.demand(teamId, authority, ['previews:write']).catch(throwRefusal);
  }

  private async count(teamId: string): Promise<void> {
    const { isWithin, resetSeconds } = await this.limiter.count(teamId);
    if (isWithin) return;
    throw new ProblemError('too_many_requests', {
      detail: `a team can send ${MAX_PER_MINUTE} replays a minute; try again in ${resetSeconds} s`,
      retryAfterSeconds: resetSeconds,
    });
  }

  private answerOf(report: ReplayReport | null, previewId: string) {
    if (report === null)
      throw new ProblemError('replay_timed_out', {
        detail: 'the edge that has the request did not report back',
      });
    if (report.isAnswered) {
      const { status, head, body, firstByteMs, durationMs, end } = report;
      return {
        status,
        response: exchangeHead.parse(head),
        body: capturedBody.nullable().parse(body),
        firstByteMs,
        durationMs,
        end,
      };
    }
    if (report.code === 'unknown_host') throw this.previews.notFound(previewId);
    throw new ProblemError(codeOf(report), {
      detail: report.detail.replace(/\.$/, ''),
      ...(report.retryAfterSeconds > 0 && { retryAfterSeconds: report.retryAfterSeconds }),
    });
  }
}

function notConnected({ refusals }: Offers): ProblemError {
  const detail =
    refusals.length === 0
      ? 'no edge answered'
      : refusals.includes('busy')
        ? 'the edges have reached their limit of replays'
        : 'its traffic manager has no tunnel to any edge';
  return new ProblemError('cluster_not_connected', { detail });
}

/** Returns the error code of the API for the failure of an exchange. */
function codeOf({ code, status }: { readonly code: string; readonly status: number }): ErrorCode {
  switch (code) {
    case 'team_request_limit':
    case 'too_many_requests':
      return 'too_many_requests';
    case 'manager_unavailable':
    case 'stream_limit':
    case 'shutting_down':
      return 'cluster_not_connected';
    default:
      if (status < 500 || status === 501 || status === 505) return 'replay_not_accepted';
      if (status === 502) return 'replay_failed';
      return status === 504 ? 'replay_timed_out' : 'internal_error';
  }
}

/** Returns the path without the query, which may contain secrets. */
function pathOf(target: string): string {
  const [path = ''] = target.split('?', 1);
  return path.length <= MAX_AUDITED_PATH_LENGTH ? path : `${path.slice(0, MAX_AUDITED_PATH_LENGTH)}…`;
}
