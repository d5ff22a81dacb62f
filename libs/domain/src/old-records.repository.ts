/**
 * Removes records of all teams that no longer have an effect. Each call removes at most `max` of a kind and returns how many it
 * removed: callers repeat it until that is 0. Rows that another process is removing are left to it.
 */
export interface OldRecordsRepository {
  /** Audit events from before this moment. */
  removeAuditEvents(before: Date, max: number): Promise<number>;
  /** Sessions that ended before this moment. */
  removeEndedSessions(before: Date, max: number): Promise<number>;
  /**
   * API keys, share links and preview tokens that were revoked or expired before this moment. A key stays while a session that
   * used it, or a key that it created, is kept.
   */
  removeEndedCredentials(before: Date, max: number): Promise<number>;
}
