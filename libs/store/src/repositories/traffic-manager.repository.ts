import {
  WORKSTATION_PREFIX,
  type ManagerIdentity,
  type Page,
  type PageRequest,
  type TrafficManager,
  type TrafficManagerRepository,
} from '@culvert/domain';
import type { Client } from '../client.js';
import { isUuid, newId } from '../ids.js';
import { emptyPage, pageQuery, toPage } from '../page.js';
import { freeHostnames } from './remembered-hostnames.js';

export class PrismaTrafficManagerRepository implements TrafficManagerRepository {
  constructor(private readonly client: Client) {}

  async create(teamId: string, identity: ManagerIdentity): Promise<TrafficManager | null> {
    const { managerId, clusterId, name, version } = identity;
    const [created] = await this.client.trafficManager.createManyAndReturn({
      data: { id: newId(), teamId, managerId, clusterId, name, version, createdAt: new Date() },
      skipDuplicates: true,
    });
    return created ?? null;
  }

  async find(teamId: string, id: string): Promise<TrafficManager | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    const row = await this.client.trafficManager.findUnique({ where: { teamId_id: { teamId, id } } });
    return row && (await this.seen(teamId, [row]))[0];
  }

  async list(teamId: string, page: PageRequest): Promise<Page<TrafficManager>> {
    const { where, ...order } = pageQuery('createdAt', page);
    if (!isUuid(teamId)) return emptyPage();
    const rows = await this.client.trafficManager.findMany({ where: { teamId, ...where }, ...order });
    const { items, nextCursor } = toPage(
      rows,
      page,
      (row) => row.createdAt,
      (row) => row,
    );
    return { items: await this.seen(teamId, items), nextCursor };
  }

  async listClusters(teamId: string, max: number): Promise<TrafficManager[]> {
    if (!isUuid(teamId)) return [];
    const rows = await this.client.trafficManager.findMany({
      where: { teamId, NOT: { managerId: { startsWith: WORKSTATION_PREFIX } } },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      take: max,
    });
    return this.seen(teamId, rows);
  }

  async rename(teamId: string, id: string, name: string): Promise<TrafficManager | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    const [renamed] = await this.client.trafficManager.updateManyAndReturn({
      where: { teamId, id },
      data: { name },
    });
    return renamed === undefined ? null : (await this.seen(teamId, [renamed]))[0];
  }

  async remove(teamId: string, id: string): Promise<string[] | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    return this.client.$transaction(async (tx) => {
      // Locked from the top down, so that no preview can appear between reading the hostnames and removing them.
      const found = await tx.$queryRaw<unknown[]>`
        SELECT 1 AS found FROM traffic_manager WHERE team_id = ${teamId}::uuid AND id = ${id}::uuid FOR UPDATE`;
      if (found.length === 0) return null;
      await tx.$queryRaw`
        SELECT 1 AS found FROM intercept
        WHERE team_id = ${teamId}::uuid AND traffic_manager_id = ${id}::uuid ORDER BY id FOR UPDATE`;
      const previews = await tx.preview.findMany({
        where: { teamId, trafficManagerId: id },
        select: { hostname: true },
      });
      const hostnames = previews.map(({ hostname }) => hostname);
      await freeHostnames(tx, teamId, hostnames);
      await tx.trafficManager.deleteMany({ where: { teamId, id } });
      return hostnames;
    });
  }

  /** Replaces the time at which those with open tunnels were last seen: it is not stored. */
  private async seen(teamId: string, managers: readonly TrafficManager[]): Promise<TrafficManager[]> {
    if (managers.length === 0) return [];
    const ids = managers.map(({ id }) => id);
    const rows = await this.client.$queryRaw<{ id: string; seenAt: Date }[]>`
      SELECT s.traffic_manager_id AS id, max(e.last_seen_at) AS "seenAt"
      FROM session s JOIN tunnel t ON t.team_id = s.team_id AND t.session_id = s.id JOIN edge e ON e.id = t.edge_id
      WHERE s.team_id = ${teamId}::uuid AND s.traffic_manager_id = ANY(${ids}::uuid[]) AND s.state = 'connected'
      GROUP BY s.traffic_manager_id`;
    const seen = new Map(rows.map(({ id, seenAt }) => [id, seenAt]));
    return managers.map((manager) => ({
      ...manager,
      lastSeenAt: seen.get(manager.id) ?? manager.lastSeenAt,
    }));
  }
}
