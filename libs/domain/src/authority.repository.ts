import type { Scope } from '@culvert/terms';
import type { Authority } from './authority.js';

export interface AuthorityRepository {
  /**
   * For what takes long and is not written by the store.
   * @throws AuthorityLostError when the credential no longer permits one of `needs`
   */
  demand(teamId: string, by: Authority, needs: readonly Scope[]): Promise<void>;
}
