import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HeldTunnel, type Store, StoreUnavailableError } from '@culvert/domain';
import { LineBudget } from '@culvert/runtime';
import { GoAwayCode } from '@culvert/tunnel';
import type { Logger } from 'pino';
import type { TunnelRegistration } from './registrations.js';
import { findSessionEnd, type TunnelRefusal } from './session-end.js';
import { findUnusable, idOf, reasonOf } from './tunnel-credentials.js';
import type { RegisteredTunnel, TunnelSessions } from './tunnel-sessions.js';

/** Interval in which the store is asked again while tunnels wait for it. */
const RETRY_MS = 1000;
/** Limit of lines, and of lines a minute, about single tunnels that were accepted. */
const MAX_LINES = 10;
/** Registrations at a time. */
const MAX_AT_ONCE = 4;
/** Number of teams whose registrations fail before a round ends, because the store seems to be away again. */
const MAX_FAILED_TEAMS = 8;

type Waiting = readonly [registered: RegisteredTunnel, registration: TunnelRegistration];

export interface ReturningTunnelsOptions {
  readonly store: Pick<Store, 'apiKeys' | 'programs' | 'sessions'>;
  readonly sessions: TunnelSessions;
  /** Returns why the store refuses a registration. Throws errors that are not about it. */
  readonly refusalOf: (error: unknown, teamId: string, registration: TunnelRegistration) => TunnelRefusal;
  readonly log: Logger;
}

/**
 * Tunnels of known traffic managers that were accepted while the store was away. As soon as it answers, they are checked
 * and registered like any other tunnel, or ended.
 */
export class ReturningTunnels {
  private readonly waiting = new Map<RegisteredTunnel, TunnelRegistration>();
  private isRunning = false;
  /** When an edge with thousands of tunnels loses them during an outage, the log must stay readable. */
  private readonly lines: LineBudget;

  constructor(private readonly options: ReturningTunnelsOptions) {
    const onOmitted = (count: number): void =>
      options.log.warn({ count }, 'more tunnels were accepted from memory than are logged');
    this.lines = new LineBudget({ burst: MAX_LINES, perMinute: MAX_LINES, onOmitted });
  }

  /** Holds a tunnel that is registered once the store answers. */
  hold(
    whose: Omit<RegisteredTunnel, 'held' | 'resumed'>,
    registration: TunnelRegistration,
  ): RegisteredTunnel {
    const { id: sessionId, teamId } = whose.session;
    const { kind, remoteAddress, instanceId, identity, credential } = registration;
    const openedAt = new Date();
    const held: HeldTunnel = {
      id: randomUUID(),
      teamId,
      sessionId,
      kind,
      remoteAddress,
      instanceId,
      openedAt,
    };
    const session = { ...whose.session, remoteAddress, credential, version: identity.version };
    const registered: RegisteredTunnel = { ...whose, session, held, resumed: true };
    this.options.sessions.holdUnregistered(registered);
    this.waiting.set(registered, registration);
    if (this.lines.consume())
      this.options.log.warn(
        { sessionId, remoteAddress },
        'tunnel accepted from memory, because the database does not answer',
      );
    if (!this.isRunning) void this.run();
    return registered;
  }

  /** The tunnel has ended. */
  drop(registered: RegisteredTunnel): void {
    this.waiting.delete(registered);
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    while (this.waiting.size > 0) {
      await sleep(RETRY_MS, undefined, { ref: false });
      await this.confirmAll().catch((error: unknown) => {
        if (!(error instanceof StoreUnavailableError))
          this.options.log.error(
            { err: error },
            'tunnels that were accepted from memory could not be checked',
          );
      });
    }
    this.isRunning = false;
  }

  /**
   * Checks and registers the tunnels that wait. A team whose rows are locked looks like a store that is away: its tunnels
   * then wait for the next round, behind those of other teams.
   */
  private async confirmAll(): Promise<void> {
    const all = [...this.waiting];
    const credentials = all.map(([{ credential }]) => credential);
    const { store, sessions } = this.options;
    const unusable = await findUnusable(store, credentials);
    if (unusable.size > 0) sessions.known.forgetCredentials(unusable);
    const usable: Waiting[] = [];
    for (const waiting of all) {
      const [{ credential }] = waiting;
      if (unusable.has(idOf(credential)))
        this.end(waiting[0], { code: GoAwayCode.KEY_REVOKED, reason: reasonOf(credential) });
      else usable.push(waiting);
    }
    const failedTeams = new Set<string>();
    const next = usable.values();
    await Promise.all(Array.from({ length: MAX_AT_ONCE }, () => this.registerAll(next, failedTeams)));
    for (const [registered, registration] of usable)
      if (failedTeams.has(registered.held.teamId) && this.waiting.delete(registered))
        this.waiting.set(registered, registration);
  }

  /** Registers the tunnels that it gets from `next`, and adds the teams for which the store does not answer. */
  private async registerAll(next: Iterable<Waiting>, failedTeams: Set<string>): Promise<void> {
    for (const [registered, registration] of next) {
      const { teamId } = registered.held;
      if (failedTeams.size >= MAX_FAILED_TEAMS) return;
      if (failedTeams.has(teamId) || !this.waiting.has(registered)) continue;
      try {
        await this.register(registered, registration);
      } catch (error) {
        if (error instanceof StoreUnavailableError) failedTeams.add(teamId);
        else this.end(registered, this.refusalOf(error, teamId, registration));
      }
    }
  }

  private async register(registered: RegisteredTunnel, registration: TunnelRegistration): Promise<void> {
    const { sessions } = this.options;
    const { held, session } = registered;
    const { id, openedAt, teamId } = held;
    const recorded = await sessions.registrations.add(teamId, { ...registration, tunnel: { id, openedAt } });
    if (recorded.session.id !== session.id) {
      sessions.abandon(recorded.session, recorded.tunnel);
      this.end(registered, await findSessionEnd(this.options.store, session));
    } else if (this.waiting.delete(registered)) {
      sessions.confirm(registered);
      this.options.log.info({ sessionId: session.id }, 'tunnel registered that was accepted from memory');
    } else {
      // It ended during the registration, which may have added its row after that was removed.
      sessions.abandon(session, held);
    }
  }

  private refusalOf(...refused: Parameters<ReturningTunnelsOptions['refusalOf']>): TunnelRefusal {
    try {
      return this.options.refusalOf(...refused);
    } catch (error) {
      this.options.log.error(
        { err: error },
        'a tunnel that was accepted from memory could not be registered',
      );
      return { code: GoAwayCode.INTERNAL, reason: 'the tunnel could not be registered: connect again' };
    }
  }

  private end(registered: RegisteredTunnel, { code, reason }: TunnelRefusal): void {
    this.waiting.delete(registered);
    registered.end(code, reason);
  }
}
