import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { EventBus } from '@culvert/events';
import type { PullRequestComment, Repositories } from '@culvert/domain';
import { BACKGROUND_STORE, EVENT_BUS, LOG, SETTINGS } from '@culvert/nest';
import { HttpClient } from '@culvert/outbound';
import { previewUrl, type Settings } from '@culvert/runtime';
import type { Logger } from 'pino';
import { ApiMeasures } from '../../http/measures/api-measures.js';
import { commentText, markerOf } from './comment-text.js';
import { ForgeClient, ForgeError } from './forge-client.js';
import type { Forge, ForgeComment, PullRequest } from './forge.js';
import { forgesOf } from './forges.js';

/** Interval in which comments are compared with previews even without an event. */
const LOOK_MS = 15_000;
/** Delay after the first change, because changes come in groups. */
const SETTLE_MS = 250;
/** Time for which one process owns a comment that it writes; longer than writing takes. */
const LEASE_MS = 120_000;
const WRITE_TIMEOUT_MS = 60_000;
const WRITES_AT_ONCE = 4;
const PAGE_SIZE = 100;
/** Maximum number of pages of comments that are searched for our own. */
const MAX_PAGES = 10;
const FIRST_RETRY_MS = 5000;
const MAX_RETRY_MS = 60 * 60 * 1000;
/** Maximum number of attempts to update the comment of an ended preview. After that it stays as it is. */
const MAX_FAREWELLS = 20;

/**
 * Keeps comments on pull requests up to date with previews. The text is stored in the database before it is sent, so
 * that nothing is lost if a forge or this process fails; of several processes, one writes each comment.
 */
@Injectable()
export class PullRequestComments implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly forges: readonly Forge[];
  private readonly stopping = new AbortController();
  private readonly unsubscribe: (() => void)[] = [];
  private readonly pausedUntil = new Map<Forge, Date>();
  private interval: NodeJS.Timeout | null = null;
  private settling: NodeJS.Timeout | null = null;
  private round: Promise<void> | null = null;
  private isRoundStale = false;

  constructor(
    @Inject(BACKGROUND_STORE) private readonly store: Repositories,
    @Inject(EVENT_BUS) private readonly bus: EventBus,
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(LOG) private readonly log: Logger,
    private readonly http: HttpClient,
    private readonly measures: ApiMeasures,
  ) {
    this.forges = forgesOf(settings);
  }

  /** Reports whether comments are written to the forge of this URL. */
  supports(url: string): boolean {
    return this.forges.some((forge) => forge.pullRequest(url) !== null);
  }

  async onApplicationBootstrap(): Promise<void> {
    if (this.forges.length === 0) return;
    // The settings may have been corrected since the last process.
    await this.store.pullRequestComments.retryAll(new Date());
    this.unsubscribe.push(
      this.bus.subscribe((event) => {
        if (event.type === 'preview.changed' || event.type === 'session.ended') this.lookSoon();
      }),
      this.bus.onGap(() => this.lookSoon()),
    );
    this.interval = setInterval(() => this.lookSoon(), LOOK_MS).unref();
    this.lookSoon();
  }

  async beforeApplicationShutdown(): Promise<void> {
    for (const stop of this.unsubscribe) stop();
    if (this.interval) clearInterval(this.interval);
    if (this.settling) clearTimeout(this.settling);
    this.stopping.abort();
    await this.round;
  }

  /** Compares comments with previews, and writes those that are due. Resolves when nothing is left to do for now. */
  async look(): Promise<void> {
    this.isRoundStale = true;
    this.round ??= this.measures
      .timeSweep('pull_request_comments', () => this.runRounds())
      .finally(() => (this.round = null));
    return this.round;
  }

  private lookSoon(): void {
    this.settling ??= setTimeout(() => {
      this.settling = null;
      this.look().catch((error: unknown) =>
        this.log.error({ err: error }, 'cannot write pull request comments'),
      );
    }, SETTLE_MS).unref();
  }

  private async runRounds(): Promise<void> {
    const { pullRequestComments } = this.store;
    while (this.isRoundStale && !this.stopping.signal.aborted) {
      this.isRoundStale = false;
      await pullRequestComments.reconcile(new Date());
      for (;;) {
        if (this.stopping.signal.aborted) return;
        const due = await pullRequestComments.claimDue(new Date(), LEASE_MS, WRITES_AT_ONCE);
        if (due.length === 0) break;
        await Promise.all(due.map((comment) => this.write(comment)));
      }
    }
  }

  private async write(comment: PullRequestComment): Promise<void> {
    const { pullRequestComments } = this.store;
    const { id, revision, pullRequestUrl } = comment;
    try {
      const [forge, target] = this.targetOf(pullRequestUrl);
      if (forge === null || target === null) {
        const nextAttemptAt = new Date(Date.now() + MAX_RETRY_MS);
        const detail = 'not a pull request of a forge that this deployment writes to';
        await pullRequestComments.recordFailure(id, {
          status: 'unsupported',
          detail,
          nextAttemptAt,
          at: new Date(),
        });
        return;
      }
      const pausedUntil = this.pausedUntil.get(forge);
      if (pausedUntil && pausedUntil > new Date()) {
        throw new ForgeError('limited', `${forge.name} limits the number of requests`, 429, pausedUntil);
      }
      const written = await this.writeTo(forge, target, comment);
      this.measures.countComment(forge.name, 'ok');
      await pullRequestComments.recordPublished(id, {
        revision,
        comment: written && {
          id: String(written.id),
          url: written.url ?? target.commentUrl(String(written.id)),
        },
        at: new Date(),
      });
    } catch (error) {
      // A comment that was being written when this process stopped is tried again by another process, or the next.
      if (this.stopping.signal.aborted) return;
      await this.recordFailure(comment, error);
    }
  }

  /** Null if the preview has ended and has no comment. */
  private async writeTo(
    forge: Forge,
    target: PullRequest,
    comment: PullRequestComment,
  ): Promise<ForgeComment | null> {
    const signal = AbortSignal.any([this.stopping.signal, AbortSignal.timeout(WRITE_TIMEOUT_MS)]);
    const client = new ForgeClient(forge, this.http, signal);
    const marker = forge.comments.hide(markerOf(comment));
    const text = `${marker}\n${commentText(comment, previewUrl(this.settings, comment.hostname))}`;
    if (comment.commentId !== null) {
      try {
        return await client.update(target.commentPath(comment.commentId), text);
      } catch (error) {
        // The comment or the pull request was removed.
        if (!(error instanceof ForgeError) || error.status !== 404) throw error;
      }
    }
    const existing = await this.find(client, target, marker.trim());
    if (existing !== null) return client.update(target.commentPath(String(existing.id)), text);
    return comment.isLive ? client.create(target.commentsPath, text) : null;
  }

  /** Finds a comment that an earlier attempt may have written without recording it. */
  private async find(client: ForgeClient, target: PullRequest, marker: string): Promise<ForgeComment | null> {
    const limits = { pageSize: PAGE_SIZE, maxPages: MAX_PAGES };
    for await (const comments of client.pages(target.commentsPath, limits)) {
      const own = comments.find(({ body }) => body?.startsWith(marker));
      if (own !== undefined) return own;
    }
    return null;
  }

  private async recordFailure(comment: PullRequestComment, error: unknown): Promise<void> {
    const { id, attempts, revision, isLive, previewId } = comment;
    const now = new Date();
    const at = { at: now };
    this.log.warn({ err: error, previewId, attempts }, 'cannot write a pull request comment');
    if (!isLive && attempts >= MAX_FAREWELLS) {
      await this.store.pullRequestComments.recordPublished(id, { revision, comment: null, ...at });
      return;
    }
    const failure = error instanceof ForgeError ? error : null;
    const [forge] = this.targetOf(comment.pullRequestUrl);
    if (forge) this.measures.countComment(forge.name, failure?.kind === 'refused' ? 'refused' : 'failed');
    if (failure?.kind === 'limited' && failure.retryAt) {
      if (forge) this.pausedUntil.set(forge, failure.retryAt);
    }
    // A refusal lasts long. The random half spreads processes and comments.
    const firstMs = failure?.kind === 'refused' ? MAX_RETRY_MS / 4 : FIRST_RETRY_MS;
    const backoffMs =
      Math.min(firstMs * 2 ** Math.min(attempts - 1, 20), MAX_RETRY_MS) * (0.5 + Math.random() / 2);
    const nextAttemptAt = new Date(Math.max(now.getTime() + backoffMs, failure?.retryAt?.getTime() ?? 0));
    const detail = failure?.message ?? 'something went wrong in Culvert';
    await this.store.pullRequestComments.recordFailure(id, {
      status: 'failed',
      detail,
      nextAttemptAt,
      ...at,
    });
  }

  private targetOf(url: string): [Forge, PullRequest] | [null, null] {
    for (const forge of this.forges) {
      const target = forge.pullRequest(url);
      if (target !== null) return [forge, target];
    }
    return [null, null];
  }
}
