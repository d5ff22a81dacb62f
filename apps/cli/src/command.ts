/** The command line: its commands, the flags that all of them take, and how each is started. */
import { ClientError, VERSION } from '@culvert/client';
import { Command, CommanderError, Option } from 'commander';
import type { Action, AddCommands } from './action.js';
import { addAccountCommands } from './account/commands.js';
import { asCliError } from './cli-error.js';
import { addCompletionCommands } from './completion/commands.js';
import type { Environment, GlobalFlags } from './command-context.js';
import { EXIT } from './exit-code.js';
import { addExposeCommand } from './expose/command.js';
import { addInterceptCommands } from './intercept/command.js';
import { addKeysCommands } from './keys/commands.js';
import { addListCommand } from './list/list.js';
import { Output, OUTPUT_FORMATS } from './output/output.js';
import { addPreviewCommands } from './preview/commands.js';
import { addStatusCommand } from './status/status.js';

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
  CULVERT_URL              URL of Culvert
  CULVERT_API_KEY          an API key, instead of signing in (AMBASSADOR_CLOUD_APIKEY works too)
  CULVERT_CA_FILE          file of PEM certificates to trust for Culvert, in addition to the usual ones
  CULVERT_CLUSTER_URL      URL of a cluster's traffic manager
  CULVERT_CLUSTER_SECRET   secret for the traffic manager, instead of your sign-in
  CULVERT_CONFIG_DIR       folder of the stored sign-in, instead of the platform's default
  NO_COLOR                 print no colors

Exit codes: 0 done, 1 failed, 2 wrong command line, 3 not signed in, 4 not allowed, 5 not found, 6 conflict or limit,
7 Culvert unreachable, 8 problem on this machine, 130 interrupted.`;

/** Runs one command line and returns the exit code. Rejects only on bugs in this program. */
export async function runCulvert(argv: readonly string[], environment: Environment): Promise<number> {
  let exitCode: number = EXIT.ok;
  const action: Action =
    (run) =>
    async (...given) => {
      const flags = (given.at(-1) as Command).optsWithGlobals<GlobalFlags>();
      // The parts that commands need take long to load. Help and completion do without them.
      const { createContext } = await import('./command-context.js');
      exitCode = (await run(createContext(flags, environment), ...given)) ?? EXIT.ok;
    };
  try {
    await createProgram(action, environment).parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has already printed what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const reason = environment.signal.aborted ? environment.signal.reason : error;
    if (!(reason instanceof ClientError)) throw error;
    const { exitCode: failed, message, hint } = asCliError(reason);
    if (failed !== EXIT.ok) new Output({ format: 'text', ...environment }).error(message, hint);
    return failed;
  }
}

/** Creates the program with all its commands. */
export function createProgram(
  action: Action,
  { stdout, stderr }: Pick<Environment, 'stdout' | 'stderr'>,
): Command {
  const program = new Command('culvert')
    .description('Preview URLs and intercepts from your machine, through Culvert.')
    .version(VERSION, '-V, --version', 'print the version')
    .addOption(new Option('--url <url>', 'URL of Culvert (CULVERT_URL; default: where you last signed in)'))
    .addOption(
      new Option('-o, --output <format>', 'format of results').choices(OUTPUT_FORMATS).default('text'),
    )
    .addOption(
      new Option(
        '--ca-file <path>',
        'file of PEM certificates to trust for Culvert, in addition to the usual ones (CULVERT_CA_FILE)',
      ),
    )
    .addHelpText('after', AFTER_HELP)
    // Set before the commands are added, because commands inherit these settings.
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      // Like all other errors of this program.
      outputError: (text, write) => write(text.replace(/^error: /, 'culvert: ')),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('Run it with --help to see its arguments and flags.');
  for (const add of COMMANDS) add(program, action);
  return program;
}
