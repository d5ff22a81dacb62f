/** The application's own host: API and dashboard, reached through the edge like a preview. */
import type { Server } from 'node:http';
import { isIP } from 'node:net';
import { duplexPair } from 'node:stream';
import type { Settings } from '@culvert/runtime';
import { type Dialer, SocketDialer } from '@culvert/relay';
import { ApiDialer, apiAddresses } from './api-dialer.js';

/**
 * Reports whether `hostname` is the application's: its name, or an IP address, which health checks and local tools use.
 * A page cannot point a name of its own at an IP address.
 */
export function isAppHostname(hostname: string, appHostname: string): boolean {
  return (
    hostname === appHostname ||
    hostname === 'localhost' ||
    isIP(hostname.startsWith('[') ? hostname.slice(1, -1) : hostname) !== 0
  );
}

/**
 * Returns a dialer for the API at `API_UPSTREAM_URL`, or, if that is not set, for the HTTP server of this process.
 * @param server called for each connection: the server exists only once the application has started
 */
export function appDialer(settings: Settings, server: () => Server): Dialer {
  const { apiUpstreamUrls } = settings;
  if (apiUpstreamUrls.length === 0) {
    return new SocketDialer(() => {
      const [near, far] = duplexPair();
      // Neither end notices by itself that the other is gone. After a clean end, the remaining bytes are still sent.
      near.once('close', () => far.destroy());
      far.once('close', () => {
        if (!far.writableFinished) near.destroy();
      });
      server().emit('connection', far);
      return near;
    });
  }
  return new ApiDialer(apiAddresses(apiUpstreamUrls));
}
