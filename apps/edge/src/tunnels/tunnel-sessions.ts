import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type {
  Change,
  ConnectionReason,
  HeldTunnel,
  ResourceChange,
  Session,
  SessionRef,
  Store,
  TunnelCredential,
} from '@culvert/domain';
import type { Fleet } from '@culvert/fleet';
import type { ApiKeyUse } from '@culvert/nest';
import type { Limits } from '@culvert/runtime';
import type { TunnelRegistry } from '@culvert/relay';
import { GoAwayCode, type Tunnel } from '@culvert/tunnel';
import type { Logger } from 'pino';
import { ConnectionHistory } from './connection-history.js';
import { connectionReason } from './connection-reason.js';
import { VERSION } from '../version.js';
import { KnownManagers } from './known-managers.js';
import { Registrations } from './registrations.js';
import { findSessionEnd } from './session-end.js';
import { findUnusable, idOf, reasonOf } from './tunnel-credentials.js';
import { TunnelMeasures } from './tunnel-measures.js';
import { TunnelRecords } from './tunnel-records.js';

/** One registered tunnel with everything that is needed to end it. */
export interface RegisteredTunnel {
  readonly tunnel: Tunnel;
  /** Tunnels that its process had to other edges when it opened, and one. */
  readonly leg: number;
  readonly credential: TunnelCredential;
  readonly session: Session;
  /** Whether the session existed before the tunnel. */
  readonly resumed: boolean;
  /** The tunnel as recorded. */
  readonly held: HeldTunnel;
  /** Ends the tunnel at once. */
  end(code: GoAwayCode, reason: string): void;
  /** Asks the traffic manager to use another edge; open streams continue. */
  leave(code: GoAwayCode, reason: string): void;
}

/** How a tunnel ended. */
export interface TunnelEnd {
  /** A GOAWAY code, or 0. */
  readonly code: number;
  readonly reason: ConnectionReason;
  /** Detail for people and the log. */
  readonly detail: string;
}

/**
 * Interval in which this edge records that it is alive, and loads that have changed; in which dead edges and expired
 * sessions are removed; and in which the credentials of open tunnels are checked again.
 */
const UPKEEP_MS = 10_000;

const STOPPING = 'the edge is shutting down';

/** The tunnels that this edge holds, with their sessions: keeps their records, and ends them when necessary. */
export class TunnelSessions {
  /** Identifies this process among several edges on one database. */
  readonly edgeId = randomUUID();
  /** The caller must hold or abandon what it registers. */
  readonly registrations: Registrations;
  /** Traffic managers that may reconnect while the store is away. */
  readonly known = new KnownManagers();
  readonly measures = new TunnelMeasures();
  /** Called for each tunnel that is refused because a limit was reached. */
  onLimit: (limit: 'tunnels' | 'sessions_per_team') => void = () => {};
  /** Whether the deployment has no other edge. Traffic managers then receive no id, and keep one tunnel. */
  isAlone = false;
  /** The machine of this edge, and whether edges of others are alive; null: unknown. */
  machine: Pick<Fleet, 'self' | 'hasOtherMachine'> | null = null;
  private readonly bySession = new Map<string, Set<RegisteredTunnel>>();
  /** Tunnels that are open, or were until they are detached. */
  private readonly opened = new Set<RegisteredTunnel>();
  private heldCount = 0;
  private readonly history: ConnectionHistory;
  private readonly records: TunnelRecords;
  private readonly upkeep: NodeJS.Timeout;
  /** Writes to the store, one after the other. */
  private lastWrite: Promise<void> = Promise.resolve();
  /** Not among the other writes: other edges take one that is late for dead. */
  private lastBeat: Promise<void>;

  constructor(
    private readonly store: Store,
    private readonly registry: TunnelRegistry,
    private readonly limits: Pick<Limits, 'maxTunnels' | 'maxSessionsPerTeam' | 'sessionGraceMs'>,
    private readonly log: Logger,
    private readonly apiKeyUse: Pick<ApiKeyUse, 'recordOpen'>,
    /** Notifies people who watch the team. */
    private readonly announce: (change: ResourceChange) => void,
    /** Name of this edge for people. */
    name: string = hostname(),
  ) {
    this.history = new ConnectionHistory(store.connectionEvents, log);
    const edge = { id: this.edgeId, name: name.slice(0, 255), version: VERSION, startedAt: new Date() };
    this.records = new TunnelRecords(store, edge, log);
    this.registrations = new Registrations({
      sessions: store.sessions,
      edgeId: this.edgeId,
      maxSessions: limits.maxSessionsPerTeam,
      onRecorded: ({ session, resumed }) => this.announceSession(session, resumed ? 'updated' : 'created'),
      onTooLate: ({ session, tunnel }) => this.abandon(session, tunnel),
    });
    this.lastBeat = this.beat();
    this.upkeep = setInterval(() => {
      this.lastBeat = this.beat();
      this.keepUp();
    }, UPKEEP_MS);
    this.upkeep.unref();
  }

  /** Number of tunnels that this edge holds. */
  get count(): number {
    return this.heldCount;
  }

  /** Number of tunnels that were accepted from memory and are not registered yet. */
  get unregisteredCount(): number {
    return this.records.unregisteredCount;
  }

  get hasRoom(): boolean {
    return !this.registrations.isStopping && this.heldCount < this.limits.maxTunnels;
  }

  /** Number of open streams on all tunnels. */
  get streamCount(): number {
    let count = 0;
    for (const registered of this.all()) count += registered.tunnel.streamCount;
    return count;
  }

  /** Closes every tunnel opened with this key. */
  closeByKey(apiKeyId: string): void {
    const ids = new Set([apiKeyId]);
    this.known.forgetCredentials(ids);
    this.closeByCredentials(ids);
  }

  /** Closes tunnels of this person's programs whose access has ended. */
  async closeUnusableOfUser(userId: string): Promise<void> {
    this.known.suspectUser(userId);
    const credentials: TunnelCredential[] = [];
    for (const { credential } of this.all())
      if (credential.kind === 'program' && credential.userId === userId) credentials.push(credential);
    this.closeByCredentials(await findUnusable(this.store, credentials));
  }

  /** Closes every tunnel of this session. */
  closeBySession(sessionId: string, reason: string, code: GoAwayCode = GoAwayCode.SESSION_ENDED): void {
    this.known.forgetSession(sessionId);
    for (const registered of this.bySession.get(sessionId) ?? []) registered.end(code, reason);
  }

  /** Closes tunnels whose credential is no longer valid or whose session has ended, in case the event was lost. */
  async closeUnusable(): Promise<void> {
    if (this.heldCount === 0) return;
    const credentials: TunnelCredential[] = [];
    for (const registered of this.all()) credentials.push(registered.credential);
    const sessions = [...this.bySession.keys()];
    let checkedAt = performance.now();
    const unusable = await findUnusable(this.store, credentials);
    this.known.confirmCredentials(without(credentials.map(idOf), unusable), checkedAt);
    if (unusable.size > 0) this.known.forgetCredentials(unusable);
    this.closeByCredentials(unusable);
    checkedAt = performance.now();
    const ended = new Set(await this.store.sessions.findEnded(sessions));
    this.known.confirmSessions(without(sessions, ended), checkedAt);
    for (const id of ended) {
      const [registered] = this.bySession.get(id) ?? [];
      if (registered === undefined) continue;
      const { code, reason } = await findSessionEnd(this.store, registered.session);
      this.closeBySession(id, reason, code);
    }
  }

  /** Asks every traffic manager to use another edge; open streams continue. */
  drain(): void {
    void this.registrations.stop();
    for (const registered of this.all()) registered.leave(GoAwayCode.SHUTTING_DOWN, STOPPING);
  }

  /** Closes every tunnel and resolves once this is stored. */
  async close(): Promise<void> {
    clearInterval(this.upkeep);
    const registered = this.registrations.stop();
    for (const tunnel of this.all()) tunnel.end(GoAwayCode.SHUTTING_DOWN, STOPPING);
    await registered;
    this.enqueue(() => this.history.close());
    await this.lastBeat;
    this.enqueue(() => this.records.removeEdge());
    await this.lastWrite;
  }

  /** Removes the record of a tunnel that was registered and cannot be held. */
  abandon(session: SessionRef, held: HeldTunnel): void {
    this.records.remove(held);
    this.record(session, () => this.records.writeClosed());
  }

  /** Adds a tunnel. From here on it can be ended from outside, even before it is open. */
  hold(registered: RegisteredTunnel): void {
    this.holdUnregistered(registered);
    this.confirm(registered);
  }

  /** Adds a tunnel that is registered once the store answers, with `confirm`. */
  holdUnregistered(registered: RegisteredTunnel): void {
    const siblings = this.bySession.get(registered.session.id);
    if (siblings) siblings.add(registered);
    else this.bySession.set(registered.session.id, new Set([registered]));
    this.records.addUnregistered(registered.held, registered.tunnel);
    this.heldCount++;
  }

  /** Records that a tunnel was registered with the store. */
  confirm({ held }: RegisteredTunnel): void {
    this.records.confirm(held);
  }

  /** Marks the tunnel as open: it carries new streams from here on. */
  attach(registered: RegisteredTunnel): void {
    const { session, tunnel, held } = registered;
    const siblings = this.bySession.get(session.id)!;
    this.registry.attach(session.trafficManagerId, tunnel);
    this.opened.add(registered);
    this.measures.handleOpen(held.kind, registered.leg, registered.resumed);
    const change = registered.resumed ? 'resumed' : 'connected';
    this.history.addChange({ session, held, edgeId: this.edgeId, change, end: null });
    for (const other of siblings) {
      // A process keeps one tunnel to an edge. An older one of the same process is half dead, unless it is leaving and
      // finishes its streams.
      if (
        other !== registered &&
        other.held.instanceId === held.instanceId &&
        other.tunnel.state !== 'draining'
      ) {
        other.end(GoAwayCode.SUPERSEDED, 'a newer tunnel of the same process replaced it');
      }
    }
    this.record(session, () => this.history.flush(new Date()));
    this.log.info(
      {
        sessionId: session.id,
        trafficManagerId: session.trafficManagerId,
        remoteAddress: session.remoteAddress,
      },
      'tunnel open',
    );
  }

  /** Records the tunnel's load now, without waiting for the next upkeep. */
  report({ session, held }: RegisteredTunnel): void {
    this.record(session, () => this.records.report(held));
  }

  /** Removes a tunnel that has ended. */
  detach(registered: RegisteredTunnel, { code, reason, detail }: TunnelEnd): void {
    const { session, tunnel, held } = registered;
    const siblings = this.bySession.get(session.id);
    if (!siblings?.delete(registered)) return;
    if (siblings.size === 0) this.bySession.delete(session.id);
    this.heldCount--;
    this.registry.detach(session.trafficManagerId, tunnel);
    if (this.opened.delete(registered)) {
      this.measures.handleClose(held.kind, registered.leg, reason);
      const end = { reason, detail };
      this.history.addChange({ session, held, edgeId: this.edgeId, change: 'disconnected', end });
    }
    this.records.remove(held);
    this.record(session, async () => {
      await this.records.writeClosed();
      await this.history.flush(new Date());
    });
    this.log.info(
      { sessionId: session.id, trafficManagerId: session.trafficManagerId, code, reason: detail },
      'tunnel closed',
    );
  }

  /**
   * Returns the reason for the code with which the tunnel ended. A traffic manager that stops can send the same code as
   * an edge.
   */
  endReasonOf(code: GoAwayCode): ConnectionReason {
    return code === GoAwayCode.SHUTTING_DOWN && !this.registrations.isStopping
      ? 'manager_stopped'
      : connectionReason(code);
  }

  private closeByCredentials(ids: ReadonlySet<string>): void {
    if (ids.size === 0) return;
    for (const registered of this.all())
      if (ids.has(idOf(registered.credential)))
        registered.end(GoAwayCode.KEY_REVOKED, reasonOf(registered.credential));
  }

  private apiKeyIds(): string[] {
    const ids = new Set<string>();
    for (const { credential } of this.all()) if (credential.kind === 'api-key') ids.add(credential.apiKeyId);
    return [...ids];
  }

  /** Reports whether this process of a traffic manager has an open tunnel to this edge. */
  holdsOpenTunnelOf(teamId: string, instanceId: string): boolean {
    for (const { held, session, tunnel } of this.opened)
      if (held.instanceId === instanceId && session.teamId === teamId && tunnel.state === 'open') return true;
    return false;
  }

  private *all(): Generator<RegisteredTunnel> {
    for (const tunnels of this.bySession.values()) yield* tunnels;
  }

  /** Announces the session and its traffic manager, which was last seen when the session was. */
  private announceSession({ id, teamId, trafficManagerId }: SessionRef, change: Change): void {
    this.announce({ teamId, resource: 'session', id, change });
    this.announce({ teamId, resource: 'traffic-manager', id: trafficManagerId, change: 'updated' });
  }

  /** Starts what is due every ten seconds. None of it depends on the success of another part. */
  private keepUp(): void {
    for (const { tunnel, held } of this.opened) this.measures.observeRoundTrip(held.kind, tunnel.roundTripMs);
    // Not among the writes: revoked credentials must not work longer because the store is slow to accept these.
    this.closeUnusable().catch((error: unknown) =>
      this.log.error({ err: error }, 'the credentials of tunnels could not be checked'),
    );
    this.enqueue(() => this.keepUpRecords(new Date()));
    this.enqueue(() => this.apiKeyUse.recordOpen(this.apiKeyIds()));
    this.enqueue(() => this.history.flush(new Date()));
  }

  private async keepUpRecords(now: Date): Promise<void> {
    // The traffic managers of a dead edge get some time after it was found dead, whatever the grace is.
    const graceMs = Math.max(this.limits.sessionGraceMs, 3 * UPKEEP_MS);
    const changed = await this.records.keepUp(now, graceMs);
    for (const session of changed) this.announceSession(session, 'updated');
  }

  /** Writes what has changed of a session, and announces it. */
  private record(session: SessionRef, write: () => Promise<void>): void {
    this.enqueue(async () => {
      await write();
      this.announceSession(session, 'updated');
    });
  }

  private beat(): Promise<void> {
    return this.records.beat(new Date()).catch((error: unknown) => {
      this.log.error({ err: error }, 'this edge could not record that it is alive');
    });
  }

  /** Writes to the store after the writes before it. `close` waits for it. Logs errors. */
  enqueue(write: () => Promise<void>): void {
    this.lastWrite = this.lastWrite
      .then(write)
      .catch((error: unknown) => this.log.error({ err: error }, 'session could not be recorded'));
  }
}

function without(ids: readonly string[], excluded: ReadonlySet<string>): ReadonlySet<string> {
  return new Set(ids.filter((id) => !excluded.has(id)));
}
