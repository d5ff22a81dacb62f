import { randomUUID } from 'node:crypto';
import {
  TeamLimitError,
  type ApiKey,
  type Session,
  type SessionRegistration,
  type Store,
  type TunnelCredential,
} from '@culvert/domain';
import type { Limits } from '@culvert/platform';
import type { TunnelRegistry } from '@culvert/relay';
import { acceptTunnel, type Carrier, GoAwayCode, type HelloAnswer, type Tunnel } from '@culvert/tunnel';
import type { Logger } from 'pino';
import { findUnusable, idOf, reasonOf } from './tunnel-credentials.js';

/** One registered tunnel with what has to be known to end it. */
export interface HeldTunnel {
  readonly tunnel: Tunnel;
  readonly credential: TunnelCredential;
  readonly session: Session;
  /** Names the process of the traffic manager. */
  readonly instanceId: string;
  /** Ends the tunnel at once. */
  end(code: GoAwayCode, reason: string): void;
  /** Asks the traffic manager to go elsewhere; streams that are open go on. */
  leave(code: GoAwayCode, reason: string): void;
}

/** How often sessions are marked alive, forgotten ones ended, and the credentials of open tunnels checked again. */
const UPKEEP_MS = 10_000;

/** Turns accepted carriers into tunnels of sessions, and ends them when they have to end. */
export class TunnelSessions {
  /** Names this process among several edges on one database. */
  readonly edgeId = randomUUID();
  private readonly bySession = new Map<string, Set<HeldTunnel>>();
  private heldCount = 0;
  private readonly upkeep: NodeJS.Timeout;
  /** Writes to the store, one after the other: a count must not be overtaken by an older one. */
  private lastWrite: Promise<void> = Promise.resolve();
  private isClosing = false;

  constructor(
    private readonly store: Store,
    private readonly registry: TunnelRegistry,
    private readonly limits: Pick<
      Limits,
      'maxStreamsPerTunnel' | 'maxTunnels' | 'maxSessionsPerTeam' | 'sessionGraceMs'
    >,
    private readonly log: Logger,
  ) {
    this.upkeep = setInterval(() => this.enqueue(() => this.keepUp()), UPKEEP_MS);
    this.upkeep.unref();
  }

  /** Tunnels registered now. */
  get count(): number {
    return this.heldCount;
  }

  get hasRoom(): boolean {
    return !this.isClosing && this.heldCount < this.limits.maxTunnels;
  }

  /** Streams open now on all tunnels. */
  get streamCount(): number {
    let count = 0;
    for (const held of this.all()) count += held.tunnel.streamCount;
    return count;
  }

  accept(carrier: Carrier, key: ApiKey, remoteAddress: string): void {
    let held: HeldTunnel | null = null;
    const credential = { kind: 'api-key', apiKeyId: key.id } as const;
    const tunnel = acceptTunnel(carrier, {
      settings: { maxStreams: this.limits.maxStreamsPerTunnel },
      onHello: async (hello): Promise<HelloAnswer> => {
        // The key was checked before the WebSocket was accepted; it may have been revoked since.
        if ((await findUnusable(this.store, [credential])).size > 0) {
          return { refuse: { code: GoAwayCode.KEY_REVOKED, reason: reasonOf(credential) } };
        }
        const registered = await this.register(key.teamId, {
          identity: {
            managerId: hello.managerId,
            clusterId: hello.clusterId,
            name: hello.name,
            version: hello.version,
          },
          kind: 'native',
          credential,
          remoteAddress,
        }).catch((error: unknown) => {
          if (error instanceof TeamLimitError) return error;
          throw error;
        });
        if (registered instanceof TeamLimitError) {
          const reason = `the team has ${registered.max} sessions, as many as it may`;
          return { refuse: { code: GoAwayCode.LIMIT, reason } };
        }
        const { session, resumed } = registered;
        held = {
          tunnel,
          credential,
          session,
          instanceId: hello.instanceId,
          end: (code, reason) => tunnel.close(code, reason),
          leave: (code, reason) => tunnel.goAway(code, reason),
        };
        this.hold(held);
        return { accept: { sessionId: session.id, resumed } };
      },
      onOpen: () => {
        if (held) this.attach(held);
      },
      onClose: (code, reason) => {
        if (held) this.detach(held, code, reason);
        else this.log.info({ code, reason, remoteAddress }, 'tunnel closed before it was registered');
      },
      onFault: (error) => this.log.error({ err: error }, 'tunnel fault'),
    });
  }

  /** Closes every tunnel opened with this key. */
  closeByKey(apiKeyId: string): void {
    this.closeByCredentials(new Set([apiKeyId]));
  }

  /** Closes tunnels of this person's programs that may not be used any more. */
  async closeUnusableOfUser(userId: string): Promise<void> {
    const credentials: TunnelCredential[] = [];
    for (const { credential } of this.all())
      if (credential.kind === 'program' && credential.userId === userId) credentials.push(credential);
    this.closeByCredentials(await findUnusable(this.store, credentials));
  }

  /** Closes every tunnel of this session. */
  closeBySession(sessionId: string, reason: string): void {
    this.closeWhere((held) => held.session.id === sessionId, GoAwayCode.SESSION_ENDED, reason);
  }

  /** Closes tunnels whose credential may not be used any more or whose session has ended, should the event be lost. */
  async closeUnusable(): Promise<void> {
    if (this.heldCount === 0) return;
    const credentials: TunnelCredential[] = [];
    for (const held of this.all()) credentials.push(held.credential);
    const sessions = [...this.bySession.keys()];
    this.closeByCredentials(await findUnusable(this.store, credentials));
    for (const id of await this.store.sessions.findEnded(sessions))
      this.closeBySession(id, 'the session has ended');
  }

  /** Asks every traffic manager to go elsewhere; streams that are open go on. */
  drain(): void {
    this.isClosing = true;
    for (const held of this.all()) held.leave(GoAwayCode.SHUTTING_DOWN, 'the edge is shutting down');
  }

  /** Closes every tunnel and resolves once the store knows. */
  async close(): Promise<void> {
    this.isClosing = true;
    clearInterval(this.upkeep);
    this.closeWhere(() => true, GoAwayCode.SHUTTING_DOWN, 'the edge is shutting down');
    await this.lastWrite;
  }

  /** Begins or resumes the session of a tunnel that was authenticated. */
  register(
    teamId: string,
    registration: Omit<SessionRegistration, 'edgeId' | 'at' | 'maxSessions'>,
  ): Promise<{ session: Session; resumed: boolean }> {
    return this.store.sessions.register(teamId, {
      ...registration,
      edgeId: this.edgeId,
      at: new Date(),
      maxSessions: this.limits.maxSessionsPerTeam,
    });
  }

  /** From here on the tunnel can be ended from outside, even before it is open. */
  hold(held: HeldTunnel): void {
    const siblings = this.bySession.get(held.session.id);
    if (siblings) siblings.add(held);
    else this.bySession.set(held.session.id, new Set([held]));
    this.heldCount++;
  }

  /** The tunnel is open: it carries new streams from here on. */
  attach(held: HeldTunnel): void {
    const { session, tunnel, instanceId } = held;
    this.registry.attach(session.trafficManagerId, tunnel);
    for (const other of this.bySession.get(session.id)!) {
      // A process keeps one tunnel to an edge: an older one of the same process is a half-dead twin, unless it
      // has said that it leaves, and finishes its streams.
      if (other !== held && other.instanceId === instanceId && other.tunnel.state !== 'draining') {
        other.end(GoAwayCode.SUPERSEDED, 'a newer tunnel of the same process took over');
      }
    }
    this.recordCount(session.id);
    this.log.info(
      {
        sessionId: session.id,
        trafficManagerId: session.trafficManagerId,
        remoteAddress: session.remoteAddress,
      },
      'tunnel open',
    );
  }

  /** The tunnel has ended. */
  detach(held: HeldTunnel, code: number, reason: string): void {
    const { session, tunnel } = held;
    const siblings = this.bySession.get(session.id);
    if (!siblings?.delete(held)) return;
    if (siblings.size === 0) this.bySession.delete(session.id);
    this.heldCount--;
    this.registry.detach(session.trafficManagerId, tunnel);
    this.recordCount(session.id);
    this.log.info(
      { sessionId: session.id, trafficManagerId: session.trafficManagerId, code, reason },
      'tunnel closed',
    );
  }

  private closeByCredentials(ids: ReadonlySet<string>): void {
    if (ids.size === 0) return;
    for (const held of this.all())
      if (ids.has(idOf(held.credential))) held.end(GoAwayCode.KEY_REVOKED, reasonOf(held.credential));
  }

  private closeWhere(isMeant: (held: HeldTunnel) => boolean, code: GoAwayCode, reason: string): void {
    for (const held of this.all()) if (isMeant(held)) held.end(code, reason);
  }

  private *all(): Generator<HeldTunnel> {
    for (const siblings of this.bySession.values()) yield* siblings;
  }

  private recordCount(sessionId: string): void {
    const count = this.bySession.get(sessionId)?.size ?? 0;
    this.enqueue(() => this.store.sessions.setTunnelCount(sessionId, count, new Date()));
  }

  private async keepUp(): Promise<void> {
    const now = new Date();
    if (this.bySession.size > 0) await this.store.sessions.heartbeat([...this.bySession.keys()], now);
    await this.closeUnusable();
    // A session that is connected somewhere has a heartbeat at least this often, whatever the grace is.
    const graceMs = Math.max(this.limits.sessionGraceMs, 3 * UPKEEP_MS);
    await this.store.sessions.endStale(new Date(now.getTime() - graceMs), now);
  }

  private enqueue(write: () => Promise<void>): void {
    this.lastWrite = this.lastWrite
      .then(write)
      .catch((error: unknown) => this.log.error({ err: error }, 'session could not be recorded'));
  }
}
