import type { Team, TeamRepository } from '@culvert/domain';
import type { Client } from '../client.js';
import { isUuid, newId } from '../ids.js';

export class PrismaTeamRepository implements TeamRepository {
  constructor(private readonly client: Client) {}

  create(name: string): Promise<Team> {
    return this.client.team.create({ data: { id: newId(), name, createdAt: new Date() } });
  }

  async find(teamId: string): Promise<Team | null> {
    if (!isUuid(teamId)) return null;
    return this.client.team.findUnique({ where: { id: teamId } });
  }
}
