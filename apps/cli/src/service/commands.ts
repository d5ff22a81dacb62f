import { type Command, InvalidArgumentError } from 'commander';
import type { Action } from '../action.js';
import type { GlobalFlags } from '../command-context.js';
import { withHelp } from '../help/command-help.js';

export interface ServiceFlags {
  readonly name?: string;
  readonly system?: boolean;
}

export interface InstallFlags extends ServiceFlags, Pick<GlobalFlags, 'url' | 'caFile'> {
  readonly user?: string;
  readonly envFile?: string;
  readonly dryRun?: boolean;
}

export interface LogFlags extends ServiceFlags {
  readonly follow?: boolean;
  readonly lines: number;
}

const MAX_LINES = 100_000;

/** Adds the commands for services, which run `culvert up` or `culvert expose` without a terminal. */
export function addServiceCommands(program: Command, action: Action): void {
  const service = program
    .command('service')
    .summary('run "culvert up" or "culvert expose" as a service of this machine')
    .description(
      'Runs "culvert up" or "culvert expose" without a terminal, also after restarts of this machine.',
    );
  withHelp(service, {
    examples: ['culvert service install -- up', 'culvert service status', 'culvert service logs --follow'],
  });
  addInstall(service, action);
  const status = withService(service.command('status'))
    .summary('show whether a service runs')
    .description(
      'Shows whether a service runs. The exit code is 5 if it is not installed, and 1 if it does not run.',
    )
    .action(
      action(async (context, flags: ServiceFlags) => (await import('./service.js')).status(context, flags)),
    );
  withHelp(status, { examples: ['culvert service status', 'culvert service status --name shop'] });
  const uninstall = withService(service.command('uninstall'))
    .summary('end and remove a service')
    .description('Ends a service and removes its definition.')
    .action(
      action(async (context, flags: ServiceFlags) =>
        (await import('./service.js')).uninstall(context, flags),
      ),
    );
  withHelp(uninstall, { examples: ['culvert service uninstall --name shop'] });
  const logs = withService(service.command('logs'))
    .summary('show the log of a service')
    .description('Shows the log of a service, as the platform keeps it.')
    .option('-f, --follow', 'keep showing what is added, until Ctrl-C')
    .option('-n, --lines <count>', 'lines to show of what is there', readLines, 100)
    .action(action(async (context, flags: LogFlags) => (await import('./service.js')).logs(context, flags)));
  withHelp(logs, { examples: ['culvert service logs', 'culvert service logs --follow --lines 20'] });
}

function addInstall(service: Command, action: Action): void {
  const install = withService(service.command('install'))
    .argument('<command...>', 'after "--": up or expose, with its arguments')
    .summary('install and start a service, or replace it')
    .description('Installs a service that runs "culvert up" or "culvert expose", and starts it.')
    .option('--user <name>', 'account of a service with --system; default: who called sudo')
    .option(
      '--env-file <path>',
      'file of NAME=VALUE lines that only you can read, such as CULVERT_API_KEY=KEY',
    )
    .option('--dry-run', 'print the definition and change nothing')
    .action(
      action(async (context, words: string[], flags: InstallFlags, self: Command) => {
        const { install: run } = await import('./install.js');
        return run(context, words, { ...flags, ...self.optsWithGlobals<GlobalFlags>() });
      }),
    );
  withHelp(install, {
    details: [
      'The service uses your stored sign-in ("culvert login"), or a key from --env-file, and runs in the current ' +
        'folder. Linux: a unit of systemd. macOS: an agent or daemon of launchd. Windows: a task that starts ' +
        'when you log in.',
    ],
    examples: [
      'culvert service install -- up',
      'culvert service install --name shop -- expose 3000 --keep --name shop',
      'culvert service install --env-file ~/.culvert.env -- up',
      'culvert service install --system --user ann -- up     # as root',
      'culvert service install --dry-run -- expose 3000',
    ],
  });
}

function withService(command: Command): Command {
  return command
    .option('--name <name>', 'which of several services on this machine', readName)
    .option('--system', 'a service of the whole machine instead of your own');
}

function readName(text: string): string {
  if (/^[a-z0-9][a-z0-9_-]{0,39}$/.test(text)) return text;
  throw new InvalidArgumentError('Use up to 40 lower-case letters, digits, - and _.');
}

function readLines(text: string): number {
  const lines = Number(text);
  if (/^\d{1,6}$/.test(text) && lines >= 1 && lines <= MAX_LINES) return lines;
  throw new InvalidArgumentError(`Use a number from 1 to ${MAX_LINES}.`);
}

/** Returns the id of a service: `culvert`, or `culvert-NAME`. */
export function serviceId({ name }: Pick<ServiceFlags, 'name'>): string {
  return name === undefined ? 'culvert' : `culvert-${name}`;
}
