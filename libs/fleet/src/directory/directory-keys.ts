/** Keys and channels of the directory in Redis. A command names one key, so that Redis Cluster can have them on any node. */

/** Channel of announcements to all edges. */
export const ANNOUNCEMENTS = 'culvert:directory';

/** Channel of messages to one edge. */
export function inboxOf(edgeId: string): string {
  return `culvert:directory:${edgeId}`;
}

/** Channels on which the directory of an edge receives messages. */
export function channelsOf(edgeId: string): readonly string[] {
  return [ANNOUNCEMENTS, inboxOf(edgeId)];
}

/** Key of the record of an edge. It expires unless the edge renews it. */
export function edgeKey(edgeId: string): string {
  return `culvert:edge:${edgeId}`;
}

/** Key of the hash of a traffic manager's holders: edge id to holding. */
export function holdersKey(trafficManagerId: string): string {
  return `culvert:holders:${trafficManagerId}`;
}

/** Removes a field if it still has the value that was read: its edge may be alive again, and have written anew. */
export const REMOVE_IF_SAME = `if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then return redis.call('HDEL', KEYS[1], ARGV[1]) end return 0`;
