/** Who did it: a key, a person, or Culvert itself. */
export interface Actor {
  readonly kind: 'api-key' | 'user' | 'system';
  /** Id of the key or user; null for the system. */
  readonly id: string | null;
  /** Address the action came from, or null. */
  readonly address: string | null;
}

/** One entry of a team's audit log. Never changed once written. */
export interface AuditEvent {
  readonly id: string;
  readonly teamId: string;
  readonly at: Date;
  readonly actor: Actor;
  /** `<thing>.<verb>`, for example `preview.create`. */
  readonly action: string;
  readonly targetId: string;
  /** The changed fields before and after; never a secret. */
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
}

export type AuditEventDraft = Omit<AuditEvent, 'id' | 'at'>;

/** Which events of a team: those that have all that is given. */
export interface AuditEventFilter {
  readonly actorId?: string | undefined;
  readonly action?: string | undefined;
  readonly targetId?: string | undefined;
  /** Not before. */
  readonly from?: Date | undefined;
  /** Before. */
  readonly until?: Date | undefined;
}
