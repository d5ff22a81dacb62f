import type { KeepPolicy, Team, TeamChange, TeamRepository, TeamUsage } from '@culvert/domain';
import type { Client } from '../client.js';
import { isUuid, newId } from '../ids.js';
import { usableApiKey } from './api-key.repository.js';
import type { TeamModel } from '../generated/models.js';
import { keepPolicyOf, replaceKeepPolicy } from './keep-policy.js';
import { refuseBeyond } from './lock-team.js';

const MINUTE_MS = 60_000;
/** Time to remove what a new policy does not allow: up to some hundred thousand rows. */
const PURGE_MS = 60_000;

export class PrismaTeamRepository implements TeamRepository {
  constructor(private readonly client: Client) {}

  async create(name: string): Promise<Team> {
    return toTeam(await this.client.team.create({ data: { id: newId(), name, createdAt: new Date() } }));
  }

  async createWithOwner(name: string, userId: string, maxTeams: number): Promise<Team> {
    return this.client.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT 1 AS found FROM "user" WHERE id = ${userId}::uuid FOR NO KEY UPDATE`;
      await refuseBeyond('teams', maxTeams, () => tx.membership.count({ where: { userId } }));
      const createdAt = new Date();
      const team = await tx.team.create({ data: { id: newId(), name, createdAt } });
      await tx.membership.create({ data: { teamId: team.id, userId, role: 'owner', createdAt } });
      return toTeam(team);
    });
  }

  async findFirst(): Promise<Team | null> {
    const row = await this.client.team.findFirst({ orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] });
    return row && toTeam(row);
  }

  async find(teamId: string): Promise<Team | null> {
    if (!isUuid(teamId)) return null;
    const row = await this.client.team.findUnique({ where: { id: teamId } });
    return row && toTeam(row);
  }

  async update(teamId: string, change: TeamChange): Promise<Team | null> {
    if (!isUuid(teamId)) return null;
    const [updated] = await this.client.team.updateManyAndReturn({ where: { id: teamId }, data: change });
    return updated ? toTeam(updated) : null;
  }

  async setKeepPolicy(teamId: string, policy: KeepPolicy | null): Promise<readonly string[] | null> {
    if (!isUuid(teamId)) return null;
    return this.client.$transaction((tx) => replaceKeepPolicy(tx, teamId, policy), { timeout: PURGE_MS });
  }

  async usage(teamId: string, now: Date): Promise<TeamUsage> {
    const [previews, sessions, apiKeys, members, invitations, requests] = await Promise.all([
      this.client.preview.count({ where: { teamId } }),
      this.client.session.count({ where: { teamId, state: { not: 'ended' } } }),
      this.client.apiKey.count({ where: { teamId, ...usableApiKey(now) } }),
      this.client.membership.count({ where: { teamId } }),
      this.client.invitation.count({ where: { teamId } }),
      this.client.teamRequests.findUnique({ where: { teamId } }),
    ]);
    const previewRequestsPerMinute = requests === null ? 0 : inMinuteBefore(requests, now);
    return { previews, sessions, apiKeys, members, invitations, previewRequestsPerMinute };
  }

  async recordRequests(countsByTeam: ReadonlyMap<string, number>, at: Date): Promise<void> {
    const counted = [...countsByTeam].filter(([teamId]) => isUuid(teamId));
    if (counted.length === 0) return;
    const ids = counted.map(([teamId]) => teamId);
    const counts = counted.map(([, count]) => count);
    const minute = minuteOf(at);
    const before = new Date(minute.getTime() - MINUTE_MS);
    // The same order everywhere: edges that write at the same time wait for each other, and never in a circle.
    await this.client.$executeRaw`
      INSERT INTO team_requests AS held (team_id, minute, requests, previous)
      SELECT team.id, ${minute}, added.requests, 0
        FROM unnest(${ids}::uuid[], ${counts}::int[]) AS added (team_id, requests)
        JOIN team ON team.id = added.team_id ORDER BY team.id
      ON CONFLICT (team_id) DO UPDATE SET
        minute = excluded.minute,
        requests = excluded.requests + CASE WHEN held.minute = excluded.minute THEN held.requests ELSE 0 END,
        previous = CASE WHEN held.minute = excluded.minute THEN held.previous
          WHEN held.minute = ${before} THEN held.requests ELSE 0 END
        WHERE held.minute <= excluded.minute`;
  }
}

export function toTeam({ id, name, previewIdleExpirySeconds, createdAt, ...row }: TeamModel): Team {
  return { id, name, previewIdleExpirySeconds, createdAt, keepPolicy: keepPolicyOf(row) };
}

function minuteOf(at: Date): Date {
  return new Date(Math.floor(at.getTime() / MINUTE_MS) * MINUTE_MS);
}

/** Returns the counts of the last complete minute: every edge has written by then. */
function inMinuteBefore(
  { minute, requests, previous }: { minute: Date; requests: number; previous: number },
  now: Date,
): number {
  const minutesAgo = (minuteOf(now).getTime() - minute.getTime()) / MINUTE_MS;
  if (minutesAgo === 1) return requests;
  return minutesAgo === 0 ? previous : 0;
}
