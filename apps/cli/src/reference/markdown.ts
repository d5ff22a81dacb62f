import { isPreformatted } from '../help/command-help.js';
import { withSubcommands, type Described, type DescribedCommand } from './described-command.js';

const INTRODUCTION = `# Commands of \`culvert\`

[\`culvert\` on a workstation](cli.md) explains how to sign in, settings, exit codes and output for programs. This page
lists every command with its flags. It is generated from the definitions of the commands: \`node
infra/scripts/cli-docs.mjs\` writes it anew.`;

/** Returns the reference of all commands as Markdown. */
export function toMarkdown(program: DescribedCommand): string {
  const sections = [INTRODUCTION, '## Flags of every command', table('flag', program.options)];
  for (const group of new Set(program.subcommands.map((command) => command.group))) {
    const commands = program.subcommands.filter((command) => command.group === group);
    sections.push(`## ${group.replace(/:$/, '')}`, index(commands));
    for (const command of commands.flatMap(withSubcommands)) sections.push(...sectionOf(command));
  }
  return `${sections.join('\n\n')}\n`;
}

function index(commands: readonly DescribedCommand[]): string {
  const rows = commands.map(
    ({ name, summary }) => `| [\`${name}\`](#${anchorOf(name)}) | ${cell(summary)} |`,
  );
  return ['| command | effect |', '|---|---|', ...rows].join('\n');
}

/** Returns the anchor that web forges give to a heading. */
function anchorOf(name: string): string {
  return name.replaceAll(' ', '-');
}

function sectionOf(command: DescribedCommand): string[] {
  const { name, usage, aliases, description, details, examples, options } = command;
  const sections = [`### ${name}`, escape(description), code([usage])];
  const last = name.split(' ').at(-1) ?? '';
  if (aliases.length > 0)
    sections.push(
      `Also: ${aliases.map((alias) => `\`${name.slice(0, -last.length)}${alias}\``).join(', ')}.`,
    );
  if (command.arguments.length > 0) sections.push(table('argument', command.arguments));
  if (options.length > 0) sections.push(table('flag', options));
  for (const detail of details)
    sections.push(isPreformatted(detail) ? code(detail.split('\n')) : escape(detail));
  sections.push(code(examples));
  return sections;
}

function table(heading: string, rows: readonly Described[]): string {
  const lines = rows.map(({ term, meaning }) => `| \`${term.replaceAll('|', '\\|')}\` | ${cell(meaning)} |`);
  return [`| ${heading} | |`, '|---|---|', ...lines].join('\n');
}

function code(lines: readonly string[]): string {
  return ['```sh', ...lines, '```'].join('\n');
}

function cell(text: string): string {
  return escape(text).replaceAll('|', '\\|');
}

/** Keeps Markdown from reading placeholders as HTML, and stars as emphasis. */
function escape(text: string): string {
  return text.replaceAll('<', '&lt;').replaceAll('*', '\\*');
}
