import type {
  ClosedTunnel,
  HeldTunnel,
  SessionRef,
  TunnelRef,
  TunnelReport,
  TunnelRepository,
} from '@culvert/domain';
import type { Client } from '../client.js';
import {
  closeTunnels,
  ensureEdge,
  lockFreeSessions,
  lockSession,
  MAX_SESSIONS_AT_ONCE,
  SEEN_BY_EDGES,
} from './tunnel-rows.js';

export class PrismaTunnelRepository implements TunnelRepository {
  constructor(private readonly client: Client) {}

  /** Skips rows that are being removed: a statement over many rows that never waits cannot take part in a deadlock. */
  async report(reports: readonly TunnelReport[], at: Date): Promise<string[]> {
    if (reports.length === 0) return [];
    // In a transaction: a server that hung runs a statement although the caller has given up, and would add the bytes twice.
    const recorded = await this.client.$transaction(
      (tx) => tx.$queryRaw<{ id: string }[]>`
      WITH report AS (
        SELECT * FROM jsonb_to_recordset(${JSON.stringify(reports)}::jsonb) AS r(
          id uuid, "streamCount" int, "roundTripMs" float8, "receivedBytes" bigint, "sentBytes" bigint)
      ), free AS (
        SELECT id FROM tunnel WHERE id IN (SELECT id FROM report) FOR NO KEY UPDATE SKIP LOCKED)
      UPDATE tunnel t SET
        reported_at = ${at}, stream_count = r."streamCount", round_trip_ms = r."roundTripMs",
        received_bytes = t.received_bytes + r."receivedBytes", sent_bytes = t.sent_bytes + r."sentBytes"
      FROM free JOIN report r USING (id) WHERE t.id = free.id RETURNING t.id`,
    );
    return recorded.map(({ id }) => id);
  }

  async close(closed: readonly ClosedTunnel[], at: Date): Promise<void> {
    const bySession = new Map<string, ClosedTunnel[]>();
    for (const tunnel of closed) {
      const siblings = bySession.get(tunnel.sessionId);
      if (siblings) siblings.push(tunnel);
      else bySession.set(tunnel.sessionId, [tunnel]);
    }
    const sessions = [...bySession.keys()];
    for (let from = 0; from < sessions.length; from += MAX_SESSIONS_AT_ONCE) {
      const ids = sessions.slice(from, from + MAX_SESSIONS_AT_ONCE);
      const done = ids.length === 1 ? new Set() : await this.closeFree(ids, bySession, at);
      // Locked by others: one at a time, since a transaction that holds nothing else may wait.
      for (const id of ids) if (!done.has(id)) await this.closeOne(bySession.get(id) ?? [], at);
    }
  }

  async compare(
    edgeId: string,
    heldIds: readonly string[],
    registeredBefore: Date,
  ): Promise<{ missing: string[]; surplus: TunnelRef[] }> {
    const different = await this.client.$queryRaw<({ missing: string } | ({ missing: null } & TunnelRef))[]>`
      SELECT h.id AS missing, t.id, t.team_id AS "teamId", t.session_id AS "sessionId"
      FROM unnest(${[...heldIds]}::uuid[]) AS h(id)
      FULL JOIN (SELECT id, team_id, session_id, opened_at FROM tunnel WHERE edge_id = ${edgeId}) t ON t.id = h.id
      WHERE t.id IS NULL OR (h.id IS NULL AND t.opened_at < ${registeredBefore})`;
    const missing: string[] = [];
    const surplus: TunnelRef[] = [];
    for (const row of different) {
      if (row.missing === null) surplus.push({ id: row.id, teamId: row.teamId, sessionId: row.sessionId });
      else missing.push(row.missing);
    }
    return { missing, surplus };
  }

  async restore(edgeId: string, tunnels: readonly HeldTunnel[], at: Date): Promise<SessionRef[]> {
    const restored: SessionRef[] = [];
    for (let from = 0; from < tunnels.length; from += MAX_SESSIONS_AT_ONCE) {
      const some = tunnels.slice(from, from + MAX_SESSIONS_AT_ONCE);
      restored.push(...(await this.restoreFree(edgeId, some, at)));
    }
    return restored;
  }

  /** Closes the tunnels of sessions that are not being changed. Returns the IDs of these sessions. */
  private closeFree(
    ids: readonly string[],
    bySession: ReadonlyMap<string, readonly ClosedTunnel[]>,
    at: Date,
  ): Promise<ReadonlySet<string>> {
    return this.client.$transaction(async (tx) => {
      const free = await lockFreeSessions(tx, ids);
      const closed = [...free].flatMap((id) => bySession.get(id) ?? []);
      await closeTunnels(tx, closed, { at, seenAt: at });
      return free;
    });
  }

  /** @param closed tunnels of one session */
  private async closeOne(closed: readonly ClosedTunnel[], at: Date): Promise<void> {
    const [tunnel] = closed;
    if (tunnel === undefined) return;
    await this.client.$transaction(async (tx) => {
      if (await lockSession(tx, tunnel.teamId, tunnel.sessionId))
        await closeTunnels(tx, closed, { at, seenAt: at });
    });
  }

  private restoreFree(edgeId: string, tunnels: readonly HeldTunnel[], at: Date): Promise<SessionRef[]> {
    return this.client.$transaction(async (tx) => {
      const free = await lockFreeSessions(
        tx,
        tunnels.map(({ sessionId }) => sessionId),
      );
      const rows = JSON.stringify(tunnels.filter(({ sessionId }) => free.has(sessionId)));
      return tx.$queryRaw<SessionRef[]>`
        WITH known AS (${ensureEdge(edgeId)}), restored AS (
          INSERT INTO tunnel (id, team_id, session_id, edge_id, kind, remote_address, instance_id, opened_at, reported_at)
          SELECT h.id, s.team_id, s.id, ${edgeId}, h.kind, h."remoteAddress", h."instanceId", h."openedAt", ${at}
          FROM jsonb_to_recordset(${rows}::jsonb) AS h(
            id uuid, "teamId" uuid, "sessionId" uuid, kind tunnel_kind, "remoteAddress" text, "instanceId" text,
            "openedAt" timestamp(3))
          JOIN session s ON s.team_id = h."teamId" AND s.id = h."sessionId" AND s.state <> 'ended'
          ON CONFLICT (id) DO NOTHING RETURNING session_id)
        UPDATE session s SET state = 'connected', disconnected_at = NULL, last_seen_at = ${SEEN_BY_EDGES}
        WHERE s.id IN (SELECT session_id FROM restored)
        RETURNING s.id, s.team_id AS "teamId", s.traffic_manager_id AS "trafficManagerId"`;
    });
  }
}
