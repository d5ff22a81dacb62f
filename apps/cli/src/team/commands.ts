import type { Command } from 'commander';
import type { Action } from '../action.js';
import { readIdleExpiry } from '../flags.js';
import { withHelp } from '../help/command-help.js';
import { needsKey } from '../help/needs-key.js';
import type { SettingsFlags } from './team.js';

/** Adds the commands for the team itself. */
export function addTeamCommands(program: Command, action: Action): void {
  const team = program
    .command('team')
    .summary('show, rename and set up the team')
    .description('Shows, renames and sets up the team that you act for.');
  withHelp(team, { examples: ['culvert team show', 'culvert team rename Shop'] });
  const show = team
    .command('show')
    .summary('show the team, its limits and its use of them')
    .description('Shows the team, its limits and how much of them it uses.')
    .action(action(async (context) => (await import('./team.js')).showTeam(context)));
  withHelp(show, { examples: ['culvert team show', 'culvert team show --output json'] });
  const rename = team
    .command('rename')
    .summary('rename the team')
    .description('Changes the name of the team.')
    .argument('<name>', 'the new name')
    .action(
      action(async (context, name: string) => (await import('./team.js')).updateTeam(context, { name })),
    );
  withHelp(rename, { details: [needsKey('team:write')], examples: ['culvert team rename Shop'] });
  const settings = team
    .command('settings')
    .summary('show or change the settings of the team')
    .description('Shows the settings of the team, after changing those that are given.')
    .option(
      '--preview-idle-expires <duration>',
      'end previews without a setting of their own if they are unused for this long: 12h, 7d, at least 5m, or never',
      readIdleExpiry,
    )
    .action(
      action(async (context, flags: SettingsFlags) => (await import('./team.js')).settings(context, flags)),
    );
  withHelp(settings, {
    examples: ['culvert team settings', 'culvert team settings --preview-idle-expires 7d'],
  });
}
