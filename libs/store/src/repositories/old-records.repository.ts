import type { OldRecordsRepository } from '@culvert/domain';
import type { Client } from '../client.js';

/** Statements go through the teams, because the indexes begin with them: each team costs one look-up. */
export class PrismaOldRecordsRepository implements OldRecordsRepository {
  constructor(private readonly client: Client) {}

  async removeAuditEvents(before: Date, max: number): Promise<number> {
    return this.client.$executeRaw`
      DELETE FROM audit_event WHERE id IN (
        SELECT old.id FROM team t CROSS JOIN LATERAL (
          SELECT e.id FROM audit_event e WHERE e.team_id = t.id AND e.at < ${before}
          ORDER BY e.at, e.id LIMIT ${max} FOR UPDATE SKIP LOCKED) old
        LIMIT ${max})`;
  }

  async removeEndedSessions(before: Date, max: number): Promise<number> {
    return this.client.$executeRaw`
      DELETE FROM session WHERE id IN (
        SELECT old.id FROM team t CROSS JOIN LATERAL (
          SELECT s.id FROM session s
          WHERE s.team_id = t.id AND s.connected_at < ${before} AND s.state = 'ended' AND s.ended_at < ${before}
          ORDER BY s.connected_at, s.id LIMIT ${max} FOR UPDATE SKIP LOCKED) old
        LIMIT ${max})`;
  }

  async removeEndedCredentials(before: Date, max: number): Promise<number> {
    const links = await this.client.$executeRaw`
      DELETE FROM share_link WHERE id IN (
        SELECT id FROM share_link WHERE revoked_at < ${before} OR expires_at < ${before}
        LIMIT ${max} FOR UPDATE SKIP LOCKED)`;
    const tokens = await this.client.$executeRaw`
      DELETE FROM preview_token WHERE id IN (
        SELECT id FROM preview_token WHERE revoked_at < ${before} OR expires_at < ${before}
        LIMIT ${max} FOR UPDATE SKIP LOCKED)`;
    return links + tokens + (await this.removeEndedKeys(before, max));
  }

  /** A key that replaced a removed one forgets it: `replaces_id` is a foreign key. */
  private async removeEndedKeys(before: Date, max: number): Promise<number> {
    return this.client.$executeRaw`
      WITH old AS (
        SELECT k.id FROM api_key k
        WHERE (k.revoked_at < ${before} OR k.expires_at < ${before})
          AND NOT EXISTS (SELECT 1 FROM session s WHERE s.team_id = k.team_id AND s.api_key_id = k.id)
          AND NOT EXISTS (SELECT 1 FROM api_key c WHERE c.team_id = k.team_id AND c.created_by_api_key_id = k.id)
        LIMIT ${max} FOR UPDATE SKIP LOCKED),
      unlinked AS (
        UPDATE api_key SET replaces_id = NULL
        WHERE replaces_id IN (SELECT id FROM old) AND id NOT IN (SELECT id FROM old))
      DELETE FROM api_key WHERE id IN (SELECT id FROM old)`;
  }
}
