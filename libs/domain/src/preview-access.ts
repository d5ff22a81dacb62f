/** Access to a preview of `team` for people who are not members, and their credentials. */
import type { Preview } from './preview.js';
import { SECRET_PREFIXES } from './secret-prefixes.js';
import type { User } from './team.js';

/** Prefix of a preview's machine token, by which secret scanners and the edge recognize it. */
export const PREVIEW_TOKEN_PREFIX = SECRET_PREFIXES.previewToken;
/** Prefix of the secret in a share link. */
export const SHARE_LINK_PREFIX = SECRET_PREFIXES.shareLink;

/** Lifetime of the code between the hand-off page on the app host and the preview's host. */
export const ACCESS_CODE_MS = 60_000;
/**
 * Lifetime of a visit. People who are still signed in then get a new visit without noticing.
 */
export const PREVIEW_VISIT_MS = 24 * 60 * 60 * 1000;
/**
 * Maximum number of browsers that are let into one preview at a time. Browsers of members do not count for any total: a
 * member always gets in.
 */
export interface VisitLimits {
  /** Browsers of one share link. */
  readonly perShareLink: number;
  /** Browsers of all share links that are neither expired nor revoked. */
  readonly byShareLinks: number;
  /** Browsers of people who are not members, but allowed by their address or its domain. */
  readonly byGuests: number;
  /** Browsers of one person: beyond it their oldest visit ends. */
  readonly perPerson: number;
}

/** Limits for a share link that was passed around, which must not block visitors with another one. */
export const VISIT_LIMITS: VisitLimits = {
  perShareLink: 5000,
  byShareLinks: 10_000,
  byGuests: 10_000,
  perPerson: 50,
};
/**
 * Maximum number of visits that one share link begins for one network in an hour, at each edge: too few for one network to
 * use up the link.
 */
export const MAX_SHARE_LINK_VISITS_PER_NETWORK = 200;
/** Maximum number of share links, and most machine tokens, of one preview that are neither expired nor revoked. */
export const MAX_CREDENTIALS_PER_PREVIEW = 100;

interface PreviewCredential {
  readonly id: string;
  readonly teamId: string;
  readonly previewId: string;
  /** Name that people see. */
  readonly name: string;
  /** First characters of the secret, to recognize it by. */
  readonly hint: string;
  readonly revokedAt: Date | null;
  /** Person with whose permissions it was created; null for the operator, or if unknown. */
  readonly createdByUserId: string | null;
  readonly createdAt: Date;
}

/** A secret in a URL: anyone who has it can open one preview. */
export interface ShareLink extends PreviewCredential {
  readonly expiresAt: Date;
}

/** A machine's credential for one preview. */
export interface PreviewToken extends PreviewCredential {
  readonly expiresAt: Date | null;
}

/** A new share link or token. `hash` is the SHA-256 of its secret, lower-case hex. */
export type ShareLinkDraft = Pick<ShareLink, 'name' | 'hint' | 'expiresAt'> & { readonly hash: string };
export type PreviewTokenDraft = Pick<PreviewToken, 'name' | 'hint' | 'expiresAt'> & { readonly hash: string };

/** A browser that was let in, by signing in or by a share link. */
export interface PreviewVisit {
  readonly id: string;
  readonly previewId: string;
  /** Person who signed in; null if a share link let them in. */
  readonly userId: string | null;
  /** Link that let them in; null if they signed in. */
  readonly shareLinkId: string | null;
  /** Time when the visit ends: the earliest of its limits. */
  readonly expiresAt: Date;
}

/** A person, as far as access needs it. */
export interface Visiting {
  readonly isMember: boolean;
  /** Address in lower case; null unless it is verified. */
  readonly verifiedEmail: string | null;
}

/** Returns the address of a person if it is verified, since other addresses open nothing. */
export function verifiedEmailOf({
  email,
  isEmailVerified,
}: Pick<User, 'email' | 'isEmailVerified'>): string | null {
  return isEmailVerified ? email : null;
}

/** Reports whether this signed-in person can open a preview that is not public. */
export function mayOpen(
  { allowedEmails, allowedDomains }: Pick<Preview, 'allowedEmails' | 'allowedDomains'>,
  { isMember, verifiedEmail }: Visiting,
): boolean {
  if (isMember) return true;
  if (verifiedEmail === null) return false;
  // The last @ separates the domain: an earlier one may be part of a quoted local part (RFC 5321 §4.1.2).
  const domain = verifiedEmail.slice(verifiedEmail.lastIndexOf('@') + 1);
  return allowedEmails.includes(verifiedEmail) || allowedDomains.includes(domain);
}
