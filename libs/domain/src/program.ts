import type { Role } from '@culvert/terms';
import { SECRET_PREFIXES } from './secret-prefixes.js';
import { generateSecret, hashSecret } from './secret.js';
import type { Team, User } from './team.js';

/** How long an authorization code waits for the program that asked for it (RFC 6749 §4.1.2 allows ten minutes). */
export const CODE_LIFETIME_MS = 60_000;
export const ACCESS_TOKEN_LIFETIME_MS = 60 * 60_000;
/** Counted from the last refresh: a program that is used at all stays signed in. */
export const REFRESH_TOKEN_LIFETIME_MS = 30 * 24 * 60 * 60_000;
/**
 * How long a refresh token still works once another of the same program was used for the first time instead: the one
 * made from it, or one made from the same. Processes of one machine share a file of tokens, and answers get lost, so a
 * program may be behind; whoever comes later than this has a copy that leaked.
 */
export const SUPERSEDED_TOKEN_GRACE_MS = 60_000;
/** How long a superseded refresh token is remembered, to notice that somebody has a copy of it. */
export const SUPERSEDED_TOKEN_MEMORY_MS = 7 * 24 * 60 * 60_000;

/** A program on a person's machine that they let act for them in one team: in OAuth's words, a grant. */
export interface Program {
  readonly id: string;
  readonly teamId: string;
  readonly userId: string;
  /** Which program it is, as OAuth's `client_id`. */
  readonly clientId: string;
  readonly createdAt: Date;
  /** When it last got tokens, which it does each hour while it is in use; null while its code is unused. */
  readonly lastUsedAt: Date | null;
  /** When its last token, or else its code, stops working. */
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

/** An authorization code and what its exchange has to match. */
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

/** Whom an access token speaks for. What it permits follows from the person's role in the team. */
export interface AccessTokenOwner {
  readonly program: Program;
  readonly user: User;
  readonly role: Role;
  readonly expiresAt: Date;
}

const PREFIXES = {
  code: SECRET_PREFIXES.authorizationCode,
  access: SECRET_PREFIXES.accessToken,
  refresh: SECRET_PREFIXES.refreshToken,
} as const;

/** A new code or token: a prefix that says which, and 256 random bits in base64url. */
export function generateOAuthSecret(kind: keyof typeof PREFIXES): string {
  return generateSecret(PREFIXES[kind]);
}

/** Whether a secret looks like one of our access tokens; whether it is good, only the store knows. */
export function isAccessTokenShaped(secret: string): boolean {
  return secret.startsWith(PREFIXES.access);
}

/** What the store keeps of a code or token. A fast hash is right: the input has 256 random bits. */
export function hashOAuthSecret(secret: string): string {
  return hashSecret(secret);
}

/** Whether a refresh token still gets new tokens, has merely expired, or is one that only a thief would show. */
export function judgeRefreshToken(
  token: Pick<RefreshableProgram, 'expiresAt' | 'supersededAt'>,
  now: Date,
): 'usable' | 'expired' | 'reused' {
  const { expiresAt, supersededAt } = token;
  if (expiresAt <= now) return 'expired';
  if (supersededAt === null) return 'usable';
  return now.getTime() - supersededAt.getTime() <= SUPERSEDED_TOKEN_GRACE_MS ? 'usable' : 'reused';
}
