import type { AuditAction } from '@culvert/terms';
import type { ChangeAnnouncer } from './announcing.js';
import type { Actor, AuditEventDraft } from './audit-event.js';
import type { Repositories } from './store.js';
import { changeOfAction } from './resource-change.js';
import type { User } from './team.js';

/** An actor and the team that it acts in. */
export interface TeamActor {
  readonly teamId: string;
  readonly actor: Actor;
}

/** What was acted on, and what it is called at the time; null: it has no name. */
export interface AuditTarget {
  readonly id: string;
  readonly name: string | null;
}

type Fields = Readonly<Record<string, unknown>>;

/** Records who changed what, once it is changed, and announces the change to those who watch the team. */
export class AuditLog {
  private readonly store: Pick<Repositories, 'auditEvents' | 'users'>;
  private readonly announcer: ChangeAnnouncer;

  constructor(store: Pick<Repositories, 'auditEvents' | 'users'>, announcer: ChangeAnnouncer) {
    this.store = store;
    this.announcer = announcer;
  }

  /** Records one action. `before` and `after` must hold no secret. */
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
   * Records those of `fields` whose values differ between `before` and `after`; nothing when none does.
   * @param things.show what the log keeps of a thing. Default: the thing itself
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

  /** Records what concerns a person rather than a team, such as signing in: in every team that they are in. */
  async recordOfUser(
    actor: Actor,
    action: AuditAction,
    target: AuditTarget,
    after: Fields | null = null,
  ): Promise<void> {
    await this.recordInTeamsOf(actor.id ?? '', { actor, action, target, after });
  }

  /** Records what somebody tried for a person without proving to be them. */
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
