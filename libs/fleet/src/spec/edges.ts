/** Edges of a fleet in one process, on real links, with managers in the same process. */
import { TunnelRegistry } from '@culvert/relay';
import {
  acceptTunnel,
  dialTunnel,
  GoAwayCode,
  type IncomingStream,
  type StreamTarget,
  type TunnelConnection,
  type TunnelSettings,
} from '@culvert/tunnel';
import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { randomUUID } from 'node:crypto';
import { type Fleet, type FleetOptions, startFleet } from '../fleet.js';
import { LinkError } from '../links/link-failure.js';
import { SocketCarrier } from '../links/socket-carrier.js';
import { type MemoryDirectory, MemoryFleet } from './memory-directory.js';

export const SECRET = 'a secret of at least thirty-two characters';
export const MANAGER = '6f1c2f8e-8f55-4d0a-9a53-6d5a2a4b7c10';
export const TARGET: StreamTarget = {
  interceptId: '0b64c3a2-6a0e-4a3a-9d0f-0f1f4e2c9f11:web',
  host: 'web',
  port: 80,
  tls: false,
  serverName: '',
  verifyTls: true,
  trafficManagerId: MANAGER,
};

export interface Edge {
  readonly id: string;
  readonly registry: TunnelRegistry;
  readonly fleet: Fleet;
  readonly directory: MemoryDirectory;
  /** Log lines, as `link <type> {event}`. */
  readonly log: string[];
}

/** Both ends of a manager's tunnel to an edge. */
export interface ManagerTunnel {
  /** At the edge, in its registry. */
  readonly tunnel: TunnelConnection;
  readonly manager: TunnelConnection;
  /** Streams that arrived at the manager. */
  readonly streams: IncomingStream[];
  readonly targets: StreamTarget[];
  /** Resolves with the stream number `index` that arrives. */
  arrival(index?: number): Promise<IncomingStream>;
}

/** JSON leaves the messages of errors out. */
function readable(_name: string, value: unknown): unknown {
  return value instanceof LinkError ? { failure: value.failure, message: value.message } : value;
}

/** Starts edges and ends them. */
export class EdgeRig {
  readonly memory = new MemoryFleet();
  private readonly cleanUps: (() => unknown)[] = [];

  async start(options: Partial<FleetOptions> = {}): Promise<Edge> {
    const registry = new TunnelRegistry();
    const log: string[] = [];
    let directory!: MemoryDirectory;
    const fleet = await startFleet({
      edgeId: randomUUID(),
      credentials: { kind: 'secrets', secrets: [SECRET] },
      listen: { port: 0, host: '127.0.0.1', socketParent: null },
      registry,
      directoryOf: (self) => (directory = this.memory.join(self)),
      log: {
        event: (event) => log.push(`link ${event.type} ${JSON.stringify(event, readable)}`),
        fault: (error) => log.push(`fault ${String(error)}`),
      },
      ...options,
    });
    this.cleanUps.push(() => fleet.close());
    return { id: fleet.self.id, registry, fleet, directory, log };
  }

  /** Connects a manager to an edge, and attaches the tunnel. */
  async connectManager(
    edge: Edge,
    settings: Partial<TunnelSettings> = {},
    id = MANAGER,
  ): Promise<ManagerTunnel> {
    const [near, far] = await this.socketPair();
    const streams: IncomingStream[] = [];
    const targets: StreamTarget[] = [];
    const wakers: (() => void)[] = [];
    const tunnel = acceptTunnel(new SocketCarrier(far), {
      settings,
      onHello: () => Promise.resolve({ accept: { sessionId: 's', resumed: false } }),
      onClose: () => edge.registry.detach(id, tunnel),
    });
    const manager = await new Promise<TunnelConnection>((resolve) => {
      const dialed = dialTunnel(
        new SocketCarrier(near),
        { managerId: 'm', clusterId: '', name: '', version: '', instanceId: randomUUID() },
        {
          settings,
          onOpen: () => resolve(dialed),
          onStream: (stream, target) => {
            // Nothing is lost until a spec has set a handler, and resumes it.
            stream.pause();
            streams.push(stream);
            targets.push(target);
            for (const wake of wakers.splice(0)) wake();
          },
          onClose: () => {},
        },
      );
    });
    this.cleanUps.push(() => manager.close(GoAwayCode.NORMAL, ''));
    edge.registry.attach(id, tunnel);
    const arrival = async (index = 0): Promise<IncomingStream> => {
      while (streams.length <= index) await new Promise<void>((resolve) => wakers.push(resolve));
      return streams[index];
    };
    return { tunnel, manager, streams, targets, arrival };
  }

  /** Waits until a stream to the manager can be opened at `edge`, and opens it. */
  async open(
    edge: Edge,
    handler: Parameters<TunnelRegistry['openStream']>[2],
    target: StreamTarget = TARGET,
  ) {
    for (;;) {
      const dialed = edge.registry.openStream(target.trafficManagerId!, target, handler);
      if (typeof dialed !== 'string') return dialed;
      if (dialed === 'full') throw new Error('no room');
      await new Promise<void>((resolve) => edge.registry.onArrival(target.trafficManagerId!, resolve));
    }
  }

  async socketPair(): Promise<[Socket, Socket]> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [
      [Socket],
      unknown,
    ];
    server.close();
    return [near, far];
  }

  onStop(cleanUp: () => unknown): void {
    this.cleanUps.push(cleanUp);
  }

  async stop(): Promise<void> {
    for (const cleanUp of this.cleanUps.splice(0).toReversed()) await cleanUp();
  }
}
