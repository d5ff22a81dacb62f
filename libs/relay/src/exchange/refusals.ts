/** Answers to requests that get no stream. */
import { DENIALS } from '../answers/failures.js';
import { GateAnswer } from '../answers/gate-answer.js';
import { RelayError } from '../answers/relay-error.js';
import type { Verdict } from '../routing/access-gate.js';

/** Returns the answer to a request that the gate did not let in. 'allow' for a route that does not exist is a refusal. */
export function denialOf(verdict: Verdict): RelayError {
  if (verdict instanceof GateAnswer) return verdict;
  return verdict === 'allow' ? denial('unknown_host') : denial(verdict);
}

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
  return new RelayError('shutting_down', 'This part of Culvert is being stopped. Another will answer.');
}

export function tooManyRequests(): RelayError {
  return new RelayError('too_many_requests', 'This preview serves as many requests as it may at once.');
}
