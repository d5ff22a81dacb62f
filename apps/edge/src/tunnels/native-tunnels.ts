import { visibleName } from '@culvert/contract';
import { ManagerIdTakenError, TeamLimitError, type Store } from '@culvert/domain';
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
import type { ClusterConflicts } from './cluster-conflicts.js';
import { EdgeStoppingError, type TunnelRegistration } from './registrations.js';
import { ReturningTunnels } from './returning-tunnels.js';
import { findUnusable, reasonOf, type TunnelOwner } from './tunnel-credentials.js';
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
  private readonly returning: ReturningTunnels;

  constructor(private readonly options: NativeTunnelsOptions) {
    const { store, sessions, log } = options;
    this.returning = new ReturningTunnels({
      store,
      sessions,
      refusalOf: (...refused) => this.refusalOf(...refused).refuse,
      log,
    });
  }

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
        return { accept: { sessionId: session.id, resumed, ...this.edgeNames() } };
      },
      onOpen: () => {
        if (registered) sessions.attach(registered);
      },
      onGoAway: () => registry.noteChange(registered?.session.trafficManagerId ?? ''),
      onClose: (code, reason) => {
        if (registered) {
          this.returning.drop(registered);
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
    const { teamId, credential, uncheckedHash, hello, tunnel } = dialer;
    // It was checked before the WebSocket was accepted, but may have been revoked since.
    if (uncheckedHash === undefined && (await findUnusable(store, [credential])).size > 0)
      return refusal(GoAwayCode.KEY_REVOKED, reasonOf(credential));
    // Only the dialer knows which of its tunnels still work: a half-dead one is replaced instead.
    if (hello.edges?.includes(sessions.edgeId) && sessions.holdsOpenTunnelOf(teamId, hello.instanceId))
      return refusal(GoAwayCode.ALREADY_CONNECTED, 'this process has a tunnel to this edge');
    const { machine } = sessions;
    if (machine?.hasOtherMachine && hello.machines?.includes(machine.self.machineId))
      return refusal(
        GoAwayCode.ALREADY_CONNECTED,
        'this process has a tunnel to this machine, and there are others',
      );
    const registration = registrationOf(dialer, sessions);
    if (uncheckedHash !== undefined) return this.hold(dialer, registration, uncheckedHash);
    const { changes } = sessions.known;
    const recorded = await sessions.registrations
      .add(teamId, registration)
      .catch((error: unknown) => this.refusalOf(error, teamId, registration));
    if ('refuse' in recorded) return recorded;
    const { session, resumed, tunnel: held } = recorded;
    sessions.known.rememberSession(registration.identity, session, changes);
    if (tunnel.state === 'closed') {
      sessions.abandon(session, held);
      return refusal(GoAwayCode.CONNECTION_LOST, 'the connection has closed');
    }
    const registered = { ...endsOf(dialer), credential, session, resumed, held };
    sessions.hold(registered);
    return registered;
  }

  /** Holds the tunnel of a known traffic manager while the store is away. */
  private hold(dialer: Dialer, registration: TunnelRegistration, hash: string) {
    const { sessions } = this.options;
    const { teamId, credential } = dialer;
    if (sessions.registrations.isStopping)
      return refusal(GoAwayCode.SHUTTING_DOWN, new EdgeStoppingError().message);
    // An event may have ended the credential since the WebSocket was accepted, when there was no tunnel to close.
    const isKnown = sessions.known.findOwner(hash) !== null;
    const session = isKnown ? sessions.known.findSession(teamId, registration.identity) : null;
    if (session === null) return refusal(GoAwayCode.INTERNAL, 'the database does not answer: try again');
    return this.returning.hold({ ...endsOf(dialer), credential, session }, registration);
  }

  /** Returns what a dialer needs to know of this edge to keep tunnels to several. */
  private edgeNames(): { readonly edgeId?: string; readonly machineId?: string } {
    const { isAlone, edgeId, machine } = this.options.sessions;
    if (isAlone) return {};
    const machineId = machine?.self.machineId ?? '';
    return { edgeId, ...(machineId !== '' && { machineId }) };
  }

  /** Returns the answer to a traffic manager that cannot be registered. Throws errors that are not about it. */
  private refusalOf(
    error: unknown,
    teamId: string,
    { identity, remoteAddress }: TunnelRegistration,
  ): Refused {
    const { conflicts, sessions } = this.options;
    if (error instanceof EdgeStoppingError) return refusal(GoAwayCode.SHUTTING_DOWN, error.message);
    if (error instanceof TeamLimitError) {
      sessions.onLimit('sessions_per_team');
      return refusal(GoAwayCode.LIMIT, `the team has reached its limit of ${error.max} sessions`);
    }
    if (error instanceof ManagerIdTakenError) {
      sessions.enqueue(() => conflicts.report(teamId, error, { ...identity, remoteAddress }));
      return refusal(GoAwayCode.MANAGER_ID_TAKEN, conflicts.reasonOf(error));
    }
    throw error;
  }
}

function refusal(code: GoAwayCode, reason: string): Refused {
  return { refuse: { code, reason } };
}

function registrationOf(
  { hello, credential, remoteAddress }: Dialer,
  { isAlone }: Pick<TunnelSessions, 'isAlone'>,
): TunnelRegistration {
  const { managerId, clusterId, name, version, instanceId, wantedTunnels } = hello;
  const identity = { managerId, clusterId: visibleName(clusterId), name: visibleName(name), version };
  // The only edge of a deployment gets one tunnel, whatever number is wanted.
  const wantedTunnelCount = isAlone ? undefined : wantedTunnels;
  return { identity, kind: 'native', credential, remoteAddress, instanceId, wantedTunnelCount };
}

function endsOf({ tunnel, hello }: Dialer): Pick<RegisteredTunnel, 'tunnel' | 'leg' | 'end' | 'leave'> {
  return {
    tunnel,
    leg: (hello.edges?.length ?? 0) + 1,
    end: (code, reason) => tunnel.close(code, reason),
    leave: (code, reason) => tunnel.goAway(code, reason),
  };
}
