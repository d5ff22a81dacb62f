import type { PullRequestCommentStatus } from '@culvert/terms';
import type { PullRequestComment } from './pull-request-comment.js';

/** Across teams: comments are written by the deployment. */
export interface PullRequestCommentRepository {
  /**
   * Compares comments with previews: begins those that are missing, and has those say something new whose preview
   * changed, ended or came back. Forgets those that told the end of a preview that is gone.
   */
  reconcile(now: Date): Promise<void>;
  /** Comments to be written now, oldest first. Nobody else gets them until `leaseMs` later. */
  claimDue(now: Date, leaseMs: number, limit: number): Promise<PullRequestComment[]>;
  /** The forge shows `revision`. `comment` is null when there is none any more. */
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
  /** Has everything that is not posted tried again at once, as after a change of settings. */
  retryAll(now: Date): Promise<void>;
  /** Of one team, by preview. */
  findByPreviews(teamId: string, previewIds: readonly string[]): Promise<PullRequestComment[]>;
}
