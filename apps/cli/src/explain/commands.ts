import { Argument, type Command } from 'commander';
import type { Action } from '../action.js';
import { completed } from '../completion/completers.js';
import { withHelp } from '../help/command-help.js';

/** Adds the command that explains error codes. */
export function addExplainCommand(program: Command, action: Action): void {
  const command = program
    .command('explain')
    .summary('explain an error code of the API or of a preview')
    .description(
      'Explains an error code as responses and logs of the API have it, or X-Culvert-Error of previews.',
    )
    .addArgument(completed(new Argument('<code>', 'the code, such as insufficient_scope'), 'error-code'))
    .action(action(async (context, code: string) => (await import('./explain.js')).explain(context, code)));
  withHelp(command, { examples: ['culvert explain insufficient_scope', 'culvert explain ingress_refused'] });
}
