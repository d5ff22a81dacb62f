import type { Role } from '@culvert/terms';
import { SECRET_PREFIXES } from './secret-prefixes.js';
import { generateSecret, hashSecret } from './secret.js';
import type { Team, User } from './team.js';

/** Lifetime of an authorization code (RFC 6749 §4.1.2 allows ten minutes). */
export const CODE_LIFETIME_MS = 60_000;
export const ACCESS_TOKEN_LIFETIME_MS = 60 * 60_000;
/** Lifetime since the last refresh: a program that is used at all stays signed in. */
export const REFRESH_TOKEN_LIFETIME_MS = 30 * 24 * 60 * 60_000;
/**
 * Time for which a refresh token still works after another of the same program was first used instead: the one created
 * from it, or one created from the same. Processes of one machine share a file of tokens, and responses get lost, so a
 * program can be behind; a later use must come from a leaked copy.
 */
export const SUPERSEDED_TOKEN_GRACE_MS = 60_000;
/** Time for which a superseded refresh token is remembered, to notice a leaked copy. */
export const SUPERSEDED_TOKEN_MEMORY_MS = 7 * 24 * 60 * 60_000;

/** A program on a person's machine that they allowed to act for them in one team: a grant in OAuth's terms. */
export interface Program {
  readonly id: string;
  readonly teamId: string;
  readonly userId: string;
  /** OAuth `client_id` of the program. */
  readonly clientId: string;
  readonly createdAt: Date;
  /** Time when it last got tokens, which it does each hour while it is in use; null while its code is unused. */
  readonly lastUsedAt: Date | null;
  /** Time when its last token, or else its code, stops working. */
  readonly expiresAt: Date;
}

/** A program as its person sees it. */
export type ProgramInTeam = Program & { readonly team: Pick<Team, 'id' | 'name'> };

export interface ProgramDraft {
  readonly userId: string;
  readonly clientId: string;
  /** SHA-256 of the code, lower-case hex. */
  readonly codeHash: string;
  /** RFC 7636 §4.2, method S256. */
  readonly codeChallenge: string;
  readonly redirectUri: string;
  readonly at: Date;
}

/** An authorization code, and what its exchange must match. */
export interface PendingCode {
  readonly program: Program;
  readonly codeChallenge: string;
  readonly redirectUri: string;
  readonly expiresAt: Date;
  readonly isUsed: boolean;
}

/** Hashes of a pair of tokens (SHA-256, lower-case hex). */
export interface IssuedTokens {
  readonly accessTokenHash: string;
  readonly refreshTokenHash: string;
}

export interface RefreshableProgram {
  readonly program: Program;
  readonly expiresAt: Date;
  readonly supersededAt: Date | null;
}

/** Owner of an access token. Its scopes follow from the person's role in the team. */
export interface AccessTokenOwner {
  readonly program: Program;
  readonly user: User;
  readonly role: Role;
  readonly expiresAt: Date;
}

const PREFIXES = {
  code: SECRET_PREFIXES.authorizationCode,
  device: SECRET_PREFIXES.deviceCode,
  access: SECRET_PREFIXES.accessToken,
  refresh: SECRET_PREFIXES.refreshToken,
} as const;

/** Returns a new code or token: a prefix for its kind, and 256 random bits in base64url. */
export function generateOAuthSecret(kind: keyof typeof PREFIXES): string {
  return generateSecret(PREFIXES[kind]);
}

/** Reports whether a secret looks like one of our access tokens; only the store knows whether it is valid. */
export function isAccessTokenShaped(secret: string): boolean {
  return secret.startsWith(PREFIXES.access);
}

/** Returns the hash of a code or token, which the store keeps. A fast hash is enough: the input has 256 random bits. */
export function hashOAuthSecret(secret: string): string {
  return hashSecret(secret);
}

/** Reports whether a refresh token still gets new tokens, has merely expired, or is a leaked copy. */
export function judgeRefreshToken(
  token: Pick<RefreshableProgram, 'expiresAt' | 'supersededAt'>,
  now: Date,
): 'usable' | 'expired' | 'reused' {
  const { expiresAt, supersededAt } = token;
  if (expiresAt <= now) return 'expired';
  if (supersededAt === null) return 'usable';
  return now.getTime() - supersededAt.getTime() <= SUPERSEDED_TOKEN_GRACE_MS ? 'usable' : 'reused';
}
