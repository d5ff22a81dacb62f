/** The command lines of the server programs: they take no arguments, except for those that explain them. */
import type { App } from './settings/settings.js';
import { REQUIRED } from './settings/settings.js';
import { secretsWithFiles } from './settings/secret-files.js';
import { VARIABLES } from './settings/variables.js';
import { VARIABLE_GROUPS, type VariableHelp } from './settings/variable-help.js';

/** What a program prints instead of starting. */
export interface CommandLineAnswer {
  /** Ends with a line feed. */
  readonly text: string;
  /** 0: `text` is for stdout. Otherwise for stderr. */
  readonly exitCode: 0 | 2;
}

const PURPOSE: Readonly<Record<App, string>> = {
  api: 'The API process of Culvert: REST, sign-in, dashboard and documentation.',
  edge: 'The edge of Culvert: serves visitors of previews, and holds the tunnels of traffic managers.',
  standalone: 'Culvert in one process: edge, API and an embedded database on one port.',
};

/** Secrets that can be in files. */
const IN_FILES: ReadonlySet<string> = new Set(secretsWithFiles(VARIABLES));

const INDENT = 2;
const MAX_WIDTH = 110;

/** Returns what `app` prints for these arguments; null: it starts. */
export function answerArguments(
  app: App,
  version: string,
  argv: readonly string[],
): CommandLineAnswer | null {
  const [first, ...rest] = argv;
  if (first === undefined) return null;
  if (rest.length === 0 && (first === '--help' || first === '-h')) return { text: helpOf(app), exitCode: 0 };
  if (rest.length === 0 && (first === '--version' || first === '-V'))
    return { text: `culvert ${app} ${version}\n`, exitCode: 0 };
  const unknown = JSON.stringify(argv.find((argument) => !KNOWN.has(argument)) ?? rest[0]);
  const text =
    `culvert ${app}: unexpected argument ${unknown.slice(0, MAX_WIDTH)}. ` +
    'Settings come from the environment: --help lists them.\n';
  return { text, exitCode: 2 };
}

const KNOWN: ReadonlySet<string> = new Set(['--help', '-h', '--version', '-V']);

/** Ends the process if its arguments ask for something else than starting. Called before anything else. */
export async function exitOnArguments(
  app: App,
  version: string,
  argv = process.argv.slice(2),
): Promise<void> {
  const answer = answerArguments(app, version, argv);
  if (answer === null) return;
  const stream = answer.exitCode === 0 ? process.stdout : process.stderr;
  // The reader may have closed the pipe, as `head` does.
  stream.on('error', () => process.exit(answer.exitCode));
  await new Promise<void>((resolve) => stream.write(answer.text, () => resolve()));
  process.exit(answer.exitCode);
}

function helpOf(app: App): string {
  const groups = VARIABLE_GROUPS.filter(({ apps }) => apps === undefined || apps.includes(app));
  const width = Math.max(
    ...groups.flatMap(({ variables }) => variables.map(({ variable }) => variable.length)),
  );
  const parts = [
    `Usage: node dist/apps/${app}/src/main.js [--help | --version]`,
    PURPOSE[app],
    'Settings come from environment variables. Times are in milliseconds. An empty value counts as none.\n' +
      'A secret (*) can be in a file instead, which <VARIABLE>_FILE names.',
    ...groups.map(({ title, variables }) =>
      [`${title}:`, ...variables.map((row) => rowOf(app, row, width))].join('\n'),
    ),
  ];
  return `${parts.join('\n\n')}\n`;
}

function rowOf(app: App, row: VariableHelp, width: number): string {
  const text = `${row.about}${IN_FILES.has(row.variable) ? '*' : ''}${noteOf(app, row)}`;
  const margin = ' '.repeat(INDENT + width + 2);
  const lines = wrap(text, MAX_WIDTH - margin.length);
  return `${' '.repeat(INDENT)}${row.variable.padEnd(width)}  ${lines.join(`\n${margin}`)}`;
}

function noteOf(app: App, { variable, default: value, without }: VariableHelp): string {
  if (REQUIRED[app].includes(variable)) return ' (required)';
  if (value !== undefined) return ` (default: ${value})`;
  return without === undefined ? '' : ` (without it: ${without})`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
