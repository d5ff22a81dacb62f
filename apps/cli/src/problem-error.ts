import { problemOf, type ProblemWording } from '@culvert/client';
import { flagOfField } from './flag-of-field.js';

/** Next steps for those errors of the API whose title does not name one. */
const HINTS: Readonly<Record<string, string>> = {
  insufficient_scope:
    'Use an API key that has the scope. If you are an admin or owner, the dashboard works too: a sign-in by "culvert login" has only the scopes of a member. "culvert whoami" shows your scopes.',
  not_a_member: 'Ask an owner or admin of the team to invite you.',
  role_not_permitted:
    'Only an owner can do this, in the dashboard. API keys have the power of an admin, at most.',
  person_required: 'Use the dashboard for this.',
  not_found: 'It may already be gone, or belong to another team. "culvert whoami" shows your team.',
  api_key_not_usable: 'Find the key that replaced it with "culvert keys list".',
  traffic_manager_required:
    'Name one with --traffic-manager NAME. "culvert traffic-managers list" shows the names.',
  preview_limit_reached: 'Remove previews that you do not need with "culvert preview remove".',
  credential_limit_reached:
    'Revoke credentials that you do not need with "culvert share-links revoke" or "culvert tokens revoke".',
  exchange_not_repeatable:
    'Exchanges are held while "culvert inspect PREVIEW" or the inspector runs, and "--bodies" captures their bodies. ' +
    'Previews with --keep keep them longer, with their bodies if the team has --keep-bodies. ' +
    'Give what was not recorded with --data, --header or --target.',
  team_limit_reached: 'Remove what you no longer need.',
  internal_error: 'Try again. If it fails again, send this line to the operator of Culvert.',
};

/** How commands word problems: a field is named by the flag that sets it. */
export const COMMAND_WORDING: ProblemWording = { hints: HINTS, nameOfField: flagOfField };

/** Returns the stable code of the API error that caused this one; null if another error did. */
export function problemCodeOf(error: unknown): string | null {
  return problemOf(error)?.code ?? null;
}
