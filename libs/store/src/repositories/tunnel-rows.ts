/**
 * Statements on tunnels and on the state of their sessions. A session is connected exactly while it has a tunnel, so both
 * change in one transaction. It first locks the session: then, in a statement of its own, it sees every tunnel that other
 * edges have added or removed.
 *
 * Traffic managers are locked before their sessions, as when a tunnel registers. A transaction that locks several sessions
 * never waits for a lock, so it cannot take part in a deadlock.
 */
import { MAX_EDGE_SILENCE_MS, type ClosedTunnel } from '@culvert/domain';
import type { TransactionClient } from '../client.js';
import { Prisma } from '../generated/client.js';

/**
 * The stored `last_seen_at` of a connected session. Edges are seen instead. A time in the future, so that the index of
 * living sessions by this time finds those without a tunnel only, and edges from before tunnels were recorded do not end
 * the session as stale.
 */
export const SEEN_BY_EDGES = new Date('9999-12-31T00:00:00Z');

/** Limit of sessions that one transaction changes. */
export const MAX_SESSIONS_AT_ONCE = 500;

/** The time of the database, as its columns store it. */
export const DATABASE_TIME = Prisma.sql`(now() AT TIME ZONE 'UTC')`;
/** Edges that were seen after this moment are alive. */
export const ALIVE_SINCE = Prisma.sql`(${DATABASE_TIME} - ${MAX_EDGE_SILENCE_MS} * interval '1 millisecond')`;

/** Locks those of these sessions that are free, with their traffic managers. Returns their IDs. */
export async function lockFreeSessions(tx: TransactionClient, ids: readonly string[]): Promise<Set<string>> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    SELECT s.id FROM session s JOIN traffic_manager m ON m.team_id = s.team_id AND m.id = s.traffic_manager_id
    WHERE s.id = ANY(${[...ids]}::uuid[])
    FOR NO KEY UPDATE OF m SKIP LOCKED FOR NO KEY UPDATE OF s SKIP LOCKED`;
  return new Set(rows.map(({ id }) => id));
}

/** Locks one session and its traffic manager, and waits for that. False if the team has no such session. */
export async function lockSession(tx: TransactionClient, teamId: string, id: string): Promise<boolean> {
  await tx.$queryRaw`
    SELECT 1 AS found FROM traffic_manager m JOIN session s ON s.team_id = m.team_id AND s.traffic_manager_id = m.id
    WHERE s.id = ${id}::uuid AND s.team_id = ${teamId}::uuid FOR NO KEY UPDATE OF m`;
  const found = await tx.$queryRaw<unknown[]>`
    SELECT 1 AS found FROM session WHERE id = ${id}::uuid AND team_id = ${teamId}::uuid FOR NO KEY UPDATE`;
  return found.length > 0;
}

/**
 * Removes tunnels of locked sessions. Adds their bytes to the sessions, and marks those disconnected that have no tunnel
 * left. Tunnels of edges that look dead count until the edge is removed: after the database was away, all edges look dead.
 * A session that an edge of a former version holds stays connected: that edge adds no tunnels.
 * @param times.at when they were disconnected
 * @param times.seenAt when their edge was last seen
 */
export async function closeTunnels(
  tx: TransactionClient,
  closed: readonly ClosedTunnel[],
  { at, seenAt }: { readonly at: Date; readonly seenAt: Date },
): Promise<void> {
  const rows = JSON.stringify(
    closed.map(({ id, sessionId, receivedBytes, sentBytes }) => ({
      id,
      sessionId,
      receivedBytes,
      sentBytes,
    })),
  );
  await tx.$executeRaw`
    WITH closed AS (
      SELECT * FROM jsonb_to_recordset(${rows}::jsonb) AS c(
        id uuid, "sessionId" uuid, "receivedBytes" bigint, "sentBytes" bigint)
    ), gone AS (
      DELETE FROM tunnel t USING closed c WHERE t.id = c.id RETURNING t.session_id, t.received_bytes, t.sent_bytes
    ), carried AS (
      SELECT session_id, sum(received_bytes) AS received_bytes, sum(sent_bytes) AS sent_bytes FROM (
        SELECT session_id, received_bytes, sent_bytes FROM gone
        UNION ALL SELECT "sessionId", "receivedBytes", "sentBytes" FROM closed) part
      GROUP BY session_id
    ), judged AS (
      SELECT s.id, s.state = 'connected' AND s.last_seen_at = ${SEEN_BY_EDGES} AND NOT EXISTS (
        SELECT FROM tunnel t
        WHERE t.team_id = s.team_id AND t.session_id = s.id AND t.id NOT IN (SELECT id FROM closed)) AS is_left
      FROM session s JOIN carried c ON c.session_id = s.id
    ), changed AS (
      UPDATE session s SET
        received_bytes = s.received_bytes + c.received_bytes,
        sent_bytes = s.sent_bytes + c.sent_bytes,
        state = CASE WHEN j.is_left THEN 'disconnected' ELSE s.state END,
        disconnected_at = CASE WHEN j.is_left THEN ${at} ELSE s.disconnected_at END,
        last_seen_at = CASE WHEN j.is_left THEN ${seenAt} ELSE s.last_seen_at END
      FROM carried c JOIN judged j ON j.id = c.session_id
      WHERE s.id = c.session_id RETURNING s.team_id, s.traffic_manager_id, j.is_left)
    UPDATE traffic_manager m SET last_seen_at = GREATEST(m.last_seen_at, ${seenAt})
    FROM changed c WHERE c.is_left AND m.team_id = c.team_id AND m.id = c.traffic_manager_id`;
}

/** Inserts a row for an edge that has none yet, or whose row was removed while it was not seen. */
export function ensureEdge(edgeId: string): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO edge (id, name, version, started_at, last_seen_at)
    VALUES (${edgeId}, '', '', ${DATABASE_TIME}, ${DATABASE_TIME}) ON CONFLICT (id) DO NOTHING`;
}
