import type { Problem } from '@culvert/api-client';
import { CliError } from './cli-error.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { flagOfField } from './flag-of-field.js';

/** Next steps for those errors of the API whose title does not name one. */
const HINTS: Readonly<Record<string, string>> = {
  insufficient_scope:
    'Ask an admin of your team for the scope, or use a key that has it. "culvert whoami" shows your scopes.',
  not_a_member: 'Ask an owner or admin of the team to invite you.',
  person_required: 'Use the dashboard for this.',
  not_found: 'It may already be gone, or belong to another team. "culvert whoami" shows your team.',
  api_key_not_usable: 'Find the key that replaced it with "culvert keys list".',
  traffic_manager_required:
    'Name one with --traffic-manager NAME. "culvert status" shows the names of the connected ones.',
  preview_limit_reached: 'Remove previews that you do not need with "culvert preview remove".',
  credential_limit_reached: 'Revoke credentials that you do not need in the dashboard.',
  team_limit_reached: 'Remove what you no longer need.',
  internal_error: 'Try again. If it fails again, send this line to the operator of Culvert.',
};

/**
 * Turns an error response into an error for a person.
 * @param signInHint what to do when the credential is not accepted
 */
export function problemError(
  problem: Problem,
  retryAfterSeconds: number | null,
  signInHint: string,
): CliError {
  const { code, title, detail, errors = [], status, instance } = problem;
  const said = sayProblem({ code, title, detail, errors });
  const message = status >= 500 ? `${said} (${instance})` : said;
  const next = code === 'unauthenticated' ? signInHint : HINTS[code];
  const hint = retryAfterSeconds === null ? next : `Try again in ${retryAfterSeconds} seconds.`;
  return new CliError(exitCodeOf(status), message, { ...(hint !== undefined && { hint }), cause: problem });
}

/** Returns what is wrong with which flag; without flags, the title of the error and its detail. */
function sayProblem({ code, title, detail, errors = [] }: Partial<Problem>): string {
  if (code === 'unauthenticated')
    return ['Culvert does not accept the credential', detail].filter(Boolean).join(': ');
  // Its detail names the resource, and the title would repeat that it does not exist.
  if (errors.length === 0)
    return code === 'not_found' && detail ? detail : [title, detail].filter(Boolean).join(': ');
  return errors.map(({ pointer, message }) => `${flagOfField(pointer)} ${message}`.trim()).join('; ');
}

/** Returns the stable code of the API error that caused this one; null if another error did. */
export function problemCodeOf(error: unknown): string | null {
  if (!(error instanceof CliError)) return null;
  const { cause } = error;
  return typeof cause === 'object' && cause !== null && 'code' in cause && 'instance' in cause
    ? String(cause.code)
    : null;
}

function exitCodeOf(status: number): ExitCode {
  switch (status) {
    case 401:
      return EXIT.notSignedIn;
    case 403:
      return EXIT.refused;
    case 404:
      return EXIT.notFound;
    case 409:
    case 429:
      return EXIT.conflict;
    default:
      return status < 500 ? EXIT.usage : EXIT.failure;
  }
}
