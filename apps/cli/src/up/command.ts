import type { Command } from 'commander';
import type { Action } from '../action.js';
import type { GlobalFlags } from '../command-context.js';
import { withHelp } from '../help/command-help.js';
import type { UpFlags } from './up.js';

const FILE_FLAG = ['--file <path>', 'the file; default: culvert.yaml, .yml or .json here or above'] as const;

/** Adds the commands for the endpoints of a file. */
export function addUpCommands(program: Command, action: Action): void {
  const command = program
    .command('up')
    .argument('[names...]', 'endpoints of the file; default: all')
    .summary('get preview URLs for the services that a file lists')
    .description('Exposes the endpoints of culvert.yaml over one tunnel, and starts their commands.')
    .option(...FILE_FLAG)
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
      'culvert up --check',
      'culvert up --schema > culvert.schema.json',
    ],
  });
}
