/** The manual page culvert(1), in the macros of man(7). */
import { HELP_AFTER } from '../help/environment.js';
import { isPreformatted } from '../help/command-help.js';
import { withSubcommands, type Described, type DescribedCommand } from './described-command.js';

/**
 * Returns the manual page as roff.
 * @param version version of the program
 */
export function toManPage(program: DescribedCommand, version: string): string {
  const lines = [
    `.TH CULVERT 1 "" "culvert ${quoted(version)}" "Culvert"`,
    '.nh',
    '.ad l',
    '.SH NAME',
    `culvert \\- ${text(program.description.replace(/\.$/, ''))}`,
    '.SH SYNOPSIS',
    '.B culvert',
    text('[options] <command> [arguments]'),
    '.SH DESCRIPTION',
    text('culvert calls the API of one Culvert deployment as the person or key that is signed in.'),
    '.SH OPTIONS',
    'Every command takes these flags.',
    ...definitions(program.options),
    '.SH COMMANDS',
  ];
  for (const command of program.subcommands.flatMap(withSubcommands)) lines.push(...commandLines(command));
  for (const { heading, rows } of HELP_AFTER)
    lines.push(`.SH ${heading.toUpperCase()}`, ...definitions(rows));
  lines.push('.SH EXAMPLES', ...example(program.examples));
  return `${lines.join('\n')}\n`;
}

function commandLines(command: DescribedCommand): string[] {
  const { name, usage, description, details, options, examples } = command;
  return [
    `.SS "${quoted(name)}"`,
    text(description),
    '.PP',
    '.B',
    text(usage),
    ...definitions(command.arguments),
    ...definitions(options),
    ...details.flatMap((detail) => (isPreformatted(detail) ? example([detail]) : ['.PP', text(detail)])),
    ...example(examples),
  ];
}

function definitions(rows: readonly Described[]): string[] {
  return rows.flatMap(({ term, meaning }) => ['.TP', `.B ${text(term)}`, text(meaning)]);
}

/** Lines that are shown as they are. */
function example(blocks: readonly string[]): string[] {
  const lines = blocks.flatMap((block) => block.split('\n'));
  return ['.PP', '.RS 4', '.nf', ...lines.map(text), '.fi', '.RE'];
}

/** Escapes text: a backslash, a hyphen that is a minus sign, and a point or quote that would begin a request. */
function text(line: string): string {
  const escaped = line.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll("'", '\\(aq');
  return /^\s*\./.test(escaped) ? `\\&${escaped}` : escaped;
}

/** Escapes text in the quoted argument of a macro. */
function quoted(line: string): string {
  return text(line).replaceAll('"', '\\(dq');
}
