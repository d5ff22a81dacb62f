import { Argument, type Command, Option } from 'commander';
import type { Action } from '../action.js';
import { completed } from '../completion/completers.js';
import type { GlobalFlags } from '../command-context.js';
import { withHelp } from '../help/command-help.js';
import { inspectorPortFlag } from '../inspector/port-flag.js';
import type { DownFlags } from './down.js';
import type { LogsFlags } from './logs.js';
import type { OpenFlags } from './open.js';
import type { UpFlags } from './up.js';

const FILE_FLAG = ['--file <path>', 'the file; default: culvert.yaml, .yml or .json here or above'] as const;

/** Adds the commands for the endpoints of a file. */
export function addUpCommands(program: Command, action: Action): void {
  const command = program
    .command('up')
    .addArgument(completed(new Argument('[names...]', 'endpoints of the file; default: all'), 'endpoint'))
    .summary('get preview URLs for the services that a file lists')
    .description('Exposes the endpoints of culvert.yaml over one tunnel, and starts their commands.')
    .option(...FILE_FLAG)
    .option('-d, --detach', 'run in the background (not on Windows)')
    .addOption(new Option('--announce').hideHelp())
    .addOption(inspectorPortFlag())
    .option('--no-inspector', 'serve no page that shows requests')
    .option('--check', 'check the file and show what would be exposed')
    .option('--schema', 'print the JSON Schema of the file, for editors')
    .action(
      action(async (context, names: string[], flags: UpFlags, self: Command) => {
        const { up } = await import('./up.js');
        return up(context, names, { ...flags, ...self.optsWithGlobals<GlobalFlags>() });
      }),
    );
  withHelp(command, {
    details: [
      'Changes of the file apply when it is saved; requests in progress continue. Ctrl-C ends the command and what it ' +
        'started, and keeps the URLs for the next run.',
    ],
    examples: [
      'culvert up',
      'culvert up web api',
      'culvert up --detach && culvert logs --follow',
      'culvert up --check',
      'culvert up --schema > culvert.schema.json',
    ],
  });
  addDownCommand(program, action);
  addLogsCommand(program, action);
  addOpenCommand(program, action);
}

function addDownCommand(program: Command, action: Action): void {
  const command = program
    .command('down')
    .addArgument(completed(new Argument('[names...]', 'endpoints to end; default: all'), 'endpoint'))
    .summary('end what "culvert up" runs')
    .description('Ends a run of "culvert up" with its commands, or only some endpoints. Their URLs are kept.')
    .option(...FILE_FLAG)
    .option('--remove', 'also remove the URLs')
    .action(
      action(async (context, names: string[], flags: DownFlags, self: Command) => {
        const { down } = await import('./down.js');
        return down(context, names, { ...flags, ...self.optsWithGlobals<GlobalFlags>() });
      }),
    );
  withHelp(command, { examples: ['culvert down', 'culvert down api', 'culvert down --remove'] });
}

function addLogsCommand(program: Command, action: Action): void {
  const command = program
    .command('logs')
    .addArgument(completed(new Argument('[name]', 'endpoint; default: all'), 'endpoint'))
    .summary('show the output of "culvert up --detach"')
    .description('Shows requests, output of commands and notes of a run in the background.')
    .option(...FILE_FLAG)
    .option('-f, --follow', 'keep showing what is added, until the run ends')
    .action(
      action(async (context, name: string | undefined, flags: LogsFlags) => {
        const { logs } = await import('./logs.js');
        return logs(context, name, flags);
      }),
    );
  withHelp(command, { examples: ['culvert logs', 'culvert logs api --follow'] });
}

function addOpenCommand(program: Command, action: Action): void {
  const command = program
    .command('open')
    .addArgument(completed(new Argument('[name]', 'endpoint; may be left out if only one is up'), 'endpoint'))
    .summary('open the URL of an endpoint in your browser')
    .description(
      'Opens the URL of an endpoint that "culvert up" runs, or the inspector of a run, in your browser.',
    )
    .option(...FILE_FLAG)
    .option('--inspector', 'open the inspector of "culvert up" or "culvert expose" instead')
    .action(
      action(async (context, name: string | undefined, flags: OpenFlags) => {
        const { openEndpoint, openInspector } = await import('./open.js');
        return flags.inspector === true
          ? openInspector(context, name, flags)
          : openEndpoint(context, name, flags);
      }),
    );
  withHelp(command, { examples: ['culvert open', 'culvert open web', 'culvert open --inspector'] });
}
