/** Every error the API can return. Codes are stable; titles and details are for people. */
export const ERRORS = {
  malformed_request: {
    status: 400,
    title: 'The request cannot be read',
    description: 'The body is not valid JSON or is cut short, or the URL is not encoded correctly.',
  },
  validation_failed: {
    status: 400,
    title: 'The request is not valid',
    description:
      'A field of the body, a query parameter or a path parameter breaks a rule; `errors` lists each of ' +
      'them.',
  },
  credentials_conflict: {
    status: 400,
    title: 'The request carries two different credentials',
    description: 'Authorization and X-Ambassador-Api-Key are both present and do not carry the same key.',
  },
  unauthenticated: {
    status: 401,
    title: 'Sign in or send a valid API key',
    description:
      'The request has no API key and no session of a person, or one that is unknown, revoked or expired.',
  },
  sign_in_failed: {
    status: 401,
    title: 'Sign-in failed',
    description:
      'The email address or the password is wrong, or the identity provider did not confirm who the person ' +
      'is.',
  },
  insufficient_scope: {
    status: 403,
    title: "You don't have permission to do this",
    description:
      'The API key, or the role of the person, lacks the scope that the operation needs, or a scope that ' +
      'the request passes on.',
  },
  not_a_member: {
    status: 403,
    title: "You're not a member of this team",
    description:
      'The header Culvert-Team names a team that the person is not a member of, or the person is not in a ' +
      'team. Ask an owner or admin of the team for an invitation.',
  },
  person_required: {
    status: 403,
    title: 'Sign in to do this',
    description: 'This operation needs a signed-in person. API keys cannot use it.',
  },
  cross_site_request: {
    status: 403,
    title: 'The request comes from another site',
    description:
      "Requests with a person's session that change something, send a form or open a stream of events must " +
      "come from a page of the app: their Origin must be the app's.",
  },
  team_creation_restricted: {
    status: 403,
    title: "You can't create a team",
    description:
      'On this server, only members of a team can create another one (TEAM_CREATION). Ask an owner ' +
      'or admin to invite you to theirs.',
  },
  role_not_permitted: {
    status: 403,
    title: 'Your role does not allow this',
    description: 'Only owners can make, change or remove owners. Admins and API keys cannot.',
  },
  not_found: {
    status: 404,
    title: 'Not found: nothing with this ID exists in your team',
    description: 'The resource that the request names does not exist, or belongs to another team.',
  },
  route_not_found: {
    status: 404,
    title: 'Nothing exists at this path',
    description: 'No operation has this path. Check it against the API reference.',
  },
  method_not_allowed: {
    status: 405,
    title: 'The method is not allowed here',
    description: 'The path exists, but not with this method. The Allow header lists the methods that it has.',
  },
  manager_id_taken: {
    status: 409,
    title: 'The manager id is taken',
    description: 'The team already has a traffic manager with this manager id.',
  },
  api_key_not_usable: {
    status: 409,
    title: 'The API key cannot be rotated',
    description:
      'The key is revoked or expired, or was already rotated. In that case, rotate the key that replaced ' +
      'it.',
  },
  last_owner: {
    status: 409,
    title: 'A team needs an owner',
    description: 'The only owner can neither leave nor step down. Make another member an owner first.',
  },
  already_invited: {
    status: 409,
    title: 'This person is already invited or a member',
    description: 'An address has one open invitation per team. Renew it to get a new token.',
  },
  keeping_not_allowed: {
    status: 409,
    title: 'The team does not keep exchanges',
    description:
      'The policy of the team does not allow previews to keep exchanges. An owner or admin can change it ' +
      '(keepPolicy of PATCH /api/v1/team).',
  },
  keeping_not_available: {
    status: 409,
    title: 'The server cannot keep exchanges',
    description:
      'The server has no encryption key, so that it keeps nothing. Its operator sets ENCRYPTION_KEYS.',
  },
  exchange_not_readable: {
    status: 409,
    title: 'The exchange cannot be read',
    description:
      'The exchange was encrypted with a key that the server no longer has, or was changed in the database. ' +
      '`detail` names the key. The exchange can be deleted.',
  },
  exchange_not_repeatable: {
    status: 409,
    title: 'The exchange cannot be repeated',
    description:
      'The edge no longer holds the exchange, or a part of its request is missing: a body that was not ' +
      'captured, or a secret in its path. `detail` names the part; send it in the request.',
  },
  webhook_disabled: {
    status: 409,
    title: 'The webhook is disabled',
    description: 'A disabled webhook receives nothing. Enable it first: set its state to enabled.',
  },
  payload_too_large: {
    status: 413,
    title: 'The body is too large',
    description: 'The body of a request can have at most 256 KiB, that of a replay at most 1.5 MiB.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The body is not JSON',
    description: 'Send the body as application/json, in UTF-8 and without a content coding.',
  },
  traffic_manager_required: {
    status: 422,
    title: 'Name a traffic manager',
    description:
      'trafficManagerId can be left out only while the team has exactly one traffic manager, not counting ' +
      'workstations.',
  },
  replay_not_accepted: {
    status: 422,
    title: 'A visitor could not send this request',
    description:
      'HTTP/1.1 does not allow the request, or it exceeds a limit of the edge; `detail` says which.',
  },
  preview_limit_reached: {
    status: 429,
    title: 'The team has reached its limit of previews',
    description:
      'Delete previews that are no longer used, or ask the operator to raise MAX_PREVIEWS_PER_TEAM.',
  },
  credential_limit_reached: {
    status: 429,
    title: 'The preview has reached its limit of share links or tokens',
    description:
      'A preview can have 100 working share links and 100 working tokens. Revoke those that are no longer ' +
      'used.',
  },
  team_limit_reached: {
    status: 429,
    title: 'The limit is reached',
    description:
      'The team has reached its limit of members, invitations, API keys, webhooks or workload identities, or the ' +
      'person their limit of teams. GET /api/v1/team shows limits and use.',
  },
  too_many_requests: {
    status: 429,
    title: 'The team sends too many requests',
    description:
      'The limit covers all keys and members of the team. RateLimit says how many requests are left in ' +
      'this minute, Retry-After when to try again.',
  },
  too_many_streams: {
    status: 429,
    title: 'Too many streams are open',
    description:
      'This person or key, their team, or all users of this process have too many streams of events open. ' +
      'Close some, or try again later.',
  },
  too_many_attempts: {
    status: 429,
    title: 'Too many attempts',
    description:
      'There were too many attempts for this account, from this address, or to this address. Retry-After ' +
      'says when to try again.',
  },
  identity_provider_failed: {
    status: 502,
    title: 'The identity provider does not work',
    description:
      'The identity provider did not answer, or its answer is not valid; the log says why. Try again, or ' +
      'sign in another way.',
  },
  replay_failed: {
    status: 502,
    title: 'The service did not answer',
    description:
      'The request was sent, but the ingress refused it, could not be reached, or closed the connection ' +
      'early; `detail` says which. The service may have received it.',
  },
  cluster_not_connected: {
    status: 503,
    title: 'The cluster is not connected',
    description:
      "No edge has a tunnel of this preview's traffic manager with room for another request. Nothing was " +
      'sent. Try again once the cluster is connected.',
  },
  store_unavailable: {
    status: 503,
    title: 'The database does not answer',
    description:
      'Culvert cannot reach its database, or gets no answer in time. Retry-After says when to try again. ' +
      'The requested change may have been made.',
  },
  replay_timed_out: {
    status: 504,
    title: 'The service did not answer in time',
    description:
      'The request was sent, but no answer came within 30 seconds. The service may have received it.',
  },
  internal_error: {
    status: 500,
    title: 'Something went wrong in Culvert',
    description: 'The fault is not in the request. Its `instance` identifies it in the logs.',
  },
} as const satisfies Record<string, { status: number; title: string; description: string }>;

export type ErrorCode = keyof typeof ERRORS;
export const ERROR_CODES = Object.keys(ERRORS) as ErrorCode[];

/** One field that is not valid. */
export interface FieldError {
  /** JSON Pointer (RFC 6901) into the body, or to the name of the parameter; empty for the whole. */
  readonly pointer: string;
  readonly message: string;
}

/**
 * Thrown when a request cannot be fulfilled; the error filter turns it into problem+json. `detail` is sent to the
 * client, so it must not carry internal text or data of another team.
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
      /** Seconds until the client should try again; sent as Retry-After. */
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

/** Body of an error response (RFC 9457). */
export interface Problem {
  /** URL that explains the code: `/api/problems/<code>`. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail?: string;
  /** ID of the request, as in the logs: `urn:uuid:…`. */
  readonly instance: string;
  readonly errors?: readonly FieldError[];
}

/** Maximum number of field errors that one response lists. */
const MAX_FIELD_ERRORS = 50;
/** Pointers and messages repeat names from the request, which can be as long as its body. */
const MAX_FIELD_ERROR_LENGTH = 300;

/** Returns the body of the response to the request with this ID (a UUID) that failed with `error`. */
export function toProblem(error: ProblemError, requestId: string): Problem {
  const { status, title } = ERRORS[error.code];
  return {
    type: `/api/problems/${error.code}`,
    title,
    status,
    code: error.code,
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    instance: `urn:uuid:${asUuid(requestId)}`,
    ...(error.errors === undefined ? {} : { errors: error.errors.slice(0, MAX_FIELD_ERRORS).map(shorten) }),
  };
}

function shorten({ pointer, message }: FieldError): FieldError {
  return { pointer: cut(pointer), message: cut(message) };
}

function cut(text: string): string {
  return text.length <= MAX_FIELD_ERROR_LENGTH ? text : `${text.slice(0, MAX_FIELD_ERROR_LENGTH - 1)}…`;
}

/** Returns 32 hexadecimal digits, the form of ids that edges make, with the hyphens of a UUID. */
function asUuid(id: string): string {
  return id.replace(/^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/, '$1-$2-$3-$4-$5');
}
