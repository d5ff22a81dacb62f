import { Argument, type Command } from 'commander';
import type { Action } from '../action.js';
import type { CommandContext } from '../command-context.js';
import { withHelp } from '../help/command-help.js';
import { candidatesAt, type Candidate } from './candidates.js';
import type { CompletedThing } from './completers.js';
import { COMPLETION_SCRIPTS, SHELLS, type Shell } from './scripts.js';
import { listThings } from './things.js';

const INSTALL = `  To install it for every new shell:
    bash        culvert completion bash \\
                  > ~/.local/share/bash-completion/completions/culvert
    zsh         culvert completion zsh > "\${fpath[1]}/_culvert"
    fish        culvert completion fish \\
                  > ~/.config/fish/completions/culvert.fish
    PowerShell  culvert completion powershell >> $PROFILE`;

/** Short: a person waits for it while typing. */
const MAX_WAIT_MS = 3_000;

/** Values that a shell can insert unquoted: they have no special characters. */
const SAFE = /^[\w.:/=][\w.:/=@+-]*$|^-[\w-]*(=[\w.:/-]*)?$/;

/** Adds the commands for completion by shells. */
export function addCompletionCommands(program: Command, action: Action): void {
  const completion = program
    .command('completion')
    .summary('print the completion script for a shell')
    .description(
      'Prints a script that lets a shell complete culvert commands and the names of previews and keys.',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .action(
      action(async ({ output }, shell: Shell) => {
        output.verbatim(COMPLETION_SCRIPTS[shell]);
      }),
    );
  withHelp(completion, { details: [INSTALL], examples: ['source <(culvert completion bash)'] });
  program
    .command('__complete [words...]', { hidden: true })
    .action(action((context, words: string[]) => complete(context, program, words)));
}

async function complete(context: CommandContext, program: Command, words: readonly string[]): Promise<void> {
  const { known, thing, typed, before } = candidatesAt(program, words);
  const things = thing === null ? [] : await thingsOf(context, thing, { typed, before });
  for (const { value, description } of [...known, ...things])
    if (SAFE.test(value) && value.startsWith(typed)) context.output.pair(value, description);
}

/** Returns no candidates if Culvert cannot be reached: a shell has no place to show an error. */
async function thingsOf(
  context: CommandContext,
  thing: CompletedThing,
  given: Parameters<typeof listThings>[2],
): Promise<Candidate[]> {
  const tooLate = new Promise<Candidate[]>((resolve) => setTimeout(resolve, MAX_WAIT_MS, []).unref());
  return Promise.race([listThings(context, thing, given).catch(() => []), tooLate]);
}
