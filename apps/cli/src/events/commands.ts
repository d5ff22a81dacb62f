import { CHANGED_RESOURCES } from '@culvert/terms';
import { Option, type Command } from 'commander';
import type { Action } from '../action.js';
import { withHelp } from '../help/command-help.js';

/** Adds the command that shows changes in the team. */
export function addEventsCommand(program: Command, action: Action): void {
  const command = program
    .command('events')
    .summary('show changes in the team as they happen')
    .description('Shows what is created, updated and removed in the team, until Ctrl-C.')
    .addOption(
      new Option('--resource <kind...>', 'show only changes of these kinds').choices(CHANGED_RESOURCES),
    )
    .action(
      action(async (context, { resource }: { readonly resource?: string[] }) =>
        (await import('./events.js')).watchChanges(context, resource ?? null),
      ),
    );
  withHelp(command, {
    details: ['After an interruption, changes may be missed. A "reset" says so.'],
    examples: ['culvert events', 'culvert events --resource preview session --output json'],
  });
}
