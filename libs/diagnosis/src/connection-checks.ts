import { apiChecks } from './api-checks.js';
import type { Check } from './check.js';
import { nameCheck } from './name-check.js';
import { proxyCheck, tcpCheck } from './tcp-checks.js';
import { tlsCheck } from './tls-check.js';
import { tunnelCheck } from './tunnel-check.js';
import type { Way } from './way.js';

/** Returns the checks of the way to Culvert, from the name to the tunnel. */
export function connectionChecks(way: Way): Check[] {
  return [
    nameCheck(way.url),
    proxyCheck(way),
    tcpCheck(way),
    tlsCheck(way),
    ...apiChecks(way),
    tunnelCheck(way),
  ];
}
