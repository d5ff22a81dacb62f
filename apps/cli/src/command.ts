/** The command line: its commands, the flags that all of them take, and how each is started. */
import { ClientError, VERSION } from '@culvert/client';
import { Command, CommanderError, Option } from 'commander';
import type { Action, AddCommands } from './action.js';
import { addAccountCommands } from './account/commands.js';
import { addAuditCommands } from './audit/commands.js';
import { asCliError } from './cli-error.js';
import { addClusterProgramCommands } from './cluster-programs/command.js';
import { addCompletionCommands } from './completion/commands.js';
import { addDemoCommand } from './demo/commands.js';
import { addDoctorCommand } from './doctor/commands.js';
import type { Environment, GlobalFlags } from './command-context.js';
import { addEventsCommand } from './events/commands.js';
import { EXIT } from './exit-code.js';
import { HELP_WIDTH, withHelp } from './help/command-help.js';
import { HELP_AFTER } from './help/environment.js';
import { addExplainCommand } from './explain/commands.js';
import { addExposeCommand } from './expose/command.js';
import { addInspectCommand } from './inspect/commands.js';
import { addInterceptCommands } from './intercept/command.js';
import { addInterceptsCommands } from './intercepts/commands.js';
import { addInvitationsCommands } from './invitations/commands.js';
import { addKeysCommands } from './keys/commands.js';
import { addListCommand } from './list/commands.js';
import { addMembersCommands } from './members/commands.js';
import { Output, OUTPUT_FORMATS } from './output/output.js';
import { addPreviewCommands } from './preview/commands.js';
import { addReplayCommand } from './replay/commands.js';
import { addServiceCommands } from './service/commands.js';
import { addSessionsCommands } from './sessions/commands.js';
import { addStatusCommand } from './status/commands.js';
import { addTeamCommands } from './team/commands.js';
import { addPreviewCredentialCommands } from './tokens/commands.js';
import { addTrafficManagersCommands } from './traffic-managers/commands.js';
import { addUpCommands } from './up/command.js';
import { addWorkloadIdentityCommands } from './workload-identity/commands.js';
import { addWebhooksCommands } from './webhooks/commands.js';

/** All commands, in the order of the help. */
const COMMANDS: readonly { readonly heading: string; readonly commands: readonly AddCommands[] }[] = [
  { heading: 'Account:', commands: [addAccountCommands, addStatusCommand, addDoctorCommand] },
  {
    heading: 'Your services:',
    commands: [addExposeCommand, addUpCommands, addServiceCommands, addInterceptCommands, addListCommand],
  },
  {
    heading: 'Previews:',
    commands: [addPreviewCommands, addPreviewCredentialCommands, addInspectCommand, addReplayCommand],
  },
  {
    heading: 'Clusters:',
    commands: [
      addTrafficManagersCommands,
      addSessionsCommands,
      addInterceptsCommands,
      addClusterProgramCommands,
    ],
  },
  {
    heading: 'Team:',
    commands: [
      addTeamCommands,
      addMembersCommands,
      addInvitationsCommands,
      addKeysCommands,
      addWorkloadIdentityCommands,
      addWebhooksCommands,
      addAuditCommands,
      addEventsCommand,
    ],
  },
  { heading: 'Help:', commands: [addDemoCommand, addExplainCommand, addCompletionCommands] },
];

const EXAMPLES = [
  'culvert login --url https://culvert.example.com',
  'culvert expose 3000',
  'culvert intercept orders --port 8080 --http-header x-dev=alice',
  'culvert preview create --workload checkout --namespace shop',
  'culvert preview list --output json',
];

/** The same rules for the help of every command. */
const HELP_FORMAT = {
  showGlobalOptions: true,
  minWidthToWrap: 20,
  subcommandTerm: (command: Command) => [command.name(), ...command.aliases()].join(', '),
};

/** Runs one command line and returns the exit code. Rejects only on bugs in this program. */
export async function runCulvert(argv: readonly string[], environment: Environment): Promise<number> {
  let exitCode: number = EXIT.ok;
  const action: Action =
    (run) =>
    async (...given) => {
      const flags = (given.at(-1) as Command).optsWithGlobals<GlobalFlags>();
      // The parts that commands need take long to load. Help and completion do without them.
      const { createContext } = await import('./command-context.js');
      const context = await createContext(flags, environment);
      const { findUpdate, updateNote } = await import('./updates/update-check.js');
      const update = findUpdate(context, { command: (given.at(-1) as Command).name(), ...environment });
      try {
        exitCode = (await run(context, ...given)) ?? EXIT.ok;
      } finally {
        await context.endCredential();
      }
      const version = await update;
      if (version !== null) context.output.note(updateNote(version));
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
    .addOption(
      new Option(
        '--workload-identity <id>',
        'sign in as a CI job of this workload identity, instead of by a key (CULVERT_WORKLOAD_IDENTITY)',
      ),
    )
    // Set before the commands are added, because commands inherit these settings.
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      // Like all other errors of this program.
      outputError: (text, write) => write(inOwnWords(text)),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp(HELP_FORMAT)
    .showHelpAfterError('Run it with --help to see its arguments and flags.');
  withHelp(program, { examples: EXAMPLES }).addHelpText('after', ({ command }) => afterHelp(command));
  for (const { heading, commands } of COMMANDS) {
    program.commandsGroup(heading);
    for (const add of commands) add(program, action);
  }
  return program;
}

/** Words errors of the command line as all other errors of this program. */
function inOwnWords(text: string): string {
  return text
    .replace(/^error: /, 'culvert: ')
    .replace(
      /^culvert: command-argument value '(.*)' is invalid for argument '(.*?)'\. /,
      'culvert: "$1" is not a valid $2. ',
    );
}

function afterHelp(program: Command): string {
  const helper = program.createHelp();
  helper.minWidthToWrap = HELP_FORMAT.minWidthToWrap;
  helper.prepareContext({ helpWidth: HELP_WIDTH });
  const sections = HELP_AFTER.map(({ heading, rows }) => {
    const width = Math.max(...rows.map(({ term }) => term.length));
    const lines = rows.map(({ term, meaning }) => helper.formatItem(term, width, meaning, helper));
    return [`${heading}:`, ...lines].join('\n');
  });
  return `\n${sections.join('\n\n')}`;
}
