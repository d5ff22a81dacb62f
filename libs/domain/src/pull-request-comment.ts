import type { PullRequestCommentStatus } from '@culvert/terms';

/** The comment on a pull request that shows one preview, while it lives and after. */
export interface PullRequestComment {
  readonly id: string;
  readonly teamId: string;
  readonly previewId: string;
  readonly pullRequestUrl: string;
  readonly hostname: string;
  readonly workload: string;
  readonly namespace: string;
  /** Who shares it, `user@host`, or empty. */
  readonly client: string;
  /** Whether the preview answers, as far as its life time and its traffic manager's session tell. */
  readonly isLive: boolean;
  readonly expiresAt: Date | null;
  /** Grows whenever the comment has to say something else. */
  readonly revision: number;
  /** The revision that the forge shows; 0: none yet. */
  readonly publishedRevision: number;
  readonly status: PullRequestCommentStatus;
  /** Why the last attempt failed. */
  readonly detail: string | null;
  /** The forge's name for it; null while none is known. */
  readonly commentId: string | null;
  readonly commentUrl: string | null;
  /** Attempts at the current revision. */
  readonly attempts: number;
  readonly nextAttemptAt: Date;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}
