import type { Scope, Authority, AuthorityRepository } from '@culvert/domain';
import type { Client } from '../client.js';
import { demandStanding } from './standing.js';

export class PrismaAuthorityRepository implements AuthorityRepository {
  constructor(private readonly client: Client) {}

  async demand(teamId: string, by: Authority, needs: readonly Scope[]): Promise<void> {
    await demandStanding(this.client, teamId, by, needs);
  }
}
