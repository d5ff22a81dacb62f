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
  /** Person or machine that shares it, `user@host`, or empty. */
  readonly client: string;
  /** Whether the preview answers, by its lifetime and its traffic manager's session. */
  readonly isLive: boolean;
  readonly expiresAt: Date | null;
  /** Increases whenever the text of the comment must change. */
  readonly revision: number;
  /** Revision that the forge shows; 0: none yet. */
  readonly publishedRevision: number;
  readonly status: PullRequestCommentStatus;
  /** Why the last attempt failed. */
  readonly detail: string | null;
  /** The forge's ID of the comment; null if unknown. */
  readonly commentId: string | null;
  readonly commentUrl: string | null;
  /** Attempts at the current revision. */
  readonly attempts: number;
  readonly nextAttemptAt: Date;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}
