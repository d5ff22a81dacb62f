/**
 * Every error response that Culvert creates itself. A closed table: code -> status, error type of Proxy-Status (RFC
 * 9209 §2.3), title for people, and description.
 */
import { randomBytes } from 'node:crypto';

interface ErrorKind {
  readonly status: number;
  /** RFC 9209 error type. `http_request_*` and `destination_not_found` are errors that the visitor can fix. */
  readonly proxyError: string;
  readonly title: string;
  /** What happened, and what to check: sentences for "culvert explain". */
  readonly description: string;
  /** Seconds for Retry-After; 0 for none. */
  readonly retryAfterSeconds: number;
}

const ERROR_KINDS = {
  bad_request: kind(
    400,
    'http_request_error',
    'The request is malformed',
    'The request of the visitor breaks the rules of HTTP. The detail names the part.',
  ),
  access_denied: kind(
    401,
    'http_request_denied',
    'Sign in to open this preview',
    'The preview is private, and the request has no valid sign-in, share link, preview token or API key.',
  ),
  cross_site_request: kind(
    403,
    'http_request_denied',
    'The request came from another site',
    'A page of another site sent this request with the sign-in of the visitor. Open the preview itself, or send a preview token.',
  ),
  upgrade_not_allowed: kind(
    403,
    'http_request_denied',
    'The preview does not allow this protocol',
    'The request asks for a protocol other than WebSocket. The setting allowUpgrades of the preview allows it.',
  ),
  unknown_host: kind(
    404,
    'destination_not_found',
    'There is no preview here',
    'The preview does not exist, is private and has expired, or the key of the request is of another team.',
  ),
  preview_expired: kind(
    410,
    'destination_not_found',
    'This preview has expired',
    'The preview was public, and its time is over. Its team can restore it or create another one.',
  ),
  request_timeout: kind(
    408,
    'http_request_error',
    'The request took too long to arrive',
    'The visitor did not send the whole request in time.',
  ),
  body_too_large: kind(
    413,
    'http_request_error',
    'The request body is too large',
    'The body of the request is longer than the deployment allows.',
  ),
  too_many_requests: kind(
    429,
    'connection_limit_reached',
    'Too many requests at once',
    'The visitor, the preview or the edge has reached its limit of concurrent requests. Try again in a moment.',
    1,
  ),
  team_request_limit: kind(
    429,
    'http_request_denied',
    'Too many requests in a short time',
    'The previews of the team have reached their common limit of requests. Try again in a moment.',
    1,
  ),
  internal_error: kind(
    500,
    'proxy_internal_error',
    'Something went wrong in Culvert',
    'The fault is not in the request. The reference of the response identifies it in the log of the edge.',
  ),
  tunnel_lost: kind(
    502,
    'connection_terminated',
    'The connection to the cluster was lost',
    'The connection between Culvert and the traffic manager, or "culvert expose", broke during this request. It connects again by itself.',
  ),
  ingress_refused: kind(
    502,
    'connection_refused',
    'The ingress refused the connection',
    'No program listens at the target of the preview. Start the service, or correct the host and port of the preview.',
  ),
  ingress_unreachable: kind(
    502,
    'destination_ip_unroutable',
    'The ingress cannot be reached',
    'The traffic manager has no network route to the target of the preview.',
  ),
  ingress_dns: kind(
    502,
    'dns_error',
    'The name of the ingress does not resolve',
    "The traffic manager cannot resolve the host of the preview's target. Correct the host, or check the DNS of the cluster.",
  ),
  ingress_tls: kind(
    502,
    'tls_protocol_error',
    'TLS with the ingress failed',
    "TLS with the target of the preview failed: it uses no TLS, or its certificate is not trusted. Check the preview's protocol.",
  ),
  ingress_forbidden: kind(
    502,
    'destination_ip_prohibited',
    'The traffic manager does not allow this ingress',
    'The rules of the traffic manager do not allow this target. Its setting "allow" (CULVERT_ALLOW) lists the targets.',
  ),
  ingress_closed: kind(
    502,
    'connection_terminated',
    'The service closed the connection without an answer',
    'The service closed the connection before it responded. Its log may say why.',
  ),
  loop_detected: kind(
    508,
    'proxy_loop_detected',
    'The preview routes back to itself',
    'The target of the preview leads back to Culvert. Change the target to the service itself.',
  ),
  bad_response: kind(
    502,
    'http_protocol_error',
    'The service sent a malformed response',
    'The response of the service breaks the rules of HTTP. The detail names the part.',
  ),
  manager_unavailable: kind(
    503,
    'destination_unavailable',
    'This preview is not connected',
    'The traffic manager of the preview is not connected, or "culvert expose" is not running. Start it, or read its log.',
    5,
  ),
  stream_limit: kind(
    503,
    'connection_limit_reached',
    'The tunnel has reached its limit of connections',
    'The tunnel to the traffic manager, or the share of it that one preview has, is fully used. Try again in a moment.',
    1,
  ),
  store_unavailable: kind(
    503,
    'proxy_internal_response',
    'Culvert cannot look up this preview right now',
    'The edge cannot reach its database, and has not cached this preview or this credential. Try again in a moment.',
    5,
  ),
  shutting_down: kind(
    503,
    'proxy_internal_response',
    'Culvert is restarting',
    'This server is stopping. Try again: another one responds.',
    1,
  ),
  ingress_timeout: kind(
    504,
    'connection_timeout',
    'The ingress did not accept the connection in time',
    'The target of the preview did not accept a connection in time. The service may be overloaded, or a firewall drops packets.',
  ),
  response_timeout: kind(
    504,
    'http_response_timeout',
    'The service did not answer in time',
    'The service accepted the request, and did not begin its response in time.',
  ),
} as const satisfies Record<string, ErrorKind>;

export type RelayErrorCode = keyof typeof ERROR_KINDS;

/** Every code of an answer that Culvert makes itself. */
export const RELAY_ERROR_CODES = Object.keys(ERROR_KINDS) as readonly RelayErrorCode[];

/** Returns status, title and description of a code of `X-Culvert-Error`; null if there is no such code. */
export function describeRelayError(
  code: string,
): Readonly<Pick<ErrorKind, 'status' | 'title' | 'description'>> | null {
  if (!Object.hasOwn(ERROR_KINDS, code)) return null;
  const { status, title, description } = ERROR_KINDS[code as RelayErrorCode];
  return { status, title, description };
}

/** One failed exchange: the response to the visitor, and the entry in the log. */
export class RelayError extends Error {
  readonly status: number;
  readonly title: string;
  readonly proxyError: string;
  readonly retryAfterSeconds: number;
  /** Identifies this failure in the response and in the log. */
  readonly reference = randomBytes(6).toString('hex');

  /**
   * @param detail one sentence for the visitor; must not contain a secret
   * @param options.status replaces the status of the table, for request syntax errors with a more exact one (RFC 9110
   * §15.5)
   * @param options.title replaces the title of the table, if more is known
   * @param options.retryAfterSeconds replaces the value of the table, if the time is known
   */
  constructor(
    readonly code: RelayErrorCode,
    detail: string,
    options: { readonly status?: number; readonly retryAfterSeconds?: number; readonly title?: string } = {},
  ) {
    super(detail);
    const known = ERROR_KINDS[code];
    this.status = options.status ?? known.status;
    this.title = options.title ?? known.title;
    this.proxyError = known.proxyError;
    this.retryAfterSeconds = options.retryAfterSeconds ?? known.retryAfterSeconds;
  }
}

function kind(
  status: number,
  proxyError: string,
  title: string,
  description: string,
  retryAfterSeconds = 0,
): ErrorKind {
  return { status, proxyError, title, description, retryAfterSeconds };
}
