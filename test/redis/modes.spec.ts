/** Redis as operators run it: behind Sentinel, and as a cluster. The servers are real. */
import { randomUUID } from 'node:crypto';
import { createEventBus, type ClusterEvent, type EventBus } from '@culvert/events';
import { connectRedis, connectRedisData } from '@culvert/redis';
import { afterEach, describe, expect, it } from 'vitest';
import { CAN_START_REDIS, startCluster, startWithSentinel } from './redis-servers.js';

const cleanUp: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).toReversed()) await step();
});

const ignore = (): void => {};

describe.skipIf(!CAN_START_REDIS)(
  'Redis behind Sentinel (skipped without a redis-server on this machine)',
  () => {
    it('serves events again once a replica has taken over from a dead master', async () => {
      const password = randomUUID();
      const { sentinel, master, stop } = await startWithSentinel(password);
      cleanUp.push(stop);
      const url = `redis+sentinel://:${password}@127.0.0.1:${sentinel.port}/main`;
      const data = connectRedisData(url, ignore);
      cleanUp.push(() => data.disconnect());
      const [one, other] = [openBus(url), openBus(url)];
      const heard = listen(other);
      await expectDelivery(one, heard);
      await data.set('before', '1');

      await master.stop();
      let hasGap = false;
      other.onGap(() => (hasGap = true));
      await expectDelivery(one, heard);
      await expect.poll(() => hasGap).toBe(true);
      await expect.poll(() => data.set('after', '2').catch(() => null)).toBe('OK');
    });
  },
);

describe.skipIf(!CAN_START_REDIS)(
  'Redis as a cluster (skipped without a redis-server on this machine)',
  () => {
    it('takes keys of all slots, and delivers events from any node to any other', async () => {
      const { nodes, stop } = await startCluster();
      cleanUp.push(stop);
      const url = `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
      const data = connectRedisData(url, ignore);
      cleanUp.push(() => data.disconnect());
      const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`);
      await Promise.all(keys.map((key) => data.set(key, key)));
      expect(await Promise.all(keys.map((key) => data.get(key)))).toEqual(keys);

      const fromEachNode = nodes.map(({ port }) => openBus(`redis+cluster://127.0.0.1:${port}`));
      const heard = fromEachNode.map(listen);
      for (const bus of fromEachNode) for (const each of heard) await expectDelivery(bus, each);
    });

    it('delivers events through another node once the node of a subscriber is dead', async () => {
      const { nodes, stop } = await startCluster();
      cleanUp.push(stop);
      const [dying, ...others] = nodes.map(({ port }) => `127.0.0.1:${port}`);
      const subscriber = openBus(`redis+cluster://${[dying, ...others].join(',')}`);
      const publisher = openBus(`redis+cluster://${others.join(',')}`);
      const heard = listen(subscriber);
      await expectDelivery(publisher, heard);
      let hasGap = false;
      subscriber.onGap(() => (hasGap = true));
      await nodes[0].stop();
      await expect.poll(() => hasGap).toBe(true);
      await expectDelivery(publisher, heard);
    });

    it('connects again with the credentials and options it had', () => {
      const redis = connectRedis('redis+cluster://ann:secret@127.0.0.1:1,127.0.0.1:2', ignore, {
        lazyConnect: true,
      });
      cleanUp.push(() => redis.disconnect());
      redis.emit('reconnecting');
      expect(redis.options).toMatchObject({ port: 2, username: 'ann', password: 'secret' });
    });
  },
);

function openBus(redisUrl: string): EventBus {
  const bus = createEventBus({ redisUrl, onError: ignore });
  cleanUp.push(() => bus.close());
  return bus;
}

function listen(bus: EventBus): Set<string> {
  const hostnames = new Set<string>();
  bus.subscribe((event) => event.type === 'preview.changed' && hostnames.add(event.hostname));
  return hostnames;
}

/** Publishes until an event arrives: while Redis is away, events are lost as documented. */
async function expectDelivery(bus: EventBus, heard: ReadonlySet<string>): Promise<void> {
  await expect
    .poll(async () => {
      const event: ClusterEvent = { type: 'preview.changed', hostname: randomUUID() };
      await bus.publish(event).catch(ignore);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return heard.has(event.hostname);
    })
    .toBe(true);
}
