import { type ConnectionReason, HOSTNAME_MEMORY_MS, type Store, TeamLimitError } from '@culvert/domain';
import type { RequestHead } from '@culvert/http1';
import type { HandedOffStream, TunnelRegistry } from '@culvert/relay';
import { networkOf } from '@culvert/sockets';
import {
  acceptReverseConnection,
  GrpcStatus,
  REVERSE_CONNECTION_PATH,
  type ReverseTunnelConnection,
  type ReverseTunnelEnd,
} from '@culvert/telepresence';
import { GoAwayCode } from '@culvert/tunnel';
import type { Logger } from 'pino';
import { findUnusable, reasonOf } from '../tunnels/tunnel-credentials.js';
import { EdgeStoppingError, type Registrations } from '../tunnels/registrations.js';
import type { RegisteredTunnel, TunnelSessions } from '../tunnels/tunnel-sessions.js';
import { CallCarrier, refuseCall } from './call-carrier.js';
import { type CallAuthenticator, CallError } from './credentials.js';
import { InterceptSync } from './intercept-sync.js';
import { ManagerTunnel } from './manager-tunnel.js';
import type { RequestedPreviews } from './requested-previews.js';
import { credentialsOf } from './services.js';
import { failCall } from './unary-call.js';

/** Path of bidirectional calls, which the unary services cannot serve. */
const USER_DAEMON_PATH = '/telepresence.systema.UserDaemonSystemAProxy/ReverseConnection';
const MANAGER_ID = /^[\x21-\x7e]{1,255}$/;

/** Some managers redial without any delay: beyond this many dials, their answers are delayed. */
const MAX_DIALS = 30;
const DIAL_WINDOW_MS = 10_000;
const DIAL_DELAY_MS = 5000;
const MAX_DIALERS = 10_000;
const UPKEEP_MS = 60_000;

export interface ReverseConnectionsOptions {
  readonly store: Store;
  readonly authenticator: CallAuthenticator;
  readonly previews: RequestedPreviews;
  readonly sessions: TunnelSessions;
  readonly registry: TunnelRegistry;
  /** Milliseconds for which a connected manager may not report an intercept. */
  readonly graceMs: number;
  /** Milliseconds for which the previews of a disconnected manager are kept. */
  readonly retentionMs: number;
  readonly log: Logger;
}

/** Turns ReverseConnection calls into tunnels of sessions. */
export class ReverseConnections {
  private readonly syncs = new Map<string, Set<InterceptSync>>();
  private readonly dials = new Map<string, { since: number; count: number }>();
  private readonly upkeep: NodeJS.Timeout;

  constructor(private readonly options: ReverseConnectionsOptions) {
    this.upkeep = setInterval(() => void this.keepUp(), UPKEEP_MS);
    this.upkeep.unref();
  }

  /** Reports whether a gRPC call opens a reverse connection. */
  accepts({ target }: RequestHead): boolean {
    return target === REVERSE_CONNECTION_PATH || target === USER_DAEMON_PATH;
  }

  receive(stream: HandedOffStream): void {
    if (stream.head.target === USER_DAEMON_PATH) {
      refuseCall(stream, GrpcStatus.UNIMPLEMENTED, 'user daemons cannot be reached through Culvert');
      return;
    }
    this.accept(stream).catch((error: unknown) => {
      if (!failCall(stream, error))
        this.options.log.error({ err: error }, 'a reverse connection could not be accepted');
    });
  }

  /** Notifies the manager, if it is connected here, that a person removed a preview. */
  handleRemovedPreview(trafficManagerId: string, interceptId: string, hostname: string): void {
    for (const sync of this.syncs.get(trafficManagerId) ?? []) sync.removePreview(interceptId, hostname);
  }

  close(): void {
    clearInterval(this.upkeep);
  }

  private async accept(stream: HandedOffStream): Promise<void> {
    const { authenticator, sessions } = this.options;
    let isGone = false;
    stream.handler = { onData() {}, onEnd() {}, onDrain() {}, onClose: () => (isGone = true) };
    const managerId = stream.head.valueNamed('x-telepresence-managerid') ?? '';
    if (!MANAGER_ID.test(managerId))
      throw new CallError(GrpcStatus.INVALID_ARGUMENT, 'the header x-telepresence-managerid is missing');
    if (this.isStorming(`${networkOf(stream.peer)} ${managerId}`)) {
      await new Promise((resolve) => setTimeout(resolve, DIAL_DELAY_MS).unref());
      throw new CallError(GrpcStatus.RESOURCE_EXHAUSTED, 'too many reverse connections in a short time');
    }
    const credentials = credentialsOf(stream.head);
    const { teamId, credential } = await authenticator.authenticate(credentials, stream.peer, ['tunnel']);
    if (sessions.registrations.isStopping) throw stopping();
    if (!sessions.hasRoom) {
      sessions.onLimit('tunnels');
      throw new CallError(GrpcStatus.RESOURCE_EXHAUSTED, 'this edge has reached its limit of tunnels');
    }
    const {
      session,
      resumed,
      tunnel: held,
    } = await this.register(teamId, {
      identity: {
        managerId,
        clusterId: '',
        name: `Telepresence ${managerId.slice(0, 8)}`,
        version: '',
      },
      kind: 'telepresence',
      credential,
      remoteAddress: stream.peer,
      instanceId: managerId,
    });
    let isOpened = false;
    try {
      // The session may have ended, or the credential may have been revoked, since the call began.
      if ((await findUnusable(this.options.store, [credential])).size > 0)
        throw new CallError(GrpcStatus.UNAUTHENTICATED, reasonOf(credential));
      if (sessions.registrations.isStopping) throw stopping();
      if (isGone) return;
      this.open(stream, { session, resumed, credential, held });
      isOpened = true;
    } finally {
      if (!isOpened) sessions.abandon(session, held);
    }
  }

  private async register(
    ...registration: Parameters<Registrations['add']>
  ): ReturnType<Registrations['add']> {
    try {
      return await this.options.sessions.registrations.add(...registration);
    } catch (error) {
      if (error instanceof EdgeStoppingError) throw stopping();
      if (!(error instanceof TeamLimitError)) throw error;
      throw new CallError(
        GrpcStatus.RESOURCE_EXHAUSTED,
        `the team has reached its limit of ${error.max} sessions`,
      );
    }
  }

  private open(
    stream: HandedOffStream,
    whose: Pick<RegisteredTunnel, 'session' | 'resumed' | 'credential' | 'held'>,
  ): void {
    const { session } = whose;
    const managerId = whose.held.instanceId;
    const { sessions, registry, previews, graceMs, log } = this.options;
    let sync: InterceptSync | null = null;
    /** Code with which this edge ends the connection, once it does. */
    let ending: GoAwayCode | null = null;
    const connection: ReverseTunnelConnection = acceptReverseConnection(new CallCarrier(stream), {
      onOpen: () => {
        sessions.attach(registered);
        this.watched(session.trafficManagerId).add(
          (sync = new InterceptSync({
            manager: connection.manager,
            session,
            managerId,
            previews,
            graceMs,
            onShown: (interceptIds) => {
              tunnel.show(interceptIds);
              registry.wake(session.trafficManagerId);
            },
            log,
          })),
        );
        sync.start();
      },
      onMeasured: () => sessions.report(registered),
      onClose: ({ by, detail }) => {
        if (sync !== null) this.unwatch(session.trafficManagerId, sync);
        sessions.detach(registered, {
          code: by === 'edge' ? GoAwayCode.SHUTTING_DOWN : 0,
          reason: by === 'edge' && ending !== null ? sessions.endReasonOf(ending) : REASONS[by],
          detail,
        });
      },
    });
    const tunnel = new ManagerTunnel(connection);
    const registered: RegisteredTunnel = {
      ...whose,
      tunnel,
      leg: 1,
      end: (code, reason) => {
        ending = code;
        // A connection that a newer one of the same manager replaces can finish what it carries.
        if (code === GoAwayCode.SUPERSEDED) connection.drain(GrpcStatus.ABORTED, reason);
        else connection.close(statusOf(code), reason);
      },
      leave: (code, reason) => {
        ending ??= code;
        // The manager of an edge that is alone has no other edge to reach, so its streams may use the whole grace.
        tunnel.leave(reason, { mustHurry: !sessions.isAlone });
      },
    };
    sessions.hold(registered);
  }

  private watched(trafficManagerId: string): Set<InterceptSync> {
    let syncs = this.syncs.get(trafficManagerId);
    if (!syncs) this.syncs.set(trafficManagerId, (syncs = new Set()));
    return syncs;
  }

  private unwatch(trafficManagerId: string, sync: InterceptSync): void {
    sync.stop();
    const syncs = this.syncs.get(trafficManagerId);
    if (syncs?.delete(sync) && syncs.size === 0) this.syncs.delete(trafficManagerId);
  }

  private isStorming(dialer: string): boolean {
    const now = Date.now();
    if (this.dials.size >= MAX_DIALERS) this.dials.clear();
    let dial = this.dials.get(dialer);
    if (!dial || now - dial.since > DIAL_WINDOW_MS) this.dials.set(dialer, (dial = { since: now, count: 0 }));
    return ++dial.count > MAX_DIALS;
  }

  private async keepUp(): Promise<void> {
    const { previews, store, retentionMs, log } = this.options;
    try {
      await previews.collect(new Date(Date.now() - retentionMs));
      await store.requestedPreviews.forgetHostnames(new Date(Date.now() - HOSTNAME_MEMORY_MS));
    } catch (error) {
      log.error({ err: error }, 'expired traffic managers could not be removed');
    }
  }
}

/** Reasons for ends without a known code. The edge itself ends a connection only when its IDs are used up. */
const REASONS: Record<ReverseTunnelEnd['by'], ConnectionReason> = {
  manager: 'manager_stopped',
  lost: 'connection_lost',
  fault: 'protocol_error',
  edge: 'limit',
};

/** The manager dials again, and reaches another edge. */
function stopping(): CallError {
  return new CallError(GrpcStatus.UNAVAILABLE, new EdgeStoppingError().message);
}

function statusOf(code: GoAwayCode): GrpcStatus {
  return code === GoAwayCode.KEY_REVOKED ? GrpcStatus.UNAUTHENTICATED : GrpcStatus.UNAVAILABLE;
}
