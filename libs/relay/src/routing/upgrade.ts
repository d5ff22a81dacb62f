/** Switching a connection to another protocol (RFC 9110 §7.8): WebSocket always, others where the route allows them. */
import type { RequestHead, ResponseHead } from '@culvert/http1';
import type { Route } from './route.js';

/** What the service is asked to switch to, as it is sent; '' for nothing. */
export function upgradeOf(request: RequestHead, route: Route): string {
  return request.otherUpgrade !== '' && route.allowsUpgrades ? request.otherUpgrade : request.upgrade;
}

/** Reports whether a request must be refused because it asks for a protocol that the preview does not allow. */
export function isRefusedUpgrade(request: RequestHead, route: Route): boolean {
  return request.otherUpgrade !== '' && route.kind === 'preview' && !route.allowsUpgrades;
}

/** What the service switches to with a 101, as it is sent; '' for nothing that was ever asked for. */
export function switchedTo(response: ResponseHead): string {
  return response.upgrade === '' ? response.otherUpgrade : response.upgrade;
}

/** Whether a 101 answers what the service was asked for. Letter case says nothing. */
export function isMatchingSwitch(response: ResponseHead, request: RequestHead, route: Route): boolean {
  const asked = upgradeOf(request, route);
  return asked !== '' && switchedTo(response).toLowerCase() === asked.toLowerCase();
}
