/** Words that can come next on a command line. All of them are derived from the commands themselves. */
import type { Command, Option } from 'commander';
import { completedThing, type CompletedThing } from './completers.js';

export interface Candidate {
  readonly value: string;
  /** Description for shells that show one; may be empty. */
  readonly description: string;
}

export interface Candidates {
  /** The typed part of the last word: all candidates begin with it. */
  readonly typed: string;
  readonly known: readonly Candidate[];
  /** Kind of further candidates that only Culvert knows. */
  readonly thing: CompletedThing | null;
  /** The arguments of the command in front of the cursor. */
  readonly before: readonly string[];
}

/** @param words the words after the program's name, up to the cursor; the last may be empty */
export function candidatesAt(program: Command, words: readonly string[]): Candidates {
  // Bash splits `--output=json` into three words.
  const whole = words.filter((word) => word !== '=');
  const typed = words.at(-1) === '=' ? '' : (whole.pop() ?? '');
  const { command, before, awaiting, isPastOptions } = walk(program, whole);
  const position = before.length;
  const match = (all: readonly Candidate[], thing: CompletedThing | null = null): Candidates => ({
    typed,
    known: all.filter(({ value }) => value.startsWith(typed)),
    thing,
    before,
  });
  if (awaiting !== null) return match(choicesOf(awaiting), completedThing(awaiting));
  if (typed.startsWith('-') && !isPastOptions) {
    const name = /^(--[^=]+)=/.exec(typed)?.[1];
    if (name === undefined) return match(optionsOf(command).map(describeOption));
    const option = findOption(command, name);
    const choices = option === undefined ? [] : choicesOf(option);
    return match(choices.map((choice) => ({ ...choice, value: `${name}=${choice.value}` })));
  }
  const subcommands = position === 0 ? command.createHelp().visibleCommands(command) : [];
  const { registeredArguments } = command;
  const last = registeredArguments.at(-1);
  const argument = registeredArguments[position] ?? (last?.variadic === true ? last : undefined);
  const choices = argument?.argChoices ?? [];
  return match(
    [
      ...subcommands.map((sub) => ({ value: sub.name(), description: sub.summary() || sub.description() })),
      ...choices.map((value) => ({ value, description: '' })),
    ],
    argument === undefined ? null : completedThing(argument),
  );
}

/** Follows the words to a command. Returns its arguments that are present, and which flag still lacks its value. */
function walk(program: Command, words: readonly string[]) {
  let command = program;
  const before: string[] = [];
  let awaiting: Option | null = null;
  let isPastOptions = false;
  for (const word of words) {
    if (awaiting !== null) {
      awaiting = null;
    } else if (word === '--') {
      isPastOptions = true;
    } else if (word.startsWith('-') && !isPastOptions) {
      const option = findOption(command, word);
      if (option !== undefined && (option.required || option.optional)) awaiting = option;
    } else {
      const sub = before.length === 0 ? findCommand(command, word) : undefined;
      if (sub === undefined) before.push(word);
      else command = sub;
    }
  }
  return { command, before, awaiting, isPastOptions };
}

function findCommand(command: Command, word: string): Command | undefined {
  return command.commands.find((sub) => sub.name() === word || sub.aliases().includes(word));
}

function findOption(command: Command, word: string): Option | undefined {
  return optionsOf(command).find(({ short, long }) => short === word || long === word);
}

/** Returns the command's own options and those that all commands take. */
function optionsOf(command: Command): Option[] {
  const help = command.createHelp();
  return [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)];
}

function choicesOf({ argChoices = [] }: Option): Candidate[] {
  return argChoices.map((value) => ({ value, description: '' }));
}

function describeOption({ long, short, description }: Option): Candidate {
  return { value: long ?? short ?? '', description };
}
