import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterEvent, EventBus } from '@culvert/events';
import type { Fleet } from '@culvert/fleet';
import type { ConnectionPlaces, Relay } from '@culvert/relay';
import type { Logger } from 'pino';
import type { PublicListener } from './listener/public-listener.js';
import type { ExchangeWatches } from './exchanges/exchange-watches.js';
import type { KeptExchangeWriter } from './exchanges/kept-exchange-writer.js';
import type { PreviewGate } from './previews/preview-gate.js';
import type { PreviewTrafficRecords } from './previews/preview-traffic-records.js';
import type { PreviewUse } from './previews/preview-use.js';
import type { SharedBudgets } from './previews/shared-budgets.js';
import type { Replays } from './replays/replays.js';
import type { Telepresence } from './telepresence/telepresence.js';
import type { TunnelSessions } from './tunnels/tunnel-sessions.js';

/**
 * Looking up a route and its access takes milliseconds; a store that hangs must not delay the draining of traffic
 * managers.
 */
const ROUTING_GRACE_MS = 1000;
/**
 * Interval after which exchanges that were let in are checked again, in case an event was lost or a credential expired.
 */
const RECHECK_MS = 10_000;

/** The parts of an edge. It stops all of them except the bus. */
export interface EdgeParts {
  readonly relay: Relay;
  readonly tunnels: TunnelSessions;
  /** Null: the edge does not use tunnels of others. */
  readonly fleet: Fleet | null;
  readonly gate: PreviewGate;
  readonly telepresence: Telepresence;
  readonly watches: ExchangeWatches;
  /** Null: the deployment has no encryption key, and keeps no exchanges. */
  readonly kept: KeptExchangeWriter | null;
  readonly replays: Replays;
  readonly previewUse: PreviewUse;
  readonly traffic: PreviewTrafficRecords;
  readonly budgets: SharedBudgets;
  readonly bus: EventBus;
  readonly log: Logger;
  /** Milliseconds for which the edge still serves new connections when it stops. */
  readonly lameDuckMs: number;
  /** Milliseconds that exchanges under way have to finish after that. */
  readonly shutdownGraceMs: number;
}

/** The running edge: connects listener, relay and tunnels, handles events of the cluster, and stops in order. */
export class Edge {
  private readonly relay: Relay;
  private readonly tunnels: TunnelSessions;
  private readonly gate: PreviewGate;
  private listener: PublicListener | null = null;
  private readonly recheck: NodeJS.Timeout;
  private readonly unsubscribe: readonly (() => void)[];

  constructor(private readonly parts: EdgeParts) {
    const { relay, tunnels, gate, bus } = parts;
    this.relay = relay;
    this.tunnels = tunnels;
    this.gate = gate;
    this.recheck = setInterval(() => this.watch(this.relay.handleAccessChange()), RECHECK_MS);
    this.recheck.unref();
    this.unsubscribe = [bus.subscribe((event) => this.handleEvent(event)), bus.onGap(() => this.handleGap())];
  }

  /** Null: the edge has no links. */
  get fleet(): Fleet | null {
    return this.parts.fleet;
  }

  /** Places of visitors' connections. */
  get places(): ConnectionPlaces {
    return this.relay.places;
  }

  /** Starts serving visitors and traffic managers. */
  serve(listener: PublicListener): void {
    this.listener = listener;
    listener.serve((socket, options) => this.relay.accept(socket, options));
  }

  /**
   * Stops without losing a request. First it continues to serve for a while, and its responses ask visitors to reconnect;
   * meanwhile load balancers see `/readyz` fail. Then it accepts no new connections; when every request has its stream, it
   * asks traffic managers to use another edge while exchanges under way finish; the tunnels under them close last.
   * @param onClosed called when the port is closed
   */
  async stop(onClosed: () => void = () => {}): Promise<void> {
    const { lameDuckMs } = this.parts;
    this.relay.giveNotice();
    if (lameDuckMs > 0) await sleep(lameDuckMs);
    this.listener?.close();
    onClosed();
    const drained = this.relay.drain(this.parts.shutdownGraceMs);
    await this.relay.whenRouted(ROUTING_GRACE_MS);
    this.tunnels.drain();
    // Streams of other edges finish on the tunnels of this one.
    await Promise.all([drained, this.parts.fleet?.drain(this.parts.shutdownGraceMs)]);
    clearInterval(this.recheck);
    for (const unsubscribe of this.unsubscribe) unsubscribe();
    this.relay.close();
    this.parts.budgets.close();
    this.parts.watches.close();
    this.parts.replays.close();
    await this.parts.fleet?.close();
    await this.tunnels.close();
    this.parts.telepresence.close();
    const { previewUse, traffic, kept } = this.parts;
    await Promise.all([previewUse.close(), traffic.close(), kept?.close()]);
  }

  private handleEvent(event: ClusterEvent): void {
    switch (event.type) {
      case 'preview.changed':
        this.parts.watches.stopKeeping(event.hostname);
        this.watch(this.relay.handleRouteChange(event.hostname));
        return;
      case 'preview.removed':
        this.parts.telepresence.handleRemovedPreview(
          event.trafficManagerId,
          event.interceptId,
          event.hostname,
        );
        return;
      case 'api-key.revoked':
        this.gate.forgetKey(event.apiKeyId);
        this.tunnels.closeByKey(event.apiKeyId);
        this.judgeForgotten();
        return;
      case 'session.ended':
        this.tunnels.closeBySession(event.sessionId, event.reason);
        return;
      case 'user.changed':
        this.gate.forgetUser(event.userId);
        this.watch(this.tunnels.closeUnusableOfUser(event.userId));
        this.judgeForgotten();
        return;
      case 'preview.watched':
        this.parts.watches.handle(event);
        return;
      case 'replay.asked':
        this.watch(this.parts.replays.handle(event));
        return;
      case 'resource.changed':
        return;
      default:
        this.parts.log.warn({ event: event satisfies never }, 'unknown event');
    }
  }

  /**
   * Checks again only those exchanges whose credential the gate has just forgotten: events of one team do not affect
   * another.
   */
  private judgeForgotten(): void {
    this.watch(this.relay.handleAccessChange((request) => this.gate.isForgotten(request)));
  }

  private handleGap(): void {
    this.gate.forgetAll();
    this.tunnels.known.suspectAll();
    this.watch(this.relay.handleGap());
    this.watch(this.tunnels.closeUnusable());
  }

  private watch(work: Promise<void>): void {
    work.catch((error: unknown) => this.parts.log.error({ err: error }, 'an event could not be handled'));
  }
}

/** Passes a socket, with its request put back, to Nest's HTTP server, as if the server had accepted it itself. */
export function handToServer(server: Server, socket: Socket): void {
  server.emit('connection', socket);
  socket.resume();
}
