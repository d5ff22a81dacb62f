/** Who did it: a key, a person, or Culvert itself. */
export interface Actor {
  readonly kind: 'api-key' | 'user' | 'system';
  /** Id of the key or user; null for the system. */
  readonly id: string | null;
  /** Address the action came from, or null. */
  readonly address: string | null;
}

/** Culvert itself, where nobody asked. */
export const SYSTEM: Actor = { kind: 'system', id: null, address: null };

/** One entry of a team's audit log. Never changed once written. */
export interface AuditEvent {
  readonly id: string;
  readonly teamId: string;
  readonly at: Date;
  readonly actor: Actor & {
    /** What the actor was called then; null for the system. */
    readonly name: string | null;
  };
  /** `<thing>.<verb>`, for example `preview.create`. */
  readonly action: string;
  readonly targetId: string;
  /** What the target was called then, such as a hostname; null when it has no name. */
  readonly targetName: string | null;
  /** The changed fields before and after; never a secret. */
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
}

/** The actor's name is looked up when the event is written. */
export type AuditEventDraft = Omit<AuditEvent, 'id' | 'at' | 'actor'> & { readonly actor: Actor };

/** What an event can be about that a person can look at. */
export type AuditedResource = 'api-key' | 'intercept' | 'member' | 'preview' | 'traffic-manager';

export interface AuditedThing {
  readonly resource: AuditedResource;
  readonly id: string;
}

/** Which events of a team: those that have all that is given. */
export interface AuditEventFilter {
  readonly actorId?: string | undefined;
  readonly action?: string | undefined;
  readonly targetId?: string | undefined;
  /** Text in the target's name, in any case. */
  readonly name?: string | undefined;
  /** Not before. */
  readonly from?: Date | undefined;
  /** Before. */
  readonly until?: Date | undefined;
}
