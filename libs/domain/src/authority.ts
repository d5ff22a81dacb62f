import type { Scope } from '@culvert/terms';

/**
 * The credential by whose power a team is changed. The guard of a request found out what it permits before the request
 * was worked on. Whatever outlives the request is judged again by the store, in the transaction that writes it and behind
 * the team's lock: a person may have been removed meanwhile, a key revoked, a browser signed out.
 */
export type Authority =
  | { readonly kind: 'person'; readonly userId: string; readonly userSessionId: string }
  | { readonly kind: 'program'; readonly userId: string; readonly programId: string }
  | { readonly kind: 'api-key'; readonly apiKeyId: string };

/** By whose power something is made of which a team has a limited number. */
export interface Making {
  readonly by: Authority;
  /** How many of them there may be, the new one included. */
  readonly max: number;
}

/**
 * The caller's credential no longer permits what it did when the request was authenticated: it has ended (`ended`), its
 * person is not a member (`not_a_member`), or a scope or role is missing (`insufficient`).
 */
export class AuthorityLostError extends Error {
  readonly code = 'AUTHORITY_LOST';
  constructor(
    readonly reason: 'ended' | 'not_a_member' | 'insufficient',
    readonly missing: readonly Scope[] = [],
  ) {
    super(`the caller's credential no longer permits this: ${reason}`);
  }
}
