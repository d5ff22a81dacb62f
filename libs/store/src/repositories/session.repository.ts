import type {
  Page,
  PageRequest,
  Session,
  SessionRegistration,
  SessionRepository,
  SessionState,
} from '@culvert/domain';
import type { Client, TransactionClient } from '../client.js';
import { isUuid, newId } from '../ids.js';
import { emptyPage, pageQuery, toPage } from '../page.js';
import { lockTeam, refuseBeyond } from './lock-team.js';
import { type CredentialColumns, lockCredential, toSessionCredential } from './session-credential.js';

type SessionRow = Omit<Session, 'credential'> & CredentialColumns;

const ABANDONED = 'the traffic manager did not come back in time';

export class PrismaSessionRepository implements SessionRepository {
  constructor(private readonly client: Client) {}

  async register(
    teamId: string,
    registration: SessionRegistration,
  ): Promise<{ session: Session; resumed: boolean }> {
    return this.client.$transaction(async (tx) => {
      const credential = await lockCredential(tx, registration.credential);
      const trafficManagerId = await this.#lockTrafficManager(tx, teamId, registration);
      const resumed = await this.#resume(tx, teamId, trafficManagerId, registration, credential);
      if (resumed) return { session: resumed, resumed: true };
      const { kind, edgeId, remoteAddress, identity, at, maxSessions } = registration;
      if (maxSessions !== undefined) {
        await lockTeam(tx, teamId);
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

  async find(teamId: string, id: string): Promise<Session | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    const row = await this.client.session.findUnique({ where: { id, teamId } });
    return row && toSession(row);
  }

  async list(
    teamId: string,
    filter: { readonly trafficManagerId?: string | undefined; readonly state?: SessionState | undefined },
    page: PageRequest,
  ): Promise<Page<Session>> {
    const { where, ...order } = pageQuery('connectedAt', page);
    const { trafficManagerId, state } = filter;
    if (!isUuid(teamId) || (trafficManagerId !== undefined && !isUuid(trafficManagerId))) return emptyPage();
    const rows = await this.client.session.findMany({
      where: { teamId, trafficManagerId, state, ...where },
      ...order,
    });
    return toPage(rows, page, (row) => row.connectedAt, toSession);
  }

  async setTunnelCount(id: string, tunnelCount: number, at: Date): Promise<void> {
    if (!isUuid(id)) return;
    const connected = tunnelCount > 0;
    await this.client.session.updateMany({
      where: { id, state: { not: 'ended' } },
      data: {
        tunnelCount,
        state: connected ? 'connected' : 'disconnected',
        disconnectedAt: connected ? null : at,
        lastSeenAt: at,
      },
    });
  }

  /**
   * Rows that somebody else is changing right now are passed over: whoever does that sets the time too, and a
   * statement over many rows that never waits cannot take part in a deadlock. The same in `endStale`.
   */
  async heartbeat(ids: readonly string[], at: Date): Promise<void> {
    const wellFormed = ids.filter(isUuid);
    if (wellFormed.length === 0) return;
    await this.client.$executeRaw`
      UPDATE traffic_manager SET last_seen_at = ${at} WHERE id IN (
        SELECT m.id FROM traffic_manager m
        JOIN session s ON s.team_id = m.team_id AND s.traffic_manager_id = m.id
        WHERE s.id = ANY(${wellFormed}::uuid[]) AND s.state <> 'ended'
        FOR UPDATE OF m SKIP LOCKED)`;
    await this.client.$executeRaw`
      UPDATE session SET last_seen_at = ${at} WHERE id IN (
        SELECT id FROM session WHERE id = ANY(${wellFormed}::uuid[]) AND state <> 'ended' FOR UPDATE SKIP LOCKED)`;
  }

  async findEnded(ids: readonly string[]): Promise<string[]> {
    const alive = await this.client.session.findMany({
      where: { id: { in: ids.filter(isUuid) }, state: { not: 'ended' } },
      select: { id: true },
    });
    const aliveIds = new Set(alive.map(({ id }) => id));
    return ids.filter((id) => !aliveIds.has(id));
  }

  async end(teamId: string, id: string, reason: string, at: Date): Promise<Session | null> {
    if (!isUuid(teamId) || !isUuid(id)) return null;
    await this.client.session.updateMany({
      where: { teamId, id, state: { not: 'ended' } },
      data: { state: 'ended', tunnelCount: 0, endedAt: at, endReason: reason },
    });
    return this.find(teamId, id);
  }

  async endStale(staleBefore: Date, at: Date): Promise<number> {
    return this.client.$executeRaw`
      UPDATE session SET state = 'ended', tunnel_count = 0, ended_at = ${at}, end_reason = ${ABANDONED} WHERE id IN (
        SELECT id FROM session WHERE last_seen_at < ${staleBefore} AND state <> 'ended' FOR UPDATE SKIP LOCKED)`;
  }

  /**
   * Creates or refreshes the traffic manager and returns its id. Either way the statement locks the row until the
   * transaction ends, which puts registrations of one manager in a row. Its name stays: a person may have changed it.
   */
  async #lockTrafficManager(
    tx: TransactionClient,
    teamId: string,
    { identity, kind, at }: SessionRegistration,
  ): Promise<string> {
    const [row] = await tx.$queryRaw<{ id: string }[]>`
      INSERT INTO traffic_manager (id, team_id, manager_id, kind, cluster_id, name, version, last_seen_at, created_at)
      VALUES (${newId()}::uuid, ${teamId}::uuid, ${identity.managerId}, ${kind}::tunnel_kind, ${identity.clusterId}, ${identity.name},
        ${identity.version}, ${at}, ${at})
      ON CONFLICT (team_id, manager_id) DO UPDATE SET
        cluster_id = EXCLUDED.cluster_id, version = EXCLUDED.version, last_seen_at = EXCLUDED.last_seen_at
      RETURNING id`;
    if (!row) throw new Error('an upsert returned no row');
    return row.id;
  }

  async #resume(
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

function toSession({ apiKeyId, userId, oauthGrantId, ...row }: SessionRow): Session {
  return { ...row, credential: toSessionCredential({ apiKeyId, userId, oauthGrantId }) };
}
