import { PREVIEW_ACCESS } from '@culvert/terms';
import { Argument, Option, type Command } from 'commander';
import type { Action } from '../action.js';
import { completed } from '../completion/completers.js';
import { readExpiry } from '../flags.js';
import { withHelp } from '../help/command-help.js';
import { addPreviewCreate } from './create-command.js';
import { addPreviewMetrics } from './metrics-command.js';
import { previewArgument } from './preview-argument.js';
import type { ListFlags, ShareFlags } from './previews.js';
import { addPreviewUpdate } from './update-command.js';
import { addPreviewWait } from './wait-command.js';

/** Adds the commands that create, show, change, share and remove preview URLs. */
export function addPreviewCommands(program: Command, action: Action): void {
  const preview = program
    .command('preview')
    .summary('create, show, change, share and remove preview URLs')
    .description('Creates, shows, changes, shares and removes preview URLs.');
  withHelp(preview, {
    examples: ['culvert preview create --workload checkout --namespace shop', 'culvert preview list'],
  });
  addPreviewCreate(preview, action);
  addList(preview, action);
  addShow(preview, action);
  addPreviewUpdate(preview, action);
  addPreviewWait(preview, action);
  addPreviewMetrics(preview, action);
  addShareCommand(preview, 'share', action);
  addAccess(preview, action);
  addRemoveAndRestore(preview, action);
}

/** Adds the command that creates a share link: as `preview share` and as `share-links create`. */
export function addShareCommand(parent: Command, name: string, action: Action): void {
  const share = parent
    .command(name)
    .summary('create a link that opens a preview without signing in')
    .description(
      'Creates a link that opens a private preview. Everyone with the link can open it without signing in.',
    )
    .addArgument(previewArgument())
    .option('--name <text>', 'name of the link', 'culvert')
    .option('--expires <when>', 'when the link expires: 12h, 7d, or a time; default: 7d', readExpiry)
    .option('--qr', 'also print the link as a QR code')
    .action(
      action(async (context, preview: string, flags: ShareFlags) =>
        (await import('./previews.js')).sharePreview(context, preview, flags),
      ),
    );
  const command = `culvert ${parent.name()} ${name}`;
  withHelp(share, {
    examples: [`${command} k3v9 --name "For the client"`, `${command} k3v9 --expires 30d --qr`],
  });
}

function addList(preview: Command, action: Action): void {
  const list = preview
    .command('list')
    .alias('ls')
    .summary('list the previews of the team')
    .description('Lists the previews of the team, newest first.')
    .option('--workload <name>', 'list only previews of this workload')
    .option(
      '--search <text>',
      'list only previews with this text in hostname, workload, client or pull request',
    )
    .option('--client <name>', 'list only previews of this person or machine, such as ann@laptop')
    .addOption(new Option('--access <who>', 'list only previews with this access').choices(PREVIEW_ACCESS))
    .addOption(
      new Option(
        '--state <state>',
        'list only previews whose traffic manager is connected, or that wait for it',
      ).choices(['connected', 'waiting']),
    )
    .addOption(
      completed(
        new Option('--traffic-manager <name>', 'list only previews of this traffic manager'),
        'traffic-manager',
      ),
    )
    .action(
      action(async (context, flags: ListFlags) =>
        (await import('./previews.js')).listPreviews(context, flags),
      ),
    );
  withHelp(list, { examples: ['culvert preview list', 'culvert preview list --search checkout -o json'] });
}

function addShow(preview: Command, action: Action): void {
  const show = preview
    .command('show')
    .summary('show the details of a preview')
    .description('Shows the details of one preview.')
    .addArgument(previewArgument())
    .action(
      action(async (context, reference: string) =>
        (await import('./previews.js')).showOne(context, reference),
      ),
    );
  withHelp(show, { examples: ['culvert preview show k3v9'] });
  const open = preview
    .command('open')
    .summary('open a preview in the browser')
    .description('Opens a preview in the browser.')
    .addArgument(previewArgument())
    .action(
      action(async (context, reference: string) =>
        (await import('./previews.js')).openPreview(context, reference),
      ),
    );
  withHelp(open, { examples: ['culvert preview open k3v9'] });
}

function addAccess(preview: Command, action: Action): void {
  const add = (name: string, access: (typeof PREVIEW_ACCESS)[number], summary: string, description: string) =>
    withHelp(
      preview
        .command(name)
        .summary(summary)
        .description(description)
        .addArgument(previewArgument())
        .action(
          action(async (context, reference: string) =>
            (await import('./previews.js')).changeAccess(context, reference, access),
          ),
        ),
      { examples: [`culvert preview ${name} k3v9`] },
    );
  add(
    'make-public',
    'public',
    'let everyone with the URL open a preview',
    'Lets everyone with the URL open a preview.',
  );
  add(
    'require-authentication',
    'team',
    'let only team members open a preview',
    'Lets only team members, and people whom the preview names, open a preview.',
  );
}

function addRemoveAndRestore(preview: Command, action: Action): void {
  const remove = preview
    .command('remove')
    .alias('rm')
    .summary('remove previews')
    .description('Removes previews. Their URLs stop working and are not used again.')
    .addArgument(previewArgument('<previews...>'))
    .action(
      action(async (context, references: string[]) =>
        (await import('./remove-previews.js')).removePreviews(context, references),
      ),
    );
  withHelp(remove, { examples: ['culvert preview remove k3v9', 'culvert preview remove k3v9 m2p7'] });
  const restore = preview
    .command('restore')
    .summary('restore the removed preview of an intercept')
    .description(
      'Restores the preview that was removed while Telepresence still shows its URL, with its hostname and settings. ' +
        'Its share links and tokens stay revoked.',
    )
    .addArgument(completed(new Argument('<intercept>', 'id or name of the intercept'), 'intercept'))
    .action(
      action(async (context, reference: string) =>
        (await import('./restore-preview.js')).restorePreview(context, reference),
      ),
    );
  withHelp(restore, { examples: ['culvert preview restore checkout'] });
}
