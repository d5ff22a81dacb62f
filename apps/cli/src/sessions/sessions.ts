/** What the commands for sessions do. */
import type { SessionState } from '@culvert/terms';
import type { Api, Session } from '../api.js';
import type { CommandContext } from '../command-context.js';
import { findOne, isWholeId } from '../find/find-one.js';
import { findTrafficManagerId } from '../find/find-traffic-manager.js';
import type { Output } from '../output/output.js';
import { shortIds, showBytes, showTime } from '../output/readable.js';
import { firstItems, moreNote } from '../paging/first-items.js';
import { showRoundTrip, showTunnels } from './show-tunnels.js';
import { showTunnelCount } from './tunnel-count.js';

export interface ListFlags {
  readonly state?: SessionState;
  readonly trafficManager?: string;
  readonly limit: number;
}

export async function listSessions(
  { api, output }: CommandContext,
  { state, trafficManager, limit }: ListFlags,
): Promise<void> {
  const trafficManagerId = await findTrafficManagerId(api, trafficManager);
  const { items, hasMore } = await firstItems(limit, (page) =>
    api.call('listSessions', { query: { ...page, state, trafficManagerId } }),
  );
  const ids = shortIds(items.map(({ id }) => id));
  output.result(items, () =>
    output.table(
      ['TRAFFIC MANAGER', 'ID', 'STATE', 'KIND', 'TUNNELS', 'CONNECTED SINCE', 'LAST SEEN'],
      items.map((session, i) => [
        nameOf(session),
        ids[i] ?? '',
        session.endReason === null ? session.state : `${session.state}: ${session.endReason}`,
        session.kind,
        showTunnelCount(session),
        showTime(session.connectedAt),
        showTime(session.lastSeenAt),
      ]),
      'There are no sessions.',
    ),
  );
  if (hasMore) output.note(moreNote(limit));
}

export async function showSession({ api, output }: CommandContext, reference: string): Promise<void> {
  const session = await findSession(api, reference);
  output.result(session, () => showDetails(output, session));
}

export async function endSession({ api, output }: CommandContext, reference: string): Promise<void> {
  const session = await findSession(api, reference);
  await api.call('endSession', { sessionId: session.id });
  output.result({ id: session.id, trafficManager: session.trafficManager }, () =>
    output.line(`Ended the session of ${nameOf(session)}`),
  );
}

function showDetails(output: Output, session: Session): void {
  output.fields([
    ['Traffic manager', nameOf(session)],
    ['Cluster', session.trafficManager.clusterId],
    ['Id', session.id],
    ['State', session.state],
    ['Kind', session.kind],
    ['Version', session.version],
    ['Tunnels', showTunnelCount(session)],
    ['From', session.remoteAddress],
    ['Round trip', showRoundTrip(session.roundTripMs)],
    ['Streams', String(session.streamCount)],
    ['Received', showBytes(session.receivedBytes)],
    ['Sent', showBytes(session.sentBytes)],
    ['API key', session.apiKeyId],
    ['Program', session.programId],
    ['User', session.userId],
    ['Connected', showTime(session.connectedAt)],
    ['Last seen', showTime(session.lastSeenAt)],
    ['Disconnected', session.disconnectedAt && showTime(session.disconnectedAt)],
    ['Ended', session.endedAt && showTime(session.endedAt)],
    ['Because', session.endReason],
  ]);
  showTunnels(output, [{ name: nameOf(session), tunnels: session.tunnels }]);
}

/** Finds a session by its id, or one that has not ended by an id's prefix or its traffic manager. @throws CliError */
async function findSession(api: Api, reference: string): Promise<Session> {
  if (isWholeId(reference)) return api.call('getSession', { sessionId: reference });
  const [connected, disconnected] = await Promise.all([
    api.list('listSessions', { query: { state: 'connected' } }),
    api.list('listSessions', { query: { state: 'disconnected' } }),
  ]);
  return findOne([...connected, ...disconnected], reference, {
    nouns: ['session', 'sessions'],
    idOf: ({ id }) => id,
    namesOf: ({ trafficManager: { name, managerId } }) => [name, managerId],
    hint: '"culvert sessions list" shows the sessions with their ids.',
  });
}

function nameOf({ trafficManager: { name, managerId } }: Session): string {
  return name || managerId;
}
