import type { ManagerIdentity, Session } from '@culvert/domain';
import { SharedMemory } from './shared-memory.js';
import { idOf, type TunnelOwner } from './tunnel-credentials.js';

/** Milliseconds for which a credential or session may be used without the store after its last check there. */
export const MAX_UNCHECKED_MS = 600_000;
/** Maximum number of credentials, and of sessions, that are remembered of all teams together. */
const MAX_REMEMBERED = 10_000;

interface KnownCredential {
  readonly teamId: string;
  readonly owner: TunnelOwner;
  readonly expiresAt: Date | null;
  /** When the last successful check began; negative infinity if a change may have been missed since. */
  checkedAt: number;
  /** When something last changed that may concern it: a check that began before does not confirm it. */
  suspectedAt: number;
}

interface KnownSession {
  readonly teamId: string;
  readonly session: Session;
  readonly clusterId: string;
  /** As of a credential. */
  checkedAt: number;
  /** As of a credential. */
  suspectedAt: number;
}

/**
 * Remembers the credentials and sessions of traffic managers that this edge has registered, so that they can reconnect
 * while the store is away. Credentials are kept as hashes. Events of changes make it forget at once.
 */
export class KnownManagers {
  /** By the hash of their secret. */
  private readonly credentials = new SharedMemory<KnownCredential>(MAX_REMEMBERED);
  /** By team and manager id. */
  private readonly sessions = new SharedMemory<KnownSession>(MAX_REMEMBERED);
  private changeCount = 0;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Number of changes so far. A caller that reads the store passes the number from before it read. */
  get changes(): number {
    return this.changeCount;
  }

  /** Remembers a credential that the store has accepted. If anything has changed meanwhile, it must first be confirmed. */
  rememberCredential(hash: string, owner: TunnelOwner, expiresAt: Date | null, changes: number): void {
    const { teamId } = owner;
    this.credentials.set(hash, { teamId, owner, expiresAt, ...this.stateAfter(changes) });
  }

  /** Remembers the session of a registration. If anything has changed meanwhile, it must first be confirmed. */
  rememberSession(
    { managerId, clusterId }: Pick<ManagerIdentity, 'managerId' | 'clusterId'>,
    session: Session,
    changes: number,
  ): void {
    const { teamId } = session;
    this.sessions.set(keyOf(teamId, managerId), {
      teamId,
      session,
      clusterId,
      ...this.stateAfter(changes),
    });
  }

  /** Returns the owner of a credential that was checked recently; null if there is none, or it has expired. */
  findOwner(hash: string): TunnelOwner | null {
    const known = this.credentials.get(hash);
    if (known === undefined || !this.isRecent(known.checkedAt)) return null;
    return known.expiresAt === null || known.expiresAt > new Date() ? known.owner : null;
  }

  /** Returns the session of a traffic manager that was checked recently, and belongs to the same cluster. */
  findSession(
    teamId: string,
    { managerId, clusterId }: Pick<ManagerIdentity, 'managerId' | 'clusterId'>,
  ): Session | null {
    const known = this.sessions.get(keyOf(teamId, managerId));
    if (known === undefined || !this.isRecent(known.checkedAt)) return null;
    return known.clusterId === clusterId ? known.session : null;
  }

  /** Records that the store was found to accept these credentials, by a check that began at `checkedAt`. */
  confirmCredentials(ids: ReadonlySet<string>, checkedAt: number): void {
    for (const [hash, known] of this.credentials.all()) {
      if (!ids.has(idOf(known.owner.credential)) || checkedAt <= known.suspectedAt) continue;
      known.checkedAt = Math.max(known.checkedAt, checkedAt);
      this.credentials.renew(hash);
    }
  }

  /** Records that these sessions were found to live, by a check that began at `checkedAt`. */
  confirmSessions(ids: ReadonlySet<string>, checkedAt: number): void {
    for (const [key, known] of this.sessions.all()) {
      if (!ids.has(known.session.id) || checkedAt <= known.suspectedAt) continue;
      known.checkedAt = Math.max(known.checkedAt, checkedAt);
      this.sessions.renew(key);
    }
  }

  /** Forgets the credentials with these ids of keys or programs. */
  forgetCredentials(ids: ReadonlySet<string>): void {
    this.changeCount++;
    for (const [hash, { owner }] of this.credentials.all())
      if (ids.has(idOf(owner.credential))) this.credentials.delete(hash);
  }

  /** Forgets the credential with this hash, which the store has refused. */
  forgetSecret(hash: string): void {
    this.credentials.delete(hash);
  }

  /** Stops using the programs of a person until they are confirmed again. */
  suspectUser(userId: string): void {
    this.changeCount++;
    for (const [, known] of this.credentials.all()) {
      const { credential } = known.owner;
      if (credential.kind === 'program' && credential.userId === userId) this.suspect(known);
    }
  }

  forgetSession(id: string): void {
    this.changeCount++;
    for (const [key, { session }] of this.sessions.all()) if (session.id === id) this.sessions.delete(key);
  }

  /** Stops using everything until it is confirmed again, after events may have been lost. */
  suspectAll(): void {
    this.changeCount++;
    for (const [, known] of this.credentials.all()) this.suspect(known);
    for (const [, known] of this.sessions.all()) this.suspect(known);
  }

  /** Ignores the results of checks that have begun before now. */
  private suspect(known: KnownCredential | KnownSession): void {
    known.checkedAt = -Infinity;
    known.suspectedAt = this.now();
  }

  /** Returns the state of what was looked up at this number of changes, and is remembered now. */
  private stateAfter(changes: number): { readonly checkedAt: number; readonly suspectedAt: number } {
    const now = this.now();
    return changes === this.changeCount
      ? { checkedAt: now, suspectedAt: -Infinity }
      : { checkedAt: -Infinity, suspectedAt: now };
  }

  private isRecent(checkedAt: number): boolean {
    return this.now() - checkedAt <= MAX_UNCHECKED_MS;
  }
}

function keyOf(teamId: string, managerId: string): string {
  return `${teamId} ${managerId}`;
}
