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

/** Share links and machine tokens: the same but for their type. */
export interface PreviewCredentialRepository<Credential, Draft> {
  /**
   * Null when the team has no such preview.
   * @throws TeamLimitError when the preview has `making.max` usable ones
   * @throws AuthorityLostError when the caller may no longer change previews
   */
  create(teamId: string, previewId: string, draft: Draft, making: Making): Promise<Credential | null>;
  list(teamId: string, previewId: string, page: PageRequest): Promise<Page<Credential>>;
  /** Idempotent: what is revoked keeps its first date. Null when the preview has no such credential. */
  revoke(teamId: string, previewId: string, id: string, at: Date): Promise<Credential | null>;
  /** Across teams: the secret is the proof. Null when it is unknown, revoked or expired. */
  findUsable(hash: string, now: Date): Promise<Credential | null>;
}

export type ShareLinkRepository = PreviewCredentialRepository<ShareLink, ShareLinkDraft>;
export type PreviewTokenRepository = PreviewCredentialRepository<PreviewToken, PreviewTokenDraft>;

/** One-time, for one preview and the browser that holds the nonce. Hashes are SHA-256, lower-case hex. */
export interface AccessCodeDraft {
  readonly hash: string;
  readonly teamId: string;
  readonly previewId: string;
  readonly nonceHash: string;
  readonly userId: string;
  readonly userSessionId: string;
  readonly expiresAt: Date;
}

/** What a visit begins as: with the person's web session, or with a share link. */
export interface PreviewVisitDraft {
  readonly hash: string;
  readonly teamId: string;
  readonly previewId: string;
  readonly admittedBy:
    | { readonly userId: string; readonly userSessionId: string }
    | { readonly shareLinkId: string };
  readonly expiresAt: Date;
}

/** `gone`: what the visit hangs on is. `link_full`, `preview_full`: a limit for its share link, or for who is no member. */
export type VisitOutcome = 'created' | 'gone' | 'link_full' | 'preview_full';

/** Browsers in previews. Across teams where a secret is the proof. */
export interface PreviewVisitRepository {
  /** False when what it hangs on is gone. */
  createCode(draft: AccessCodeDraft): Promise<boolean>;
  /** Uses it up: of two who show the same code one gets it. Null when it is unknown, used or expired. */
  consumeCode(hash: string, now: Date): Promise<Omit<AccessCodeDraft, 'hash' | 'expiresAt'> | null>;
  /** Visits of links that were revoked count for no limit. */
  create(draft: PreviewVisitDraft, limits: VisitLimits, now: Date): Promise<VisitOutcome>;
  /**
   * The visit of this cookie if it may go on now: not over, its share link good, or its web session alive and its
   * person still a member or allowed. Null otherwise.
   */
  findUsable(hash: string, now: Date): Promise<PreviewVisit | null>;
  /** Removes visits and codes that are over. Returns how many. */
  removeExpired(now: Date): Promise<number>;
}
