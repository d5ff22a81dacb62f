import type { Making } from './authority.js';
import type { Page, PageRequest } from './page.js';
import type {
  PreviewToken,
  PreviewTokenDraft,
  PreviewVisit,
  ShareLink,
  ShareLinkDraft,
  VisitLimits,
} from './preview-access.js';

/** Share links and machine tokens, which differ only in their type. */
export interface PreviewCredentialRepository<Credential, Draft> {
  /**
   * Null if the team has no such preview.
   * @throws TeamLimitError if the preview has `making.max` usable ones
   * @throws AuthorityLostError if the caller can no longer change previews
   */
  create(teamId: string, previewId: string, draft: Draft, making: Making): Promise<Credential | null>;
  list(teamId: string, previewId: string, page: PageRequest): Promise<Page<Credential>>;
  /** Idempotent: a revoked credential keeps its first date. Null if the preview has no such credential. */
  revoke(teamId: string, previewId: string, id: string, at: Date): Promise<Credential | null>;
  /** Across teams: the secret is the proof. Null if it is unknown, revoked or expired. */
  findUsable(hash: string, now: Date): Promise<Credential | null>;
}

export type ShareLinkRepository = PreviewCredentialRepository<ShareLink, ShareLinkDraft>;
export type PreviewTokenRepository = PreviewCredentialRepository<PreviewToken, PreviewTokenDraft>;

/** A one-time code for one preview and the browser that has the nonce. Hashes are SHA-256, lower-case hex. */
export interface AccessCodeDraft {
  readonly hash: string;
  readonly teamId: string;
  readonly previewId: string;
  readonly nonceHash: string;
  readonly userId: string;
  readonly userSessionId: string;
  readonly expiresAt: Date;
}

/** Origin of a visit: the person's web session, or a share link. */
export interface PreviewVisitDraft {
  readonly hash: string;
  readonly teamId: string;
  readonly previewId: string;
  readonly admittedBy:
    | { readonly userId: string; readonly userSessionId: string }
    | { readonly shareLinkId: string };
  readonly expiresAt: Date;
}

/**
 * `gone`: the session or link of the visit no longer exists. `link_full`, `preview_full`: a limit is reached, of its
 * share link or of non-members.
 */
export type VisitOutcome = 'created' | 'gone' | 'link_full' | 'preview_full';

/** Browsers in previews. Across teams if a secret is the proof. */
export interface PreviewVisitRepository {
  /** Returns false if its preview or session no longer exists. */
  createCode(draft: AccessCodeDraft): Promise<boolean>;
  /** Uses it up: of two callers with the same code, one gets it. Null if it is unknown, used or expired. */
  consumeCode(hash: string, now: Date): Promise<Omit<AccessCodeDraft, 'hash' | 'expiresAt'> | null>;
  /** Visits of revoked links do not count. */
  create(draft: PreviewVisitDraft, limits: VisitLimits, now: Date): Promise<VisitOutcome>;
  /**
   * Returns the visit of this cookie if it can continue now: it has not ended, and its share link is valid, or its web
   * session is alive and its person still a member or allowed. Null otherwise.
   */
  findUsable(hash: string, now: Date): Promise<PreviewVisit | null>;
  /** Removes visits and codes that have ended. Returns how many. */
  removeExpired(now: Date): Promise<number>;
}
