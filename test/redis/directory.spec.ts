/** The directory of edges in Redis as operators run it: behind Sentinel, and as a cluster. The servers are real. */
import { randomUUID } from 'node:crypto';
import { RedisDirectory } from '@culvert/fleet';
import { afterEach, describe, expect, it } from 'vitest';
import { CAN_START_REDIS, startCluster, startWithSentinel } from './redis-servers.js';

const cleanUp: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).toReversed()) await step();
});

const HOLDING = { tunnelCount: 1, streamCount: 0, roundTripMs: 1 };

describe.skipIf(!CAN_START_REDIS)('RedisDirectory (skipped without a redis-server on this machine)', () => {
  it('finds holders, attached and detached, behind Sentinel, also after a failover', async () => {
    const password = randomUUID();
    const { sentinel, master, stop } = await startWithSentinel(password);
    cleanUp.push(stop);
    const url = `redis+sentinel://:${password}@127.0.0.1:${sentinel.port}/main`;
    const [one, other] = [open(url), open(url)];
    const ids = await expectFound(one, other);
    await master.stop();
    await expectFound(one, other);
    for (const id of ids) expect(other.holdersOf(id)).toHaveLength(1);
  });

  it('finds holders, attached and detached, in a cluster, whose nodes share the keys', async () => {
    const { nodes, stop } = await startCluster();
    cleanUp.push(stop);
    const url = `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
    const [one, other] = [open(url), open(url)];
    const ids = await expectFound(one, other);
    for (const id of ids) one.report(id, null);
    await expect.poll(() => ids.filter((id) => other.holdersOf(id)?.length !== 0)).toEqual([]);
  });
});

function open(redisUrl: string): RedisDirectory {
  const self = { id: randomUUID(), address: '127.0.0.1:9091', machineId: 'machine' };
  const directory = new RedisDirectory(redisUrl, self, () => {});
  directory.listen({ onHolders: () => {}, onEdgeGone: () => {} });
  cleanUp.push(() => directory.close());
  return directory;
}

/** Attaches managers, whose keys are on several nodes of a cluster, and returns their ids once the other edge knows all. */
async function expectFound(one: RedisDirectory, other: RedisDirectory): Promise<string[]> {
  const ids = Array.from({ length: 30 }, () => randomUUID());
  for (const id of ids) one.report(id, HOLDING);
  await expect.poll(() => ids.filter((id) => other.holdersOf(id)?.length !== 1)).toEqual([]);
  return ids;
}
