import { createDirectory, type Fleet, startFleet } from '@culvert/fleet';
import type { TunnelRegistry } from '@culvert/relay';
import { listenError, type Settings } from '@culvert/runtime';
import type { Logger } from 'pino';

export interface JoinFleetOptions {
  readonly settings: Settings;
  readonly log: Logger;
  readonly registry: TunnelRegistry;
  /** As in the store. */
  readonly edgeId: string;
}

/**
 * Lets this edge and the others use each other's tunnels, if the settings say how they prove themselves. Returns null
 * otherwise. Rejects if the port of links cannot be opened.
 */
export async function joinFleet({
  settings,
  log,
  registry,
  edgeId,
}: JoinFleetOptions): Promise<Fleet | null> {
  const { links, redisUrl, listen } = settings;
  if (links === null) {
    if (settings.app === 'edge')
      log.info('EDGE_LINK_SECRET is not set: this edge uses only the tunnels that it holds itself');
    return null;
  }
  const onError = (error: unknown): void => log.error({ err: error }, 'directory of edges');
  try {
    const fleet = await startFleet({
      edgeId,
      credentials: links.credentials,
      listen: { port: links.port, host: listen.host, address: links.address },
      registry,
      directoryOf: (self) => createDirectory({ redisUrl, self, onError }),
      log: {
        event: (event, detail) => log.info(detail, event),
        fault: (error) => log.error({ err: error }, 'link fault'),
      },
    });
    log.info({ edgeId, address: fleet.self.address }, 'accepting links');
    return fleet;
  } catch (error) {
    throw listenError(error, 'EDGE_LINK_PORT', links.port);
  }
}
