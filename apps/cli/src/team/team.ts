/** What the commands for the team do. */
import type { Team } from '../api.js';
import type { CommandContext } from '../command-context.js';
import type { Output } from '../output/output.js';
import { showSpan, showTime } from '../output/readable.js';

export interface SettingsFlags {
  /** Seconds; 0: never. */
  readonly previewIdleExpires?: number;
}

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

export async function settings(
  { api, output }: CommandContext,
  { previewIdleExpires }: SettingsFlags,
): Promise<void> {
  const team =
    previewIdleExpires === undefined
      ? await api.call('getTeam')
      : await api.call('updateTeam', { body: { previewIdleExpirySeconds: previewIdleExpires } });
  output.result(team, () => output.fields([['Unused previews end after', idleExpiryOf(team)]]));
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
