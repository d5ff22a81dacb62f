import type { Command } from 'commander';
import type { Action } from '../action.js';
import { withHelp } from '../help/command-help.js';

/** Adds the command that shows whether Culvert answers, who is signed in, and what is connected. */
export function addStatusCommand(program: Command, action: Action): void {
  const command = program
    .command('status')
    .summary('show the state of Culvert, your sign-in and your connections')
    .description(
      'Shows whether Culvert answers, who is signed in, and which traffic managers of the team are connected.',
    )
    .action(action(async (context) => (await import('./status.js')).status(context)));
  withHelp(command, { examples: ['culvert status', 'culvert status --output json'] });
}
