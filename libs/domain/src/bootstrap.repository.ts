import type { ApiKey, ApiKeyDraft } from './api-key.js';
import type { Team, User } from './team.js';

/** Resources that the first start of a deployment creates. */
export interface BootstrapDraft {
  readonly teamName: string;
  readonly email: string;
  /** Argon2id PHC string. */
  readonly passwordHash: string;
  readonly apiKey: ApiKeyDraft;
}

export interface BootstrapRepository {
  /** Creates team, owner and key in one transaction. Returns null, and changes nothing, if a team already exists. */
  createFirst(draft: BootstrapDraft): Promise<{ team: Team; owner: User; apiKey: ApiKey } | null>;
}
