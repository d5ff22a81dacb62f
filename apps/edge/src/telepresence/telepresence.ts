import type { EventBus } from '@culvert/events';
import type { Store } from '@culvert/domain';
import { Field, type RequestHead } from '@culvert/http1';
import type { ApiKeyUse } from '@culvert/nest';
import type { Settings } from '@culvert/runtime';
import type { HandedOffStream, TunnelRegistry } from '@culvert/relay';
import type { Logger } from 'pino';
import type { TunnelSessions } from '../tunnels/tunnel-sessions.js';
import { CallAuthenticator } from './credentials.js';
import { RequestedPreviews } from './requested-previews.js';
import { ReverseConnections } from './reverse-connections.js';
import { TelepresenceServices } from './services.js';

const GRPC = /^application\/grpc(?:[+;]|$)/i;

export interface TelepresenceOptions {
  readonly store: Store;
  readonly bus: EventBus;
  readonly tunnels: TunnelSessions;
  readonly registry: TunnelRegistry;
  readonly settings: Settings;
  readonly log: Logger;
  readonly apiKeyUse: ApiKeyUse;
}

/** Services of this edge for Telepresence's own programs. */
export class Telepresence {
  private readonly services: TelepresenceServices;
  private readonly connections: ReverseConnections;

  constructor({ store, bus, tunnels, registry, settings, log, apiKeyUse }: TelepresenceOptions) {
    const authenticator = new CallAuthenticator(store, apiKeyUse);
    const previews = new RequestedPreviews(store, settings, bus, log);
    const { agentImage = null, graceMs, retentionMs } = settings.telepresence;
    this.services = new TelepresenceServices({ authenticator, previews, agentImage, log });
    this.connections = new ReverseConnections({
      store,
      authenticator,
      previews,
      sessions: tunnels,
      registry,
      graceMs,
      retentionMs,
      log,
    });
  }

  /** Reports whether a request for the app's host is a gRPC call: the app itself has none. */
  isCall(request: RequestHead): boolean {
    const i = request.find(Field.CONTENT_TYPE);
    return i >= 0 && GRPC.test(request.value(i));
  }

  /** Serves a call that the relay handed off. */
  serve(stream: HandedOffStream): void {
    if (this.connections.accepts(stream.head)) this.connections.receive(stream);
    else void this.services.serveCall(stream);
  }

  handleRemovedPreview(trafficManagerId: string, interceptId: string, hostname: string): void {
    this.connections.handleRemovedPreview(trafficManagerId, interceptId, hostname);
  }

  close(): void {
    this.connections.close();
  }
}
