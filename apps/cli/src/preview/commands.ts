import { INGRESS_PROTOCOLS, PREVIEW_ACCESS } from '@culvert/contract';
import { Argument, Option, type Command } from 'commander';
import { openBrowser } from '../account/open-browser.js';
import { CliError } from '../cli-error.js';
import type { Action } from '../action.js';
import type { CommandContext } from '../command-context.js';
import { completed } from '../completion/completers.js';
import { EXIT } from '../exit-code.js';
import { collect, collectHeader, readDuration, readExpiry, readPort } from '../flags.js';
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

const NAME = 'its URL, its hostname, the first part of that, or its id';

/** Preview URLs: making them, looking at them, and who may open them. */
export function addPreviewCommands(program: Command, action: Action): void {
  const preview = program
    .command('preview')
    .summary('make, show, share and remove preview URLs')
    .description('Makes, shows, shares and removes preview URLs.');
  addCreate(preview, action);
  preview
    .command('list')
    .alias('ls')
    .summary('list the previews of the team')
    .description('Lists the previews of the team, newest first.')
    .option('--workload <name>', 'only those of this workload')
    .option('--search <text>', 'only those with this text in hostname, workload, client or pull request')
    .action(action(listPreviews));
  const named = (name: string, summary: string, description: string): Command =>
    preview
      .command(name)
      .summary(summary)
      .description(description)
      .addArgument(completed(new Argument('<preview>', NAME), 'preview'));
  named('show', 'show all about a preview', 'Shows all about one preview.').action(
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
    'make a link that opens a preview for whoever has it',
    'Makes a link that opens a private preview for whoever has it, without signing in.',
  )
    .option('--name <text>', 'what people call the link', 'culvert')
    .option('--expires <when>', 'when it stops working: 12h, 7d or a moment; default: 7d', readExpiry)
    .option('--qr', 'print the link as a QR code too')
    .action(action(sharePreview));
  named(
    'make-public',
    'let whoever has the URL open a preview',
    'Lets whoever has the URL open a preview.',
  ).action(action((context, reference: string) => changeAccess(context, reference, 'public')));
  named(
    'require-authentication',
    'let only members of the team open a preview',
    'Lets only members of the team, and whom the preview names, open it.',
  ).action(action((context, reference: string) => changeAccess(context, reference, 'team')));
  preview
    .command('remove')
    .alias('rm')
    .summary('remove previews')
    .description('Removes previews: their URLs answer no more, and are not used again.')
    .addArgument(completed(new Argument('<previews...>', NAME), 'preview'))
    .action(action(removePreviews));
}

function addCreate(preview: Command, action: Action): void {
  preview
    .command('create')
    .summary('make a preview URL')
    .description('Makes a preview URL for a workload of the cluster, or for an intercept that there is.')
    .option('--workload <name>', 'the workload whose intercepted copy it shows')
    .option('-n, --namespace <name>', 'where the workload is', 'default')
    .option('--name <name>', 'what to call the intercept; default: as the workload')
    .option('--intercept <id>', 'an intercept that there is, instead of a workload')
    .option('--traffic-manager <name>', 'through which one, by name or id; needed when the team has several')
    .option(
      '--ingress-host <host>',
      'where requests enter the cluster; default: the workload in its namespace',
    )
    .option('--ingress-port <port>', 'the port there; default: 80, or 443 with --ingress-tls', readPort)
    .option('--ingress-tls', 'the ingress speaks TLS')
    .option('--ingress-l5host <host>', 'the Host header and SNI that the ingress sees; default: its host')
    .option('--no-ingress-verify', 'do not check the certificate of the ingress')
    .addOption(
      new Option('--ingress-protocol <protocol>', 'h2c or h2 for gRPC')
        .choices(INGRESS_PROTOCOLS)
        .default('http1'),
    )
    .option('--add-request-header <name=value>', 'set on every request; repeatable', collectHeader)
    .addOption(
      new Option('--access <who>', 'team: its members; public: whoever has the URL')
        .choices(PREVIEW_ACCESS)
        .default('team'),
    )
    .option('--allow-email <address>', 'whom to let in who is no member; repeatable', collect)
    .option('--allow-domain <domain>', 'whose addresses to let in; repeatable', collect)
    .option('--expires <when>', 'when it ends: 12h, 7d, or a moment; default: never', readExpiry)
    .option('--idle-expires <duration>', 'end it when nobody used it for so long: 12h, 7d', readDuration)
    .option('--pull-request <url>', 'the pull request that gets a comment with the URL')
    .option('--banner', 'show on its pages that they are a preview (the default)')
    .option('--no-banner', 'do not show it')
    .option(
      '--allow-upgrades',
      'let requests switch to protocols other than WebSocket, as docker attach does',
    )
    .option('--qr', 'print the URL as a QR code too')
    .addHelpText('after', CREATE_HELP)
    .action(action((context, flags: CreateFlags) => createPreview(context, flags)));
}

async function listPreviews(
  { api, output }: CommandContext,
  { workload, search }: { readonly workload?: string; readonly search?: string },
): Promise<void> {
  const previews = await api.list('listPreviews', { query: { workload, search } });
  output.result(previews, () =>
    showPreviews(output, previews, 'There are no previews. "culvert preview create" makes one.'),
  );
}

async function openPreview({ api, output, env }: CommandContext, reference: string): Promise<void> {
  const { url } = await findPreview(api, reference);
  if (!openBrowser(url, env)) {
    throw new CliError(EXIT.localTarget, 'there is no browser to open here', {
      hint: `Open ${url} elsewhere.`,
    });
  }
  output.result({ url }, () => output.line(url));
}

async function sharePreview(
  { api, output }: CommandContext,
  reference: string,
  { name, expires, qr }: { readonly name: string; readonly expires?: string | null; readonly qr?: boolean },
): Promise<void> {
  if (expires === null) {
    throw new CliError(EXIT.usage, 'a link has to expire, within 366 days', {
      hint: 'Such as --expires 30d.',
    });
  }
  const { id } = await findPreview(api, reference);
  const link = await api.call('createShareLink', {
    previewId: id,
    body: { name, ...(expires !== undefined && { expiresAt: expires }) },
  });
  output.result(link, () => output.line(link.url));
  if (output.isJson) return;
  if (qr === true) await printQrCode(output, link.url);
  output.note(`Whoever has this link can open the preview until ${showTime(link.expiresAt)}.`);
}

async function changeAccess(
  context: CommandContext,
  reference: string,
  access: (typeof PREVIEW_ACCESS)[number],
): Promise<void> {
  const { id } = await findPreview(context.api, reference);
  const changed = await context.api.call('updatePreview', { previewId: id, body: { access } });
  const said = access === 'public' ? 'opens for whoever has it.' : 'opens for members of the team.';
  showChanged(context, changed, said);
}
