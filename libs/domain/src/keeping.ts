/** A team's policy for keeping exchanges of its previews. */
export interface KeepPolicy {
  /** Maximum number of exchanges of one preview. */
  readonly maxCount: number;
  /** Maximum number of hours for which they are kept. */
  readonly maxHours: number;
  /** Whether bodies are kept as well. */
  readonly bodies: boolean;
  /** Lower-case names of header fields, parameters and body fields whose values are never kept. */
  readonly redactedNames: readonly string[];
}

/** How a preview keeps its exchanges. */
export interface KeepSetting {
  /** Number of exchanges: the newest ones stay. */
  readonly count: number;
  readonly hours: number;
}

/** What an edge needs to keep exchanges of a preview. */
export interface Keeping extends KeepSetting {
  readonly bodies: boolean;
  readonly redactedNames: readonly string[];
  /** Version of the team's policy: exchanges that were recorded under another one are not added. */
  readonly policyVersion: number;
}

/** Reports whether `after` redacts names that `before` does not. */
export function redactsMore(before: KeepPolicy, after: KeepPolicy): boolean {
  return after.redactedNames.some((name) => !before.redactedNames.includes(name));
}
