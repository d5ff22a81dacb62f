/**
 * Headers that a preview cannot set. The connection and the framing of messages belong to the edge (RFC 9110 §7.6.1).
 * The edge vouches for the forwarding fields and the intercept ID. Credentials for Culvert must not reach the ingress.
 * A fixed Cookie would replace those of every visitor.
 */
const FORBIDDEN = new Set([
  'connection',
  'content-length',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-ambassador-api-key',
  'x-telepresence-intercept-id',
]);
const FORBIDDEN_PREFIXES = ['x-forwarded-', 'x-culvert-', 'culvert-', 'sec-websocket-'];

/** Reports whether a preview can set the request header with this name. */
export function isSettableHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return !FORBIDDEN.has(lower) && !FORBIDDEN_PREFIXES.some((prefix) => lower.startsWith(prefix));
}
