/** Several edges behind one address, as behind a load balancer. Each accepts real tunnels and names itself in WELCOME. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  acceptTunnel,
  GoAwayCode,
  type Hello,
  type HelloAnswer,
  type TunnelConnection,
  WEBSOCKET_OPTIONS,
  WebSocketCarrier,
} from '@culvert/tunnel';
import { type WebSocket, WebSocketServer } from 'ws';

/** A tunnel that an edge of the fleet has accepted. */
export interface FleetTunnel {
  readonly edge: string;
  readonly hello: Hello;
  readonly tunnel: TunnelConnection;
}

/** A HELLO, and what the edge answered. */
export interface FleetAttempt {
  readonly edge: string;
  /** Edges that the dialer named. */
  readonly named: readonly string[];
  /** Machines that it named. */
  readonly machines: readonly string[];
  readonly outcome: 'accepted' | 'refused';
}

export class EdgeFleet {
  /** Ids of the edges that the next dialers reach, in turn; empty: the upgrade is refused with 503. */
  reached: string[];
  /** Machines of the edges, by edge. Edges without one do not name their machine. */
  readonly machines = new Map<string, string>();
  /** Whether the edges say their ids. */
  isNamed = true;
  /** Edges that have no version in common with the dialers. */
  readonly strangers = new Set<string>();
  readonly attempts: FleetAttempt[] = [];
  private turn = 0;
  private readonly open = new Map<FleetTunnel, WebSocket>();
  private readonly webSockets = new WebSocketServer({ noServer: true, ...WEBSOCKET_OPTIONS });

  private constructor(
    private readonly server: Server,
    edges: readonly string[],
  ) {
    this.reached = [...edges];
    server.on('upgrade', (request, socket, head) => {
      socket.on('error', () => {});
      const edge = this.reached[this.turn++ % this.reached.length];
      if (edge === undefined) {
        socket.end('HTTP/1.1 503 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
        return;
      }
      this.webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        this.accept(edge, webSocket);
      });
    });
  }

  static async start(...edges: string[]): Promise<EdgeFleet> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new EdgeFleet(server, edges);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Open tunnels that their edge has not asked to go away. */
  get tunnels(): FleetTunnel[] {
    return [...this.open.keys()].filter(({ tunnel }) => tunnel.state === 'open');
  }

  /** Resolves once exactly these edges have a tunnel, with those tunnels in the same order. */
  async settled(...edges: string[]): Promise<FleetTunnel[]> {
    for (;;) {
      const { tunnels } = this;
      const ordered = edges.map((wanted) => tunnels.find(({ edge }) => edge === wanted));
      const found = ordered.filter((tunnel) => tunnel !== undefined);
      if (tunnels.length === edges.length && found.length === edges.length) return found;
      await sleep(5);
    }
  }

  /** Ends the connections of an edge as a killed process does, and lets no further dialer reach it. */
  kill(edge: string): void {
    this.reached = this.reached.filter((other) => other !== edge);
    for (const [held, webSocket] of this.open) if (held.edge === edge) webSocket.terminate();
  }

  async stop(): Promise<void> {
    for (const webSocket of this.webSockets.clients) webSocket.terminate();
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private accept(edge: string, webSocket: WebSocket): void {
    let held: FleetTunnel | null = null;
    const tunnel = acceptTunnel(new WebSocketCarrier(webSocket), {
      onHello: (hello) => {
        const answer = this.answer(edge, hello);
        const outcome = 'accept' in answer ? 'accepted' : 'refused';
        this.attempts.push({ edge, named: hello.edges ?? [], machines: hello.machines ?? [], outcome });
        if (outcome === 'accepted') held = { edge, hello, tunnel };
        return Promise.resolve(answer);
      },
      onOpen: () => void this.open.set(held!, webSocket),
      onClose: () => {
        if (held !== null) this.open.delete(held);
      },
    });
  }

  /** Answers like an edge: docs/protocol.md §3. */
  private answer(edge: string, hello: Hello): HelloAnswer {
    if (this.strangers.has(edge))
      return { refuse: { code: GoAwayCode.UNSUPPORTED_VERSION, reason: 'this edge speaks version 2' } };
    const isHeld = this.tunnels.some(
      (held) => held.edge === edge && held.hello.instanceId === hello.instanceId,
    );
    if (isHeld && hello.edges?.includes(edge)) return refusal('this process has a tunnel to this edge');
    const machineId = this.machines.get(edge);
    if (machineId !== undefined && hello.machines?.includes(machineId))
      return refusal('this process has a tunnel to this machine');
    const names = this.isNamed && { edgeId: edge, ...(machineId !== undefined && { machineId }) };
    return { accept: { sessionId: 's1', resumed: isHeld, ...names } };
  }
}

function refusal(reason: string): HelloAnswer {
  return { refuse: { code: GoAwayCode.ALREADY_CONNECTED, reason } };
}
