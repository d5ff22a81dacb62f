import { visibleName } from '@culvert/contract';
import { ManagerIdTakenError, TeamLimitError, type SessionRegistration, type Store } from '@culvert/domain';
import type { TunnelRegistry } from '@culvert/relay';
import type { Limits } from '@culvert/runtime';
import {
  acceptTunnel,
  type Carrier,
  GoAwayCode,
  type Hello,
  type HelloAnswer,
  type TunnelConnection,
} from '@culvert/tunnel';
import type { Logger } from 'pino';
import type { ClusterConflicts, RefusedManager } from './cluster-conflicts.js';
import { EdgeStoppingError } from './registrations.js';
import type { TunnelOwner } from './tunnel-authenticator.js';
import { findUnusable, reasonOf } from './tunnel-credentials.js';
import type { RegisteredTunnel, TunnelSessions } from './tunnel-sessions.js';

type Refused = Extract<HelloAnswer, { refuse: object }>;

/** A dialer that has sent HELLO, with what the edge knows of its connection. */
interface Dialer extends TunnelOwner {
  readonly hello: Hello;
  readonly tunnel: TunnelConnection;
  readonly remoteAddress: string;
}

export interface NativeTunnelsOptions {
  readonly store: Store;
  readonly registry: Pick<TunnelRegistry, 'noteChange'>;
  readonly sessions: TunnelSessions;
  readonly conflicts: ClusterConflicts;
  readonly limits: Pick<Limits, 'maxStreamsPerTunnel'>;
  readonly log: Logger;
}

/** Turns carriers of the native protocol (docs/protocol.md) into tunnels of sessions. */
export class NativeTunnels {
  constructor(private readonly options: NativeTunnelsOptions) {}

  /** @param remoteAddress the address that is recorded and shown */
  accept(carrier: Carrier, owner: TunnelOwner, remoteAddress: string): void {
    const { registry, sessions, limits, log } = this.options;
    let registered: RegisteredTunnel | null = null;
    const tunnel = acceptTunnel(carrier, {
      settings: { maxStreams: limits.maxStreamsPerTunnel },
      onHello: async (hello): Promise<HelloAnswer> => {
        const outcome = await this.register({ ...owner, hello, tunnel, remoteAddress });
        if ('refuse' in outcome) return outcome;
        registered = outcome;
        const { session, resumed } = outcome;
        const edge = sessions.isAlone ? {} : { edgeId: sessions.edgeId };
        return { accept: { sessionId: session.id, resumed, ...edge } };
      },
      onOpen: () => {
        if (registered) sessions.attach(registered);
      },
      onGoAway: () => registry.noteChange(registered?.session.trafficManagerId ?? ''),
      onClose: (code, reason) => {
        if (registered) {
          sessions.detach(registered, { code, reason: sessions.endReasonOf(code), detail: reason });
          return;
        }
        // Managers with several tunnels are refused again and again while there is only one edge.
        const level = code === GoAwayCode.ALREADY_CONNECTED ? 'debug' : 'info';
        log[level]({ code, reason, remoteAddress }, 'tunnel closed before it was registered');
      },
      onFault: (error) => log.error({ err: error }, 'tunnel fault'),
    });
  }

  /** Registers and holds the tunnel, unless the dialer must be refused. */
  private async register(dialer: Dialer): Promise<RegisteredTunnel | Refused> {
    const { store, sessions } = this.options;
    const { teamId, credential, hello, tunnel, remoteAddress } = dialer;
    // It was checked before the WebSocket was accepted, but may have been revoked since.
    if ((await findUnusable(store, [credential])).size > 0)
      return refusal(GoAwayCode.KEY_REVOKED, reasonOf(credential));
    // Only the dialer knows which of its tunnels still work: a half-dead one is replaced instead.
    if (hello.edges?.includes(sessions.edgeId) && sessions.holdsOpenTunnelOf(teamId, hello.instanceId))
      return refusal(GoAwayCode.ALREADY_CONNECTED, 'this process has a tunnel to this edge');
    const recorded = await sessions.registrations
      .add(teamId, {
        identity: identityOf(hello),
        kind: 'native',
        credential,
        remoteAddress,
        instanceId: hello.instanceId,
      })
      .catch((error: unknown) => this.refusalOf(error, teamId, { ...hello, remoteAddress }));
    if ('refuse' in recorded) return recorded;
    const { session, resumed, tunnel: held } = recorded;
    if (tunnel.state === 'closed') {
      sessions.abandon(session, held);
      return refusal(GoAwayCode.CONNECTION_LOST, 'the connection has closed');
    }
    const registered: RegisteredTunnel = {
      tunnel,
      credential,
      session,
      resumed,
      held,
      end: (code, reason) => tunnel.close(code, reason),
      leave: (code, reason) => tunnel.goAway(code, reason),
    };
    sessions.hold(registered);
    return registered;
  }

  /** Returns the answer to a traffic manager that cannot be registered. Throws errors that are not about it. */
  private refusalOf(error: unknown, teamId: string, refused: RefusedManager): Refused {
    const { conflicts, sessions } = this.options;
    if (error instanceof EdgeStoppingError) return refusal(GoAwayCode.SHUTTING_DOWN, error.message);
    if (error instanceof TeamLimitError)
      return refusal(GoAwayCode.LIMIT, `the team has reached its limit of ${error.max} sessions`);
    if (error instanceof ManagerIdTakenError) {
      sessions.enqueue(() => conflicts.report(teamId, error, refused));
      return refusal(GoAwayCode.MANAGER_ID_TAKEN, conflicts.reasonOf(error));
    }
    throw error;
  }
}

function refusal(code: GoAwayCode, reason: string): Refused {
  return { refuse: { code, reason } };
}

function identityOf({ managerId, clusterId, name, version }: Hello): SessionRegistration['identity'] {
  return { managerId, clusterId: visibleName(clusterId), name: visibleName(name), version };
}
