import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Store } from '@culvert/domain';
import { TunnelRegistry } from '@culvert/relay';
import {
  dialTunnel,
  dialWebSocket,
  type GoAwayCode,
  type Hello,
  type TunnelConnection,
  WEBSOCKET_OPTIONS,
  WebSocketCarrier,
  type Welcome,
} from '@culvert/tunnel';
import { pino } from 'pino';
import { WebSocketServer } from 'ws';
import { ClusterConflicts } from '../tunnels/cluster-conflicts.js';
import { NativeTunnels } from '../tunnels/native-tunnels.js';
import type { TunnelOwner } from '../tunnels/tunnel-credentials.js';
import { TunnelSessions } from '../tunnels/tunnel-sessions.js';

const LIMITS = { maxStreamsPerTunnel: 16, maxTunnels: 100, maxSessionsPerTeam: 100, sessionGraceMs: 60_000 };
const HELLO = { managerId: 'm1', clusterId: '', name: 'm1', version: '1', instanceId: 'process-1' };

/** The outcome of a dial. */
export type Dialed =
  | { readonly tunnel: TunnelConnection; readonly welcome: Welcome; readonly closed: Promise<GoAwayCode> }
  | { readonly refusal: GoAwayCode };

/** The part of an edge that accepts native tunnels, over real WebSockets. */
export class NativeEdge {
  readonly registry = new TunnelRegistry();
  readonly sessions: TunnelSessions;
  /** Warnings and errors of the log. */
  readonly lines: string[] = [];
  private readonly server: Server;

  /** @param owner owner of the tunnels that are dialed next; the key is not checked before */
  constructor(
    store: Store,
    public owner: TunnelOwner,
  ) {
    const log = pino({ level: 'warn' }, { write: (line) => void this.lines.push(line) });
    const apiKeyUse = { recordOpen: () => Promise.resolve() };
    this.sessions = new TunnelSessions(store, this.registry, LIMITS, log, apiKeyUse, () => {});
    const { registry, sessions } = this;
    const conflicts = new ClusterConflicts(store, { changed: () => {} }, log);
    const tunnels = new NativeTunnels({ store, registry, sessions, conflicts, limits: LIMITS, log });
    this.server = createServer().listen(0, '127.0.0.1');
    const server = new WebSocketServer({ server: this.server, ...WEBSOCKET_OPTIONS });
    server.on('connection', (socket) =>
      tunnels.accept(new WebSocketCarrier(socket), this.owner, '192.0.2.1'),
    );
  }

  /**
   * Dials as a traffic manager with these fields in HELLO.
   * @param beforeHello runs when the WebSocket is open
   */
  async dial(fields: Partial<Hello> = {}, beforeHello: () => void = () => {}): Promise<Dialed> {
    if (!this.server.listening) await once(this.server, 'listening');
    const url = new URL(`http://127.0.0.1:${(this.server.address() as AddressInfo).port}`);
    const dialed = await dialWebSocket({ url, apiKey: 'x', timeoutMs: 5000 });
    if (!dialed.ok) throw new Error(dialed.reason);
    const { carrier } = dialed;
    beforeHello();
    return new Promise((resolve) => {
      let end: (code: GoAwayCode) => void = (refusal) => resolve({ refusal });
      const closed = new Promise<GoAwayCode>((markClosed) => {
        const tunnel = dialTunnel(
          carrier,
          { ...HELLO, ...fields },
          {
            onOpen: (welcome) => {
              end = markClosed;
              resolve({ tunnel, welcome, closed });
            },
            onClose: (code) => end(code),
          },
        );
      });
    });
  }

  /** Dials, and throws if the edge refuses. */
  async open(fields: Partial<Hello> = {}): Promise<Exclude<Dialed, { refusal: unknown }>> {
    const dialed = await this.dial(fields);
    if ('refusal' in dialed) throw new Error(`refused with ${dialed.refusal}`);
    return dialed;
  }

  async stop(): Promise<void> {
    await this.sessions.close();
    this.server.closeAllConnections();
    this.server.close();
  }
}
