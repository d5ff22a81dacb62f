import type { Scope } from '@culvert/terms';

/**
 * The credential with which a team is changed. The guard checked its permissions before the request was processed. The
 * store checks them again for everything that outlives the request, in the transaction that writes it and under the
 * team's lock: in the meantime a person may have been removed, a key revoked, or a browser signed out.
 */
export type Authority =
  | { readonly kind: 'person'; readonly userId: string; readonly userSessionId: string }
  | { readonly kind: 'program'; readonly userId: string; readonly programId: string }
  | { readonly kind: 'api-key'; readonly apiKeyId: string };

/** Authority and limit for creating something of which a team can have a limited number. */
export interface Making {
  readonly by: Authority;
  /** Most of them, including the new one. */
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
