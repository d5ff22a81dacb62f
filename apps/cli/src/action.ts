import type { Command } from 'commander';
import type { CommandContext } from './command-context.js';

/**
 * Turns a command into an action of commander's. The command receives its context, then its arguments, then its flags. The exit
 * code is `ok` unless the command returns another one or throws a CliError. It may be any number, since another program's exit
 * code is passed on.
 */
export type Action = <Given extends readonly unknown[]>(
  run: (context: CommandContext, ...given: Given) => Promise<number | void>,
) => (...given: Given) => Promise<void>;

/** Adds commands to the program; each folder of commands has one such function. */
export type AddCommands = (program: Command, action: Action) => void;
