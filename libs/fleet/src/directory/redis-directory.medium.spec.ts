import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { StallingProxy } from '@culvert/testkit';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RedisServer } from '../spec/redis-server.js';
import { createDirectory } from './create-directory.js';
import type { EdgeNode, GoneEdge, Holding } from './directory.js';
import { encodeEdge, encodeEdgeMessage, MalformedDirectoryDataError } from './directory-codec.js';
import { edgeKey, holdersKey } from './directory-keys.js';
import { DEFAULT_TIMES, type DirectoryTimes, tickOf } from './directory-times.js';
import { RedisDirectory } from './redis-directory.js';

/** A Redis of its own: at a shared one, other tests kill edges of their own, and these would report that. */
const server = new RedisServer();
let redisUrl: string;
/** Only what is announced, or asked for by the test, can change what is known. */
const NEVER_ASKS: Partial<DirectoryTimes> = { negativeMs: 600_000, refreshMs: 600_000 };
/** An edge is gone after half a second. */
const QUICK: Partial<DirectoryTimes> = { renewMs: 150, edgeLifeMs: 500, negativeMs: 100 };
/** A short tick, and an edge that a busy machine does not take for gone. */
const STEADY: Partial<DirectoryTimes> = { renewMs: 200, edgeLifeMs: 3_000 };
const HOLDING: Holding = { tunnelCount: 1, streamCount: 0, roundTripMs: 12.5 };
let cleanUp: (() => unknown)[];

beforeAll(async () => {
  await server.start();
  redisUrl = server.url;
});
afterAll(() => server.remove());
beforeEach(() => {
  cleanUp = [];
});
afterEach(async () => {
  for (const step of cleanUp.toReversed()) await step();
});

describe('RedisDirectory', () => {
  it('writes a holding once when its round trip is measured after it was announced', async () => {
    // Fault: the first round trip of an idle tunnel was a load that had changed, so every holding was written twice.
    const { directory } = open({ loadMs: 50 });
    const [idle, used, telepresence] = [randomUUID(), randomUUID(), randomUUID()];
    const limit = { maxIdleStreamMs: 60_000 };
    for (const id of [idle, used]) directory.report(id, { ...HOLDING, roundTripMs: 0 });
    directory.report(telepresence, { ...HOLDING, ...limit, roundTripMs: 0 });
    const roundTrip = async (id: string) =>
      (await admin().hget(holdersKey(id), directory.self.id))?.split(',')[2] ?? null;
    await expect.poll(() => roundTrip(telepresence)).toBe('0');
    directory.report(idle, { ...HOLDING, roundTripMs: 80 });
    directory.report(used, { ...HOLDING, streamCount: 1, roundTripMs: 80 });
    directory.report(telepresence, { ...HOLDING, ...limit, roundTripMs: 80 });
    await expect.poll(() => roundTrip(used)).toBe('80');
    await expect.poll(() => roundTrip(telepresence)).toBe('80');
    expect(await roundTrip(idle)).toBe('0');
    directory.report(idle, { ...HOLDING, streamCount: 1, roundTripMs: 80 });
    await expect.poll(() => roundTrip(idle)).toBe('80');
  });

  it('reports how many traffic managers an edge held that is gone, and whether it has left', async () => {
    const other = open(QUICK);
    const [killed, stopped] = [open({ ...QUICK, edgeLifeMs: 60_000, renewMs: 100 }), open(QUICK)];
    for (let i = 0; i < 3; i++) killed.directory.report(randomUUID(), HOLDING);
    await expect.poll(() => admin().get(edgeKey(killed.directory.self.id))).toContain('"heldCount":3');
    await expect.poll(() => other.directory.figures.edges).toBe(2);
    // From here on the edge is as if killed: nothing renews its record.
    Object.assign(killed.directory, { renew: () => Promise.resolve() });
    await stopped.directory.close();
    await expect
      .poll(() => other.lost)
      .toContainEqual(
        expect.objectContaining({
          node: expect.objectContaining({ id: killed.directory.self.id }),
          hasLeft: false,
          heldCount: 3,
        }),
      );
    expect(other.lost).toContainEqual(
      expect.objectContaining({
        node: expect.objectContaining({ id: stopped.directory.self.id }),
        hasLeft: true,
      }),
    );
  });

  it('finds what another edge held before it was asked', async () => {
    const [one, other] = [open(), open()];
    const id = randomUUID();
    one.directory.report(id, { ...HOLDING, maxIdleStreamMs: 60_000 });
    await expect.poll(() => admin().hlen(holdersKey(id))).toBe(1);
    expect(other.directory.holdersOf(id)).toBeNull();
    await other.change(id);
    expect(other.directory.holdersOf(id)).toEqual([
      expect.objectContaining({ ...HOLDING, maxIdleStreamMs: 60_000, edge: one.directory.self }),
    ]);
  });

  it('leaves out what this edge holds itself', async () => {
    const { directory, change } = open();
    const id = randomUUID();
    directory.report(id, HOLDING);
    directory.holdersOf(id);
    await change(id);
    expect(directory.holdersOf(id)).toEqual([]);
  });

  it('receives attach, another tunnel and detach as announcements, without asking again', async () => {
    const [one, other] = [open(NEVER_ASKS), open(NEVER_ASKS)];
    await meet(one, other);
    const id = randomUUID();
    other.directory.holdersOf(id);
    await other.change(id);
    expect(other.directory.holdersOf(id)).toEqual([]);
    let changed = other.change(id);
    one.directory.report(id, HOLDING);
    await changed;
    expect(other.directory.holdersOf(id)).toHaveLength(1);
    changed = other.change(id);
    one.directory.report(id, { ...HOLDING, tunnelCount: 2 });
    await changed;
    expect(other.directory.holdersOf(id)?.[0].tunnelCount).toBe(2);
    changed = other.change(id);
    one.directory.report(id, null);
    await changed;
    expect(other.directory.holdersOf(id)).toEqual([]);
    await expect.poll(() => admin().exists(holdersKey(id))).toBe(0);
  });

  it('returns the same array while nothing changes', async () => {
    const [one, other] = [open(NEVER_ASKS), open(NEVER_ASKS)];
    const id = await held(one, other);
    expect(other.directory.holdersOf(id)).toBe(other.directory.holdersOf(id));
  });

  it('writes a load that changed after a while, and announces nothing', async () => {
    const [one, other] = [open({ ...QUICK, loadMs: 50 }), open({ ...QUICK, refreshMs: 100 })];
    const id = await held(one, other);
    let events = 0;
    other.onChange.add(() => events++);
    one.directory.report(id, { ...HOLDING, streamCount: 7 });
    await expect.poll(() => other.directory.holdersOf(id)?.[0].streamCount).toBe(7);
    expect(events).toBe(0);
  });

  it('forgets an edge that closes, at once, with everything that it held', async () => {
    const [one, other] = [open(NEVER_ASKS), open(NEVER_ASKS)];
    const ids = Array.from({ length: 1_000 }, () => randomUUID());
    for (const id of ids) one.directory.report(id, HOLDING);
    await expect.poll(() => admin().exists(...ids.map(holdersKey))).toBe(ids.length);
    other.directory.holdersOf(ids[0]);
    await other.change(ids[0]);
    const gone = other.gone();
    await one.directory.close();
    expect(await gone).toBe(one.directory.self.id);
    expect(other.directory.holdersOf(ids[0])).toEqual([]);
    expect(await admin().exists(...ids.map(holdersKey), edgeKey(one.directory.self.id))).toBe(0);
  });

  it('forgets an edge that was killed once its record expires, and removes what it left', async () => {
    const proxy = await StallingProxy.start(redisUrl);
    const [killed, other, later] = [open(QUICK, proxy.url), open(QUICK), open(QUICK)];
    const id = await held(killed, other);
    const gone = other.gone();
    const before = performance.now();
    await proxy.stop();
    expect(await gone).toBe(killed.directory.self.id);
    expect(other.directory.holdersOf(id)).toEqual([]);
    // The machine may be busy: the time that matters is measured by the simulation.
    expect(performance.now() - before).toBeLessThan(5_000);
    await expect
      .poll(() => {
        later.directory.holdersOf(id);
        return admin().exists(holdersKey(id));
      })
      .toBe(0);
    expect(later.directory.holdersOf(id) ?? []).toEqual([]);
  });

  it('keeps what an edge holds that only Redis does not reach, while a link to it is open', async () => {
    // Fault: the record of an edge that was cut off from Redis expired, and its managers were unreachable.
    const proxy = await StallingProxy.start(redisUrl);
    // The tick follows from the life. Renewals that are two ticks apart come too late to judge others. Each lives for five
    // renewals, so that a busy machine does not take the other two for gone.
    const times = { ...QUICK, edgeLifeMs: 1_500, renewMs: 300 };
    const [cut, linked, other] = [open(times, proxy.url), open(times), open({ ...times, edgeLifeMs: 2_500 })];
    linked.linkedTo.add(cut.directory.self.id);
    const id = await held(cut, linked);
    await expect.poll(() => other.directory.holdersOf(id)?.length).toBe(1);
    // The other edge looks later, and has no link.
    const goneAtOther = other.gone();
    await proxy.stop();
    expect(await goneAtOther).toBe(cut.directory.self.id);
    expect([linked.directory.holdersOf(id)?.length, linked.gones]).toEqual([1, []]);
    const gone = linked.gone();
    linked.linkedTo.clear();
    expect(await gone).toBe(cut.directory.self.id);
    expect(linked.directory.holdersOf(id)).toEqual([]);
  });

  it('believes no record for longer than a record may live', async () => {
    // Fault: a record that expires in a year made an edge that was never gone.
    const ghost = node();
    const id = randomUUID();
    const record = encodeEdge({ node: ghost, isComplete: true, heldCount: 0 });
    await admin().set(edgeKey(ghost.id), record, 'PX', 31_536_000_000);
    cleanUp.push(() => admin().del(edgeKey(ghost.id)));
    await admin().hset(holdersKey(id), ghost.id, '1,0,1,,1');
    cleanUp.push(() => admin().del(holdersKey(id)));
    const one = open(QUICK);
    one.directory.holdersOf(id);
    await one.change(id);
    expect(one.directory.holdersOf(id)).toHaveLength(1);
    expect(await one.gone()).toBe(ghost.id);
  });

  it('asks again what an edge holds once that edge has written everything anew', async () => {
    // Fault: a tunnel that had ended during an outage was believed for 15 seconds more, if its end was announced before
    // this edge listened again.
    const ghost = node();
    const id = randomUUID();
    const record = (isComplete: boolean) => ({ node: ghost, isComplete, heldCount: 1 });
    const announce = (isComplete: boolean) =>
      admin().publish('culvert:directory', encodeEdgeMessage(record(isComplete)));
    await admin().set(edgeKey(ghost.id), encodeEdge(record(true)), 'PX', 60_000);
    cleanUp.push(() => admin().del(edgeKey(ghost.id), holdersKey(id)));
    await admin().hset(holdersKey(id), ghost.id, '1,0,1,,1');
    const one = open({ ...NEVER_ASKS, renewMs: 60_000, edgeLifeMs: 60_000 });
    one.directory.holdersOf(id);
    await one.change(id);
    expect(one.directory.holdersOf(id)).toHaveLength(1);
    await admin().hdel(holdersKey(id), ghost.id);
    await announce(false);
    await announce(true);
    await expect.poll(() => one.directory.holdersOf(id)).toEqual([]);
  });

  it('reports everything anew when its record has expired while it stood still', async () => {
    const [one, other] = [open(QUICK), open(QUICK)];
    const id = await held(one, other);
    // As others leave it: the record is gone, and its fields are removed by edges that read them.
    await admin().del(edgeKey(one.directory.self.id), holdersKey(id));
    await expect.poll(() => admin().hexists(holdersKey(id), one.directory.self.id)).toBe(1);
    await expect.poll(() => one.directory.figures.isComplete).toBe(true);
    expect(other.directory.holdersOf(id)).toHaveLength(1);
  });

  it('does not return a holder that turned out to hold nothing, and has it withdraw', async () => {
    const [one, other] = [open(NEVER_ASKS), open(NEVER_ASKS)];
    await meet(one, other);
    const id = randomUUID();
    const { self } = one.directory;
    await admin().hset(holdersKey(id), self.id, '1,0,1,,0');
    other.directory.holdersOf(id);
    await other.change(id);
    expect(other.directory.holdersOf(id)).toHaveLength(1);
    other.directory.disbelieve(id, self.id);
    expect(other.directory.holdersOf(id)).toBeNull();
    await other.change(id);
    expect(other.directory.holdersOf(id)).toEqual([]);
    await expect.poll(() => admin().exists(holdersKey(id))).toBe(0);
  });

  it('returns a disbelieved holder again after it has confirmed that it holds a tunnel', async () => {
    const [one, other] = [open(NEVER_ASKS), open(NEVER_ASKS)];
    const id = await held(one, other);
    other.directory.disbelieve(id, one.directory.self.id);
    expect(other.directory.holdersOf(id)).toBeNull();
    await expect.poll(() => other.directory.holdersOf(id)).toHaveLength(1);
  });

  it('ignores data that it cannot read, and reports each kind once', async () => {
    const { directory, change, errors } = open({ ...QUICK, negativeMs: 600_000 });
    const hostile = [
      '',
      'x',
      '1,2',
      '-1,0,0,,1',
      '0,0,0,,1',
      '1,1e9,0,,1',
      '{"a":1}',
      'NaN,0,0,,0',
      ','.repeat(5000),
    ];
    const ids = [randomUUID(), randomUUID(), randomUUID()];
    const [living, unreadable] = [randomUUID(), randomUUID()];
    await admin().set(
      edgeKey(living),
      JSON.stringify({ address: 'a:1', machineId: '', isComplete: true }),
      'PX',
      60_000,
    );
    for (const [index, text] of hostile.entries())
      await admin().hset(holdersKey(ids[0]), `edge-${index}`, text);
    await admin().hset(
      holdersKey(ids[0]),
      living,
      '1,0,0,,1',
      '__proto__',
      '1,0,0,,1',
      'not an id',
      '1,0,0,,1',
    );
    await admin().set(edgeKey(unreadable), '{"address":7}', 'PX', 60_000);
    await admin().hset(holdersKey(ids[1]), unreadable, '1,0,0,,1');
    await admin().set(holdersKey(ids[2]), 'a string');
    cleanUp.push(() => admin().del(...ids.map(holdersKey), edgeKey(living), edgeKey(unreadable)));
    for (const id of ids) {
      directory.holdersOf(id);
      await change(id);
    }
    expect(directory.holdersOf(ids[0])).toEqual([expect.objectContaining({ tunnelCount: 1 })]);
    expect(directory.holdersOf(ids[1])).toEqual([]);
    expect(directory.holdersOf(ids[2])).toEqual([]);
    directory.report(ids[2], HOLDING);
    for (const text of [
      '',
      '[]',
      '{',
      'null',
      '{"type":"edge"}',
      '{"type":"holdings","id":"a","changes":[[]]}',
    ])
      await admin().publish('culvert:directory', text);
    await admin().publish('culvert:directory', '{"type":"of a later version"}');
    await expect.poll(() => kindsOf(errors)).toEqual(['edge', 'holding', 'message', 'type']);
    expect(errors).toHaveLength(4);
  });

  it('looks up a manager without holders again within a second, for as long as it is wanted', async () => {
    const { directory, change } = open({ negativeMs: 100 });
    const id = randomUUID();
    directory.holdersOf(id);
    await change(id);
    expect(directory.holdersOf(id)).toEqual([]);
    // Written without an announcement, as after an outage.
    const edge = randomUUID();
    await admin().set(
      edgeKey(edge),
      JSON.stringify({ address: 'a:1', machineId: '', isComplete: true }),
      'PX',
      60_000,
    );
    const changed = change(id);
    await admin().hset(holdersKey(id), edge, '1,0,0,,1');
    cleanUp.push(() => admin().del(holdersKey(id), edgeKey(edge)));
    await changed;
    expect(directory.holdersOf(id)).toHaveLength(1);
  });

  it('keeps the managers in use when the limit of its memory is reached', async () => {
    const [one, other] = [
      open({ ...NEVER_ASKS, ...STEADY }),
      open({ ...NEVER_ASKS, ...STEADY, maxCached: 100 }),
    ];
    const id = await held(one, other);
    for (let round = 0; round < 10; round++) {
      for (let n = 0; n < 40; n++) other.directory.holdersOf(randomUUID());
      expect(other.directory.holdersOf(id)).toHaveLength(1);
      // Use counts from one tick of the clock to the next.
      await passing(tickOf({ ...DEFAULT_TIMES, ...STEADY }) + 10);
    }
    expect(other.directory.figures.cached).toBe(100);
  });

  it('is a directory of one edge without Redis', async () => {
    const directory = createDirectory({ self: node(), onError: () => {} });
    directory.report('manager', HOLDING);
    expect(directory.holdersOf('manager')).toEqual([]);
    await directory.close();
  });
});

describe('RedisDirectory with a Redis of its own', () => {
  let redis: RedisServer;

  beforeEach(async () => {
    redis = new RedisServer();
    cleanUp.push(() => redis.remove());
    await redis.start();
  });

  it('connects to a Redis that starts later', async () => {
    await redis.kill();
    const [one, other] = [open(QUICK, redis.url), open(QUICK, redis.url)];
    const id = randomUUID();
    one.directory.report(id, HOLDING);
    expect(other.directory.holdersOf(id)).toBeNull();
    await redis.start();
    await expect.poll(() => other.directory.holdersOf(id)).toHaveLength(1);
  });

  it('uses known holders while Redis is away, and finds the others after its restart', async () => {
    const [one, other] = [open(QUICK, redis.url), open(QUICK, redis.url)];
    const known = await held(one, other);
    await redis.kill();
    const [attached, unknown] = [randomUUID(), randomUUID()];
    one.directory.report(attached, HOLDING);
    expect(other.directory.holdersOf(attached)).toBeNull();
    expect(other.directory.holdersOf(unknown)).toBeNull();
    // Longer than an edge lives without Redis.
    await passing(700);
    expect(other.directory.holdersOf(known)).toHaveLength(1);
    expect(other.gones).toEqual([]);
    await redis.start();
    await expect.poll(() => other.directory.holdersOf(attached)).toHaveLength(1);
    await expect.poll(() => other.directory.holdersOf(unknown)).toEqual([]);
    expect(other.directory.holdersOf(known)).toHaveLength(1);
    expect(other.gones).toEqual([]);
  });

  it('withdraws after the restart what was detached meanwhile', async () => {
    const [one, other] = [open(QUICK, redis.url), open(QUICK, redis.url)];
    const id = await held(one, other);
    await redis.kill();
    one.directory.report(id, null);
    expect(other.directory.holdersOf(id)).toHaveLength(1);
    await redis.start();
    await expect.poll(() => other.directory.holdersOf(id)).toEqual([]);
  });

  it('writes everything anew after Redis was emptied, and loses no known holder meanwhile', async () => {
    const slow: Partial<DirectoryTimes> = { ...QUICK, writesPerSecond: 2_000, refreshMs: 0 };
    const [one, other] = [open(slow, redis.url), open(slow, redis.url)];
    const ids = Array.from({ length: 2_000 }, () => randomUUID());
    for (const id of ids) one.directory.report(id, HOLDING);
    const last = ids.at(-1)!;
    await expect.poll(() => other.directory.holdersOf(last)).toHaveLength(1);
    let fewest = 1;
    other.onChange.add(() => (fewest = Math.min(fewest, other.directory.holdersOf(last)?.length ?? 0)));
    const client = admin(redis.url);
    await client.flushall();
    await expect
      .poll(() => {
        fewest = Math.min(fewest, other.directory.holdersOf(last)?.length ?? 0);
        return client.dbsize();
      })
      .toBe(ids.length + 2);
    expect(fewest).toBe(1);
    expect(other.gones).toEqual([]);
    await expect.poll(() => one.directory.figures.isComplete).toBe(true);
  });

  it('recovers from a Redis that stood still for longer than records live', async () => {
    const [one, other] = [open(QUICK, redis.url), open(QUICK, redis.url)];
    const id = await held(one, other);
    redis.pause();
    await passing(700);
    expect(other.directory.holdersOf(id)).toHaveLength(1);
    const attached = randomUUID();
    one.directory.report(attached, HOLDING);
    redis.resume();
    await expect.poll(() => other.directory.holdersOf(attached)).toHaveLength(1);
    expect(other.directory.holdersOf(id)).toHaveLength(1);
    expect(other.gones).toEqual([]);
  });

  it('receives announcements again after its connections were closed', async () => {
    const [one, other] = [open(QUICK, redis.url), open({ ...QUICK, ...NEVER_ASKS }, redis.url)];
    await held(one, other);
    await admin(redis.url).call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    const id = randomUUID();
    other.directory.holdersOf(id);
    one.directory.report(id, HOLDING);
    await expect.poll(() => other.directory.holdersOf(id)).toHaveLength(1);
    one.directory.report(id, null);
    await expect.poll(() => other.directory.holdersOf(id)).toEqual([]);
  });

  it('waits longer each time before it subscribes again, where an ACL forbids it', async () => {
    // Fault: it connected anew at once, some thirteen times a second.
    await admin(redis.url).call('ACL', 'SETUSER', 'edge', 'on', '>secret', '~*', '&*', '+@all', '-subscribe');
    const connections: number[] = [];
    const counter = createServer((socket) => {
      connections.push(performance.now());
      const onward = connect(Number(new URL(redis.url).port), '127.0.0.1');
      for (const one of [socket, onward]) one.on('error', () => {});
      socket.pipe(onward).pipe(socket);
    }).listen(0, '127.0.0.1');
    cleanUp.push(() => counter.close());
    await once(counter, 'listening');
    const { port } = counter.address() as AddressInfo;
    const { errors } = open(QUICK, `redis://edge:secret@127.0.0.1:${port}`);
    // One for commands, one for the first subscription, and one for each further one.
    await expect.poll(() => connections.length, { timeout: 10_000 }).toBe(5);
    const waits = connections.slice(2).map((at, index) => at - connections[index + 1]);
    expect(waits.map((ms, index) => ms >= 240 * 2 ** index)).toEqual([true, true, true]);
    expect(errors).toHaveLength(1);
  });

  it('reports an outage once per connection', async () => {
    const { directory, errors } = open(QUICK, redis.url);
    await expect.poll(() => directory.figures.isComplete).toBe(true);
    await redis.kill();
    directory.report(randomUUID(), HOLDING);
    await expect.poll(() => errors.length).toBe(2);
    await redis.start();
    await expect.poll(() => directory.figures.isComplete).toBe(true);
    expect(errors).toHaveLength(2);
  });
});

interface Opened {
  readonly directory: RedisDirectory;
  readonly errors: unknown[];
  readonly gones: string[];
  readonly lost: GoneEdge[];
  /** Edges that it has a link to. */
  readonly linkedTo: Set<string>;
  readonly onChange: Set<(trafficManagerId: string) => void>;
  /** Resolves with the next change of the holders of a traffic manager. */
  change(trafficManagerId: string): Promise<void>;
  /** Resolves with the next edge that is gone. */
  gone(): Promise<string>;
}

function open(times: Partial<DirectoryTimes> = {}, url = redisUrl): Opened {
  const errors: unknown[] = [];
  const gones: string[] = [];
  const lost: GoneEdge[] = [];
  const linkedTo = new Set<string>();
  const onChange = new Set<(trafficManagerId: string) => void>();
  const onGone = new Set<(edgeId: string) => void>();
  const directory = new RedisDirectory(url, node(), (error) => errors.push(error), times);
  directory.listen({
    onHolders: (trafficManagerId) => {
      for (const listener of onChange) listener(trafficManagerId);
    },
    onEdgeGone: (edgeId, gone) => {
      gones.push(edgeId);
      lost.push(gone);
      for (const listener of onGone) listener(edgeId);
    },
    isLinked: (edgeId) => linkedTo.has(edgeId),
  });
  cleanUp.push(() => directory.close());
  return {
    directory,
    errors,
    gones,
    lost,
    linkedTo,
    onChange,
    change: (wanted) =>
      new Promise((resolve) => {
        const listener = (id: string) => {
          if (id !== wanted || !onChange.delete(listener)) return;
          resolve();
        };
        onChange.add(listener);
      }),
    gone: () => new Promise((resolve) => onGone.add(resolve)),
  };
}

function node(): EdgeNode {
  return {
    id: randomUUID(),
    address: '127.0.0.1:9091',
    machineId: 'machine',
    socketPath: '/run/culvert/edge.sock',
  };
}

/** Resolves when two edges know each other, and messages arrive at both. */
async function meet(one: Opened, other: Opened): Promise<void> {
  const ids = [randomUUID(), randomUUID()];
  one.directory.report(ids[0], HOLDING);
  other.directory.report(ids[1], HOLDING);
  await expect.poll(() => one.directory.figures.edges > 0 && other.directory.figures.edges > 0).toBe(true);
}

/** Attaches a manager to `one`, and returns its id when `other` knows it. */
async function held(one: Opened, other: Opened): Promise<string> {
  await meet(one, other);
  const id = randomUUID();
  other.directory.holdersOf(id);
  await other.change(id);
  const changed = other.change(id);
  one.directory.report(id, HOLDING);
  await changed;
  return id;
}

/** Lets a time pass, in which something must not happen. */
function passing(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function kindsOf(errors: readonly unknown[]): string[] {
  return errors
    .map((error) => (error instanceof MalformedDirectoryDataError ? error.kind : String(error)))
    .toSorted();
}

const admins = new Map<string, Redis>();
function admin(url = redisUrl): Redis {
  let client = admins.get(url);
  if (client === undefined) {
    client = new Redis(url);
    client.on('error', () => {});
    admins.set(url, client);
    cleanUp.push(() => {
      admins.delete(url);
      client?.disconnect();
    });
  }
  return client;
}
