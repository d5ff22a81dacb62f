import {
  MAX_CONNECTION_DETAIL_LENGTH,
  SESSION_NOT_RESUMED,
  type ConnectionReason,
  type HeldTunnel,
  type Page,
  type PageRequest,
  type Session,
  type SessionRef,
  type SessionRegistration,
  type SessionRepository,
  type SessionState,
  type ShownSession,
  type TunnelRef,
} from '@culvert/domain';
import type { Client, TransactionClient } from '../client.js';
import { Prisma } from '../generated/client.js';
import type { SessionModel } from '../generated/models.js';
import { isUuid, newId } from '../ids.js';
import { emptyPage, pageQuery, toPage } from '../page.js';
import { lockTeam, refuseBeyond } from './lock-team.js';
import { settleCluster } from './manager-cluster.js';
import { type CredentialColumns, lockCredential, toSessionCredential } from './session-credential.js';
import {
  ALIVE_SINCE,
  closeTunnels,
  ensureEdge,
  lockFreeSessions,
  lockSession,
  MAX_SESSIONS_AT_ONCE,
  SEEN_BY_EDGES,
} from './tunnel-rows.js';
import { withTunnels } from './session-tunnels.js';
import { addSessionEvents } from './webhook-outbox.js';

const WITH_MANAGER = {
  trafficManager: { select: { managerId: true, name: true, clusterId: true } },
} as const;

export class PrismaSessionRepository implements SessionRepository {
  constructor(private readonly client: Client) {}

  async register(
    teamId: string,
    registration: SessionRegistration,
  ): Promise<{ session: Session; resumed: boolean; tunnel: HeldTunnel }> {
    return this.client.$transaction(async (tx) => {
      // Before the credential, as when removing a member: that locks the team, and then the member's programs.
      if (registration.maxSessions !== undefined) await lockTeam(tx, teamId);
      const credential = await lockCredential(tx, registration.credential);
      const trafficManagerId = await this.lockTrafficManager(tx, teamId, registration);
      const resumed = await this.resume(tx, teamId, trafficManagerId, registration, credential);
      const session = resumed ?? (await this.begin(tx, teamId, trafficManagerId, registration, credential));
      return { session, resumed: resumed !== null, tunnel: await addTunnel(tx, session, registration) };
    });
  }

  async find(teamId: string, id: string): Promise<ShownSession | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    const row = await this.client.session.findUnique({ where: { id, teamId }, include: WITH_MANAGER });
    if (row === null) return null;
    const [session] = await withTunnels(this.client, teamId, [toSession(row)]);
    return session ?? null;
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
    const { items, nextCursor } = toPage(rows, page, (row) => row.connectedAt, toSession);
    return { items: await withTunnels(this.client, teamId, items), nextCursor };
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
      if (await lockSession(tx, teamId, id))
        await endAll(tx, [id], { reason: 'session_ended', detail: reason }, at);
    });
    return this.find(teamId, id);
  }

  async correctStates(at: Date): Promise<SessionRef[]> {
    const corrected: SessionRef[] = [];
    for (;;) {
      const some = await this.correctSome(at);
      corrected.push(...some);
      if (some.length < MAX_SESSIONS_AT_ONCE) return corrected;
    }
  }

  async endStale(staleBefore: Date, at: Date): Promise<SessionRef[]> {
    const ended: SessionRef[] = [];
    for (;;) {
      const some = await this.client.$transaction(async (tx) => {
        // An edge from before tunnels were recorded renews the time at which it saw a session.
        const stale = await tx.$queryRaw<{ id: string }[]>`
          SELECT s.id FROM session s JOIN traffic_manager m ON s.team_id = m.team_id AND s.traffic_manager_id = m.id
          WHERE s.last_seen_at < ${staleBefore} AND s.state = 'disconnected' AND s.disconnected_at < ${staleBefore}
            AND NOT ${IS_HELD}
          LIMIT ${MAX_SESSIONS_AT_ONCE} FOR KEY SHARE OF m SKIP LOCKED FOR UPDATE OF s SKIP LOCKED`;
        const ids = stale.map((row) => row.id);
        return endAll(tx, ids, { reason: 'not_resumed', detail: SESSION_NOT_RESUMED }, at);
      });
      ended.push(...some);
      if (some.length < MAX_SESSIONS_AT_ONCE) return ended;
    }
  }

  private correctSome(at: Date): Promise<SessionRef[]> {
    return this.client.$transaction(async (tx) => {
      const wrong = await tx.$queryRaw<{ id: string }[]>`
        SELECT s.id FROM session s WHERE s.state <> 'ended' AND s.last_seen_at < ${SEEN_BY_EDGES}
          AND CASE s.state WHEN 'connected' THEN s.last_seen_at < ${ALIVE_SINCE} ELSE ${IS_HELD} END
        LIMIT ${MAX_SESSIONS_AT_ONCE}`;
      const free = await lockFreeSessions(
        tx,
        wrong.map(({ id }) => id),
      );
      if (free.size === 0) return [];
      return tx.$queryRaw<SessionRef[]>`
        UPDATE session s SET
          state = CASE WHEN h.is_held THEN 'connected' ELSE 'disconnected' END::session_state,
          disconnected_at = CASE WHEN h.is_held THEN NULL ELSE ${at}::timestamp END,
          last_seen_at = CASE WHEN h.is_held THEN ${SEEN_BY_EDGES} ELSE s.last_seen_at END
        FROM (SELECT s.id, ${IS_HELD} AS is_held FROM session s WHERE s.id = ANY(${[...free]}::uuid[])) h
        WHERE s.id = h.id AND s.state <> 'ended' AND (s.state = 'connected' OR h.is_held)
        RETURNING s.id, s.team_id AS "teamId", s.traffic_manager_id AS "trafficManagerId"`;
    });
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

  private async begin(
    tx: TransactionClient,
    teamId: string,
    trafficManagerId: string,
    { kind, edgeId, remoteAddress, identity, wantedTunnelCount, at, maxSessions }: SessionRegistration,
    credential: CredentialColumns,
  ): Promise<Session> {
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
        wantedTunnels: wantedTunnelCount ?? null,
        connectedAt: at,
        lastSeenAt: SEEN_BY_EDGES,
      },
    });
    await addSessionEvents(tx, 'traffic-manager.up', [session], { at });
    return toSession(session);
  }

  private async resume(
    tx: TransactionClient,
    teamId: string,
    trafficManagerId: string,
    { kind, edgeId, remoteAddress, identity, wantedTunnelCount }: SessionRegistration,
    credential: CredentialColumns,
  ): Promise<Session | null> {
    // `end` and `endStale` do not wait for the manager's row: the session may end before this statement has its lock.
    const [resumed] = await tx.session.updateManyAndReturn({
      where: { teamId, trafficManagerId, kind, state: { not: 'ended' } },
      data: {
        state: 'connected',
        ...credential,
        edgeId,
        remoteAddress,
        version: identity.version,
        wantedTunnels: wantedTunnelCount ?? null,
        lastSeenAt: SEEN_BY_EDGES,
        disconnectedAt: null,
      },
    });
    return resumed ? toSession(resumed) : null;
  }
}

/** Whether the session `s` has a tunnel. The removal of a dead edge removes its tunnels. */
const IS_HELD = Prisma.sql`EXISTS (SELECT FROM tunnel t WHERE t.team_id = s.team_id AND t.session_id = s.id)`;

/**
 * Records the tunnel of a registration. The transaction holds the lock of its session. A tunnel with a given ID may have a
 * row already: a server that hung runs statements although the caller has given up and tries again.
 */
async function addTunnel(
  tx: TransactionClient,
  { id: sessionId, teamId }: Session,
  { kind, edgeId, remoteAddress, instanceId, at, tunnel }: SessionRegistration,
): Promise<HeldTunnel> {
  const { id, openedAt } = tunnel ?? { id: newId(), openedAt: at };
  await tx.$executeRaw`
    WITH known AS (${ensureEdge(edgeId)})
    INSERT INTO tunnel (id, team_id, session_id, edge_id, kind, remote_address, instance_id, opened_at, reported_at)
    VALUES (${id}::uuid, ${teamId}::uuid, ${sessionId}::uuid, ${edgeId}, ${kind}::tunnel_kind, ${remoteAddress},
      ${instanceId}, ${openedAt}, ${at})
    ON CONFLICT (id) DO NOTHING`;
  return { id, teamId, sessionId, kind, remoteAddress, instanceId, openedAt };
}

/** A session as stored, without the columns whose values depend on its open tunnels. */
function toSession<Row extends SessionModel>(row: Row) {
  const {
    apiKeyId,
    userId,
    programId,
    tunnelCount: _tunnelCount,
    streamCount: _streamCount,
    roundTripMs: _roundTripMs,
    receivedBytes: _receivedBytes,
    sentBytes: _sentBytes,
    lastSeenAt: _lastSeenAt,
    wantedTunnels: wantedTunnelCount,
    ...session
  } = row;
  return { ...session, wantedTunnelCount, credential: toSessionCredential({ apiKeyId, userId, programId }) };
}

/**
 * Ends those that live, and records it in the history of their traffic managers, whose rows must be locked. Their tunnels
 * are removed, and the bytes of these are added to them. Returns the ended sessions.
 */
async function endAll(
  tx: TransactionClient,
  ids: string[],
  { reason, detail }: { readonly reason: ConnectionReason; readonly detail: string },
  at: Date,
): Promise<SessionRef[]> {
  if (ids.length === 0) return [];
  const tunnels = await tx.$queryRaw<TunnelRef[]>`
    SELECT t.id, t.team_id AS "teamId", t.session_id AS "sessionId"
    FROM session s JOIN tunnel t ON t.team_id = s.team_id AND t.session_id = s.id WHERE s.id = ANY(${ids}::uuid[])`;
  const closed = tunnels.map((tunnel) => ({ ...tunnel, receivedBytes: 0, sentBytes: 0 }));
  if (closed.length > 0) await closeTunnels(tx, closed, { at, seenAt: at });
  const ended = await tx.session.updateManyAndReturn({
    where: { id: { in: ids }, state: { not: 'ended' } },
    data: { state: 'ended', endedAt: at, endReason: detail },
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
  await addSessionEvents(tx, 'traffic-manager.down', ended, { at, reason });
  return ended.map(({ id, teamId, trafficManagerId }) => ({ id, teamId, trafficManagerId }));
}
