import type { ApiKey, ApiKeyDraft } from './api-key.js';
import type { Making } from './authority.js';
import type { Page, PageRequest } from './page.js';

/** Keys that a rotation or revocation ended now: the key it named, unless that had ended before, and those it made. */
interface EndedKeys {
  readonly apiKey: ApiKey;
  readonly revokedApiKeyIds: readonly string[];
}

export interface ApiKeyRepository {
  /**
   * A key made by a caller has the caller's person and, if a key makes it, ends no later than that key. Without `making`
   * it is the operator's, and not counted: for the first start of a deployment.
   * @throws TeamLimitError when the team has `making.max` usable ones
   * @throws AuthorityLostError when the caller may no longer make keys, or lacks one of the scopes
   */
  create(teamId: string, draft: ApiKeyDraft, making?: Making): Promise<ApiKey>;
  /**
   * Makes a key that takes the place of another. That key, and every key it made, expires at `oldExpiresAt` unless it
   * does so earlier; if that is not in the future, they are revoked. The new key is the caller's. A key that rotates
   * itself hands on the key that made it; it cannot rotate a key that made it (`maker`). Null when the old key is gone,
   * revoked, expired or replaced already.
   * @throws TeamLimitError when the team would have more than `making.max` usable ones
   * @throws AuthorityLostError when the caller may no longer make keys, or lacks a scope of the old key
   */
  replace(
    teamId: string,
    id: string,
    draft: Omit<ApiKeyDraft, 'scopes'>,
    options: { readonly oldExpiresAt: Date; readonly now: Date } & Making,
  ): Promise<EndedKeys | 'maker' | null>;
  find(teamId: string, id: string): Promise<ApiKey | null>;
  /**
   * Across teams: the secret is the proof. Finds revoked and expired keys too, but none whose maker is not a member of
   * the team. Returns only those scopes that the maker's role permits.
   */
  findByHash(hash: string): Promise<ApiKey | null>;
  /** Across teams, for the edge: which of these keys are revoked, expired or gone, or have a maker who is not a member. */
  findUnusable(ids: readonly string[], now: Date): Promise<string[]>;
  list(teamId: string, page: PageRequest): Promise<Page<ApiKey>>;
  rename(teamId: string, id: string, name: string): Promise<ApiKey | null>;
  /** Revokes a key and every key it made. Idempotent: a revoked key keeps its first date. Null when it is gone. */
  revoke(teamId: string, id: string, at: Date): Promise<EndedKeys | null>;
  /** Across teams: every key with the power of this person. Returns those that were not revoked before. */
  revokeAllOf(userId: string, at: Date): Promise<{ readonly id: string; readonly teamId: string }[]>;
  recordUse(id: string, at: Date, address?: string | null): Promise<void>;
  /** Across teams, for the edge: these keys, as far as they were used before `unlessSince`, are in use at `at`. */
  prolongUse(ids: readonly string[], at: Date, unlessSince: Date): Promise<void>;
}
