import { Option, type Command } from 'commander';
import type { Action } from '../action.js';
import type { ExposeFlags } from './expose-flags.js';
import { withHelp } from '../help/command-help.js';
import { collectHeader, readExpiry } from '../flags.js';
import { inspectorPortFlag } from '../inspector/port-flag.js';

const HELP = {
  details: [
    'Exposes a service that listens at a port of this machine, at HOST:PORT, or at a URL such as ' +
      'https://localhost:3000, and nothing else on this machine. Runs until Ctrl-C, which removes the URL. Shows ' +
      'requests as they arrive.',
  ],
  examples: [
    'culvert expose 3000',
    'culvert expose https://localhost:5173 --insecure-target --access public',
    'culvert expose 8080 --keep --name shop        # the same URL each time',
    `culvert expose 3000 --output json \\\n  | jq -r 'select(.type == "preview").url'`,
  ],
} as const;

/** Adds the command that gives a service of this machine a preview URL. */
export function addExposeCommand(program: Command, action: Action): void {
  const command = program
    .command('expose')
    .argument('<target>', 'PORT, HOST:PORT or URL of the service')
    .summary('get a preview URL for a service on this machine')
    .description('Gives a service on this machine a preview URL for as long as the command runs.')
    .option('--name <name>', 'name in lists; default: host and port')
    .addOption(
      new Option('--access <access>', 'who may open it: members of the team, or everyone with the URL')
        .choices(['team', 'public'])
        .default('team'),
    )
    .option('--expires <when>', 'when the URL expires: 12h, 7d, a time, or never (the default)', readExpiry)
    .option(
      '--host-header <host>',
      'the Host header sent to the service: a name, or "preview" for host and port of the URL; default: that of <target>',
    )
    .addOption(
      new Option(
        '--rewrite-origin',
        'make requests look as if the URL were opened at <target>: Host with its port, Origin and Referer, and of ' +
          'X-Forwarded-* only the address of the visitor; default: for a target on this machine, without --host-header',
      ),
    )
    .option('--no-rewrite-origin', 'pass Origin, Referer and X-Forwarded-* of the URL')
    .option('--add-request-header <name=value>', 'header to add to every request; repeatable', collectHeader)
    .addOption(new Option('--banner', 'mark its pages as a preview with a banner').default(true, 'yes'))
    .option('--no-banner', 'show no banner')
    .option('--allow-upgrades', 'allow upgrades to protocols other than WebSocket, as docker attach needs')
    .option('--pull-request <url>', 'pull request on which to post the URL as a comment')
    .addOption(
      new Option(
        '--qr',
        'also print the URL as a QR code; default: on a terminal, if others can reach the URL',
      ),
    )
    .option('--no-qr', 'print no QR code')
    .option('--keep', 'keep the URL when the command ends, for the next run with this name')
    .option('--no-log', 'do not show requests')
    .addOption(inspectorPortFlag())
    .option('--no-inspector', 'serve no page that shows requests')
    .option('--insecure-target', 'do not verify the certificate of an https target')
    .action(
      action(async (context, target: string, flags: ExposeFlags) => {
        const { expose } = await import('./expose.js');
        return expose(context, target, flags);
      }),
    );
  withHelp(command, HELP);
}
