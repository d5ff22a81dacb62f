/** Switching a connection to another protocol (RFC 9110 §7.8): WebSocket always, others where the route allows them. */
import type { RequestHead, ResponseHead } from '@culvert/http1';
import type { Route } from './route.js';

/** Returns the protocol that the service is asked to switch to, as it is sent; '' for none. */
export function upgradeOf(request: RequestHead, route: Route): string {
  return request.otherUpgrade !== '' && route.allowsUpgrades ? request.otherUpgrade : request.upgrade;
}

/** Reports whether a request must be refused because it asks for a protocol that the preview does not allow. */
export function isRefusedUpgrade(request: RequestHead, route: Route): boolean {
  return request.otherUpgrade !== '' && route.kind === 'preview' && !route.allowsUpgrades;
}

/** Returns the protocol that the service switches to with a 101, as it is sent; '' if it was not requested. */
export function switchedTo(response: ResponseHead): string {
  return response.upgrade === '' ? response.otherUpgrade : response.upgrade;
}

/** Reports whether a 101 switches to WebSocket. */
export function isWebSocket(response: ResponseHead): boolean {
  return switchedTo(response).toLowerCase() === 'websocket';
}

/** Reports whether a 101 answers the requested upgrade. Letter case is ignored. */
export function isMatchingSwitch(response: ResponseHead, request: RequestHead, route: Route): boolean {
  const asked = upgradeOf(request, route);
  return asked !== '' && switchedTo(response).toLowerCase() === asked.toLowerCase();
}
