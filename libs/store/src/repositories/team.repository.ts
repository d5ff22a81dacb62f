import type { Team, TeamChange, TeamRepository, TeamUsage } from '@culvert/domain';
import type { Client } from '../client.js';
import { isUuid, newId } from '../ids.js';
import { usableApiKey } from './api-key.repository.js';
import { refuseBeyond } from './lock-team.js';

export class PrismaTeamRepository implements TeamRepository {
  constructor(private readonly client: Client) {}

  create(name: string): Promise<Team> {
    return this.client.team.create({ data: { id: newId(), name, createdAt: new Date() } });
  }

  async createWithOwner(name: string, userId: string, maxTeams: number): Promise<Team> {
    return this.client.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT 1 AS found FROM "user" WHERE id = ${userId}::uuid FOR NO KEY UPDATE`;
      await refuseBeyond('teams', maxTeams, () => tx.membership.count({ where: { userId } }));
      const createdAt = new Date();
      const team = await tx.team.create({ data: { id: newId(), name, createdAt } });
      await tx.membership.create({ data: { teamId: team.id, userId, role: 'owner', createdAt } });
      return team;
    });
  }

  findFirst(): Promise<Team | null> {
    return this.client.team.findFirst({ orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] });
  }

  async find(teamId: string): Promise<Team | null> {
    if (!isUuid(teamId)) return null;
    return this.client.team.findUnique({ where: { id: teamId } });
  }

  async update(teamId: string, change: TeamChange): Promise<Team | null> {
    if (!isUuid(teamId)) return null;
    const [updated] = await this.client.team.updateManyAndReturn({ where: { id: teamId }, data: change });
    return updated ?? null;
  }

  async usage(teamId: string, now: Date): Promise<TeamUsage> {
    const [previews, sessions, apiKeys, members, invitations] = await Promise.all([
      this.client.preview.count({ where: { teamId } }),
      this.client.session.count({ where: { teamId, state: { not: 'ended' } } }),
      this.client.apiKey.count({ where: { teamId, ...usableApiKey(now) } }),
      this.client.membership.count({ where: { teamId } }),
      this.client.invitation.count({ where: { teamId } }),
    ]);
    return { previews, sessions, apiKeys, members, invitations };
  }
}
