import { Argument, type Command } from 'commander';
import type { Action } from '../action.js';
import type { Api, Preview } from '../api.js';
import type { CommandContext } from '../command-context.js';
import { previewName } from '../preview/find-preview.js';
import { candidatesAt, type Candidate } from './candidates.js';
import type { CompletedThing } from './completers.js';
import { COMPLETION_SCRIPTS, SHELLS, type Shell } from './scripts.js';

const HELP = `
To install it for every new shell:
  bash  culvert completion bash > ~/.local/share/bash-completion/completions/culvert
  zsh   culvert completion zsh > "\${fpath[1]}/_culvert"
  fish  culvert completion fish > ~/.config/fish/completions/culvert.fish`;

/** Short: a person waits for it while typing. */
const MAX_WAIT_MS = 3_000;
/** The size of one page. */
const MAX_PREVIEWS = 200;

/** Values that a shell can insert unquoted: they have no special characters. */
const SAFE = /^[\w.:/=-]+$/;

/** Adds the commands for completion by shells. */
export function addCompletionCommands(program: Command, action: Action): void {
  program
    .command('completion')
    .summary('print the completion script for a shell')
    .description(
      'Prints a script that lets a shell complete culvert commands and the names of previews and keys.',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', HELP)
    .action(
      action(async ({ output }, shell: Shell) => {
        output.verbatim(COMPLETION_SCRIPTS[shell]);
      }),
    );
  program
    .command('__complete [words...]', { hidden: true })
    .action(action((context, words: string[]) => complete(context, program, words)));
}

async function complete(context: CommandContext, program: Command, words: readonly string[]): Promise<void> {
  const { known, thing, typed } = candidatesAt(program, words);
  const things = thing === null ? [] : await thingsOf(context, thing, typed);
  for (const { value, description } of [...known, ...things])
    if (SAFE.test(value) && value.startsWith(typed)) context.output.pair(value, description);
}

/** Returns no candidates if Culvert cannot be reached: a shell has no place to show an error. */
async function thingsOf(context: CommandContext, thing: CompletedThing, typed: string): Promise<Candidate[]> {
  const tooLate = new Promise<Candidate[]>((resolve) => setTimeout(resolve, MAX_WAIT_MS, []).unref());
  return Promise.race([askFor(context, thing, typed).catch(() => []), tooLate]);
}

async function askFor({ api }: CommandContext, thing: CompletedThing, typed: string): Promise<Candidate[]> {
  switch (thing) {
    case 'preview':
      return (await somePreviews(api, typed)).map(({ hostname, intercept }) => ({
        value: previewName(hostname),
        description: intercept.workload,
      }));
    case 'key':
      return (await api.list('listApiKeys'))
        .filter(({ revokedAt }) => revokedAt === null)
        .map(({ id, name }) => ({ value: id, description: name }));
  }
}

/** Returns the newest page of the previews that have this text in their names. */
async function somePreviews(api: Api, search: string): Promise<readonly Preview[]> {
  const query = { limit: MAX_PREVIEWS, ...(search !== '' && { search }) };
  return (await api.call('listPreviews', { query })).items;
}
