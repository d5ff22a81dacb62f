/** The policies for keeping exchanges, and what they no longer allow. */
import { type KeepPolicy, redactsMore } from '@culvert/domain';
import type { TransactionClient } from '../client.js';
import type { TeamModel } from '../generated/models.js';

export const keepPolicyColumns = {
  keepMaxCount: true,
  keepMaxHours: true,
  keepBodies: true,
  keepRedactedNames: true,
  keepPolicyVersion: true,
} as const;

type PolicyRow = Pick<TeamModel, 'keepMaxCount' | 'keepMaxHours' | 'keepBodies' | 'keepRedactedNames'>;

/** Returns the policy in the columns of a team; null: exchanges are not kept. */
export function keepPolicyOf({
  keepMaxCount,
  keepMaxHours,
  keepBodies,
  keepRedactedNames,
}: PolicyRow): KeepPolicy | null {
  if (keepMaxCount === null || keepMaxHours === null) return null;
  return {
    maxCount: keepMaxCount,
    maxHours: keepMaxHours,
    bodies: keepBodies,
    redactedNames: keepRedactedNames,
  };
}

/**
 * Replaces the policy of a team. The row of the team stays locked until the end, and edges that add exchanges lock it
 * too, so that nothing is added under the old policy afterwards.
 */
export async function replaceKeepPolicy(
  tx: TransactionClient,
  teamId: string,
  policy: KeepPolicy | null,
): Promise<readonly string[] | null> {
  await tx.$queryRaw`SELECT 1 AS found FROM team WHERE id = ${teamId}::uuid FOR NO KEY UPDATE`;
  const team = await tx.team.findUnique({ where: { id: teamId }, select: keepPolicyColumns });
  if (team === null) return null;
  const before = keepPolicyOf(team);
  await tx.team.update({
    where: { id: teamId },
    data: {
      keepMaxCount: policy?.maxCount ?? null,
      keepMaxHours: policy?.maxHours ?? null,
      keepBodies: policy?.bodies ?? false,
      keepRedactedNames: [...(policy?.redactedNames ?? [])],
      keepPolicyVersion: { increment: 1 },
    },
  });
  // LEAST leaves out nulls, so previews of a team without a policy are updated apart.
  const keeping = await tx.$queryRaw<{ hostname: string }[]>`
    UPDATE preview SET
      keep_count = CASE WHEN ${policy === null} THEN NULL ELSE LEAST(keep_count, ${policy?.maxCount ?? 0}) END,
      keep_hours = CASE WHEN ${policy === null} THEN NULL ELSE LEAST(keep_hours, ${policy?.maxHours ?? 0}) END
    WHERE team_id = ${teamId}::uuid AND keep_count IS NOT NULL RETURNING hostname`;
  if (policy === null || (before !== null && redactsMore(before, policy)))
    await tx.keptExchange.deleteMany({ where: { teamId } });
  else await removeExcess(tx, teamId, null);
  return keeping.map(({ hostname }) => hostname);
}

/**
 * Removes kept exchanges, and their bodies, that the settings of their previews and the policy no longer allow.
 * @param previewId the only preview concerned; null: all of the team
 */
export async function removeExcess(
  tx: TransactionClient,
  teamId: string,
  previewId: string | null,
): Promise<void> {
  await tx.$executeRaw`
    DELETE FROM kept_exchange AS k USING (
      SELECT id, preview_id,
        row_number() OVER (PARTITION BY preview_id ORDER BY kept_at DESC, started_at DESC, id DESC) AS place
      FROM kept_exchange WHERE team_id = ${teamId}::uuid AND (${previewId}::uuid IS NULL OR preview_id = ${previewId}::uuid)
    ) AS ranked JOIN preview p ON p.team_id = ${teamId}::uuid AND p.id = ranked.preview_id
    WHERE k.team_id = ${teamId}::uuid AND k.preview_id = ranked.preview_id AND k.id = ranked.id
      AND ranked.place > COALESCE(p.keep_count, 0)`;
  await tx.$executeRaw`
    UPDATE kept_exchange AS k SET
      expires_at = LEAST(k.expires_at, k.kept_at + p.keep_hours * interval '1 hour'),
      sealed_bodies = CASE WHEN t.keep_bodies THEN k.sealed_bodies END
    FROM preview p JOIN team t ON t.id = p.team_id
    WHERE k.team_id = ${teamId}::uuid AND (${previewId}::uuid IS NULL OR k.preview_id = ${previewId}::uuid)
      AND p.team_id = k.team_id AND p.id = k.preview_id
      AND (k.expires_at > k.kept_at + p.keep_hours * interval '1 hour'
        OR (k.sealed_bodies IS NOT NULL AND NOT t.keep_bodies))`;
}
