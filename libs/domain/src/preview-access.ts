/** Who is let into a preview of `team` besides its members, and what they show for it. */
import type { Preview } from './preview.js';
import { SECRET_PREFIXES } from './secret-prefixes.js';
import type { User } from './team.js';

/** Of a preview's machine token. Secret scanners, and the edge, recognise it by this. */
export const PREVIEW_TOKEN_PREFIX = SECRET_PREFIXES.previewToken;
/** Of the secret in a share link. */
export const SHARE_LINK_PREFIX = SECRET_PREFIXES.shareLink;

/** From the hand-off page on the app host to the preview's host. */
export const ACCESS_CODE_MS = 60_000;
/** After this a browser is handed over again, which people who are still signed in do not notice. */
export const PREVIEW_VISIT_MS = 24 * 60 * 60 * 1000;
/** Browsers that are let into one preview at a time. Those of its members are not in any total: a member always gets in. */
export interface VisitLimits {
  /** By one share link. */
  readonly perShareLink: number;
  /** By all share links that are neither expired nor revoked. */
  readonly byShareLinks: number;
  /** Of people who are no members, whom the preview names by their address or its domain. */
  readonly byGuests: number;
  /** Of one person: beyond it their oldest ends. */
  readonly perPerson: number;
}

/** Bounds for a share link that got around, which must not keep out who has another. */
export const VISIT_LIMITS: VisitLimits = {
  perShareLink: 5000,
  byShareLinks: 10_000,
  byGuests: 10_000,
  perPerson: 50,
};
/** Visits that one share link begins for one network in an hour, at each edge: too few for one network to use up the link. */
export const MAX_SHARE_LINK_VISITS_PER_NETWORK = 200;
/** Share links, and machine tokens, of one preview that are neither expired nor revoked. */
export const MAX_CREDENTIALS_PER_PREVIEW = 100;

interface PreviewCredential {
  readonly id: string;
  readonly teamId: string;
  readonly previewId: string;
  /** What people call it. */
  readonly name: string;
  /** The first characters of the secret, to recognise it by. */
  readonly hint: string;
  readonly revokedAt: Date | null;
  /** The person by whose power it was made; null for one that the operator made, and where it is not known. */
  readonly createdByUserId: string | null;
  readonly createdAt: Date;
}

/** A secret in a URL: whoever has it may open one preview. */
export interface ShareLink extends PreviewCredential {
  readonly expiresAt: Date;
}

/** A machine's credential for one preview. */
export interface PreviewToken extends PreviewCredential {
  readonly expiresAt: Date | null;
}

/** What a share link or token begins as. `hash` is the SHA-256 of its secret, lower-case hex. */
export type ShareLinkDraft = Pick<ShareLink, 'name' | 'hint' | 'expiresAt'> & { readonly hash: string };
export type PreviewTokenDraft = Pick<PreviewToken, 'name' | 'hint' | 'expiresAt'> & { readonly hash: string };

/** A browser that was let in, by signing in or by a share link. */
export interface PreviewVisit {
  readonly id: string;
  readonly previewId: string;
  /** Who signed in; null when a share link let them in. */
  readonly userId: string | null;
  /** The link that let them in; null when they signed in. */
  readonly shareLinkId: string | null;
  /** Until when it may go on, as things stand; the least of all that bounds it. */
  readonly expiresAt: Date;
}

/** A person, as far as access goes. */
export interface Visiting {
  readonly isMember: boolean;
  /** Lower-case; null unless it is verified. */
  readonly verifiedEmail: string | null;
}

/** The address of a person as far as it opens anything. */
export function verifiedEmailOf({
  email,
  isEmailVerified,
}: Pick<User, 'email' | 'isEmailVerified'>): string | null {
  return isEmailVerified ? email : null;
}

/** Whether this signed-in person may open a preview that is not public. */
export function mayOpen(
  { allowedEmails, allowedDomains }: Pick<Preview, 'allowedEmails' | 'allowedDomains'>,
  { isMember, verifiedEmail }: Visiting,
): boolean {
  if (isMember) return true;
  if (verifiedEmail === null) return false;
  // The last @ divides: an earlier one may stand in a quoted local part (RFC 5321 §4.1.2).
  const domain = verifiedEmail.slice(verifiedEmail.lastIndexOf('@') + 1);
  return allowedEmails.includes(verifiedEmail) || allowedDomains.includes(domain);
}
