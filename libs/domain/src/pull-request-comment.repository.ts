import type { PullRequestCommentStatus } from '@culvert/terms';
import type { PullRequestComment } from './pull-request-comment.js';

/** Across teams: comments are written by the deployment. */
export interface PullRequestCommentRepository {
  /**
   * Compares comments with previews: adds missing ones, and marks those for an update whose preview changed, ended or
   * was restored. Removes those whose update for an ended preview is published.
   */
  reconcile(now: Date): Promise<void>;
  /** Returns comments to be written now, oldest first. Other callers do not get them until `leaseMs` later. */
  claimDue(now: Date, leaseMs: number, limit: number): Promise<PullRequestComment[]>;
  /** Records that the forge shows `revision`. `comment` is null if there is none any longer. */
  recordPublished(
    id: string,
    published: {
      readonly revision: number;
      readonly comment: { readonly id: string; readonly url: string } | null;
      readonly at: Date;
    },
  ): Promise<void>;
  recordFailure(
    id: string,
    failure: {
      readonly status: Exclude<PullRequestCommentStatus, 'posted'>;
      readonly detail: string;
      readonly nextAttemptAt: Date;
      readonly at: Date;
    },
  ): Promise<void>;
  /** Marks everything that is not posted for another attempt at once, as after a change of settings. */
  retryAll(now: Date): Promise<void>;
  /** Returns the comments of one team, by preview. */
  findByPreviews(teamId: string, previewIds: readonly string[]): Promise<PullRequestComment[]>;
}
