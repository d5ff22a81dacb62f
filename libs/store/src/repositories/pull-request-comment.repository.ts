import type { PullRequestComment, PullRequestCommentRepository } from '@culvert/domain';
import type { Client } from '../client.js';
import { isUuid } from '../ids.js';

export class PrismaPullRequestCommentRepository implements PullRequestCommentRepository {
  constructor(private readonly client: Client) {}

  /**
   * Each statement may run in several processes at once: the unique key allows only the first, and the others compare with
   * what they change.
   */
  async reconcile(now: Date): Promise<void> {
    await this.client.$executeRaw`
      INSERT INTO pull_request_comment (id, team_id, preview_id, pull_request_url, hostname, workload, namespace, client,
        is_live, expires_at, revision, published_revision, status, attempts, next_attempt_at, created_at, updated_at)
      SELECT gen_random_uuid(), p.team_id, p.id, p.pull_request_url, p.hostname, i.workload, i.namespace, i.client,
        true, p.expires_at, 1, 0, 'pending', 0, ${now}, ${now}, ${now}
      FROM preview p
      JOIN intercept i ON i.team_id = p.team_id AND i.id = p.intercept_id
      WHERE octet_length(p.pull_request_url) <= 2048 AND (p.expires_at IS NULL OR p.expires_at > ${now})
        AND NOT EXISTS (SELECT FROM pull_request_comment c
          WHERE c.team_id = p.team_id AND c.preview_id = p.id AND c.pull_request_url = p.pull_request_url)
      ON CONFLICT DO NOTHING`;
    // A comment that was never attempted needs no final update. One that was attempted may be visible.
    await this.client.$executeRaw`
      DELETE FROM pull_request_comment c
      WHERE c.revision = 1 AND c.attempts = 0 AND c.published_revision = 0
        AND NOT EXISTS (SELECT FROM preview p
          WHERE p.team_id = c.team_id AND p.id = c.preview_id AND p.pull_request_url = c.pull_request_url)`;
    // A traffic manager that never had a session is about to connect; one whose last session ended is gone.
    // A pending attempt keeps its time: two concurrent ones could write two comments.
    await this.client.$executeRaw`
      UPDATE pull_request_comment c SET is_live = s.is_live, expires_at = s.expires_at, revision = c.revision + 1,
        status = CASE WHEN c.status = 'posted' THEN 'pending' ELSE c.status END,
        next_attempt_at = CASE WHEN c.status = 'pending' THEN c.next_attempt_at ELSE ${now} END, updated_at = ${now}
      FROM (
        SELECT c.id, COALESCE(p.expires_at, c.expires_at) AS expires_at, p.id IS NOT NULL
          AND (p.expires_at IS NULL OR p.expires_at > ${now})
          AND (NOT EXISTS (SELECT FROM session
              WHERE team_id = p.team_id AND traffic_manager_id = p.traffic_manager_id)
            OR EXISTS (SELECT FROM session
              WHERE team_id = p.team_id AND traffic_manager_id = p.traffic_manager_id AND state <> 'ended')) AS is_live
        FROM pull_request_comment c
        LEFT JOIN preview p ON p.team_id = c.team_id AND p.id = c.preview_id
          AND p.pull_request_url = c.pull_request_url) s
      WHERE s.id = c.id AND (s.is_live <> c.is_live OR (s.is_live AND s.expires_at IS DISTINCT FROM c.expires_at))`;
    await this.client.$executeRaw`
      DELETE FROM pull_request_comment c
      WHERE NOT c.is_live AND (c.published_revision = c.revision OR c.status = 'unsupported')
        AND NOT EXISTS (SELECT FROM preview p
          WHERE p.team_id = c.team_id AND p.id = c.preview_id AND p.pull_request_url = c.pull_request_url)`;
  }

  async claimDue(now: Date, leaseMs: number, limit: number): Promise<PullRequestComment[]> {
    const claimed = await this.client.$queryRaw<{ id: string }[]>`
      UPDATE pull_request_comment SET status = 'pending', attempts = attempts + 1,
        next_attempt_at = ${new Date(now.getTime() + leaseMs)}
      WHERE id IN (
        SELECT id FROM pull_request_comment
        WHERE published_revision < revision AND next_attempt_at <= ${now}
        ORDER BY next_attempt_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
      RETURNING id`;
    return this.client.pullRequestComment.findMany({
      where: { id: { in: claimed.map(({ id }) => id) } },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    });
  }

  async recordPublished(
    id: string,
    {
      revision,
      comment,
      at,
    }: {
      readonly revision: number;
      readonly comment: { readonly id: string; readonly url: string } | null;
      readonly at: Date;
    },
  ): Promise<void> {
    const known = {
      publishedRevision: revision,
      commentId: comment?.id ?? null,
      commentUrl: comment?.url ?? null,
      updatedAt: at,
    };
    const { count } = await this.client.pullRequestComment.updateMany({
      where: { id, revision },
      data: { ...known, status: 'posted', detail: null, attempts: 0 },
    });
    // Its content has changed meanwhile: keep what is known, and leave the rest to the next attempt.
    if (count === 0) {
      const data = { ...known, attempts: 0, nextAttemptAt: at };
      await this.client.pullRequestComment.updateMany({ where: { id }, data });
    }
  }

  async recordFailure(
    id: string,
    {
      at,
      ...failure
    }: {
      readonly status: 'pending' | 'failed' | 'unsupported';
      readonly detail: string;
      readonly nextAttemptAt: Date;
      readonly at: Date;
    },
  ): Promise<void> {
    await this.client.pullRequestComment.updateMany({ where: { id }, data: { ...failure, updatedAt: at } });
  }

  async retryAll(now: Date): Promise<void> {
    await this.client.$executeRaw`
      UPDATE pull_request_comment SET next_attempt_at = ${now}, attempts = 0
      WHERE published_revision < revision AND status IN ('failed', 'unsupported')`;
  }

  async findByPreviews(teamId: string, previewIds: readonly string[]): Promise<PullRequestComment[]> {
    if (!isUuid(teamId)) return [];
    return this.client.pullRequestComment.findMany({
      where: { teamId, previewId: { in: previewIds.filter(isUuid) } },
    });
  }
}
