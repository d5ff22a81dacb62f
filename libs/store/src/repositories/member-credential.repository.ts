import {
  AuthorityLostError,
  mayChangeRole,
  type Authority,
  type MemberCredential,
  type MemberCredentialKind,
  type MemberCredentialRepository,
} from '@culvert/domain';
import type { Client, TransactionClient } from '../client.js';
import { isUuid } from '../ids.js';
import { revokeAll, withDescendants } from './api-key.repository.js';
import { lockTeamAs, roleOf } from './standing.js';

interface Row {
  readonly kind: MemberCredentialKind;
  readonly id: string;
  readonly name: string;
  readonly previewId: string | null;
  readonly hostname: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
}

export class PrismaMemberCredentialRepository implements MemberCredentialRepository {
  constructor(private readonly client: Client) {}

  async list(teamId: string, userId: string, now: Date, max: number): Promise<MemberCredential[]> {
    if (!isUuid(teamId) || !isUuid(userId)) return [];
    return findUsable(this.client, teamId, userId, { now, max });
  }

  async end(
    teamId: string,
    userId: string,
    by: Authority,
    at: Date,
  ): Promise<{ ended: MemberCredential[]; revokedApiKeyIds: string[] }> {
    if (!isUuid(teamId) || !isUuid(userId)) return { ended: [], revokedApiKeyIds: [] };
    return this.client.$transaction(async (tx) => {
      const { power } = await lockTeamAs(tx, teamId, by, ['team:write']);
      const role = await roleOf(tx, teamId, userId);
      if (!mayChangeRole(power, role, null)) throw new AuthorityLostError('insufficient');
      const ended = await findUsable(tx, teamId, userId, { now: at, max: null });
      const ids = (kind: MemberCredentialKind) =>
        ended.filter((one) => one.kind === kind).map(({ id }) => id);
      const unrevoked = (kind: MemberCredentialKind) => ({ teamId, id: { in: ids(kind) }, revokedAt: null });
      const data = { revokedAt: at };
      await tx.shareLink.updateMany({ where: unrevoked('share-link'), data });
      await tx.previewToken.updateMany({ where: unrevoked('preview-token'), data });
      await tx.invitation.deleteMany({ where: { teamId, id: { in: ids('invitation') } } });
      const keys = await withDescendants(tx, teamId, ids('api-key'));
      return { ended, revokedApiKeyIds: await revokeAll(tx, keys, at) };
    });
  }
}

/** Newest first. `max` null: all. */
async function findUsable(
  client: Client | TransactionClient,
  teamId: string,
  userId: string,
  { now, max }: { readonly now: Date; readonly max: number | null },
): Promise<MemberCredential[]> {
  const rows = await client.$queryRaw<Row[]>`
    SELECT 'api-key' AS kind, id, name, NULL::uuid AS "previewId", NULL AS hostname,
      created_at AS "createdAt", expires_at AS "expiresAt"
    FROM api_key
    WHERE team_id = ${teamId}::uuid AND created_by_user_id = ${userId}::uuid
      AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${now})
    UNION ALL
    SELECT 'share-link', l.id, l.name, p.id, p.hostname, l.created_at, l.expires_at
    FROM share_link l JOIN preview p ON p.team_id = l.team_id AND p.id = l.preview_id
    WHERE l.team_id = ${teamId}::uuid AND l.created_by_user_id = ${userId}::uuid
      AND l.revoked_at IS NULL AND l.expires_at > ${now}
    UNION ALL
    SELECT 'preview-token', t.id, t.name, p.id, p.hostname, t.created_at, t.expires_at
    FROM preview_token t JOIN preview p ON p.team_id = t.team_id AND p.id = t.preview_id
    WHERE t.team_id = ${teamId}::uuid AND t.created_by_user_id = ${userId}::uuid
      AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ${now})
    UNION ALL
    SELECT 'invitation', id, email, NULL, NULL, created_at, expires_at
    FROM invitation
    WHERE team_id = ${teamId}::uuid AND created_by_user_id = ${userId}::uuid AND expires_at > ${now}
    ORDER BY "createdAt" DESC, id DESC LIMIT ${max}`;
  return rows.map(({ previewId, hostname, ...row }) => ({
    ...row,
    preview: previewId === null || hostname === null ? null : { id: previewId, hostname },
  }));
}
