import type { Command } from 'commander';
import type { Action } from '../action.js';
import { withHelp } from '../help/command-help.js';
import { managerOption } from '../intercept/command.js';
import type { ListFlags } from './list.js';

/** Adds the command that lists intercepts and their states, as Culvert and a cluster report them. */
export function addListCommand(program: Command, action: Action): void {
  const command = program
    .command('list')
    .alias('ls')
    .summary('list the intercepts of the team and their states')
    .description(
      'Lists the intercepted workloads of the team, by whom, and whether the intercept works. With the URL of a ' +
        "cluster's traffic manager, also lists all of its workloads that can be intercepted.",
    )
    .addOption(managerOption())
    .option('--workloads', 'list only the workloads that can be intercepted')
    .action(action(async (context, flags: ListFlags) => (await import('./list.js')).list(context, flags)));
  withHelp(command, {
    examples: ['culvert list', 'culvert list --manager http://localhost:8085 --workloads'],
  });
}
