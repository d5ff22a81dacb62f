/** Turns failed calls of Culvert's API into errors for people. */
import type { ApiFailure, Problem } from '@culvert/api-client';
import { ClientError, type ClientErrorCode } from '../client-error.js';
import { unreachable } from './http.js';

/** How a program words problems that Culvert reports. */
export interface ProblemWording {
  /** Next steps for errors of the API whose title does not name one, by code. */
  readonly hints: Readonly<Record<string, string | undefined>>;
  /** Returns the program's name of a field of a request, given its JSON pointer (RFC 6901). Empty: the whole request. */
  readonly nameOfField: (pointer: string) => string;
}

const PLAIN_WORDING: ProblemWording = {
  hints: {
    insufficient_scope:
      'Use an API key that has the scope. A sign-in by "culvert login" has those of a member.',
    not_found: 'It may have been removed, or belong to another team.',
    validation_failed: 'Correct the value, or leave it out.',
  },
  nameOfField: (pointer) => pointer.slice(1).replaceAll('/', '.'),
};

/**
 * Returns the error for a person of a failed call.
 * @param signInHint what to do when the credential is not accepted
 */
export function apiError(
  url: string,
  failure: ApiFailure,
  signInHint: string,
  wording: ProblemWording = PLAIN_WORDING,
): ClientError {
  switch (failure.kind) {
    case 'no-response':
      return unreachable(url, failure.cause);
    case 'problem':
      return problemError(failure.problem, failure.retryAfterSeconds, signInHint, wording);
    case 'not-culvert':
      return notCulvert(url, failure);
    default:
      throw new Error(`unhandled failure ${String(failure satisfies never)}`);
  }
}

/** Returns the problem of the API that caused an error; null if something else did. */
export function problemOf(error: unknown): Problem | null {
  if (!(error instanceof ClientError)) return null;
  const { cause } = error;
  const isProblem = typeof cause === 'object' && cause !== null && 'code' in cause && 'instance' in cause;
  return isProblem ? (cause as Problem) : null;
}

function notCulvert(
  url: string,
  { status, location, cause }: Extract<ApiFailure, { kind: 'not-culvert' }>,
): ClientError {
  let hint = 'Check that this is the URL of Culvert, and that Culvert is not newer than this program.';
  if (location) hint = `It redirects to ${location}. If that is Culvert, use its URL.`;
  else if (status >= 502) hint = 'The proxy in front of Culvert cannot reach it. Try again later.';
  const message = `${url} does not answer like Culvert (HTTP ${status})`;
  return new ClientError('unreachable', message, { hint, cause });
}

function problemError(
  problem: Problem,
  retryAfterSeconds: number | null,
  signInHint: string,
  wording: ProblemWording,
): ClientError {
  const { code, status, instance } = problem;
  const said = sayProblem(problem, wording);
  const message = status >= 500 ? `${said} (${instance})` : said;
  const next = code === 'unauthenticated' ? signInHint : wording.hints[code];
  const hint = retryAfterSeconds === null ? next : `Try again in ${retryAfterSeconds} seconds.`;
  return new ClientError(codeOfStatus(status), message, {
    ...(hint !== undefined && { hint }),
    cause: problem,
  });
}

/** Returns what is wrong with which field; without fields, the title of the error and its detail. */
function sayProblem({ code, title, detail, errors = [] }: Problem, { nameOfField }: ProblemWording): string {
  if (code === 'unauthenticated')
    return ['Culvert does not accept the credential', detail].filter(Boolean).join(': ');
  // Its detail names the resource, and the title would repeat that it does not exist.
  if (errors.length === 0)
    return code === 'not_found' && detail ? detail : [title, detail].filter(Boolean).join(': ');
  return errors.map(({ pointer, message }) => `${nameOfField(pointer)} ${message}`.trim()).join('; ');
}

function codeOfStatus(status: number): ClientErrorCode {
  switch (status) {
    case 401:
      return 'not_signed_in';
    case 403:
      return 'refused';
    case 404:
      return 'not_found';
    case 409:
    case 429:
      return 'conflict';
    default:
      return status < 500 ? 'usage' : 'failure';
  }
}
