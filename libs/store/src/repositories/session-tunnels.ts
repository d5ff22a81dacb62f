import type { OpenTunnel, Session, SessionState, ShownSession, TunnelKind } from '@culvert/domain';
import type { Client } from '../client.js';

/** Limit of tunnels that are shown of one session. All count. */
const MAX_SHOWN_TUNNELS = 100;

/** A session with one of its tunnels, or none, and sums over all. */
interface Row {
  readonly id: string;
  readonly state: SessionState;
  readonly disconnectedAt: Date | null;
  readonly endedAt: Date | null;
  readonly endReason: string | null;
  readonly storedSeenAt: Date;
  readonly ownReceived: bigint;
  readonly ownSent: bigint;
  readonly tunnelId: string | null;
  readonly tunnelCount: bigint;
  readonly totalStreams: bigint;
  readonly totalReceived: bigint;
  readonly totalSent: bigint;
  readonly seenAt: Date;
  readonly kind: TunnelKind;
  readonly remoteAddress: string;
  readonly instanceId: string;
  readonly openedAt: Date;
  readonly roundTripMs: number | null;
  readonly streamCount: number;
  readonly receivedBytes: bigint;
  readonly sentBytes: bigint;
  readonly reportedAt: Date;
  readonly edgeId: string;
  readonly edgeName: string;
  readonly edgeVersion: string;
}

type Stored = Session & Pick<ShownSession, 'trafficManager'>;

/**
 * Adds the open tunnels to sessions of one team. One statement reads tunnels and counters, so that the bytes of a tunnel that
 * closes meanwhile are neither missing nor counted twice. Its state is that of the same moment.
 */
export async function withTunnels(
  client: Client,
  teamId: string,
  sessions: readonly Stored[],
): Promise<ShownSession[]> {
  if (sessions.length === 0) return [];
  const ids = sessions.map(({ id }) => id);
  const rows = await client.$queryRaw<Row[]>`
    SELECT s.id, s.state, s.disconnected_at AS "disconnectedAt", s.ended_at AS "endedAt", s.end_reason AS "endReason",
      s.last_seen_at AS "storedSeenAt", s.received_bytes AS "ownReceived", s.sent_bytes AS "ownSent", t.*
    FROM session s LEFT JOIN LATERAL (
      SELECT t.id AS "tunnelId", t.kind, t.remote_address AS "remoteAddress", t.instance_id AS "instanceId",
        t.opened_at AS "openedAt", t.round_trip_ms AS "roundTripMs", t.stream_count AS "streamCount",
        t.received_bytes AS "receivedBytes", t.sent_bytes AS "sentBytes", t.reported_at AS "reportedAt",
        e.id AS "edgeId", e.name AS "edgeName", e.version AS "edgeVersion",
        count(*) OVER () AS "tunnelCount", sum(t.stream_count) OVER () AS "totalStreams",
        (sum(t.received_bytes) OVER ())::bigint AS "totalReceived",
        (sum(t.sent_bytes) OVER ())::bigint AS "totalSent", max(e.last_seen_at) OVER () AS "seenAt"
      FROM tunnel t JOIN edge e ON e.id = t.edge_id WHERE t.team_id = s.team_id AND t.session_id = s.id
      ORDER BY t.opened_at DESC, t.id DESC LIMIT ${MAX_SHOWN_TUNNELS}) t ON true
    WHERE s.team_id = ${teamId}::uuid AND s.id = ANY(${ids}::uuid[])
    ORDER BY "openedAt" DESC, "tunnelId" DESC`;
  const bySession = new Map<string, Row[]>();
  for (const row of rows) {
    const siblings = bySession.get(row.id);
    if (siblings) siblings.push(row);
    else bySession.set(row.id, [row]);
  }
  // A session without a row was removed meanwhile.
  return sessions.flatMap((session) => {
    const own = bySession.get(session.id);
    return own === undefined ? [] : [show(session, own)];
  });
}

function show(session: Stored, rows: readonly Row[]): ShownSession {
  const [first] = rows;
  const { state, disconnectedAt, endedAt, endReason } = first;
  const shown = { ...session, state, disconnectedAt, endedAt, endReason };
  const [receivedBytes, sentBytes] = [Number(first.ownReceived), Number(first.ownSent)];
  if (first.tunnelId === null) {
    const lastSeenAt = first.storedSeenAt;
    return {
      ...shown,
      tunnels: [],
      tunnelCount: 0,
      streamCount: 0,
      roundTripMs: null,
      receivedBytes,
      sentBytes,
      lastSeenAt,
    };
  }
  return {
    ...shown,
    tunnels: rows.map(toOpenTunnel),
    tunnelCount: Number(first.tunnelCount),
    streamCount: Number(first.totalStreams),
    roundTripMs: first.roundTripMs,
    receivedBytes: receivedBytes + Number(first.totalReceived),
    sentBytes: sentBytes + Number(first.totalSent),
    lastSeenAt: first.seenAt,
  };
}

function toOpenTunnel(row: Row): OpenTunnel {
  const { tunnelId, kind, remoteAddress, instanceId, openedAt, roundTripMs, streamCount, reportedAt } = row;
  return {
    id: tunnelId ?? '',
    edge: { id: row.edgeId, name: row.edgeName, version: row.edgeVersion },
    kind,
    remoteAddress,
    instanceId,
    openedAt,
    roundTripMs,
    streamCount,
    receivedBytes: Number(row.receivedBytes),
    sentBytes: Number(row.sentBytes),
    reportedAt,
  };
}
