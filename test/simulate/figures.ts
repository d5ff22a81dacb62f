import type { Redis } from 'ioredis';

/** What a Redis has done since it started. */
interface RedisCounters {
  readonly at: number;
  readonly commands: number;
  readonly cpuSeconds: number;
  readonly sentBytes: number;
  readonly memoryBytes: number;
  /** Memory without that of an empty Redis and of its connections. */
  readonly dataBytes: number;
  readonly ownCpuMicros: number;
}

export interface RedisRates {
  readonly seconds: number;
  readonly commandsPerSecond: number;
  /** CPU time of Redis per second: 1 is a whole core. */
  readonly cpu: number;
  /** CPU time of this process per second, all edges together. */
  readonly ownCpu: number;
  readonly sentBytesPerSecond: number;
  readonly memoryBytes: number;
  /** As in `RedisCounters`. */
  readonly dataBytes: number;
}

/** Returns the rates of a Redis, and of this process, since an earlier call of `readCounters`. */
export async function ratesSince(redis: Redis, before: RedisCounters): Promise<RedisRates> {
  const now = await readCounters(redis);
  const seconds = (now.at - before.at) / 1_000;
  return {
    seconds,
    commandsPerSecond: (now.commands - before.commands) / seconds,
    cpu: (now.cpuSeconds - before.cpuSeconds) / seconds,
    ownCpu: (now.ownCpuMicros - before.ownCpuMicros) / 1e6 / seconds,
    sentBytesPerSecond: (now.sentBytes - before.sentBytes) / seconds,
    memoryBytes: now.memoryBytes,
    dataBytes: now.dataBytes,
  };
}

export async function readCounters(redis: Redis): Promise<RedisCounters> {
  const info = await redis.info();
  const read = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? 0);
  const { user, system } = process.cpuUsage();
  return {
    at: performance.now(),
    commands: read('total_commands_processed'),
    cpuSeconds: read('used_cpu_user') + read('used_cpu_sys'),
    sentBytes: read('total_net_output_bytes'),
    memoryBytes: read('used_memory'),
    dataBytes: read('used_memory') - read('used_memory_startup') - read('mem_clients_normal'),
    ownCpuMicros: user + system,
  };
}

/** Returns the value below which `share` of the values are. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Writes milliseconds as median, p99 and maximum. */
export function spread(values: readonly number[]): string {
  return [quantile(values, 0.5), quantile(values, 0.99), Math.max(...values)].map(ms).join(' / ');
}

export function ms(value: number): string {
  return value < 10 ? value.toFixed(2) : value.toFixed(0);
}

export function mib(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0);
}
