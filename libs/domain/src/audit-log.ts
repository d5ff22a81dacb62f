import type { AuditAction } from '@culvert/terms';
import type { ChangeAnnouncer } from './announcing.js';
import type { Actor, AuditEventDraft } from './audit-event.js';
import type { Repositories } from './store.js';
import { changeOfAction } from './resource-change.js';
import type { User } from './team.js';

/** An actor, and the team in which it acts. */
export interface TeamActor {
  readonly teamId: string;
  readonly actor: Actor;
}

/** Target of an action, with its name at that time; null: it has no name. */
export interface AuditTarget {
  readonly id: string;
  readonly name: string | null;
}

type Fields = Readonly<Record<string, unknown>>;

/** Records changes with their actors, and announces them to people who watch the team. */
export class AuditLog {
  private readonly store: Pick<Repositories, 'auditEvents' | 'users'>;
  private readonly announcer: ChangeAnnouncer;

  constructor(store: Pick<Repositories, 'auditEvents' | 'users'>, announcer: ChangeAnnouncer) {
    this.store = store;
    this.announcer = announcer;
  }

  /** Records one action. `before` and `after` must not contain secrets. */
  async record(
    by: TeamActor,
    action: AuditAction,
    target: AuditTarget,
    change: { readonly before?: Fields; readonly after?: Fields } = {},
  ): Promise<void> {
    const { before = null, after = null } = change;
    const { teamId, actor } = by;
    const { id: targetId, name: targetName } = target;
    const changed = changeOfAction(teamId, { action, targetId });
    if (changed !== null) this.announcer.changed(changed);
    await this.append({ teamId, actor, action, targetId, targetName, before, after });
  }

  /**
   * Records those of `fields` whose values differ between `before` and `after`; nothing if none does.
   * @param things.show returns what the log keeps of a resource. Default: the resource itself
   */
  async recordChange<Thing extends object>(
    by: TeamActor,
    action: AuditAction,
    target: AuditTarget,
    things: {
      readonly before: Thing;
      readonly after: Thing;
      readonly fields: readonly (keyof Thing & string)[];
      readonly show?: (thing: Thing) => Fields;
    },
  ): Promise<void> {
    const { before, after, fields, show = (thing) => thing as Fields } = things;
    const changed = fields.filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]));
    if (changed.length === 0) return;
    await this.record(by, action, target, {
      before: pick(show(before), changed),
      after: pick(show(after), changed),
    });
  }

  /** Records an event about a person rather than a team, such as signing in, in each of their teams. */
  async recordOfUser(
    actor: Actor,
    action: AuditAction,
    target: AuditTarget,
    after: Fields | null = null,
  ): Promise<void> {
    await this.recordInTeamsOf(actor.id ?? '', { actor, action, target, after });
  }

  /** Records a failed attempt by a caller who did not prove to be this person. */
  recordFailureOf(
    { id, email }: Pick<User, 'id' | 'email'>,
    actor: Actor,
    action: AuditAction,
  ): Promise<void> {
    return this.recordInTeamsOf(id, { actor, action, target: { id, name: email }, after: null });
  }

  private async recordInTeamsOf(
    userId: string,
    { target, ...event }: { actor: Actor; action: AuditAction; target: AuditTarget; after: Fields | null },
  ): Promise<void> {
    const memberships = await this.store.users.memberships(userId);
    for (const { teamId } of memberships) {
      await this.append({
        ...event,
        teamId,
        targetId: target.id,
        targetName: target.name,
        before: null,
      });
    }
  }

  private async append(draft: AuditEventDraft): Promise<void> {
    const { id } = await this.store.auditEvents.append(draft);
    this.announcer.changed({ teamId: draft.teamId, resource: 'audit-event', id, change: 'created' });
  }
}

function pick(thing: Fields, fields: readonly string[]): Fields {
  return Object.fromEntries(fields.map((field) => [field, thing[field]]));
}
