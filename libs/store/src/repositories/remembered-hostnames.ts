import type { TransactionClient } from '../client.js';

/**
 * Notes that the previews of these hostnames end, which starts the time that they are remembered. To be called before
 * the previews are removed: whoever locks both locks the memory first.
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

/** Notes that this hostname has a preview again. To be called before the preview is inserted. */
export async function useHostname(tx: TransactionClient, teamId: string, hostname: string): Promise<void> {
  await tx.rememberedHostname.updateMany({ where: { teamId, hostname }, data: { freeAt: null } });
}
