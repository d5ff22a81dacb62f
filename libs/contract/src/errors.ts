/** Everything the API can answer instead of what was asked for. Codes are stable; titles and details are for people. */
export const ERRORS = {
  malformed_request: {
    status: 400,
    title: 'The request cannot be read',
    description: 'The body is not valid JSON, is cut short, or the URL is not validly encoded.',
  },
  validation_failed: {
    status: 400,
    title: 'The request is not valid',
    description:
      'A field of the body, a query parameter or a path parameter breaks a rule; `errors` names each.',
  },
  credentials_conflict: {
    status: 400,
    title: 'The request carries two different credentials',
    description: 'Authorization and X-Ambassador-Api-Key are both present and do not carry the same key.',
  },
  unauthenticated: {
    status: 401,
    title: 'A valid API key, or signing in, is needed',
    description:
      'The request carries no key and no session of a person, or one that is unknown, revoked or expired.',
  },
  sign_in_failed: {
    status: 401,
    title: 'Signing in failed',
    description:
      'The address or the password is wrong, or the identity provider did not vouch for the person.',
  },
  insufficient_scope: {
    status: 403,
    title: 'This is not allowed',
    description:
      'The key, or the role of the person, lacks the scope that the operation needs, or one to be handed on.',
  },
  not_a_member: {
    status: 403,
    title: 'You are not a member of this team',
    description: 'The header Culvert-Team names a team that the person is not in, or they are in none.',
  },
  person_required: {
    status: 403,
    title: 'Only people may do this',
    description: 'The operation concerns a person who is signed in; a key is none.',
  },
  cross_site_request: {
    status: 403,
    title: 'The request comes from a page that is not ours',
    description:
      "A request that changes something by a person's session, a form, or a stream of events, must come from a page of the app: its Origin is the app's.",
  },
  team_creation_restricted: {
    status: 403,
    title: 'You may not make a team',
    description:
      'Here only members of a team make another one (TEAM_CREATION). Have somebody invite you to theirs.',
  },
  role_not_permitted: {
    status: 403,
    title: 'Your role does not allow this',
    description:
      'An admin, and any API key, can neither make owners nor change or remove them; only owners do.',
  },
  not_found: {
    status: 404,
    title: 'Nothing has this id',
    description: 'What the request names does not exist, or belongs to another team.',
  },
  route_not_found: {
    status: 404,
    title: 'There is nothing at this path',
    description: 'No operation has this path.',
  },
  method_not_allowed: {
    status: 405,
    title: 'The method is not allowed here',
    description: 'The path exists, the method does not; the Allow header lists those that do.',
  },
  manager_id_taken: {
    status: 409,
    title: 'The manager id is taken',
    description: 'The team already has a traffic manager of this manager id.',
  },
  api_key_not_usable: {
    status: 409,
    title: 'The API key cannot be rotated',
    description: 'It is revoked, has expired, or has been rotated before; rotate the key that replaced it.',
  },
  last_owner: {
    status: 409,
    title: 'A team needs an owner',
    description: 'The only owner can neither leave nor step down: make somebody else an owner first.',
  },
  already_invited: {
    status: 409,
    title: 'The person is invited or a member already',
    description: 'An address has one open invitation per team; renew it to get a new token.',
  },
  exchange_not_repeatable: {
    status: 409,
    title: 'The exchange cannot be repeated',
    description:
      'No edge holds it any more, or something of its request is missing: a body that was not captured, a secret in its ' +
      'path. `detail` says what; give that in the request.',
  },
  payload_too_large: {
    status: 413,
    title: 'The body is too large',
    description: 'The body of a request may have 256 KiB, that of a replay 1.5 MiB.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The body is not JSON',
    description: 'A body is sent as application/json, in UTF-8 and without a content coding.',
  },
  traffic_manager_required: {
    status: 422,
    title: 'A traffic manager has to be named',
    description:
      'trafficManagerId may be left out only while the team has exactly one traffic manager, not counting workstations.',
  },
  replay_not_accepted: {
    status: 422,
    title: 'A visitor could not send this request',
    description: 'It is not what HTTP/1.1 allows, or goes beyond a limit of the edge; `detail` says what.',
  },
  preview_limit_reached: {
    status: 429,
    title: 'The team has as many previews as it may',
    description: 'Delete previews that are no longer used, or have the operator raise MAX_PREVIEWS_PER_TEAM.',
  },
  credential_limit_reached: {
    status: 429,
    title: 'The preview has as many of these as it may',
    description:
      'A preview may have 100 share links and 100 tokens that work. Revoke those that are no longer used.',
  },
  team_limit_reached: {
    status: 429,
    title: 'There are as many as there may be',
    description:
      'Of members, invitations, API keys of a team, or teams of a person. GET /api/v1/team shows limits and use.',
  },
  too_many_requests: {
    status: 429,
    title: 'The team makes too many requests',
    description:
      'Of all its keys and members together. RateLimit says how many are left in the minute, Retry-After when to try again.',
  },
  too_many_streams: {
    status: 429,
    title: 'Too many streams are open',
    description:
      'Of events, by this person or key, their team, or all who use this process. Close some, or try again later.',
  },
  too_many_attempts: {
    status: 429,
    title: 'Too many attempts',
    description: 'For this account, from this address, or to this one; Retry-After says when to try again.',
  },
  identity_provider_failed: {
    status: 502,
    title: 'The identity provider cannot be used',
    description:
      'It did not answer, or not as it should; the log says how. Try again, or sign in another way.',
  },
  replay_failed: {
    status: 502,
    title: 'The service did not answer',
    description:
      'The request was sent, and the ingress refused it, cannot be reached, or broke off; `detail` says what. The service ' +
      'may have seen it.',
  },
  cluster_not_connected: {
    status: 503,
    title: 'The cluster is not connected',
    description:
      'No edge has a tunnel of the traffic manager of this preview, or has room for more. Nothing was sent. Try again once it is connected.',
  },
  store_unavailable: {
    status: 503,
    title: 'The database does not answer',
    description:
      'Culvert cannot reach its database, or gets no answer in time. Retry-After says when to try again. What the request ' +
      'was to change may have been changed.',
  },
  replay_timed_out: {
    status: 504,
    title: 'The service did not answer in time',
    description:
      'The request was sent, and nothing came back within 30 seconds. The service may have seen it.',
  },
  internal_error: {
    status: 500,
    title: 'Something went wrong in Culvert',
    description: 'A fault that is not the fault of the request. Its `instance` finds it in the logs.',
  },
} as const satisfies Record<string, { status: number; title: string; description: string }>;

export type ErrorCode = keyof typeof ERRORS;
export const ERROR_CODES = Object.keys(ERRORS) as ErrorCode[];

/** One broken rule. */
export interface FieldError {
  /** JSON Pointer (RFC 6901) into the body, or to the name of the parameter; empty for the whole. */
  readonly pointer: string;
  readonly message: string;
}

/**
 * Thrown where a request cannot be fulfilled; the error filter turns it into problem+json. `detail` is shown to
 * the client, so it never carries internal text or anything of another team.
 */
export class ProblemError extends Error {
  readonly detail: string | undefined;
  readonly errors: readonly FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly code: ErrorCode,
    options: {
      readonly detail?: string;
      readonly errors?: readonly FieldError[];
      readonly cause?: unknown;
      /** When to try again; sent as Retry-After. */
      readonly retryAfterSeconds?: number;
    } = {},
  ) {
    super(options.detail ?? ERRORS[code].title, { cause: options.cause });
    this.name = 'ProblemError';
    this.detail = options.detail;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Body of an error answer (RFC 9457). */
export interface Problem {
  /** `/api/problems/<code>`, where the code is explained. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail?: string;
  /** The request's id, as in the logs: `urn:uuid:…`. */
  readonly instance: string;
  readonly errors?: readonly FieldError[];
}

/** Most broken rules that one answer lists. */
const MAX_FIELD_ERRORS = 50;
/** Pointers and messages repeat names from the request, which can be as long as its body. */
const MAX_FIELD_ERROR_LENGTH = 300;

/** The body that answers `error` on the request of this id (a UUID). */
export function toProblem(error: ProblemError, requestId: string): Problem {
  const { status, title } = ERRORS[error.code];
  return {
    type: `/api/problems/${error.code}`,
    title,
    status,
    code: error.code,
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    instance: `urn:uuid:${requestId}`,
    ...(error.errors === undefined ? {} : { errors: error.errors.slice(0, MAX_FIELD_ERRORS).map(shorten) }),
  };
}

function shorten({ pointer, message }: FieldError): FieldError {
  return { pointer: cut(pointer), message: cut(message) };
}

function cut(text: string): string {
  return text.length <= MAX_FIELD_ERROR_LENGTH ? text : `${text.slice(0, MAX_FIELD_ERROR_LENGTH - 1)}…`;
}
