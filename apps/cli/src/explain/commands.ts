import type { Command } from 'commander';
import type { Action } from '../action.js';
import type { CommandContext } from '../command-context.js';
import { withHelp } from '../help/command-help.js';

/** Adds the command that explains error codes of the API. */
export function addExplainCommand(program: Command, action: Action): void {
  const command = program
    .command('explain')
    .summary('explain an error code of the API')
    .description('Explains an error code of the API, as responses and logs have it.')
    .argument('<code>', 'the code, such as insufficient_scope')
    .action(action(explain));
  withHelp(command, { examples: ['culvert explain insufficient_scope'] });
}

async function explain({ api, output }: CommandContext, code: string): Promise<void> {
  const problem = await api.call('getProblem', { code });
  output.result(problem, () =>
    output.fields([
      ['Code', problem.code],
      ['Title', problem.title],
      ['Status', String(problem.status)],
      ['Meaning', problem.description],
    ]),
  );
}
