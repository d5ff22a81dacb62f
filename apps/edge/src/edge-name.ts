import { hostname } from 'node:os';
import type { Settings } from '@culvert/runtime';

/** Limit of other edges for a name that they log. */
const MAX_NAME_LENGTH = 100;

/**
 * Returns the name of this edge for people, which tells it apart from the others on its host: the host, the port, and the
 * number of the worker. Without a fixed port the process id takes its place.
 */
export function edgeName(
  { listen }: Pick<Settings, 'listen'>,
  worker: number | null,
  host = hostname(),
): string {
  const place = listen.port === 0 ? ` process ${process.pid}` : `:${listen.port}`;
  const suffix = worker === null || listen.port === 0 ? place : `${place} worker ${worker}`;
  return `${host.slice(0, MAX_NAME_LENGTH - suffix.length)}${suffix}`;
}
