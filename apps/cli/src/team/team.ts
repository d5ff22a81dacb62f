/** What the commands for the team do. */
import { NEVER_KEPT_FIELDS } from '@culvert/terms';
import type { Team } from '../api.js';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { Output } from '../output/output.js';
import { showSpan, showTime } from '../output/readable.js';

export interface SettingsFlags {
  /** Seconds; 0: never. */
  readonly previewIdleExpires?: number;
  /** Maximum number of kept requests of a preview. */
  readonly keep?: number | false;
  /** Hours. */
  readonly keepFor?: number;
  readonly keepBodies?: boolean;
  readonly keepRedact?: string[] | false;
}

/** The policy that a flag changes if the team has none. */
const NEW_POLICY: NonNullable<Team['keepPolicy']> = {
  maxCount: 200,
  maxHours: 24,
  bodies: false,
  redactedNames: [],
};

export async function showTeam({ api, output }: CommandContext): Promise<void> {
  const team = await api.call('getTeam');
  output.result(team, () => {
    output.fields([
      ['Name', team.name],
      ['Id', team.id],
      ['Unused previews end after', idleExpiryOf(team)],
      ['Created', showTime(team.createdAt)],
    ]);
    output.line('');
    showLimits(output, team);
  });
}

export async function updateTeam(
  { api, output }: CommandContext,
  body: { readonly name: string },
): Promise<void> {
  const team = await api.call('updateTeam', { body });
  output.result(team, () => output.line(`The team is called ${team.name}.`));
}

export async function settings({ api, output }: CommandContext, flags: SettingsFlags): Promise<void> {
  const current = await api.call('getTeam');
  const keepPolicy = keepPolicyOf(current.keepPolicy ?? null, flags);
  const { previewIdleExpires } = flags;
  const change = {
    ...(previewIdleExpires !== undefined && { previewIdleExpirySeconds: previewIdleExpires }),
    ...(keepPolicy !== undefined && { keepPolicy }),
  };
  const isChange = Object.keys(change).length > 0;
  const team = isChange ? await api.call('updateTeam', { body: change }) : current;
  output.result(team, () =>
    output.fields([
      ['Unused previews end after', idleExpiryOf(team)],
      ['Previews can keep', keptOf(team)],
      [
        'Never kept',
        team.keepPolicy ? [...NEVER_KEPT_FIELDS, ...team.keepPolicy.redactedNames].join(', ') : '',
      ],
    ]),
  );
}

/** Returns the policy to set; undefined: no flag changes it. */
function keepPolicyOf(
  current: Team['keepPolicy'],
  { keep, keepFor, keepBodies, keepRedact }: SettingsFlags,
): Team['keepPolicy'] | undefined {
  const others = [keepFor, keepBodies, keepRedact];
  if (keep === false) {
    if (others.every((flag) => flag === undefined)) return null;
    throw new CliError(EXIT.usage, '--no-keep excludes the other flags for kept requests');
  }
  if (keep === undefined && others.every((flag) => flag === undefined)) return undefined;
  const { maxCount, maxHours, bodies, redactedNames } = current ?? NEW_POLICY;
  return {
    maxCount: keep ?? maxCount,
    maxHours: keepFor ?? maxHours,
    bodies: keepBodies ?? bodies,
    redactedNames: keepRedact === false ? [] : (keepRedact ?? redactedNames),
  };
}

function keptOf({ keepPolicy }: Team): string {
  if (!keepPolicy) return 'no requests';
  const { maxCount, maxHours, bodies } = keepPolicy;
  return `their last ${maxCount} requests for ${maxHours} h, ${bodies ? 'with' : 'without'} bodies`;
}

function idleExpiryOf({ previewIdleExpirySeconds }: Team): string {
  return previewIdleExpirySeconds ? showSpan(previewIdleExpirySeconds) : 'never';
}

function showLimits(output: Output, { limits, use }: Team): void {
  output.table(
    ['LIMIT', 'USED', 'AT MOST'],
    [
      row('previews', use.previews, limits.previews),
      row('sessions', use.sessions, limits.sessions),
      row('API keys', use.apiKeys, limits.apiKeys),
      row('members', use.members, limits.members),
      row('invitations', use.invitations, limits.invitations),
      row('preview requests a minute', use.previewRequestsPerMinute, limits.previewRequestsPerMinute),
      row('API requests a minute', null, limits.apiRequestsPerMinute),
    ],
    '',
  );
}

function row(what: string, used: number | null, limit: number | null): string[] {
  return [what, used === null ? '' : String(used), limit === null ? 'none' : String(limit)];
}
