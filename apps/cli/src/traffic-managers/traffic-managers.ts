/** What the commands for traffic managers do. */
import type { ConnectionEvent, TrafficManager } from '../api.js';
import type { CommandContext } from '../command-context.js';
import { findTrafficManager } from '../find/find-traffic-manager.js';
import type { Output } from '../output/output.js';
import { shortIds, showTime } from '../output/readable.js';
import { firstItems, moreNote } from '../paging/first-items.js';
import { eachInTurn } from '../output/each-in-turn.js';

export interface CreateFlags {
  readonly name?: string;
  readonly cluster?: string;
}

export interface HistoryFlags {
  readonly limit: number;
}

export async function listManagers({ api, output }: CommandContext): Promise<void> {
  const items = await api.list('listTrafficManagers');
  const ids = shortIds(items.map(({ id }) => id));
  output.result(items, () =>
    output.table(
      ['NAME', 'MANAGER ID', 'ID', 'KIND', 'CLUSTER', 'VERSION', 'LAST SEEN'],
      items.map(({ name, managerId, kind, clusterId, version, lastSeenAt }, i) => [
        name,
        managerId,
        ids[i] ?? '',
        kind,
        clusterId,
        version,
        showTime(lastSeenAt),
      ]),
      'The team has no traffic managers. "culvert expose" is one while it runs.',
    ),
  );
}

export async function showManager({ api, output }: CommandContext, reference: string): Promise<void> {
  const { id } = await findTrafficManager(api, reference);
  const manager = await api.call('getTrafficManager', { trafficManagerId: id });
  output.result(manager, () => showDetails(output, manager));
}

export async function createManager(
  { api, output }: CommandContext,
  managerId: string,
  { name, cluster }: CreateFlags,
): Promise<void> {
  const body = {
    managerId,
    ...(name !== undefined && { name }),
    ...(cluster !== undefined && { clusterId: cluster }),
  };
  const manager = await api.call('createTrafficManager', { body });
  output.result(manager, () => output.line(`Registered ${nameOf(manager)} (${manager.id})`));
}

export async function renameManager(
  { api, output }: CommandContext,
  reference: string,
  name: string,
): Promise<void> {
  const before = await findTrafficManager(api, reference);
  const manager = await api.call('updateTrafficManager', { trafficManagerId: before.id, body: { name } });
  output.result(manager, () => output.line(`Renamed ${nameOf(before)} to ${nameOf(manager)}.`));
}

export async function removeManagers({ api, output }: CommandContext, references: string[]): Promise<void> {
  const removed: TrafficManager[] = [];
  // Finds all of them first, so that a mistyped name removes nothing.
  for (const reference of references) removed.push(await findTrafficManager(api, reference));
  await eachInTurn(
    removed,
    ({ id }) => api.call('deleteTrafficManager', { trafficManagerId: id }),
    (done) =>
      output.result(done, () => {
        for (const manager of done) output.line(`Removed ${nameOf(manager)} (${manager.id})`);
      }),
  );
}

export async function showHistory(
  { api, output }: CommandContext,
  reference: string,
  { limit }: HistoryFlags,
): Promise<void> {
  const { id } = await findTrafficManager(api, reference);
  const { items, hasMore } = await firstItems(limit, (query) =>
    api.call('listConnectionEvents', { trafficManagerId: id, query }),
  );
  output.result(items, () => showEvents(output, items));
  if (hasMore) output.note(moreNote(limit));
}

function showEvents(output: Output, events: readonly ConnectionEvent[]): void {
  output.table(
    ['AT', 'CHANGE', 'REASON', 'FROM', 'EDGE', 'DETAIL'],
    events.map(({ at, change, reason, remoteAddress, edgeId, detail, omittedBefore }) => [
      showTime(at),
      change,
      reason ?? '',
      remoteAddress,
      edgeId.slice(0, 8),
      [detail, omittedBefore > 0 ? `${omittedBefore} events before it are left out` : '']
        .filter(Boolean)
        .join('; '),
    ]),
    'The traffic manager has not connected in the time that Culvert keeps.',
  );
}

function showDetails(output: Output, manager: TrafficManager): void {
  output.fields([
    ['Name', manager.name],
    ['Manager id', manager.managerId],
    ['Id', manager.id],
    ['Kind', manager.kind],
    ['Cluster', manager.clusterId],
    ['Version', manager.version],
    ['Last seen', showTime(manager.lastSeenAt)],
    ['Created', showTime(manager.createdAt)],
  ]);
}

function nameOf({ name, managerId }: TrafficManager): string {
  return name || managerId;
}
