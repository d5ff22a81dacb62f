import type { Problem } from '@culvert/api-client';
import { CliError } from './cli-error.js';
import { EXIT, type ExitCode } from './exit-code.js';

/** What to do about those errors of the API where the title does not say it already. */
const HINTS: Readonly<Record<string, string>> = {
  unauthenticated: 'Run "culvert login", or set CULVERT_API_KEY to a key that is not revoked or expired.',
  insufficient_scope:
    'Ask an admin of the team for it, or use a key that has the scope; "culvert whoami" shows yours.',
  not_a_member: 'Have somebody invite you to the team.',
  person_required: 'Do it in the dashboard.',
  not_found: 'It may be gone already, or belong to another team: "culvert whoami" shows yours.',
  api_key_not_usable: 'Find the key that replaced it with "culvert keys list".',
  traffic_manager_required:
    'Name one with --traffic-manager; "culvert status" shows those that are connected.',
  preview_limit_reached: 'Remove previews that are not needed with "culvert preview remove".',
  credential_limit_reached: 'Revoke some in the dashboard.',
  team_limit_reached: 'Remove what is not needed any more.',
  internal_error: 'Try again; if it stays, show the operator of Culvert this line.',
};

/** Says an answer that is no success to a person. */
export function problemError(problem: Problem, retryAfterSeconds: number | null): CliError {
  const { code, title, detail, errors = [], status, instance } = problem;
  const rules = errors.map(({ pointer, message }) => `${fieldOf(pointer)} ${message}`.trim());
  const said = [title, detail, rules.join('; ')].filter(Boolean).join(': ');
  const message = status >= 500 ? `${said} (${instance})` : said;
  const hint = retryAfterSeconds === null ? HINTS[code] : `Try again in ${retryAfterSeconds} seconds.`;
  return new CliError(exitCodeOf(status), message, { ...(hint !== undefined && { hint }), cause: problem });
}

/** The stable code of the API's error behind this one; null when it is of another kind. */
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

/** `/ingress/l5Host` as people say it: `ingress.l5Host`. */
function fieldOf(pointer: string): string {
  return pointer.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~');
}
