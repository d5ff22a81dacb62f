import type { Command } from 'commander';
import type { Action } from '../action.js';
import { readPort } from '../flags.js';
import { withHelp } from '../help/command-help.js';

/** Adds the command that runs everything on this machine. */
export function addDemoCommand(program: Command, action: Action): void {
  const command = program
    .command('demo')
    .summary('run a server, a sample service and a preview on this machine')
    .description(
      'Runs a whole deployment on this machine: a server, a traffic manager, a sample service behind it, and a public preview.',
    )
    .option('--port <port>', 'port of the server; default: 8080', readPort)
    .action(
      action(async (context, flags: { readonly port?: number }) => {
        const { runDemo } = await import('./demo.js');
        return runDemo(context, flags);
      }),
    );
  withHelp(command, {
    details: [
      'The server is the npm package @culvert/server of the same version. Unless it is installed, npm fetches it into its cache.',
      'It keeps nothing: Ctrl-C removes all data.',
    ],
    examples: ['culvert demo', 'culvert demo --port 9000'],
  });
}
