import type { RequestHead } from '@culvert/http1';
import { plainAddress } from '@culvert/sockets';

/** Metrics tell how busy a deployment is, and with what: on the public port they are for programs of the same machine. */
const OPERATOR_PATH = /^\/metrics(?:[/?]|$)/i;

/** What proxies add: a request with one of these did not begin at the peer of its connection. */
const FORWARDED = /^(?:forwarded|via|x-forwarded-.*|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip)$/;

/**
 * Whether a request may reach the app: all may but those for metrics, which have to come from this machine itself, and not
 * through a proxy on it.
 * @param peer address of the connection's other end
 */
export function mayReachApp(request: RequestHead, peer: string): boolean {
  return !OPERATOR_PATH.test(request.target) || (isLoopback(peer) && !isForwarded(request));
}

function isLoopback(peer: string): boolean {
  const address = plainAddress(peer);
  return address === '::1' || address.startsWith('127.');
}

function isForwarded(request: RequestHead): boolean {
  for (let i = 0; i < request.count; i++) if (FORWARDED.test(request.name(i).toLowerCase())) return true;
  return false;
}
