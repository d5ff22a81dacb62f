import { type ManagerIdentity, ManagerIdTakenError } from '@culvert/domain';
import type { TransactionClient } from '../client.js';

/** A traffic manager as stored, its row locked. */
interface LockedManager {
  readonly id: string;
  readonly name: string;
  readonly clusterId: string;
}

/**
 * Records the cluster that a traffic manager registers from. While it is connected, its id belongs to the cluster that is
 * stored: an empty id changes nothing then, since older traffic managers do not know their cluster.
 * @throws ManagerIdTakenError if it is connected from another cluster
 */
export async function settleCluster(
  tx: TransactionClient,
  stored: LockedManager,
  { managerId, clusterId }: ManagerIdentity,
): Promise<void> {
  if (stored.clusterId === clusterId) return;
  // Its own statement: the one that has locked the row may have waited, and would not see sessions that began meanwhile.
  const connected = await tx.session.findFirst({
    where: { trafficManagerId: stored.id, state: 'connected' },
    select: { remoteAddress: true },
  });
  if (connected !== null && stored.clusterId !== '') {
    if (clusterId === '') return;
    throw new ManagerIdTakenError(managerId, { ...stored, remoteAddress: connected.remoteAddress });
  }
  await tx.trafficManager.update({ where: { id: stored.id }, data: { clusterId } });
}
