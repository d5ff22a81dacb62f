/**
 * Every error response that Culvert creates itself. A closed table: code -> status, error type of Proxy-Status (RFC
 * 9209 §2.3), and title for people.
 */
import { randomBytes } from 'node:crypto';

interface ErrorKind {
  readonly status: number;
  /** RFC 9209 error type. `http_request_*` and `destination_not_found` are errors that the visitor can fix. */
  readonly proxyError: string;
  readonly title: string;
  /** Seconds for Retry-After; 0 for none. */
  readonly retryAfterSeconds: number;
}

const ERROR_KINDS = {
  bad_request: kind(400, 'http_request_error', 'The request is malformed'),
  access_denied: kind(401, 'http_request_denied', 'Sign in to open this preview'),
  cross_site_request: kind(403, 'http_request_denied', 'The request came from another site'),
  upgrade_not_allowed: kind(403, 'http_request_denied', 'The preview does not allow this protocol'),
  unknown_host: kind(404, 'destination_not_found', 'There is no preview here'),
  preview_expired: kind(410, 'destination_not_found', 'This preview has expired'),
  request_timeout: kind(408, 'http_request_error', 'The request took too long to arrive'),
  body_too_large: kind(413, 'http_request_error', 'The request body is too large'),
  too_many_requests: kind(429, 'connection_limit_reached', 'Too many requests at once', 1),
  team_request_limit: kind(429, 'http_request_denied', 'Too many requests in a short time', 1),
  internal_error: kind(500, 'proxy_internal_error', 'Something went wrong in Culvert'),
  tunnel_lost: kind(502, 'connection_terminated', 'The connection to the cluster was lost'),
  ingress_refused: kind(502, 'connection_refused', 'The ingress refused the connection'),
  ingress_unreachable: kind(502, 'destination_ip_unroutable', 'The ingress cannot be reached'),
  ingress_dns: kind(502, 'dns_error', 'The name of the ingress does not resolve'),
  ingress_tls: kind(502, 'tls_protocol_error', 'TLS with the ingress failed'),
  ingress_forbidden: kind(
    502,
    'destination_ip_prohibited',
    'The traffic manager does not allow this ingress',
  ),
  ingress_closed: kind(502, 'connection_terminated', 'The service closed the connection without an answer'),
  loop_detected: kind(508, 'proxy_loop_detected', 'The preview routes back to itself'),
  bad_response: kind(502, 'http_protocol_error', 'The service sent a malformed response'),
  manager_unavailable: kind(503, 'destination_unavailable', 'The cluster is not connected', 5),
  stream_limit: kind(503, 'connection_limit_reached', 'The tunnel has reached its limit of connections', 1),
  store_unavailable: kind(503, 'proxy_internal_response', 'Culvert cannot look up this preview right now', 5),
  shutting_down: kind(503, 'proxy_internal_response', 'Culvert is restarting', 1),
  ingress_timeout: kind(504, 'connection_timeout', 'The ingress did not accept the connection in time'),
  response_timeout: kind(504, 'http_response_timeout', 'The service did not answer in time'),
} as const satisfies Record<string, ErrorKind>;

export type RelayErrorCode = keyof typeof ERROR_KINDS;

/** Every code of an answer that Culvert makes itself. */
export const RELAY_ERROR_CODES = Object.keys(ERROR_KINDS) as readonly RelayErrorCode[];

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

function kind(status: number, proxyError: string, title: string, retryAfterSeconds = 0): ErrorKind {
  return { status, proxyError, title, retryAfterSeconds };
}
