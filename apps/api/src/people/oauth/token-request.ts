import type { IncomingHttpHeaders } from 'node:http';
import { SECRET_PREFIXES } from '@culvert/domain';
import { MAX_TOKEN_LENGTH } from '@culvert/workload-tokens';
import { findKnownProgram, type KnownProgram } from '../programs/known-programs.js';

/** Grant of RFC 8628 §3.4. */
export const DEVICE_CODE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
/** Grant of RFC 8693 §2.1. */
export const TOKEN_EXCHANGE_GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const TOKEN_TYPE = 'urn:ietf:params:oauth:token-type';
/** Types of tokens that can be exchanged (RFC 8693 §3): a platform's token is both. */
const SUBJECT_TOKEN_TYPES = [`${TOKEN_TYPE}:jwt`, `${TOKEN_TYPE}:id_token`];
/** The type of token that an exchange issues. */
export const ACCESS_TOKEN_TYPE = `${TOKEN_TYPE}:access_token`;

/** RFC 6749 §5.2, and after them those of RFC 8628 §3.5. */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'authorization_pending'
  | 'slow_down'
  | 'access_denied'
  | 'expired_token';

/** Errors of the token, revocation and device authorization endpoints (RFC 6749 §5.2). `description` is for readers of a program's log. */
export class TokenError extends Error {
  constructor(
    readonly code: OAuthErrorCode,
    readonly description: string,
  ) {
    super(description);
    this.name = 'TokenError';
  }
}

/** A program of a platform that exchanges the platform's token (RFC 8693 §2.1). It needs no `client_id`. */
export interface ExchangeRequest {
  readonly grantType: typeof TOKEN_EXCHANGE_GRANT;
  readonly subjectToken: string;
  /** ID of the workload identity, from our own parameter `workload_identity`. */
  readonly workloadIdentityId: string;
}

export type TokenRequest = ExchangeRequest | ProgramTokenRequest;

type ProgramTokenRequest = { readonly program: KnownProgram } & (
  | {
      readonly grantType: 'authorization_code';
      readonly code: string;
      readonly redirectUri: string;
      readonly codeVerifier: string;
    }
  | { readonly grantType: 'refresh_token'; readonly refreshToken: string }
  | { readonly grantType: typeof DEVICE_CODE_GRANT; readonly deviceCode: string }
);

/** Request of a program on a machine without a browser (RFC 8628 §3.1). */
export interface DeviceAuthorizationRequest {
  readonly program: KnownProgram;
  /** Name that the machine gives itself, from our own parameter `device_name`. */
  readonly deviceName: string | null;
}

export interface RevocationRequest {
  /** Null for a token of a workload identity, which belongs to no program. */
  readonly program: KnownProgram | null;
  readonly token: string;
}

type Form = Readonly<Record<string, unknown>>;

/** RFC 7636 §4.1. */
const CODE_VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;
const MAX_PARAMETER_LENGTH = 512;

/**
 * Reads a request to the token endpoint.
 * @throws TokenError if it is not a valid request
 */
export function readTokenRequest(headers: IncomingHttpHeaders, form: Form): TokenRequest {
  if (form['grant_type'] === TOKEN_EXCHANGE_GRANT) return readExchangeRequest(form);
  const program = identifyProgram(headers.authorization, form);
  const grantType = required(form, 'grant_type');
  switch (grantType) {
    case 'authorization_code': {
      const codeVerifier = required(form, 'code_verifier');
      if (!CODE_VERIFIER.test(codeVerifier)) {
        throw new TokenError('invalid_request', 'code_verifier must be 43 to 128 unreserved characters');
      }
      const [code, redirectUri] = [required(form, 'code'), required(form, 'redirect_uri')];
      return { program, grantType, code, redirectUri, codeVerifier };
    }
    case 'refresh_token':
      return { program, grantType, refreshToken: required(form, 'refresh_token') };
    case DEVICE_CODE_GRANT:
      return { program, grantType, deviceCode: required(form, 'device_code') };
    default:
      throw new TokenError(
        'unsupported_grant_type',
        `grant_type must be authorization_code, refresh_token, ${DEVICE_CODE_GRANT} or ${TOKEN_EXCHANGE_GRANT}`,
      );
  }
}

/** @throws TokenError */
function readExchangeRequest(form: Form): ExchangeRequest {
  if (optional(form, 'client_secret'))
    throw new TokenError('invalid_client', 'a public client has no secret');
  const workloadIdentityId = required(form, 'workload_identity');
  const type = required(form, 'subject_token_type');
  if (!SUBJECT_TOKEN_TYPES.includes(type))
    throw new TokenError('invalid_request', `subject_token_type must be ${SUBJECT_TOKEN_TYPES.join(' or ')}`);
  const requestedType = optional(form, 'requested_token_type') || ACCESS_TOKEN_TYPE;
  if (requestedType !== ACCESS_TOKEN_TYPE)
    throw new TokenError('invalid_request', `requested_token_type must be ${ACCESS_TOKEN_TYPE}`);
  if (optional(form, 'actor_token')) throw new TokenError('invalid_request', 'actor_token is not supported');
  const subjectToken = required(form, 'subject_token', MAX_TOKEN_LENGTH);
  return { grantType: TOKEN_EXCHANGE_GRANT, subjectToken, workloadIdentityId };
}

/** Host names, without anything that could look like a sentence on the page where people decide. */
const DEVICE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Reads a request to the device authorization endpoint. Like that of a sign-in with a browser, its scope is ignored: what
 * a program may do follows from its client_id.
 * @throws TokenError
 */
export function readDeviceAuthorizationRequest(
  headers: IncomingHttpHeaders,
  form: Form,
): DeviceAuthorizationRequest {
  const program = identifyProgram(headers.authorization, form);
  if (!program.usesDeviceCodes)
    throw new TokenError('unauthorized_client', `${program.name} cannot sign in with a device code`);
  optional(form, 'scope');
  const deviceName = optional(form, 'device_name') || null;
  if (deviceName !== null && !DEVICE_NAME.test(deviceName)) {
    throw new TokenError(
      'invalid_request',
      'device_name must begin with a letter or digit and have at most 64 letters, digits, dots, hyphens and underscores',
    );
  }
  return { program, deviceName };
}

/**
 * Reads a request to the revocation endpoint (RFC 7009 §2.1). The hint of the token's type is ignored.
 * @throws TokenError
 */
export function readRevocationRequest(headers: IncomingHttpHeaders, form: Form): RevocationRequest {
  const token = optional(form, 'token') ?? '';
  if (token.startsWith(SECRET_PREFIXES.workloadToken)) return { program: null, token };
  return { program: identifyProgram(headers.authorization, form), token: required(form, 'token') };
}

/**
 * Returns the program. Go's OAuth library first sends the client as HTTP Basic with an empty password, and in the body
 * only after a failure. A public client has no secret, so both are equal (RFC 6749 §2.3.1), but two different ones are
 * refused.
 */
function identifyProgram(authorization: string | undefined, form: Form): KnownProgram {
  const inBody = optional(form, 'client_id');
  if (optional(form, 'client_secret')) {
    throw new TokenError('invalid_client', 'a public client has no secret');
  }
  const inHeader = authorization === undefined ? undefined : readBasic(authorization);
  if (inHeader !== undefined && inBody !== undefined && inHeader !== inBody) {
    throw new TokenError('invalid_client', 'the Authorization header and client_id name different clients');
  }
  const clientId = inHeader ?? inBody;
  if (clientId === undefined) throw new TokenError('invalid_client', 'client_id is missing');
  const program = findKnownProgram(clientId);
  if (program === null)
    throw new TokenError('invalid_client', 'no program with this client_id can sign in here');
  return program;
}

/** Returns the name in HTTP Basic credentials: percent-encoded, then joined to the password, then base64. */
function readBasic(authorization: string): string {
  const encoded = /^Basic +([A-Za-z0-9+/]{1,1024}={0,2}) *$/i.exec(authorization)?.[1];
  const [name, password, ...rest] = Buffer.from(encoded ?? '', 'base64')
    .toString('utf8')
    .split(':');
  if (name === undefined || name === '' || password === undefined || rest.length > 0) {
    throw new TokenError('invalid_client', 'the Authorization header is not HTTP Basic');
  }
  if (password !== '') throw new TokenError('invalid_client', 'a public client has no secret');
  try {
    return decodeURIComponent(name.replaceAll('+', ' '));
  } catch {
    throw new TokenError('invalid_client', 'the Authorization header is not encoded correctly');
  }
}

function required(form: Form, name: string, maxLength = MAX_PARAMETER_LENGTH): string {
  const value = optional(form, name, maxLength);
  if (value === undefined || value === '') throw new TokenError('invalid_request', `${name} is missing`);
  return value;
}

/** @throws TokenError if the parameter is repeated (RFC 6749 §3.2) or too long */
function optional(form: Form, name: string, maxLength = MAX_PARAMETER_LENGTH): string | undefined {
  const value = Object.hasOwn(form, name) ? form[name] : undefined;
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw new TokenError('invalid_request', `more than one ${name}`);
  if (value.length > maxLength) throw new TokenError('invalid_request', `${name} is too long`);
  return value;
}
