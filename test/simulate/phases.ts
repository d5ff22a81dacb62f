import type { Redis } from 'ioredis';
import { startProgram } from '../support/process.js';
import { mib, ms, ratesSince, readCounters, type RedisRates, spread } from './figures.js';
import { createHolding, type SimulatedEdge, until, whenGone, whenKnown } from './fleet.js';

/** Traffic managers that every edge uses, and on which changes are measured. */
const WATCHED = 50;
/** Lookups at a time, so that the answers do not queue in this one process. */
const LOOKUPS_AT_ONCE = 20;
/** Known lookups in the measure of their cost. */
const HITS = 5_000_000;

export interface Simulation {
  readonly edges: readonly SimulatedEdge[];
  readonly managerIds: readonly string[];
  readonly redis: Redis;
  readonly redisUrl: string;
  readonly seconds: number;
  /** Edges at which a traffic manager has a tunnel each. */
  readonly legs: number;
  /** Limit of the time in which all edges together write everything once. */
  readonly maxFillSeconds: number;
}

/** One row of the result. */
export type Row = readonly [figure: string, value: string];

/** The edges that hold a traffic manager. */
export function holdersAt({ edges, legs }: Simulation, index: number): SimulatedEdge[] {
  return Array.from({ length: legs }, (_, leg) => edges[(index + leg * 7) % edges.length]);
}

/** Records what every edge holds. Called before the edges connect, so that it is not announced, as after an outage. */
export function record(simulation: Simulation): void {
  for (const [index, id] of simulation.managerIds.entries())
    for (const { directory } of holdersAt(simulation, index)) directory.report(id, createHolding());
}

/** Every edge writes all that it holds. */
export async function fill(simulation: Simulation): Promise<Row[]> {
  const { edges, managerIds, redis, legs, maxFillSeconds } = simulation;
  const before = await readCounters(redis);
  await within(maxFillSeconds, () => edges.every(({ directory }) => directory.figures.isComplete));
  const rates = await ratesSince(redis, before);
  return [
    ['first report of everything, s', rates.seconds.toFixed(1)],
    ['holdings written a second', ((managerIds.length * legs) / rates.seconds).toFixed(0)],
    ['memory of Redis, MiB', mib(rates.memoryBytes)],
    ['data of Redis per traffic manager, bytes', (rates.dataBytes / managerIds.length).toFixed(0)],
    ['memory of this process, MiB', mib(process.memoryUsage().rss)],
    ['heap per holding, bytes', (process.memoryUsage().heapUsed / managerIds.length / legs).toFixed(0)],
  ];
}

/** Nothing happens but what an idle fleet does. */
export async function idle({ edges, redis, seconds }: Simulation): Promise<Row[]> {
  const before = await readCounters(redis);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  return rows('idle', await ratesSince(redis, before), edges.length);
}

/** Edges look traffic managers up that they do not know, and then ones that they know. */
export async function lookUp(simulation: Simulation): Promise<Row[]> {
  const { edges, managerIds, redis, seconds } = simulation;
  const delays: number[] = [];
  const before = await readCounters(redis);
  const end = before.at + seconds * 1_000;
  const one = async () => {
    const edge = edges[Math.floor(Math.random() * edges.length)];
    const id = managerIds[Math.floor(Math.random() * managerIds.length)];
    if (edge.onHolders !== null || edge.directory.holdersOf(id) !== null) return;
    delays.push(await whenKnown([edge], id, () => true));
  };
  const worker = async () => {
    while (performance.now() < end) {
      await one();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, worker));
  const rates = await ratesSince(redis, before);
  const perLookup = (cores: number) => ((cores * rates.seconds * 1e6) / delays.length).toFixed(0);
  return [
    ['lookups of unknown traffic managers a second', (delays.length / rates.seconds).toFixed(0)],
    ['lookup of an unknown traffic manager, ms (median / p99 / max)', spread(delays)],
    ['lookup of an unknown traffic manager, us of CPU in Redis', perLookup(rates.cpu)],
    ['lookup of an unknown traffic manager, us of CPU in the edges', perLookup(rates.ownCpu)],
    ['lookup of a known traffic manager, ns', (await nanosecondsPerHit(simulation)).toFixed(0)],
  ];
}

async function nanosecondsPerHit(simulation: Simulation): Promise<number> {
  const [edge] = simulation.edges;
  const { directory } = edge;
  // Those that this edge holds alone have no other holder, and are asked for again soon.
  const ids = simulation.managerIds
    .slice(0, 1_000)
    .filter((_, index) => !holdersAt(simulation, index).includes(edge));
  await until(() => ids.every((id) => directory.holdersOf(id) !== null));
  let found = 0;
  const before = performance.now();
  for (let n = 0; n < HITS; n++) if (directory.holdersOf(ids[n % ids.length]) !== null) found++;
  const nanoseconds = ((performance.now() - before) * 1e6) / HITS;
  if (found < HITS) throw new Error('a known traffic manager is unknown');
  return nanoseconds;
}

/** Traffic managers move from edge to edge, and all other edges know them. */
export async function change(simulation: Simulation): Promise<Row[]> {
  const { edges, managerIds, redis, seconds } = simulation;
  const watched = managerIds.slice(0, WATCHED);
  for (const edge of edges) for (const id of watched) edge.directory.holdersOf(id);
  await until(() =>
    edges.every((edge) =>
      watched.every(
        (id, index) => edge.directory.holdersOf(id) !== null || holdersAt(simulation, index).includes(edge),
      ),
    ),
  );
  const attached: number[] = [];
  const detached: number[] = [];
  const before = await readCounters(redis);
  for (let n = 0; performance.now() < before.at + seconds * 1_000; n++) {
    const id = watched[n % watched.length];
    const holders = holdersAt(simulation, n % watched.length);
    const mover = edges[(n * 31 + 3) % edges.length];
    if (holders.includes(mover)) continue;
    const others = edges.filter((edge) => edge !== mover);
    const moverId = mover.directory.self.id;
    const hasMover = ({ directory }: SimulatedEdge) =>
      directory.holdersOf(id)?.some(({ edge }) => edge.id === moverId) === true;
    let known = whenKnown(others, id, hasMover);
    mover.directory.report(id, createHolding());
    attached.push(await known);
    known = whenKnown(others, id, (edge) => !hasMover(edge));
    mover.directory.report(id, null);
    detached.push(await known);
  }
  const rates = await ratesSince(redis, before);
  return [
    ['attach and detach, changes a second', ((attached.length + detached.length) / rates.seconds).toFixed(0)],
    ['attach known at every edge, ms (median / p99 / max)', spread(attached)],
    ['detach known at every edge, ms (median / p99 / max)', spread(detached)],
    ...rows('with these changes', rates, edges.length),
  ];
}

/** An edge is killed, another stands still for a while, and one closes. */
export async function lose(simulation: Simulation): Promise<Row[]> {
  const { edges, redisUrl, managerIds, legs } = simulation;
  const held = Math.ceil((managerIds.length * legs) / edges.length);
  const env = { REDIS_URL: redisUrl, MANAGERS: String(held) };
  const child = startProgram('test/simulate/edge-process.js', env);
  const [, id] = await child.line(/^Ready (\S+)$/m);
  const [watching] = edges;
  const isFound = () => watching.directory.holdersOf('killed-0')?.length === 1;
  const isKnownToAll = () =>
    isFound() && edges.every(({ directory }) => directory.figures.edges === edges.length);
  await until(isKnownToAll);
  const wait = () => whenGone(edges, id);
  let gone = wait();
  process.kill(child.pid, 'SIGSTOP');
  const stopped = await gone;
  const before = performance.now();
  process.kill(child.pid, 'SIGCONT');
  await until(isFound);
  const woken = performance.now() - before;
  await until(isKnownToAll);
  gone = wait();
  process.kill(child.pid, 'SIGKILL');
  const killed = await gone;
  return [
    ['traffic managers held by the edge that is lost', String(held)],
    ['stopped edge gone at the others, ms (median / p99 / max)', spread(stopped)],
    ['woken edge found again, ms', ms(woken)],
    ['killed edge gone at the others, ms (median / p99 / max)', spread(killed)],
    ...(await close(simulation)),
  ];
}

async function close({ edges, redis }: Simulation): Promise<Row[]> {
  const leaving = edges.at(-1);
  if (leaving === undefined || edges.length < 2) return [];
  const { held } = leaving.directory.figures;
  const gone = whenGone(edges.slice(0, -1), leaving.directory.self.id);
  const before = performance.now();
  const closing = leaving.directory.close();
  const delays = await gone;
  await closing;
  const seconds = (performance.now() - before) / 1_000;
  await redis.ping();
  return [
    ['closed edge gone at the others, ms (median / p99 / max)', spread(delays)],
    [`withdrawal of its ${held} holdings, s`, seconds.toFixed(2)],
  ];
}

/** Redis is emptied: everything is reported anew, and what was known stays in use. */
export async function empty(simulation: Simulation): Promise<Row[]> {
  const { edges, managerIds, redis, maxFillSeconds } = simulation;
  const remaining = edges.slice(0, -1);
  const isRemaining = new Set(remaining);
  const sample = managerIds.slice(0, WATCHED);
  const known = () =>
    remaining.flatMap(({ directory }) => sample.filter((id) => (directory.holdersOf(id)?.length ?? 0) > 0))
      .length;
  const knownBefore = known();
  let fewest = knownBefore;
  // One key for each edge, and one for each traffic manager that still has a tunnel.
  const held = managerIds.filter((_, index) =>
    holdersAt(simulation, index).some((edge) => isRemaining.has(edge)),
  );
  const keys = remaining.length + held.length;
  const before = await readCounters(redis);
  await redis.flushall();
  await until(async () => (await redis.dbsize()) > 0);
  const noticed = performance.now() - before.at;
  await within(maxFillSeconds, async () => {
    fewest = Math.min(fewest, known());
    return (await redis.dbsize()) >= keys && remaining.every(({ directory }) => directory.figures.isComplete);
  });
  const rates = await ratesSince(redis, before);
  return [
    ['emptied Redis noticed by the first edge, ms', ms(noticed)],
    ['everything reported anew, s', rates.seconds.toFixed(1)],
    ['known holders, before and fewest meanwhile', `${knownBefore} / ${fewest}`],
  ];
}

/** Waits until everything is written. If edges are lost meanwhile, they write everything again, perhaps forever. */
async function within(seconds: number, isWritten: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + seconds * 1_000;
  await until(async () => {
    if (await isWritten()) return true;
    if (performance.now() > end)
      throw new Error(`the edges had not written everything after ${seconds.toFixed(0)} s`);
    return false;
  });
}

function rows(name: string, rates: RedisRates, edgeCount: number): Row[] {
  return [
    [`${name}: commands of Redis a second`, rates.commandsPerSecond.toFixed(0)],
    [`${name}: cores of Redis`, rates.cpu.toFixed(2)],
    [`${name}: sent by Redis, MiB/s`, (rates.sentBytesPerSecond / 1024 / 1024).toFixed(1)],
    [`${name}: CPU of one edge, ms/s`, ((rates.ownCpu * 1_000) / edgeCount).toFixed(2)],
  ];
}
