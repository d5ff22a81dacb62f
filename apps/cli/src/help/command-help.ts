/** What the help of a command shows below its flags. The man page and the web reference show the same. */
import type { Command } from 'commander';

/** Width for which examples and details are written. Narrower terminals break lines themselves. */
export const HELP_WIDTH = 80;

export interface CommandHelp {
  /** Command lines without a prompt, each at most 76 columns wide. A line that ends with `\` continues. */
  readonly examples: readonly string[];
  /** Paragraphs in front of the examples. One that begins with two spaces is shown as it is. */
  readonly details?: readonly string[];
}

const helps = new WeakMap<Command, CommandHelp>();

/** Adds details and examples to the help of a command. */
export function withHelp(command: Command, help: CommandHelp): Command {
  helps.set(command, help);
  return command.addHelpText('after', () => textOf(command, help));
}

/** Returns what `withHelp` added, or null. */
export function helpOf(command: Command): CommandHelp | null {
  return helps.get(command) ?? null;
}

/** Reports whether a paragraph of details is shown as it is, without new line breaks. */
export function isPreformatted(paragraph: string): boolean {
  return paragraph.startsWith('  ');
}

function textOf(command: Command, { details = [], examples }: CommandHelp): string {
  const helper = command.createHelp();
  const paragraphs = details.map((paragraph) =>
    isPreformatted(paragraph) ? paragraph : helper.boxWrap(paragraph, HELP_WIDTH),
  );
  const lines = examples.map((example) => `  $ ${example.replaceAll('\n', '\n    ')}`);
  return ['', ...paragraphs.flatMap((paragraph) => [paragraph, '']), 'Examples:', ...lines].join('\n');
}
