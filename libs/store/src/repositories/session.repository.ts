import {
  MAX_CONNECTION_DETAIL_LENGTH,
  type ConnectionReason,
  type Page,
  type PageRequest,
  type Session,
  type SessionLoad,
  type SessionRef,
  type SessionRegistration,
  type SessionRepository,
  type SessionState,
  type ShownSession,
} from '@culvert/domain';
import type { Client, TransactionClient } from '../client.js';
import type { SessionModel } from '../generated/models.js';
import { isUuid, newId } from '../ids.js';
import { emptyPage, pageQuery, toPage } from '../page.js';
import { lockTeam, refuseBeyond } from './lock-team.js';
import { settleCluster } from './manager-cluster.js';
import { type CredentialColumns, lockCredential, toSessionCredential } from './session-credential.js';

const ABANDONED = 'the traffic manager did not come back in time';

/** Limit of sessions that one transaction ends. */
const MAX_ENDED_AT_ONCE = 500;

const WITH_MANAGER = {
  trafficManager: { select: { managerId: true, name: true, clusterId: true } },
} as const;

export class PrismaSessionRepository implements SessionRepository {
  constructor(private readonly client: Client) {}

  async register(
    teamId: string,
    registration: SessionRegistration,
  ): Promise<{ session: Session; resumed: boolean }> {
    return this.client.$transaction(async (tx) => {
      // Before the credential, as when removing a member: that locks the team, and then the member's programs.
      if (registration.maxSessions !== undefined) await lockTeam(tx, teamId);
      const credential = await lockCredential(tx, registration.credential);
      const trafficManagerId = await this.lockTrafficManager(tx, teamId, registration);
      const resumed = await this.resume(tx, teamId, trafficManagerId, registration, credential);
      if (resumed) return { session: resumed, resumed: true };
      const { kind, edgeId, remoteAddress, identity, at, maxSessions } = registration;
      if (maxSessions !== undefined) {
        const where = { teamId, state: { not: 'ended' as const } };
        await refuseBeyond('sessions', maxSessions, () => tx.session.count({ where }));
      }
      const session = await tx.session.create({
        data: {
          id: newId(),
          teamId,
          trafficManagerId,
          kind,
          state: 'connected',
          ...credential,
          edgeId,
          remoteAddress,
          version: identity.version,
          tunnelCount: 1,
          connectedAt: at,
          lastSeenAt: at,
        },
      });
      return { session: toSession(session), resumed: false };
    });
  }

  async find(teamId: string, id: string): Promise<ShownSession | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    const row = await this.client.session.findUnique({ where: { id, teamId }, include: WITH_MANAGER });
    return row && toSession(row);
  }

  async list(
    teamId: string,
    filter: { readonly trafficManagerId?: string | undefined; readonly state?: SessionState | undefined },
    page: PageRequest,
  ): Promise<Page<ShownSession>> {
    const { where, ...order } = pageQuery('connectedAt', page);
    const { trafficManagerId, state } = filter;
    if (!isUuid(teamId) || (trafficManagerId !== undefined && !isUuid(trafficManagerId))) return emptyPage();
    const rows = await this.client.session.findMany({
      where: { teamId, trafficManagerId, state, ...where },
      include: WITH_MANAGER,
      ...order,
    });
    return toPage(rows, page, (row) => row.connectedAt, toSession);
  }

  async setTunnelCount(id: string, tunnelCount: number, load: SessionLoad, at: Date): Promise<void> {
    if (!isUuid(id)) return;
    const isConnected = tunnelCount > 0;
    const bytes = {
      receivedBytes: { increment: load.receivedBytes },
      sentBytes: { increment: load.sentBytes },
    };
    const { count } = await this.client.session.updateMany({
      where: { id, state: { not: 'ended' } },
      data: {
        tunnelCount,
        state: isConnected ? 'connected' : 'disconnected',
        disconnectedAt: isConnected ? null : at,
        lastSeenAt: at,
        streamCount: load.streamCount,
        roundTripMs: isConnected ? load.roundTripMs : null,
        ...bytes,
      },
    });
    if (count === 0) await this.client.session.updateMany({ where: { id }, data: bytes });
  }

  /**
   * Skips rows that are being changed: their writer sets the time too, and a statement over many rows that never waits
   * cannot take part in a deadlock. The same applies to `endStale`.
   */
  async heartbeat(loads: ReadonlyMap<string, SessionLoad>, at: Date): Promise<string[]> {
    const wellFormed = [...loads.keys()].filter(isUuid);
    if (wellFormed.length === 0) return [];
    await this.client.$executeRaw`
      UPDATE traffic_manager SET last_seen_at = ${at} WHERE id IN (
        SELECT m.id FROM traffic_manager m
        JOIN session s ON s.team_id = m.team_id AND s.traffic_manager_id = m.id
        WHERE s.id = ANY(${wellFormed}::uuid[]) AND s.state <> 'ended'
        FOR UPDATE OF m SKIP LOCKED)`;
    const reports = JSON.stringify(wellFormed.map((id) => ({ id, ...loads.get(id) })));
    const taken = await this.client.$queryRaw<{ id: string }[]>`
      WITH living AS (
        SELECT id FROM session WHERE id = ANY(${wellFormed}::uuid[]) AND state <> 'ended' FOR UPDATE SKIP LOCKED)
      UPDATE session s SET
        last_seen_at = ${at}, stream_count = l."streamCount", round_trip_ms = l."roundTripMs",
        received_bytes = s.received_bytes + l."receivedBytes", sent_bytes = s.sent_bytes + l."sentBytes"
      FROM living JOIN jsonb_to_recordset(${reports}::jsonb) AS l(
        id uuid, "streamCount" int, "roundTripMs" float8, "receivedBytes" bigint, "sentBytes" bigint) USING (id)
      WHERE s.id = living.id RETURNING s.id`;
    return taken.map(({ id }) => id);
  }

  async findEnded(ids: readonly string[]): Promise<string[]> {
    const alive = await this.client.session.findMany({
      where: { id: { in: ids.filter(isUuid) }, state: { not: 'ended' } },
      select: { id: true },
    });
    const aliveIds = new Set(alive.map(({ id }) => id));
    return ids.filter((id) => !aliveIds.has(id));
  }

  async end(teamId: string, id: string, reason: string, at: Date): Promise<ShownSession | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    await this.client.$transaction(async (tx) => {
      // The manager before its session, as when removing the manager.
      const found = await tx.$queryRaw<unknown[]>`
        SELECT 1 FROM traffic_manager m JOIN session s ON s.team_id = m.team_id AND s.traffic_manager_id = m.id
        WHERE s.id = ${id}::uuid AND s.team_id = ${teamId}::uuid FOR KEY SHARE OF m`;
      if (found.length > 0) await endAll(tx, [id], { reason: 'session_ended', detail: reason }, at);
    });
    return this.find(teamId, id);
  }

  async endStale(staleBefore: Date, at: Date): Promise<SessionRef[]> {
    const ended: SessionRef[] = [];
    for (;;) {
      const some = await this.client.$transaction(async (tx) => {
        const stale = await tx.$queryRaw<{ id: string }[]>`
          SELECT s.id FROM session s JOIN traffic_manager m ON s.team_id = m.team_id AND s.traffic_manager_id = m.id
          WHERE s.last_seen_at < ${staleBefore} AND s.state <> 'ended' LIMIT ${MAX_ENDED_AT_ONCE}
          FOR KEY SHARE OF m SKIP LOCKED FOR UPDATE OF s SKIP LOCKED`;
        const ids = stale.map((row) => row.id);
        return endAll(tx, ids, { reason: 'not_resumed', detail: ABANDONED }, at);
      });
      ended.push(...some);
      if (some.length < MAX_ENDED_AT_ONCE) return ended;
    }
  }

  /**
   * Creates or refreshes the traffic manager and returns its id. Either way the statement locks the row until the
   * transaction ends, which serializes registrations of one manager. Its name stays: a person may have changed it.
   */
  private async lockTrafficManager(
    tx: TransactionClient,
    teamId: string,
    { identity, kind, at }: SessionRegistration,
  ): Promise<string> {
    const [row] = await tx.$queryRaw<{ id: string; name: string; clusterId: string }[]>`
      INSERT INTO traffic_manager (id, team_id, manager_id, kind, cluster_id, name, version, last_seen_at, created_at)
      VALUES (${newId()}::uuid, ${teamId}::uuid, ${identity.managerId}, ${kind}::tunnel_kind, ${identity.clusterId}, ${identity.name},
        ${identity.version}, ${at}, ${at})
      ON CONFLICT (team_id, manager_id) DO UPDATE SET
        version = EXCLUDED.version, last_seen_at = EXCLUDED.last_seen_at
      RETURNING id, name, cluster_id AS "clusterId"`;
    if (!row) throw new Error('an upsert returned no row');
    await settleCluster(tx, row, identity);
    return row.id;
  }

  private async resume(
    tx: TransactionClient,
    teamId: string,
    trafficManagerId: string,
    { kind, edgeId, remoteAddress, identity, at }: SessionRegistration,
    credential: CredentialColumns,
  ): Promise<Session | null> {
    const living = await tx.session.findFirst({
      where: { teamId, trafficManagerId, kind, state: { not: 'ended' } },
    });
    if (!living) return null;
    // `end` and `endStale` do not wait for the manager's row: the session may have ended since it was read.
    const [resumed] = await tx.session.updateManyAndReturn({
      where: { id: living.id, state: { not: 'ended' } },
      data: {
        state: 'connected',
        ...credential,
        edgeId,
        remoteAddress,
        version: identity.version,
        tunnelCount: Math.max(living.tunnelCount, 1),
        lastSeenAt: at,
        disconnectedAt: null,
      },
    });
    return resumed ? toSession(resumed) : null;
  }
}

function toSession<Row extends SessionModel>({ apiKeyId, userId, programId, ...row }: Row) {
  return {
    ...row,
    credential: toSessionCredential({ apiKeyId, userId, programId }),
    receivedBytes: Number(row.receivedBytes),
    sentBytes: Number(row.sentBytes),
  };
}

/**
 * Ends those that live, and records it in the history of their traffic managers, whose rows must be locked. Returns how
 * many.
 */
async function endAll(
  tx: TransactionClient,
  ids: string[],
  { reason, detail }: { readonly reason: ConnectionReason; readonly detail: string },
  at: Date,
): Promise<SessionRef[]> {
  if (ids.length === 0) return [];
  const ended = await tx.session.updateManyAndReturn({
    where: { id: { in: ids }, state: { not: 'ended' } },
    data: {
      state: 'ended',
      tunnelCount: 0,
      streamCount: 0,
      roundTripMs: null,
      endedAt: at,
      endReason: detail,
    },
  });
  await tx.connectionEvent.createMany({
    data: ended.map(({ id, teamId, trafficManagerId, kind, edgeId, remoteAddress, version }) => ({
      id: newId(),
      teamId,
      trafficManagerId,
      sessionId: id,
      at,
      change: 'ended',
      kind,
      edgeId,
      remoteAddress,
      version,
      reason,
      detail: detail.slice(0, MAX_CONNECTION_DETAIL_LENGTH),
      omittedBefore: 0,
    })),
  });
  return ended.map(({ id, teamId, trafficManagerId }) => ({ id, teamId, trafficManagerId }));
}
