import type { Edge, EdgeRepository, SessionRef, TunnelKind } from '@culvert/domain';
import type { Client, TransactionClient } from '../client.js';
import { newId } from '../ids.js';
import { ALIVE_SINCE, closeTunnels, DATABASE_TIME, MAX_SESSIONS_AT_ONCE } from './tunnel-rows.js';

/** A tunnel of an edge that is dead, and its session. */
interface LostTunnel {
  readonly id: string;
  readonly teamId: string;
  readonly sessionId: string;
  readonly trafficManagerId: string;
  readonly kind: TunnelKind;
  readonly remoteAddress: string;
  readonly version: string;
}

export class PrismaEdgeRepository implements EdgeRepository {
  constructor(private readonly client: Client) {}

  async beat({ id, name, version, startedAt }: Edge): Promise<void> {
    await this.client.$executeRaw`
      INSERT INTO edge (id, name, version, started_at, last_seen_at)
      VALUES (${id}, ${name}, ${version}, ${startedAt}, ${DATABASE_TIME})
      ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, version = EXCLUDED.version,
        started_at = EXCLUDED.started_at, last_seen_at = EXCLUDED.last_seen_at`;
  }

  async removeSilent(at: Date): Promise<SessionRef[]> {
    const silent = await this.client.$queryRaw<{ id: string }[]>`
      SELECT id FROM edge WHERE last_seen_at < ${ALIVE_SINCE} ORDER BY last_seen_at`;
    const sessions = new Map<string, SessionRef>();
    for (const { id } of silent) {
      let lost: readonly LostTunnel[];
      do {
        lost = await this.client.$transaction((tx) => removeSome(tx, id, at));
        for (const { sessionId, teamId, trafficManagerId } of lost)
          sessions.set(sessionId, { id: sessionId, teamId, trafficManagerId });
      } while (lost.length > 0);
    }
    return [...sessions.values()];
  }

  async remove(id: string): Promise<void> {
    await this.client.$executeRaw`
      DELETE FROM edge e WHERE id = ${id} AND NOT EXISTS (SELECT FROM tunnel WHERE edge_id = e.id)`;
  }
}

/**
 * Removes some tunnels of a silent edge, or the edge if it has none. Returns the removed tunnels. While its row is locked,
 * the edge cannot be seen again and no tunnel can be added. An edge in the same situation skips the locked row.
 */
async function removeSome(tx: TransactionClient, edgeId: string, at: Date): Promise<LostTunnel[]> {
  const [edge] = await tx.$queryRaw<{ seenAt: Date }[]>`
    SELECT last_seen_at AS "seenAt" FROM edge WHERE id = ${edgeId} AND last_seen_at < ${ALIVE_SINCE}
    FOR UPDATE SKIP LOCKED`;
  if (edge === undefined) return [];
  // First the tunnels alone: otherwise the planner would read all sessions of the deployment.
  const lost = await tx.$queryRaw<LostTunnel[]>`
    WITH own AS MATERIALIZED (
      SELECT id, team_id, session_id, kind, remote_address FROM tunnel WHERE edge_id = ${edgeId}
      LIMIT ${MAX_SESSIONS_AT_ONCE} FOR UPDATE SKIP LOCKED)
    SELECT t.id, s.team_id AS "teamId", s.id AS "sessionId", s.traffic_manager_id AS "trafficManagerId", t.kind,
      t.remote_address AS "remoteAddress", s.version
    FROM own t JOIN session s ON s.team_id = t.team_id AND s.id = t.session_id
    JOIN traffic_manager m ON m.team_id = s.team_id AND m.id = s.traffic_manager_id
    FOR NO KEY UPDATE OF m SKIP LOCKED FOR NO KEY UPDATE OF s SKIP LOCKED`;
  if (lost.length === 0) {
    await tx.$executeRaw`
      DELETE FROM edge e WHERE id = ${edgeId} AND NOT EXISTS (SELECT FROM tunnel WHERE edge_id = e.id)`;
    return [];
  }
  await closeTunnels(
    tx,
    lost.map((tunnel) => ({ ...tunnel, receivedBytes: 0, sentBytes: 0 })),
    { at, seenAt: edge.seenAt },
  );
  await tx.connectionEvent.createMany({
    data: lost.map(({ id: _id, ...tunnel }) => ({
      ...tunnel,
      id: newId(),
      at,
      change: 'disconnected',
      edgeId,
      reason: 'edge_lost',
      detail: '',
      omittedBefore: 0,
    })),
  });
  return lost;
}
