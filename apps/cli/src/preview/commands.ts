import { ADDRESSED_AS, INGRESS_PROTOCOLS, PREVIEW_ACCESS } from '@culvert/contract';
import { Argument, Option, type Command } from 'commander';
import { openBrowser } from '../account/open-browser.js';
import { CliError } from '../cli-error.js';
import type { Action } from '../action.js';
import type { CommandContext } from '../command-context.js';
import { completed } from '../completion/completers.js';
import { EXIT } from '../exit-code.js';
import { collect, collectHeader, type Expiry, readExpiry, readIdleExpiry, readPort } from '../flags.js';
import { printQrCode } from '../output/qr-code.js';
import { showTime } from '../output/readable.js';
import { createPreview, showChanged, type CreateFlags } from './create-preview.js';
import { findPreview } from './find-preview.js';
import { removePreviews } from './remove-previews.js';
import { showPreview, showPreviews } from './show-preview.js';

const CREATE_HELP = `
Examples:
  $ culvert preview create --workload checkout --namespace shop
  $ culvert preview create --workload orders --add-request-header x-dev=alice \\
      --ingress-host ingress.example.com --ingress-port 443 --ingress-tls
  $ culvert preview create --workload checkout --expires 7d --access public --output json`;

const NAME = 'URL, hostname, first part of the hostname, or id';

/** Adds the commands that create, show, share and remove preview URLs. */
export function addPreviewCommands(program: Command, action: Action): void {
  const preview = program
    .command('preview')
    .summary('create, show, share and remove preview URLs')
    .description('Creates, shows, shares and removes preview URLs.');
  addCreate(preview, action);
  preview
    .command('list')
    .alias('ls')
    .summary('list the previews of the team')
    .description('Lists the previews of the team, newest first.')
    .option('--workload <name>', 'list only previews of this workload')
    .option(
      '--search <text>',
      'list only previews with this text in hostname, workload, client or pull request',
    )
    .action(action(listPreviews));
  const named = (name: string, summary: string, description: string): Command =>
    preview
      .command(name)
      .summary(summary)
      .description(description)
      .addArgument(completed(new Argument('<preview>', NAME), 'preview'));
  named('show', 'show the details of a preview', 'Shows the details of one preview.').action(
    action(async ({ api, output }, reference: string) => {
      const found = await findPreview(api, reference);
      output.result(found, () => showPreview(output, found));
    }),
  );
  named('open', 'open a preview in the browser', 'Opens a preview in the browser.').action(
    action(openPreview),
  );
  named(
    'share',
    'create a link that opens a preview without signing in',
    'Creates a link that opens a private preview. Everyone with the link can open it without signing in.',
  )
    .option('--name <text>', 'name of the link', 'culvert')
    .option('--expires <when>', 'when the link expires: 12h, 7d, or a time; default: 7d', readExpiry)
    .option('--qr', 'also print the link as a QR code')
    .action(action(sharePreview));
  named(
    'make-public',
    'let everyone with the URL open a preview',
    'Lets everyone with the URL open a preview.',
  ).action(action((context, reference: string) => changeAccess(context, reference, 'public')));
  named(
    'require-authentication',
    'let only team members open a preview',
    'Lets only team members, and people whom the preview names, open a preview.',
  ).action(action((context, reference: string) => changeAccess(context, reference, 'team')));
  preview
    .command('remove')
    .alias('rm')
    .summary('remove previews')
    .description('Removes previews. Their URLs stop working and are not used again.')
    .addArgument(completed(new Argument('<previews...>', NAME), 'preview'))
    .action(action(removePreviews));
}

function addCreate(preview: Command, action: Action): void {
  preview
    .command('create')
    .summary('create a preview URL')
    .description('Creates a preview URL for a workload of the cluster, or for an existing intercept.')
    .option('--workload <name>', 'the workload whose intercepted copy the preview shows')
    .option('-n, --namespace <name>', 'namespace of the workload', 'default')
    .option('--name <name>', 'name of the intercept; default: the workload')
    .option('--intercept <id>', 'an existing intercept, instead of a workload')
    .option('--traffic-manager <name>', 'name or id of the traffic manager; needed if the team has several')
    .option(
      '--ingress-host <host>',
      'host where requests enter the cluster; default: the workload in its namespace',
    )
    .option('--ingress-port <port>', 'port of the ingress; default: 80, or 443 with --ingress-tls', readPort)
    .option('--ingress-tls', 'connect to the ingress with TLS')
    .option('--ingress-l5host <host>', 'Host header and SNI sent to the ingress; default: --ingress-host')
    .addOption(
      new Option(
        '--ingress-addressed-as <address>',
        'address that the service sees. target: as if opened at the ingress; preview: that of the URL; default: ' +
          'l5host, the Host header alone',
      ).choices(ADDRESSED_AS),
    )
    .option('--no-ingress-verify', 'do not verify the certificate of the ingress')
    .addOption(
      new Option('--ingress-protocol <protocol>', 'h2c or h2 for gRPC')
        .choices(INGRESS_PROTOCOLS)
        .default('http1'),
    )
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
    .option('--expires <when>', 'when it expires: 12h, 7d, a time, or never (the default)', readExpiry)
    .option(
      '--idle-expires <duration>',
      'end it if it is unused for this long: 12h, 7d, at least 5m, or never',
      readIdleExpiry,
    )
    .option('--pull-request <url>', 'pull request on which to post the URL as a comment')
    .option('--banner', 'mark its pages as a preview with a banner (the default)')
    .option('--no-banner', 'show no banner')
    .option('--allow-upgrades', 'allow upgrades to protocols other than WebSocket, as docker attach needs')
    .option('--qr', 'also print the URL as a QR code')
    .addHelpText('after', CREATE_HELP)
    .action(action((context, flags: CreateFlags) => createPreview(context, flags)));
}

async function listPreviews(
  { api, output }: CommandContext,
  { workload, search }: { readonly workload?: string; readonly search?: string },
): Promise<void> {
  const previews = await api.list('listPreviews', { query: { workload, search } });
  output.result(previews, () =>
    showPreviews(output, previews, 'There are no previews. Create one with "culvert preview create".'),
  );
}

async function openPreview({ api, output, env }: CommandContext, reference: string): Promise<void> {
  const { url } = await findPreview(api, reference);
  if (!openBrowser(url, env)) {
    throw new CliError(EXIT.localTarget, 'this machine has no browser to open', {
      hint: `Open ${url} on another machine.`,
    });
  }
  output.result({ url }, () => output.line(url));
}

async function sharePreview(
  { api, output }: CommandContext,
  reference: string,
  { name, expires, qr }: { readonly name: string; readonly expires?: Expiry; readonly qr?: boolean },
): Promise<void> {
  if (expires?.at === null) {
    throw new CliError(EXIT.usage, 'a link must expire within 366 days', {
      hint: 'For example --expires 30d.',
    });
  }
  const { id } = await findPreview(api, reference);
  const link = await api.call('createShareLink', {
    previewId: id,
    body: { name, ...(expires !== undefined && { expiresAt: expires.at }) },
  });
  output.result(link, () => output.line(link.url));
  if (output.isJson) return;
  if (qr === true) await printQrCode(output, link.url);
  output.note(`Everyone with this link can open the preview until ${showTime(link.expiresAt)}.`);
}

async function changeAccess(
  context: CommandContext,
  reference: string,
  access: (typeof PREVIEW_ACCESS)[number],
): Promise<void> {
  const { id } = await findPreview(context.api, reference);
  const changed = await context.api.call('updatePreview', { previewId: id, body: { access } });
  const said = access === 'public' ? 'is open to everyone with the URL.' : 'is open to members of the team.';
  showChanged(context, changed, said);
}
