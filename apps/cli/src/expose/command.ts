import { Option, type Command } from 'commander';
import type { Action } from '../action.js';
import type { ExposeFlags } from './expose-flags.js';
import { collectHeader, readExpiry } from '../flags.js';

const HELP = `
Shows what listens at PORT of this machine, at HOST:PORT, or at a URL such as https://localhost:3000, and nothing else of
it. Runs until Ctrl-C, which removes the URL. What comes in is shown as it comes.

Examples:
  $ culvert expose 3000
  $ culvert expose https://localhost:5173 --insecure-target --access public
  $ culvert expose 8080 --keep --name shop        the same URL each time
  $ culvert expose 3000 --output json | jq -r 'select(.type == "preview").url'`;

/** A preview URL for a service of this machine. */
export function addExposeCommand(program: Command, action: Action): void {
  program
    .command('expose')
    .argument('<target>', 'PORT, HOST:PORT or URL of the service')
    .summary('get a preview URL for a service of this machine')
    .description('Gives a service of this machine a preview URL, for as long as the command runs.')
    .option('--name <name>', 'what it is called in lists; default: host and port')
    .addOption(
      new Option('--access <access>', 'who may open it: members of the team, or whoever has the URL')
        .choices(['team', 'public'])
        .default('team'),
    )
    .option('--expires <when>', 'when the URL ends: 12h, 7d, or a moment; default: never', readExpiry)
    .option(
      '--host-header <host>',
      'the Host that the service sees: a name, or "preview" for that of the URL; default: that of <target>',
    )
    .option('--add-request-header <name=value>', 'a header on every request; repeatable', collectHeader)
    .option('--banner', 'show on its pages that they are a preview (the default)', true)
    .option('--no-banner', 'do not show it')
    .option(
      '--allow-upgrades',
      'let requests switch to protocols other than WebSocket, as docker attach does',
    )
    .option('--pull-request <url>', 'the pull request that gets a comment with the URL')
    .addOption(
      new Option(
        '--qr',
        'print the URL as a QR code too; default: on a terminal, if others can reach the URL',
      ),
    )
    .option('--no-qr', 'do not print it')
    .option('--keep', 'leave the URL when the command ends, for the next run with this name')
    .option('--no-log', 'do not show requests')
    .option('--insecure-target', 'do not check the certificate of an https target')
    .addHelpText('after', HELP)
    .action(
      action(async (context, target: string, flags: ExposeFlags) => {
        const { expose } = await import('./expose.js');
        return expose(context, target, flags);
      }),
    );
}
