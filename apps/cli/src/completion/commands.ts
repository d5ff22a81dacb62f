import { Argument, type Command } from 'commander';
import type { Action } from '../action.js';
import type { Api, Preview } from '../api.js';
import type { CommandContext } from '../command-context.js';
import { previewName } from '../preview/find-preview.js';
import { candidatesAt, type Candidate } from './candidates.js';
import type { CompletedThing } from './completers.js';
import { COMPLETION_SCRIPTS, SHELLS, type Shell } from './scripts.js';

const HELP = `
To have it in every new shell:
  bash  culvert completion bash > ~/.local/share/bash-completion/completions/culvert
  zsh   culvert completion zsh > "\${fpath[1]}/_culvert"
  fish  culvert completion fish > ~/.config/fish/completions/culvert.fish`;

/** A person waits for it with a finger on the key. */
const MAX_WAIT_MS = 3_000;
/** As many as one page has. */
const MAX_PREVIEWS = 200;

/** What a shell puts on a command line unquoted: nothing that means something to it. */
const SAFE = /^[\w.:/=-]+$/;

/** Completion of the command line by shells. */
export function addCompletionCommands(program: Command, action: Action): void {
  program
    .command('completion')
    .summary('print what a shell needs to complete commands')
    .description(
      'Prints a script that has a shell complete the commands of culvert, and names of previews and keys.',
    )
    .addArgument(new Argument('<shell>', 'which one').choices(SHELLS))
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

/** Nothing when Culvert cannot be asked: a shell has no place to say so. */
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

/** The newest page of the previews that have this text in their names. */
async function somePreviews(api: Api, search: string): Promise<readonly Preview[]> {
  const query = { limit: MAX_PREVIEWS, ...(search !== '' && { search }) };
  return (await api.call('listPreviews', { query })).items;
}
