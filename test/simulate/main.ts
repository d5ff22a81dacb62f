/** `npm run simulate -- [options]`: see docs/scale.md. */
import { randomUUID } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { ownText } from '@culvert/http1';
import { Redis } from 'ioredis';
import { startOwnRedis } from '../services/redis.js';
import { createEdge } from './fleet.js';
import { change, empty, fill, idle, lookUp, lose, record, type Row, type Simulation } from './phases.js';

const USAGE = `Usage: npm run simulate -- [options]
  --edges N      edges, all in this process (default 200)
  --managers N   traffic managers (default 1000000)
  --legs N       edges at which each has a tunnel (default 1)
  --seconds S    length of each measurement (default 10)
`;
/**
 * Holdings written a second by all edges together. One process cannot write as much as 200 can: if it tried, it would be
 * too busy to renew the records of its edges in time.
 */
const WRITES_PER_SECOND = 15_000;

const PHASES: readonly (readonly [name: string, run: (simulation: Simulation) => Promise<Row[]>])[] = [
  ['reporting everything', fill],
  ['idling', idle],
  ['looking up', lookUp],
  ['attaching and detaching', change],
  ['losing edges', lose],
  ['emptying Redis', empty],
];

interface Options {
  readonly edges: number;
  readonly managers: number;
  readonly legs: number;
  readonly seconds: number;
}

/** Null if help was requested. */
function parseOptions(): Options | null {
  const { values } = parseArgs({
    options: {
      edges: { type: 'string', default: '200' },
      managers: { type: 'string', default: '1000000' },
      legs: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '10' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const edges = numberOf('edges', values.edges, 4, 1_000);
  return {
    edges,
    managers: numberOf('managers', values.managers, 100, 5_000_000),
    legs: numberOf('legs', values.legs, 1, Math.min(8, edges - 1)),
    seconds: numberOf('seconds', values.seconds, 1, 600),
  };
}

function numberOf(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`--${name}: ${text} is not a whole number from ${least} to ${most}`);
}

async function simulate({ edges: count, managers, legs, seconds }: Options): Promise<void> {
  const service = await startOwnRedis();
  const redis = new Redis(service.url);
  const errors = new Map<string, number>();
  const pauses = monitorEventLoopDelay();
  const onError = (error: unknown) => errors.set(String(error), (errors.get(String(error)) ?? 0) + 1);
  const times = { writesPerSecond: Math.ceil(WRITES_PER_SECOND / count) };
  // `randomUUID` returns a tree of twenty strings. A million of them would make each garbage collection take seconds.
  const managerIds = Array.from({ length: managers }, () => ownText(randomUUID()));
  const edges = Array.from({ length: count }, () => createEdge(service.url, onError, times));
  const simulation: Simulation = {
    edges,
    managerIds,
    redis,
    redisUrl: service.url,
    seconds,
    legs,
    maxFillSeconds: 60 + (3 * managers * legs) / WRITES_PER_SECOND,
  };
  record(simulation);
  // No edge has connected before this point, so no record can expire.
  pauses.enable();
  try {
    console.log(`${count} edges, ${managers} traffic managers, each at ${legs} of them\n`);
    console.log('| figure | value |\n|---|--:|');
    for (const [name, run] of PHASES) {
      process.stderr.write(`simulate: ${name} …\n`);
      for (const [figure, value] of await run(simulation)) console.log(`| ${figure} | ${value} |`);
    }
    console.log(`| errors reported by the edges | ${[...errors.values()].reduce((sum, n) => sum + n, 0)} |`);
    console.log(`| longest pause of this process, ms | ${(pauses.max / 1e6).toFixed(0)} |`);
    for (const [error, n] of errors) process.stderr.write(`simulate: ${n} times: ${error}\n`);
  } catch (error) {
    const pause = (pauses.max / 1e6).toFixed(0);
    process.stderr.write(
      `simulate: this process paused for up to ${pause} ms. After 5000, records of edges expire.\n`,
    );
    throw error;
  } finally {
    redis.disconnect();
    // Redis goes with all that it has: withdrawing a million holdings first would be for nothing.
    await service.stop();
  }
}

const options = parseOptions();
// Exiting also ends the Redis.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
if (options === null) process.stdout.write(USAGE);
else await simulate(options);
process.exit();
