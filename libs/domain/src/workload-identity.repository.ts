import type { ApiKey } from './api-key.js';
import type { Authority, Making } from './authority.js';
import type { Page, PageRequest } from './page.js';
import type { WorkloadIdentity, WorkloadIdentityChange, WorkloadIdentityDraft } from './workload-identity.js';

/** A token to issue. */
export interface WorkloadTokenDraft {
  /** Subject of the platform's token, for people to see. */
  readonly subject: string;
  readonly hint: string;
  /** SHA-256 of the secret, lower-case hex. */
  readonly hash: string;
  readonly now: Date;
  /** Most tokens of the identity that work at one time. The oldest makes room: its job gets another one. */
  readonly max: number;
}

/**
 * Workload identities, and the tokens that they issue. A token is stored as an API key with `workloadIdentityId`, so that
 * everything that accepts, ends and counts keys applies to it. Lists of API keys leave tokens out.
 */
export interface WorkloadIdentityRepository {
  /**
   * @throws TeamLimitError if the team has `making.max`
   * @throws AuthorityLostError if the caller lacks `team:write` or one of the scopes
   */
  create(teamId: string, draft: WorkloadIdentityDraft, making: Making): Promise<WorkloadIdentity>;
  list(teamId: string, page: PageRequest): Promise<Page<WorkloadIdentity>>;
  find(teamId: string, id: string): Promise<WorkloadIdentity | null>;
  /** Across teams: a platform's token names the identity that it wants to use, and must then meet its conditions. */
  findById(id: string): Promise<WorkloadIdentity | null>;
  /**
   * Changes an identity, and ends its tokens unless only its name changes. Null if it does not exist.
   * @param check throws if the identity would not be valid after the change; called under the team's lock
   * @throws AuthorityLostError if the caller lacks `team:write`, or one of the scopes unless the change only renames or
   *   disables
   */
  update(
    teamId: string,
    id: string,
    change: WorkloadIdentityChange,
    options: {
      readonly by: Authority;
      readonly now: Date;
      readonly check: (after: WorkloadIdentity) => void;
    },
  ): Promise<{
    readonly before: WorkloadIdentity;
    readonly after: WorkloadIdentity;
    readonly revokedApiKeyIds: readonly string[];
  } | null>;
  /** Removes an identity and ends its tokens. Null if it does not exist. @throws AuthorityLostError */
  remove(
    teamId: string,
    id: string,
    options: { readonly by: Authority; readonly now: Date },
  ): Promise<{ readonly removed: WorkloadIdentity; readonly revokedApiKeyIds: readonly string[] } | null>;
  /**
   * Issues a token with the scopes and lifetime of the identity. Null if the identity was changed, disabled or removed
   * since it was read. Ends its oldest tokens if `draft.max` work.
   */
  issueToken(
    identity: WorkloadIdentity,
    draft: WorkloadTokenDraft,
  ): Promise<{ readonly token: ApiKey; readonly revokedApiKeyIds: readonly string[] } | null>;
  /** Across teams: revokes the token with this hash. Null if there is none that works. */
  revokeToken(hash: string, at: Date): Promise<Pick<ApiKey, 'id' | 'teamId'> | null>;
  /** Across teams: removes tokens that ended before `before` and that no session refers to. */
  removeEndedTokens(before: Date): Promise<void>;
}
