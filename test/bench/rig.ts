/**
 * The three ways to the same service that every measure compares:
 * direct  load -> service
 * nginx   load -> nginx, a plain reverse proxy in a process of its own with one worker -> service
 * culvert load -> edge -> tunnel -> traffic manager -> service
 */
import { type Culvert, startCulvert } from './culvert.js';
import { startNginxProxy, startNginxService } from './nginx.js';
import { startSink } from './sink.js';

export const BODY_BYTES = 1024;
export const BULK_BYTES = 10 * 1024 * 1024;

export const WAYS = ['direct', 'nginx', 'culvert'] as const;
export type Way = (typeof WAYS)[number];

/** Where one way begins. */
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
  stop(): Promise<void>;
}

export async function startRig(): Promise<Rig> {
  const started: { stop(): Promise<void> }[] = [];
  const keep = <T extends { stop(): Promise<void> }>(part: T): T => {
    started.push(part);
    return part;
  };
  // The traffic manager before what it connects to: the last to start is the first to stop.
  const stop = async () => {
    for (const part of started.toReversed()) await part.stop();
  };
  try {
    const service = keep(await startNginxService({ bodyBytes: BODY_BYTES, bulkBytes: BULK_BYTES }));
    const sink = keep(await startSink());
    const proxy = keep(await startNginxProxy({ service: service.port, sink: sink.port }));
    const culvert: Culvert = keep(await startCulvert());
    const entrances = async (name: string, port: number) => ({
      direct: local(port),
      nginx: local(proxy.port),
      culvert: { port: culvert.port, host: await culvert.previewOf(name, port) },
    });
    return {
      service: await entrances('service', service.port),
      sink: await entrances('sink', sink.port),
      pids: { nginx: proxy.pids, edge: [culvert.edge.pid], manager: [culvert.manager.pid] },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function local(port: number): Entrance {
  return { port, host: `127.0.0.1:${port}` };
}
