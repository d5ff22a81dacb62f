import type { Scope } from '@culvert/terms';
import type { Authority } from './authority.js';

export interface AuthorityRepository {
  /**
   * Checks authority for long work that the store does not write.
   * @throws AuthorityLostError if the credential no longer permits one of `needs`
   */
  demand(teamId: string, by: Authority, needs: readonly Scope[]): Promise<void>;
}
