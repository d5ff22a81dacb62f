import type { Command } from 'commander';
import type { CommandContext } from './command-context.js';

/**
 * Makes an action of commander's out of a command: what it is given after the context is what the line says, its flags
 * after its arguments. It ends with `ok` unless it returns, or throws a CliError with, something else; the exit code of
 * another program may be any number.
 */
export type Action = <Given extends readonly unknown[]>(
  run: (context: CommandContext, ...given: Given) => Promise<number | void>,
) => (...given: Given) => Promise<void>;

/** Adds commands to the program; each folder of commands has one. */
export type AddCommands = (program: Command, action: Action) => void;
