/** Maps errors to the closed table of relay errors. */
import { StoreUnavailableError } from '@culvert/domain';
import { type HeadLimits, HttpSyntaxError } from '@culvert/http1';
import { ResetCode } from '@culvert/tunnel';
import { RelayError, type RelayErrorCode } from './relay-error.js';
import { requestFault } from './request-faults.js';

/** Details for visitors who are not let in. */
export const DENIALS = {
  unknown_host:
    'No preview exists at this address. It may have been removed, or the address may be mistyped.',
  cross_site_request:
    'Another site or preview cannot send this with your sign-in. Send it from the preview itself, or ' +
    'with a token.',
  access_denied: 'This preview is private. Sign in, or send a key or token with the request.',
  loop_detected:
    'The ingress of this preview sent the request back to this preview, which would repeat endlessly.',
  upgrade_not_allowed:
    'The request asks for a protocol other than WebSocket, which this preview does not allow. Its owner ' +
    'can allow it in the dashboard, with allowUpgrades in the API, or with --allow-upgrades on the ' +
    'command line.',
  preview_expired: 'This preview was shared for a limited time, which has ended.',
} as const;

/**
 * Returns the error response to anything thrown during an exchange.
 * @param side whose bytes were being read
 * @param limits limits of heads
 * @param reportFault receives errors that are faults in Culvert
 */
export function relayErrorOf(
  cause: unknown,
  side: 'request' | 'response',
  limits: HeadLimits,
  reportFault: (error: unknown) => void,
): RelayError {
  if (cause instanceof RelayError) return cause;
  if (cause instanceof HttpSyntaxError) {
    return side === 'request'
      ? requestFault(cause, limits)
      : new RelayError('bad_response', `The service sent a malformed response: ${cause.message}.`);
  }
  if (cause instanceof StoreUnavailableError) {
    return new RelayError('store_unavailable', "Culvert's database does not answer. Try again in a moment.");
  }
  reportFault(cause);
  return new RelayError('internal_error', 'Something went wrong in Culvert.');
}

/** Returns the error for a reset of the ingress's stream. */
export function errorCodeOf(code: ResetCode): RelayErrorCode {
  switch (code) {
    case ResetCode.INGRESS_REFUSED:
      return 'ingress_refused';
    case ResetCode.INGRESS_UNREACHABLE:
      return 'ingress_unreachable';
    case ResetCode.INGRESS_DNS:
      return 'ingress_dns';
    case ResetCode.INGRESS_TIMEOUT:
      return 'ingress_timeout';
    case ResetCode.INGRESS_TLS:
      return 'ingress_tls';
    case ResetCode.INGRESS_RESET:
    case ResetCode.CANCEL:
      return 'ingress_closed';
    case ResetCode.INGRESS_PROTOCOL:
      return 'bad_response';
    case ResetCode.FORBIDDEN:
      return 'ingress_forbidden';
    case ResetCode.STREAM_LIMIT:
      return 'stream_limit';
    case ResetCode.NO_TUNNEL:
      return 'manager_unavailable';
    case ResetCode.TUNNEL_LOST:
    case ResetCode.FLOW_CONTROL:
    case ResetCode.INTERNAL:
      return 'tunnel_lost';
    default:
      throw new Error(`unhandled reset code ${String(code satisfies never)}`);
  }
}

/**
 * Returns the detail for a visitor when the ingress closed before its response was complete. @param asked what the
 * visitor waited for
 */
export function closedDetail(ingress: string, asked: 'upgrade' | 'response'): string {
  return asked === 'upgrade'
    ? `The service behind ingress ${ingress} refused the WebSocket: it closed the connection (often its origin check).`
    : `Ingress ${ingress} closed the connection before its response was complete.`;
}

/** Returns `text` with a capital letter and a full stop. */
export function sentence(text: string): string {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return start.endsWith('.') ? start : `${start}.`;
}
