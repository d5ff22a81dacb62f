import { Argument, type Command } from 'commander';
import type { Action } from '../action.js';
import { completed } from '../completion/completers.js';
import { withHelp } from '../help/command-help.js';
import { limitOption } from '../paging/first-items.js';
import type { CreateFlags, HistoryFlags } from './traffic-managers.js';

/** Adds the commands for traffic managers. */
export function addTrafficManagersCommands(program: Command, action: Action): void {
  const managers = program
    .command('traffic-managers')
    .summary('list, register, rename and remove traffic managers')
    .description(
      'Lists, registers, renames and removes traffic managers, and shows when they were connected.',
    );
  withHelp(managers, { examples: ['culvert traffic-managers list'] });
  const list = managers
    .command('list')
    .alias('ls')
    .summary('list the traffic managers of the team')
    .description('Lists the traffic managers of the team, newest first.')
    .action(action(async (context) => (await import('./traffic-managers.js')).listManagers(context)));
  withHelp(list, { examples: ['culvert traffic-managers list'] });
  const show = managers
    .command('show')
    .summary('show the details of a traffic manager')
    .description('Shows the details of one traffic manager.')
    .addArgument(managerArgument())
    .action(
      action(async (context, reference: string) =>
        (await import('./traffic-managers.js')).showManager(context, reference),
      ),
    );
  withHelp(show, { examples: ['culvert traffic-managers show staging'] });
  const create = managers
    .command('create')
    .summary('register a traffic manager before it first connects')
    .description('Registers a traffic manager before it first connects, so that previews can name it.')
    .argument('<manager-id>', 'id that the process chooses for itself (CULVERT_MANAGER_ID)')
    .option('--name <name>', 'name that people see')
    .option('--cluster <id>', 'cluster in which it runs')
    .action(
      action(async (context, managerId: string, flags: CreateFlags) =>
        (await import('./traffic-managers.js')).createManager(context, managerId, flags),
      ),
    );
  withHelp(create, { examples: ['culvert traffic-managers create staging --name "Staging cluster"'] });
  addChanges(managers, action);
  const history = managers
    .command('history')
    .summary('show when and why a traffic manager connected and disconnected')
    .description('Shows when and why a traffic manager connected and disconnected, newest first.')
    .addArgument(managerArgument())
    .addOption(limitOption('events'))
    .action(
      action(async (context, reference: string, flags: HistoryFlags) =>
        (await import('./traffic-managers.js')).showHistory(context, reference, flags),
      ),
    );
  withHelp(history, { examples: ['culvert traffic-managers history staging --limit 10'] });
}

function addChanges(managers: Command, action: Action): void {
  const rename = managers
    .command('rename')
    .summary('rename a traffic manager')
    .description('Changes the name that people see of a traffic manager.')
    .addArgument(managerArgument())
    .argument('<name>', 'the new name')
    .action(
      action(async (context, reference: string, name: string) =>
        (await import('./traffic-managers.js')).renameManager(context, reference, name),
      ),
    );
  withHelp(rename, { examples: ['culvert traffic-managers rename staging "Staging cluster"'] });
  const remove = managers
    .command('remove')
    .alias('rm')
    .summary('remove traffic managers with their sessions, intercepts and previews')
    .description(
      'Removes traffic managers with their sessions, intercepts and previews. One that still runs registers again, ' +
        'but what was removed does not come back.',
    )
    .addArgument(managerArgument('<traffic-managers...>'))
    .action(
      action(async (context, references: string[]) =>
        (await import('./traffic-managers.js')).removeManagers(context, references),
      ),
    );
  withHelp(remove, { examples: ['culvert traffic-managers remove staging'] });
}

function managerArgument(name = '<traffic-manager>'): Argument {
  const meaning = 'name, the name it reports for itself, or id';
  return completed(new Argument(name, meaning), 'traffic-manager');
}
