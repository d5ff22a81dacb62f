import type { ApiKey, ApiKeyDraft } from './api-key.js';
import type { Making } from './authority.js';
import type { Page, PageRequest } from './page.js';

/**
 * Keys that a rotation or revocation ended: the key it named, unless that had ended before, and the keys it created.
 */
interface EndedKeys {
  readonly apiKey: ApiKey;
  readonly revokedApiKeyIds: readonly string[];
}

export interface ApiKeyRepository {
  /**
   * Creates a key. A key created by a caller belongs to the caller's person and, if a key creates it, ends no later
   * than that key. Without `making` it belongs to the operator, and is not counted: for the first start of a
   * deployment.
   * @throws TeamLimitError if the team has `making.max` usable ones
   * @throws AuthorityLostError if the caller can no longer create keys, or lacks one of the scopes
   */
  create(teamId: string, draft: ApiKeyDraft, making?: Making): Promise<ApiKey>;
  /**
   * Creates a key that replaces another. The old key, and every key it created, expires at `oldExpiresAt` unless it
   * does so earlier; if that is not in the future, they are revoked. The new key belongs to the caller. A key that
   * rotates itself passes on its creator; it cannot rotate a key that created it (`maker`). Null if the old key is
   * gone, revoked, expired or already replaced.
   * @throws TeamLimitError if the team would have more than `making.max` usable ones
   * @throws AuthorityLostError if the caller can no longer create keys, or lacks a scope of the old key
   */
  replace(
    teamId: string,
    id: string,
    draft: Omit<ApiKeyDraft, 'scopes'>,
    options: { readonly oldExpiresAt: Date; readonly now: Date } & Making,
  ): Promise<EndedKeys | 'maker' | null>;
  find(teamId: string, id: string): Promise<ApiKey | null>;
  /**
   * Across teams: the secret is the proof. Finds revoked and expired keys too, but no key whose creator is not a member
   * of the team. Returns only the scopes that the creator's role permits.
   */
  findByHash(hash: string): Promise<ApiKey | null>;
  /**
   * Across teams, for the edge: returns which of these keys are revoked, expired or gone, or have a creator who is not
   * a member.
   */
  findUnusable(ids: readonly string[], now: Date): Promise<string[]>;
  list(teamId: string, page: PageRequest): Promise<Page<ApiKey>>;
  rename(teamId: string, id: string, name: string): Promise<ApiKey | null>;
  /**
   * Revokes a key and every key it created. Idempotent: a revoked key keeps its first date. Null if it does not exist.
   */
  revoke(teamId: string, id: string, at: Date): Promise<EndedKeys | null>;
  /**
   * Across teams: revokes every key with the permissions of this person. Returns those that were not revoked before.
   */
  revokeAllOf(userId: string, at: Date): Promise<{ readonly id: string; readonly teamId: string }[]>;
  recordUse(id: string, at: Date, address?: string | null): Promise<void>;
  /** Across teams, for the edge: marks those of these keys that were last used before `unlessSince` as used at `at`. */
  prolongUse(ids: readonly string[], at: Date, unlessSince: Date): Promise<void>;
}
