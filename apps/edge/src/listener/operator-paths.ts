import type { RequestHead } from '@culvert/http1';
import { plainAddress } from '@culvert/sockets';

/** Metrics show how busy a deployment is, so on the public port only programs on the same machine can read them. */
const OPERATOR_PATH = /^\/metrics(?:[/?]|$)/i;

/** Headers that proxies add: a request with one of these did not originate at the peer of its connection. */
const FORWARDED = /^(?:forwarded|via|x-forwarded-.*|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip)$/;

/**
 * Reports whether a request can reach the app. All can, except those for metrics, which must come from this machine
 * itself and not through a proxy on it.
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
