/** The commands as data, for documents about them. */
import type { Argument, Command, Help, Option } from 'commander';
import { helpOf } from '../help/command-help.js';

/** An argument or a flag with its meaning. */
export interface Described {
  readonly term: string;
  readonly meaning: string;
}

export interface DescribedCommand {
  /** `culvert preview create` */
  readonly name: string;
  readonly aliases: readonly string[];
  /** Heading of the group of commands that it belongs to in the help. */
  readonly group: string;
  /** The command line in short: `culvert preview show [options] <preview>`. */
  readonly usage: string;
  readonly summary: string;
  readonly description: string;
  readonly arguments: readonly Described[];
  readonly options: readonly Described[];
  readonly details: readonly string[];
  readonly examples: readonly string[];
  readonly subcommands: readonly DescribedCommand[];
}

/** Describes a command and all below it. Hidden commands and flags, and the generated `help`, are left out. */
export function describeCommand(command: Command, before: readonly string[] = []): DescribedCommand {
  const helper = command.createHelp();
  const words = [...before, command.name()];
  const { details = [], examples = [] } = helpOf(command) ?? {};
  return {
    name: words.join(' '),
    aliases: command.aliases(),
    group: command.helpGroup(),
    usage: helper.commandUsage(command),
    summary: command.summary(),
    description: command.description(),
    arguments: helper.visibleArguments(command).map((argument) => describeArgument(helper, argument)),
    options: helper
      .visibleOptions(command)
      .filter(({ long }) => long !== '--help')
      .map((option) => describeOption(helper, option)),
    details,
    examples,
    subcommands: helper
      .visibleCommands(command)
      .filter((sub) => sub.name() !== 'help')
      .map((sub) => describeCommand(sub, words)),
  };
}

/** Returns a command and all below it, in the order of the help. */
export function withSubcommands(command: DescribedCommand): DescribedCommand[] {
  return [command, ...command.subcommands.flatMap(withSubcommands)];
}

function describeArgument(helper: Help, argument: Argument): Described {
  return { term: helper.argumentTerm(argument), meaning: helper.argumentDescription(argument) };
}

function describeOption(helper: Help, option: Option): Described {
  return { term: helper.optionTerm(option), meaning: helper.optionDescription(option) };
}
