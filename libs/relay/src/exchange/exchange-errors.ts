/** Errors that an exchange answers with, by what happened to it. */
import type { RequestHead } from '@culvert/http1';
import { ResetCode } from '@culvert/tunnel';
import { closedDetail, DENIALS, errorCodeOf, sentence } from '../answers/failures.js';
import { RelayError } from '../answers/relay-error.js';
import { isRefusal } from './repeatable.js';
import type { ResponseTransfer } from './response-transfer.js';

/** Returns the answer that DENIALS has for `code`. */
export function denial(code: keyof typeof DENIALS): RelayError {
  return new RelayError(code, DENIALS[code]);
}

export function streamLimit(): RelayError {
  return new RelayError('stream_limit', 'Too many connections are open to this cluster.');
}

export function managerUnavailable(): RelayError {
  return new RelayError(
    'manager_unavailable',
    'No traffic manager is connected for this preview at the moment.',
  );
}

export function shuttingDown(): RelayError {
  return new RelayError('shutting_down', 'This server is shutting down. Try again: another one will answer.');
}

/** Returns the answer when the relay stopped while the service worked on a request that must not be repeated. */
export function stopped(): RelayError {
  return new RelayError('tunnel_lost', 'This part of Culvert stopped before the service had answered.');
}

export function tooManyRequests(): RelayError {
  return new RelayError(
    'too_many_requests',
    'This preview has reached its limit of concurrent requests. Try again in a moment.',
  );
}

/** Returns the answer when the service closed its side of the stream before its response was complete. */
export function closedEarly(request: RequestHead, upstream: ResponseTransfer): RelayError {
  return new RelayError('ingress_closed', closedDetail(upstream.route.ingress, askedOf(request, upstream)));
}

/** Returns the answer when the stream was reset. @param detail from the reset */
export function streamReset(
  request: RequestHead,
  upstream: ResponseTransfer,
  code: ResetCode,
  detail: string,
): RelayError {
  const { ingress } = upstream.route;
  const isClosed = code === ResetCode.INGRESS_RESET && askedOf(request, upstream) === 'upgrade';
  return new RelayError(
    // Before it was open, the answer says that the service did not get the request. That is not known later.
    errorCodeOf(isRefusal(code) && upstream.hasOpened ? ResetCode.INTERNAL : code),
    isClosed ? closedDetail(ingress, 'upgrade') : sentence(`Ingress ${ingress}: ${detail}`),
  );
}

/** Returns what the service still had to send: an upgrade is refused when the connection ends before any answer. */
function askedOf(request: RequestHead, upstream: ResponseTransfer): 'upgrade' | 'response' {
  return request.upgrade !== '' && upstream.head === null ? 'upgrade' : 'response';
}
