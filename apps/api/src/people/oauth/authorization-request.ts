import { findKnownProgram, isRedirectUri, type KnownProgram } from '../programs/known-programs.js';

/** Request of a program to the person at the browser (RFC 6749 §4.1.1, RFC 7636 §4.3). */
export interface AuthorizationRequest {
  readonly program: KnownProgram;
  readonly redirectUri: string;
  readonly codeChallenge: string;
  /** Opaque to us; returned with the answer. */
  readonly state: string | undefined;
}

export type AuthorizationError = 'invalid_request' | 'unsupported_response_type' | 'access_denied';

export type ReadAuthorizationRequest =
  | { readonly outcome: 'request'; readonly request: AuthorizationRequest }
  /** No redirect is safe, because the address to redirect to may be an attacker's (RFC 6749 §4.1.2.1). */
  | { readonly outcome: 'refused'; readonly reason: string }
  /** The program is notified at `location`. */
  | { readonly outcome: 'error'; readonly location: string };

export const PARAMETERS = [
  'client_id',
  'redirect_uri',
  'response_type',
  'code_challenge',
  'code_challenge_method',
  'scope',
  'state',
] as const;
export type Parameters = Readonly<Record<string, unknown>>;

/** BASE64URL(SHA256(verifier)) without padding. */
const CODE_CHALLENGE = /^[A-Za-z0-9_-]{43}$/;
const MAX_STATE_LENGTH = 1024;

/** Reads the query of `/auth`, or the form that repeats it. Unknown parameters are ignored (RFC 6749 §3.1). */
export function readAuthorizationRequest(parameters: Parameters): ReadAuthorizationRequest {
  const { client_id: clientId, redirect_uri: redirectUri } = parameters;
  const program = typeof clientId === 'string' ? findKnownProgram(clientId) : null;
  if (program === null)
    return { outcome: 'refused', reason: 'No program with this client_id can sign in here.' };
  if (typeof redirectUri !== 'string' || !isRedirectUri(redirectUri)) {
    const reason = 'The redirect_uri must be http://localhost:<port>/callback.';
    return { outcome: 'refused', reason };
  }

  const { state, scope } = parameters;
  const repeated = PARAMETERS.filter((name) => Array.isArray(parameters[name]));
  const answer = { redirectUri, state: typeof state === 'string' ? state : undefined };
  const fail = (error: AuthorizationError, description: string): ReadAuthorizationRequest => ({
    outcome: 'error',
    location: errorLocation(answer, error, description),
  });
  if (answer.state !== undefined && answer.state.length > MAX_STATE_LENGTH) {
    return { outcome: 'refused', reason: `The state can have at most ${MAX_STATE_LENGTH} characters.` };
  }
  if (repeated.length > 0) return fail('invalid_request', `more than one ${repeated.join(', ')}`);
  if (parameters['response_type'] === undefined) return fail('invalid_request', 'response_type is missing');
  if (parameters['response_type'] !== 'code') {
    return fail('unsupported_response_type', 'response_type must be code');
  }
  if (scope !== undefined && typeof scope !== 'string') return fail('invalid_request', 'scope is not text');
  const { code_challenge: codeChallenge, code_challenge_method: method } = parameters;
  if (typeof codeChallenge !== 'string' || !CODE_CHALLENGE.test(codeChallenge)) {
    return fail('invalid_request', 'code_challenge must be 43 characters of base64url');
  }
  if (method !== 'S256') return fail('invalid_request', 'code_challenge_method must be S256');
  return { outcome: 'request', request: { program, codeChallenge, ...answer } };
}

type Answer = Pick<AuthorizationRequest, 'redirectUri' | 'state'>;

/** Returns the redirect that takes a code to the program (RFC 6749 §4.1.2). */
export function codeLocation(request: Answer, code: string): string {
  return location(request, { code });
}

/** Returns the redirect that takes an error to the program (RFC 6749 §4.1.2.1). */
export function errorLocation(request: Answer, error: AuthorizationError, description: string): string {
  return location(request, { error, error_description: description });
}

function location({ redirectUri, state }: Answer, answer: Record<string, string>): string {
  const query = new URLSearchParams({ ...answer, ...(state === undefined ? {} : { state }) });
  return `${redirectUri}?${query.toString()}`;
}
