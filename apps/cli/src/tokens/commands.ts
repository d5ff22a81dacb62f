import { Argument, type Command } from 'commander';
import type { Action } from '../action.js';
import { completed, type CompletedThing } from '../completion/completers.js';
import { readExpiry } from '../flags.js';
import { withHelp } from '../help/command-help.js';
import { addShareCommand } from '../preview/commands.js';
import { previewArgument } from '../preview/preview-argument.js';
import type { CredentialKind, TokenFlags } from './tokens.js';

/** Adds the commands for the credentials of one preview: tokens for programs, and share links for people. */
export function addPreviewCredentialCommands(program: Command, action: Action): void {
  const links = program
    .command('share-links')
    .summary('create, list and revoke links that open a preview')
    .description('Creates, lists and revokes links that open a private preview without signing in.');
  withHelp(links, { examples: ['culvert share-links list k3v9'] });
  addShareCommand(links, 'create', action);
  addListAndRevoke(links, 'share-link', action);

  const tokens = program
    .command('tokens')
    .summary('create, list and revoke tokens with which programs open a preview')
    .description('Creates, lists and revokes tokens with which programs open a private preview.');
  withHelp(tokens, { examples: ['culvert tokens create k3v9 --name "End-to-end tests"'] });
  addTokenCreate(tokens, action);
  addListAndRevoke(tokens, 'preview-token', action);
}

function addTokenCreate(tokens: Command, action: Action): void {
  const create = tokens
    .command('create')
    .summary('create a token with which programs open a preview')
    .description('Creates a token for one preview and prints it. It is never shown again.')
    .addArgument(previewArgument())
    .option('--name <text>', 'name of the token', 'culvert')
    .option('--expires <when>', 'when it expires: 12h, 7d, a time, or never (the default)', readExpiry)
    .action(
      action(async (context, preview: string, flags: TokenFlags) =>
        (await import('./tokens.js')).createToken(context, preview, flags),
      ),
    );
  withHelp(create, {
    details: ['Programs send it as "Culvert-Preview-Token: TOKEN" or "Authorization: Bearer TOKEN".'],
    examples: ['culvert tokens create k3v9 --name "End-to-end tests" --expires 30d'],
  });
}

function addListAndRevoke(parent: Command, kind: CredentialKind, action: Action): void {
  const group = `culvert ${parent.name()}`;
  const [noun, several] = kind === 'share-link' ? ['link', 'links'] : ['token', 'tokens'];
  const list = parent
    .command('list')
    .alias('ls')
    .summary(`list the ${several} of a preview`)
    .description(`Lists the ${several} of a preview, newest first. The ${several} themselves are not shown.`)
    .addArgument(previewArgument())
    .option('--all', `include revoked and expired ${several}`)
    .action(
      action(async (context, preview: string, flags: { readonly all?: boolean }) =>
        (await import('./tokens.js')).listCredentials(context, kind, preview, flags),
      ),
    );
  withHelp(list, { examples: [`${group} list k3v9`, `${group} list k3v9 --all`] });
  const thing: CompletedThing = kind;
  const revoke = parent
    .command('revoke')
    .summary(`revoke ${several} of a preview, immediately and permanently`)
    .description(`Revokes ${several} of a preview, immediately and permanently.`)
    .addArgument(previewArgument())
    .addArgument(completed(new Argument(`<${several}...>`, `name or id of the ${noun}`), thing))
    .action(
      action(async (context, preview: string, references: string[]) =>
        (await import('./tokens.js')).revokeCredentials(context, kind, preview, references),
      ),
    );
  withHelp(revoke, { examples: [`${group} revoke k3v9 0198c7f2`] });
}
