/** The actor: a key, a person, a workload identity, or Culvert itself. */
export interface Actor {
  readonly kind: 'api-key' | 'user' | 'workload-identity' | 'system';
  /** ID of the key, user or workload identity; null for the system. */
  readonly id: string | null;
  /** Address from which the action came, or null. */
  readonly address: string | null;
}

/** Culvert itself, for actions without a request. */
export const SYSTEM: Actor = { kind: 'system', id: null, address: null };

/** One entry of a team's audit log. Never changed once written. */
export interface AuditEvent {
  readonly id: string;
  readonly teamId: string;
  readonly at: Date;
  readonly actor: Actor & {
    /** Name of the actor at that time; null for the system. */
    readonly name: string | null;
  };
  /** `<thing>.<verb>`, for example `preview.create`. */
  readonly action: string;
  readonly targetId: string;
  /** Name of the target at that time, such as a hostname; null if it has no name. */
  readonly targetName: string | null;
  /** Previous and new values of the changed fields; never a secret. */
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
}

/** An event to record. The actor's name is looked up when it is written. */
export type AuditEventDraft = Omit<AuditEvent, 'id' | 'at' | 'actor'> & { readonly actor: Actor };

/** Kinds of resources that an event can be about and that have a page. */
export type AuditedResource =
  | 'api-key'
  | 'intercept'
  | 'member'
  | 'preview'
  | 'traffic-manager'
  | 'workload-identity';

export interface AuditedThing {
  readonly resource: AuditedResource;
  readonly id: string;
}

/** Filter for events of a team. An event must match every field that is given. */
export interface AuditEventFilter {
  readonly actorId?: string | undefined;
  readonly action?: string | undefined;
  readonly targetId?: string | undefined;
  /** Text in the target's name, in any case. */
  readonly name?: string | undefined;
  /** Events at or after this moment. */
  readonly from?: Date | undefined;
  /** Events before this moment. */
  readonly until?: Date | undefined;
}
