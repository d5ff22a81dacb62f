import { createDirectory, type Fleet, startFleet } from '@culvert/fleet';
import type { TunnelRegistry } from '@culvert/relay';
import { listenError, type LinkSettings, type Settings } from '@culvert/runtime';
import type { Logger } from 'pino';
import { fleetLog } from './fleet-log.js';
import { watchLinkCredentials } from './watch-link-credentials.js';

export interface JoinFleetOptions {
  readonly settings: Settings;
  readonly log: Logger;
  readonly registry: TunnelRegistry;
  /** As in the store. */
  readonly edgeId: string;
  /** For people. */
  readonly name: string;
  /** Number of this worker; null if it is the only process of its edge. */
  readonly worker: number | null;
}

/**
 * Lets this edge and the others use each other's tunnels, if the settings say how they prove themselves. Without that,
 * the workers of one machine use each other's tunnels, and an edge without workers uses its own: null. Rejects if the port
 * of links cannot be opened.
 */
export async function joinFleet(options: JoinFleetOptions): Promise<Fleet | null> {
  const { settings, log, registry, edgeId, name, worker } = options;
  const { links, redisUrl, listen } = settings;
  if (links === null && (worker === null || redisUrl === undefined)) {
    if (settings.app === 'edge')
      log.info('EDGE_LINK_SECRET is not set: this edge uses only the tunnels that it holds itself');
    return null;
  }
  const onError = (error: unknown): void => log.error({ err: error }, 'directory of edges');
  try {
    const fleet = await startFleet({
      edgeId,
      name,
      credentials: links?.credentials ?? null,
      ...(links !== null && watchOf(links, log)),
      listen: { port: links?.port ?? 0, host: listen.host, address: links?.address },
      registry,
      directoryOf: (self) => createDirectory({ redisUrl, self, onError }),
      log: fleetLog(log),
    });
    const { address, socketPath } = fleet.self;
    if (links !== null) log.info({ edgeId, edge: name, address }, 'accepting links');
    else if (socketPath === undefined)
      log.warn(
        { edgeId, edge: name },
        'this worker cannot use the tunnels of the other workers: the directory for Unix sockets cannot be opened. Set EDGE_LINK_SECRET, or TMPDIR to a directory that this user can write to',
      );
    return fleet;
  } catch (error) {
    throw listenError(error, 'EDGE_LINK_PORT', links?.port ?? 0);
  }
}

function watchOf({ files, credentials }: LinkSettings, log: Logger) {
  return files === null ? {} : { watchCredentials: watchLinkCredentials({ files, used: credentials, log }) };
}
