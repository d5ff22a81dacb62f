import type { Command } from 'commander';
import type { Action } from '../action.js';
import { collect, readHours, readIdleExpiry } from '../flags.js';
import { withHelp } from '../help/command-help.js';
import { needsKey } from '../help/needs-key.js';
import { readLimit } from '../paging/first-items.js';
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
    .option('--keep <number>', 'allow previews to keep at most this many of their last requests', readLimit)
    .option(
      '--keep-for <duration>',
      'allow previews to keep each of them for at most this long: 24h, 7d',
      readHours,
    )
    .option('--no-keep', 'allow no preview to keep requests, and delete those that are kept')
    .option('--keep-bodies', 'keep bodies as well')
    .option('--no-keep-bodies', 'keep no bodies, and delete those that are kept')
    .option(
      '--keep-redact <name>',
      'never keep the values of fields and parameters with this name; repeatable',
      collect,
    )
    .option('--no-keep-redact', 'redact no fields but those that are never kept')
    .action(
      action(async (context, flags: SettingsFlags) => (await import('./team.js')).settings(context, flags)),
    );
  withHelp(settings, {
    details: [
      'A lower limit deletes kept requests beyond it at once. A new name in --keep-redact deletes all of them.',
    ],
    examples: [
      'culvert team settings',
      'culvert team settings --preview-idle-expires 7d',
      'culvert team settings --keep 500 --keep-for 48h --keep-redact password',
    ],
  });
}
