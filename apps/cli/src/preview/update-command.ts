import { ADDRESSED_AS, INGRESS_PROTOCOLS, PREVIEW_ACCESS } from '@culvert/terms';
import { Option, type Command } from 'commander';
import type { Action } from '../action.js';
import {
  collect,
  collectHeader,
  readExpiry,
  readHours,
  readInheritedIdleExpiry,
  readPort,
} from '../flags.js';
import { withHelp } from '../help/command-help.js';
import { readLimit } from '../paging/first-items.js';
import { previewArgument } from './preview-argument.js';
import type { UpdateFlags } from './update-preview.js';

/** Adds `preview update`, which has a flag for each field that can change. */
export function addPreviewUpdate(preview: Command, action: Action): void {
  const command = preview
    .command('update')
    .summary('change the settings of a preview')
    .description('Changes the settings of a preview that are given, and keeps all others. The URL stays.')
    .addArgument(previewArgument());
  addIngressFlags(command);
  addVisitorFlags(command);
  command
    .option('--expires <when>', 'when it expires: 12h, 7d, a time, or never', readExpiry)
    .option(
      '--idle-expires <duration>',
      'end it if it is unused for this long: 12h, 7d, at least 5m, never, or team for the setting of the team',
      readInheritedIdleExpiry,
    )
    .option('--ends-with-session', 'end it when its traffic manager has no session any longer')
    .option('--no-ends-with-session', 'keep it when its traffic manager has no session')
    .option(
      '--keep <number>',
      'keep this many of its last requests, as the team allows; pages say so',
      readLimit,
    )
    .option('--keep-for <duration>', 'keep each of them for this long: 24h, 7d', readHours)
    .option('--no-keep', 'keep no requests, and delete those that are kept')
    .option('--pull-request <url>', 'pull request on which to post the URL as a comment')
    .option('--no-pull-request', 'belong to no pull request')
    .action(
      action(async (context, reference: string, flags: UpdateFlags) =>
        (await import('./update-preview.js')).updatePreview(context, reference, flags),
      ),
    );
  withHelp(command, {
    details: ['A flag for a list, such as --allow-email, replaces the whole list. Repeat it for each item.'],
    examples: [
      'culvert preview update k3v9 --access public --expires 7d',
      'culvert preview update k3v9 --ingress-host web.shop --ingress-port 8080',
      'culvert preview update k3v9 --allow-email jo@example.com --no-banner',
      'culvert preview update k3v9 --keep 200 --keep-for 24h',
    ],
  });
}

function addIngressFlags(command: Command): void {
  command
    .option('--ingress-host <host>', 'host where requests enter the cluster')
    .option('--ingress-port <port>', 'port of the ingress', readPort)
    .option('--ingress-tls', 'connect to the ingress with TLS')
    .option('--no-ingress-tls', 'connect to the ingress without TLS')
    .option('--ingress-l5host <host>', 'Host header and SNI sent to the ingress')
    .option('--ingress-verify', 'verify the certificate of the ingress')
    .option('--no-ingress-verify', 'do not verify the certificate of the ingress')
    .addOption(new Option('--ingress-protocol <protocol>', 'h2c or h2 for gRPC').choices(INGRESS_PROTOCOLS))
    .addOption(
      new Option(
        '--ingress-addressed-as <address>',
        'address that the service sees. target: as if opened at the ingress; preview: that of the URL; l5host: the ' +
          'Host header alone',
      ).choices(ADDRESSED_AS),
    );
}

function addVisitorFlags(command: Command): void {
  command
    .option('--add-request-header <name=value>', 'header to add to every request; repeatable', collectHeader)
    .option('--no-add-request-header', 'add no header')
    .addOption(
      new Option('--access <who>', 'team: its members; public: everyone with the URL').choices(
        PREVIEW_ACCESS,
      ),
    )
    .option(
      '--allow-email <address>',
      'email address of a person outside the team to let in; repeatable',
      collect,
    )
    .option('--no-allow-email', 'let in no people by their address')
    .option('--allow-domain <domain>', 'email domain whose people to let in; repeatable', collect)
    .option('--no-allow-domain', 'let in no people by their domain')
    .option('--banner', 'mark its pages as a preview with a banner')
    .option('--no-banner', 'show no banner')
    .option('--allow-upgrades', 'allow upgrades to protocols other than WebSocket')
    .option('--no-allow-upgrades', 'allow upgrades to WebSocket only');
}
