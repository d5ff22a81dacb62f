/**
 * The three ways to the same service that most measures compare:
 * direct  load -> service
 * nginx   load -> nginx, a plain reverse proxy in a process of its own with one worker -> service
 * culvert load -> edge -> tunnel -> traffic manager -> service
 */
import { startCulvert } from './culvert.js';
import type { Row } from './measure.js';
import { startNginxProxy, startNginxService } from './nginx.js';
import type { Scope } from './scope.js';
import { startSink } from './sink.js';

export const BODY_BYTES = 1024;
export const BULK_BYTES = 10 * 1024 * 1024;

export const WAYS = ['direct', 'nginx', 'culvert'] as const;
export type Way = (typeof WAYS)[number];

/** Baselines of the comparison. */
export const TO_NGINX = { of: 'culvert', to: 'nginx' } as const;

/** Entrance of one way. */
export interface Entrance {
  readonly port: number;
  /** The Host field that leads to the service. */
  readonly host: string;
}

export interface Rig {
  /** To the nginx that answers `/` with `BODY_BYTES` and `/bulk` with `BULK_BYTES`. */
  readonly service: Readonly<Record<Way, Entrance>>;
  /** To the service that takes uploads at `/upload`. */
  readonly sink: Readonly<Record<Way, Entrance>>;
  /** The processes between load and service, whose CPU time is the price of a way. */
  readonly pids: {
    readonly nginx: readonly number[];
    readonly edge: readonly number[];
    readonly manager: readonly number[];
  };
}

export async function startRig(scope: Scope): Promise<Rig> {
  const service = scope.keep(await startNginxService({ bodyBytes: BODY_BYTES, bulkBytes: BULK_BYTES }));
  const sink = scope.keep(await startSink());
  const proxy = scope.keep(await startNginxProxy({ service: service.port, sink: sink.port }));
  const culvert = await startCulvert(scope);
  const entrances = async (name: string, port: number) => ({
    direct: local(port),
    nginx: local(proxy.port),
    culvert: { port: culvert.port, host: await culvert.previewOf(name, port) },
  });
  return {
    service: await entrances('service', service.port),
    sink: await entrances('sink', sink.port),
    pids: { nginx: proxy.pids, edge: [culvert.edge.pid], manager: [culvert.manager.pid] },
  };
}

/** Returns the service itself, or the process in front of it on this machine. */
export function local(port: number): Entrance {
  return { port, host: `127.0.0.1:${port}` };
}

/** Returns a row with the same quantity of every way. */
export function rowOf<W extends string, K extends string>(
  found: Readonly<Record<W, Readonly<Record<K, number>>>>,
  { label, key, digits }: { readonly label: string; readonly key: K; readonly digits: number },
): Row {
  const ways = Object.keys(found) as W[];
  return { label, values: Object.fromEntries(ways.map((way) => [way, found[way][key]])), digits };
}
