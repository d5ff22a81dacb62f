import { TeamLimitError } from '@culvert/domain';
import type { TransactionClient } from '../client.js';

/**
 * Puts transactions that count what a team has in a row, until each ends. Rows that refer to the team can still be
 * written meanwhile: they need its key only. False when there is no such team.
 */
export async function lockTeam(tx: TransactionClient, teamId: string): Promise<boolean> {
  const found = await tx.$queryRaw<unknown[]>`
    SELECT 1 AS found FROM team WHERE id = ${teamId}::uuid FOR NO KEY UPDATE`;
  return found.length > 0;
}

/** @throws TeamLimitError when the locked team has `max` already */
export async function refuseBeyond(
  thing: TeamLimitError['thing'],
  max: number,
  count: () => Promise<number>,
): Promise<void> {
  if ((await count()) >= max) throw new TeamLimitError(thing, max);
}
