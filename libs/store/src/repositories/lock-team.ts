import { TeamLimitError } from '@culvert/domain';
import type { TransactionClient } from '../client.js';

/**
 * Serializes transactions that count things of a team, until each ends. Rows that refer to the team can still be written
 * meanwhile: they need only its key. False if there is no such team.
 */
export async function lockTeam(tx: TransactionClient, teamId: string): Promise<boolean> {
  const found = await tx.$queryRaw<unknown[]>`
    SELECT 1 AS found FROM team WHERE id = ${teamId}::uuid FOR NO KEY UPDATE`;
  return found.length > 0;
}

/** @throws TeamLimitError if the locked team already has `max` */
export async function refuseBeyond(
  thing: TeamLimitError['thing'],
  max: number,
  count: () => Promise<number>,
): Promise<void> {
  if ((await count()) >= max) throw new TeamLimitError(thing, max);
}
