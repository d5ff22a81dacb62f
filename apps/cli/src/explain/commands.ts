import { Argument, type Command } from 'commander';
import type { Action } from '../action.js';
import { completed } from '../completion/completers.js';
import { withHelp } from '../help/command-help.js';

/** Adds the command that explains error codes of the API. */
export function addExplainCommand(program: Command, action: Action): void {
  const command = program
    .command('explain')
    .summary('explain an error code of the API')
    .description('Explains an error code of the API, as responses and logs have it.')
    .addArgument(completed(new Argument('<code>', 'the code, such as insufficient_scope'), 'error-code'))
    .action(action(async (context, code: string) => (await import('./explain.js')).explain(context, code)));
  withHelp(command, { examples: ['culvert explain insufficient_scope'] });
}
