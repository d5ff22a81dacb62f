import type { TransactionClient } from '../client.js';

/**
 * Records that the previews of these hostnames end, which starts the retention of the hostnames. Call it before the previews
 * are removed: code that locks both locks the memory first.
 */
export async function freeHostnames(
  tx: TransactionClient,
  teamId: string,
  hostnames: readonly string[],
): Promise<void> {
  if (hostnames.length === 0) return;
  await tx.rememberedHostname.updateMany({
    where: { teamId, hostname: { in: [...hostnames] } },
    data: { freeAt: new Date() },
  });
}

/** Records that this hostname has a preview again. Call it before the preview is inserted. */
export async function useHostname(tx: TransactionClient, teamId: string, hostname: string): Promise<void> {
  await tx.rememberedHostname.updateMany({ where: { teamId, hostname }, data: { freeAt: null } });
}
