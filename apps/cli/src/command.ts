/** The command line: which commands there are, the flags that all of them take, and how each is started. */
import { Command, CommanderError, Option } from 'commander';
import type { Action, AddCommands } from './action.js';
import { addAccountCommands } from './account/commands.js';
import { CliError } from './cli-error.js';
import { addCompletionCommands } from './completion/commands.js';
import type { Environment } from './command-context.js';
import { EXIT } from './exit-code.js';
import { addExposeCommand } from './expose/command.js';
import { addInterceptCommands } from './intercept/command.js';
import { addKeysCommands } from './keys/commands.js';
import { addListCommand } from './list/list.js';
import { Output, OUTPUT_FORMATS } from './output/output.js';
import { addPreviewCommands } from './preview/commands.js';
import type { GlobalFlags } from './settings/settings.js';
import { addStatusCommand } from './status/status.js';
import { VERSION } from './version.js';

const COMMANDS: readonly AddCommands[] = [
  addAccountCommands,
  addStatusCommand,
  addListCommand,
  addExposeCommand,
  addInterceptCommands,
  addPreviewCommands,
  addKeysCommands,
  addCompletionCommands,
];

const AFTER_HELP = `
Examples:
  $ culvert login --url https://culvert.example.com
  $ culvert expose 3000
  $ culvert intercept orders --port 8080 --http-header x-dev=alice
  $ culvert preview create --workload checkout --namespace shop
  $ culvert preview list --output json

Environment:
  CULVERT_URL              where Culvert is
  CULVERT_API_KEY          an API key, instead of signing in (AMBASSADOR_CLOUD_APIKEY counts too)
  CULVERT_CA_FILE          PEM certificates to trust at Culvert beside the usual ones
  CULVERT_CLUSTER_URL      where the traffic manager of a cluster is
  CULVERT_CLUSTER_SECRET   shown to it instead of whom you signed in as
  CULVERT_CONFIG_DIR       where the sign-in is kept, instead of the platform's place
  NO_COLOR                 no colors

Exit codes: 0 done, 1 failed, 2 wrong command line, 3 not signed in, 4 not allowed, 5 not found, 6 conflict or limit,
7 Culvert cannot be reached, 8 this machine's side failed, 130 interrupted.`;

/** Runs one command line. Resolves with the exit code, and rejects with nothing but faults of this program. */
export async function runCulvert(argv: readonly string[], environment: Environment): Promise<number> {
  let exitCode: number = EXIT.ok;
  const action: Action =
    (run) =>
    async (...given) => {
      const flags = (given.at(-1) as Command).optsWithGlobals<GlobalFlags>();
      // What commands need takes long to load: help and completion do without.
      const { createContext } = await import('./command-context.js');
      exitCode = (await run(createContext(flags, environment), ...given)) ?? EXIT.ok;
    };
  try {
    await createProgram(action, environment).parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has said by itself what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const reason = environment.signal.aborted ? environment.signal.reason : error;
    if (!(reason instanceof CliError)) throw error;
    if (reason.exitCode !== EXIT.ok)
      new Output({ format: 'text', ...environment }).error(reason.message, reason.hint);
    return reason.exitCode;
  }
}

/** The program with all its commands. */
export function createProgram(
  action: Action,
  { stdout, stderr }: Pick<Environment, 'stdout' | 'stderr'>,
): Command {
  const program = new Command('culvert')
    .description('Preview URLs and intercepts from your machine, through Culvert.')
    .version(VERSION, '-V, --version', 'print the version')
    .addOption(new Option('--url <url>', 'where Culvert is (CULVERT_URL; default: where you signed in last)'))
    .addOption(
      new Option('-o, --output <format>', 'what to print results as').choices(OUTPUT_FORMATS).default('text'),
    )
    .addOption(
      new Option(
        '--ca-file <path>',
        'PEM certificates to trust at Culvert beside the usual ones (CULVERT_CA_FILE)',
      ),
    )
    .addHelpText('after', AFTER_HELP)
    // Before the commands are added: they inherit what stands here.
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      // As all other errors of this program begin.
      outputError: (text, write) => write(text.replace(/^error: /, 'culvert: ')),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('Run it with --help to see what it takes.');
  for (const add of COMMANDS) add(program, action);
  return program;
}
