import { ADDRESSED_AS, INGRESS_PROTOCOLS, PREVIEW_ACCESS } from '@culvert/terms';
import { Option, type Command } from 'commander';
import type { Action } from '../action.js';
import { completed } from '../completion/completers.js';
import { collect, collectHeader, readExpiry, readIdleExpiry, readPort } from '../flags.js';
import { withHelp } from '../help/command-help.js';
import type { CreateFlags } from './create-preview.js';

/** Adds `preview create`. */
export function addPreviewCreate(preview: Command, action: Action): void {
  const command = preview
    .command('create')
    .summary('create a preview URL')
    .description('Creates a preview URL for a workload of the cluster, or for an existing intercept.')
    .option('--workload <name>', 'the workload whose intercepted copy the preview shows')
    .option('-n, --namespace <name>', 'namespace of the workload', 'default')
    .option('--name <name>', 'name of the intercept; default: the workload')
    .addOption(
      completed(new Option('--intercept <id>', 'an existing intercept, instead of a workload'), 'intercept'),
    )
    .addOption(
      completed(
        new Option(
          '--traffic-manager <name>',
          'name or id of the traffic manager; needed if there are several',
        ),
        'traffic-manager',
      ),
    );
  addIngressFlags(command);
  addVisitorFlags(command);
  command
    .option('--expires <when>', 'when it expires: 12h, 7d, a time, or never (the default)', readExpiry)
    .option(
      '--idle-expires <duration>',
      'end it if it is unused for this long: 12h, 7d, at least 5m, or never',
      readIdleExpiry,
    )
    .option('--pull-request <url>', 'pull request on which to post the URL as a comment')
    .option('--qr', 'also print the URL as a QR code')
    .action(
      action(async (context, flags: CreateFlags) => {
        const { createPreview } = await import('./create-preview.js');
        return createPreview(context, flags);
      }),
    );
  withHelp(command, {
    examples: [
      'culvert preview create --workload checkout --namespace shop',
      'culvert preview create --workload orders --ingress-tls \\\n' +
        '  --ingress-host ingress.example.com --add-request-header x-dev=alice',
      'culvert preview create --workload checkout --expires 7d --access public',
    ],
  });
}

function addIngressFlags(command: Command): void {
  command
    .option(
      '--ingress-host <host>',
      'host where requests enter the cluster; default: the workload in its namespace',
    )
    .option('--ingress-port <port>', 'port of the ingress; default: 80, or 443 with --ingress-tls', readPort)
    .option('--ingress-tls', 'connect to the ingress with TLS')
    .option('--ingress-l5host <host>', 'Host header and SNI sent to the ingress; default: --ingress-host')
    .option('--no-ingress-verify', 'do not verify the certificate of the ingress')
    .addOption(
      new Option(
        '--ingress-addressed-as <address>',
        'address that the service sees. target: as if opened at the ingress; preview: that of the URL; default: ' +
          'l5host, the Host header alone',
      ).choices(ADDRESSED_AS),
    )
    .addOption(
      new Option('--ingress-protocol <protocol>', 'h2c or h2 for gRPC')
        .choices(INGRESS_PROTOCOLS)
        .default('http1'),
    );
}

function addVisitorFlags(command: Command): void {
  command
    .option('--add-request-header <name=value>', 'header to add to every request; repeatable', collectHeader)
    .addOption(
      new Option('--access <who>', 'team: its members; public: everyone with the URL')
        .choices(PREVIEW_ACCESS)
        .default('team'),
    )
    .option(
      '--allow-email <address>',
      'email address of a person outside the team to let in; repeatable',
      collect,
    )
    .option('--allow-domain <domain>', 'email domain whose people to let in; repeatable', collect)
    .option('--banner', 'mark its pages as a preview with a banner (the default)')
    .option('--no-banner', 'show no banner')
    .option('--allow-upgrades', 'allow upgrades to protocols other than WebSocket, as docker attach needs');
}
