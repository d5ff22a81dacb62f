import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { ClusterEvent, EventBus } from '@culvert/cluster';
import type { Settings } from '@culvert/runtime';
import type { Relay } from '@culvert/relay';
import type { Logger } from 'pino';
import type { PublicListener } from './listener/public-listener.js';
import type { ExchangeWatches } from './exchanges/exchange-watches.js';
import type { PreviewGate } from './previews/preview-gate.js';
import type { Replays } from './replays/replays.js';
import type { Telepresence } from './telepresence/telepresence.js';
import type { TunnelSessions } from './tunnels/tunnel-sessions.js';

/** Looking up a route and its access takes milliseconds; a store that hangs must not hold up the managers. */
const ROUTING_GRACE_MS = 1000;
/** What was let in long ago is looked at again this often, should an event get lost, or a credential expire. */
const RECHECK_MS = 10_000;

/** The running edge: connects listener, relay and tunnels, hears the cluster's events, stops in order. */
export class Edge {
  private listener: PublicListener | null = null;
  private readonly recheck: NodeJS.Timeout;
  private readonly unsubscribe: readonly (() => void)[];

  constructor(
    private readonly relay: Relay,
    private readonly tunnels: TunnelSessions,
    private readonly gate: PreviewGate,
    private readonly telepresence: Telepresence,
    private readonly watches: ExchangeWatches,
    private readonly replays: Replays,
    private readonly settings: Pick<Settings, 'shutdownGraceMs'>,
    private readonly log: Logger,
    bus: EventBus,
  ) {
    this.recheck = setInterval(() => this.watch(this.relay.handleAccessChange()), RECHECK_MS);
    this.recheck.unref();
    this.unsubscribe = [bus.subscribe((event) => this.handleEvent(event)), bus.onGap(() => this.handleGap())];
  }

  /** Begins to serve visitors and traffic managers. */
  serve(listener: PublicListener): void {
    this.listener = listener;
    listener.serve((socket, options) => this.relay.accept(socket, options));
  }

  /**
   * Stops without losing a request: first no new connections; then, when every request has its stream, managers are
   * told to go elsewhere while the exchanges under way finish; the tunnels under them go last.
   */
  async stop(): Promise<void> {
    this.listener?.close();
    const drained = this.relay.drain(this.settings.shutdownGraceMs);
    await this.relay.whenRouted(ROUTING_GRACE_MS);
    this.tunnels.drain();
    await drained;
    clearInterval(this.recheck);
    for (const unsubscribe of this.unsubscribe) unsubscribe();
    this.relay.close();
    this.watches.close();
    this.replays.close();
    await this.tunnels.close();
    this.telepresence.close();
  }

  private handleEvent(event: ClusterEvent): void {
    switch (event.type) {
      case 'preview.changed':
        this.watch(this.relay.handleRouteChange(event.hostname));
        return;
      case 'preview.removed':
        this.telepresence.handleRemovedPreview(event.trafficManagerId, event.interceptId, event.hostname);
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
        this.watches.handle(event);
        return;
      case 'replay.asked':
        this.watch(this.replays.handle(event));
        return;
      case 'resource.changed':
        return;
      default:
        this.log.warn({ event: event satisfies never }, 'unknown event');
    }
  }

  /** Judges exchanges again whose credential the gate has just forgotten, and no others: events of one team wake no other. */
  private judgeForgotten(): void {
    this.watch(this.relay.handleAccessChange((request) => this.gate.isForgotten(request)));
  }

  private handleGap(): void {
    this.gate.forgetAll();
    this.watch(this.relay.handleGap());
    this.watch(this.tunnels.closeUnusable());
  }

  private watch(work: Promise<void>): void {
    work.catch((error: unknown) => this.log.error({ err: error }, 'an event could not be handled'));
  }
}

/** Gives a socket, with its request put back, to Nest's HTTP server, as if it had accepted it itself. */
export function handToServer(server: Server, socket: Socket): void {
  server.emit('connection', socket);
  socket.resume();
}
