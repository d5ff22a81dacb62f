import { SCOPES, type Scope } from '@culvert/terms';
import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import type { Action } from '../action.js';
import { completed } from '../completion/completers.js';
import { type Expiry, readDuration, readExpiry } from '../flags.js';
import { withHelp } from '../help/command-help.js';
import type { CreateFlags } from './keys.js';

const DAY_SECONDS = 86_400;

/** Adds the commands for API keys, the credentials of machines. */
export function addKeysCommands(program: Command, action: Action): void {
  const keys = program
    .command('keys')
    .summary('create, list, rename, rotate and revoke API keys')
    .description('Creates, lists, renames, rotates and revokes API keys of the team.');
  withHelp(keys, { examples: ['culvert keys list', 'culvert keys create --name CI --scope previews:write'] });
  addCreate(keys, action);
  withHelp(
    keys
      .command('list')
      .alias('ls')
      .summary('list the API keys of the team')
      .description('Lists the API keys of the team, newest first.')
      .option('--all', 'include revoked and expired keys')
      .action(
        action(async (context, flags: { readonly all?: boolean }) =>
          (await import('./keys.js')).listKeys(context, flags),
        ),
      ),
    { examples: ['culvert keys list', 'culvert keys list --all'] },
  );
  addShowAndRename(keys, action);
  addRotate(keys, action);
  withHelp(
    keys
      .command('revoke')
      .summary('revoke API keys, immediately and permanently')
      .description(
        'Revokes API keys, immediately and permanently. Closes tunnels that were opened with them.',
      )
      .addArgument(keyArgument('<keys...>'))
      .action(
        action(async (context, references: string[]) =>
          (await import('./keys.js')).revokeKeys(context, references),
        ),
      ),
    { examples: ['culvert keys revoke CI', 'culvert keys revoke 0198c7f2 0198c801'] },
  );
}

function keyArgument(name = '<key>'): Argument {
  return completed(new Argument(name, 'id or name of the key'), 'key');
}

function addCreate(keys: Command, action: Action): void {
  const create = keys
    .command('create')
    .summary('create an API key')
    .description('Creates an API key and prints it. It is never shown again.')
    .requiredOption('--name <text>', 'name shown to people')
    .option(
      '--scope <scope>',
      `permission of the key; repeatable; default: all of yours. Scopes: ${SCOPES.join(', ')}`,
      collectScope,
    )
    .option('--expires <when>', 'when it expires: 12h, 90d, a time, or never (the default)', readExpiry)
    .action(
      action(async (context, flags: CreateFlags) => (await import('./keys.js')).createKey(context, flags)),
    );
  withHelp(create, {
    details: ['The key is printed on stdout and never shown again.'],
    examples: [
      'culvert keys create --name CI --scope previews:write --expires 90d',
      'culvert keys create --name staging --scope tunnel > key-file',
    ],
  });
}

function addRotate(keys: Command, action: Action): void {
  const rotate = keys
    .command('rotate')
    .summary('replace an API key with a new one')
    .description('Creates a new key with the same name and scopes. The old key keeps working for a while.')
    .addOption(
      new Option('--overlap <duration>', 'how long the old key keeps working; 0s revokes it at once')
        .argParser(readDuration)
        .default(DAY_SECONDS, '24h'),
    )
    .option('--expires <when>', 'when the new key expires; default: same as the old one', readExpiry)
    .addArgument(keyArgument())
    .action(
      action(async (context, key: string, flags: { readonly overlap: number; readonly expires?: Expiry }) =>
        (await import('./keys.js')).rotateKey(context, key, flags),
      ),
    );
  withHelp(rotate, {
    examples: ['culvert keys rotate CI', 'culvert keys rotate CI --overlap 1h > key-file'],
  });
}

function collectScope(text: string, before: readonly Scope[] | undefined): Scope[] {
  const scope = SCOPES.find((known) => known === text);
  if (scope === undefined) throw new InvalidArgumentError(`Use one of ${SCOPES.join(', ')}.`);
  return [...(before ?? []), scope];
}

function addShowAndRename(keys: Command, action: Action): void {
  withHelp(
    keys
      .command('show')
      .summary('show the details of an API key')
      .description('Shows the details of one API key, without the key itself.')
      .addArgument(keyArgument())
      .action(action(async (context, key: string) => (await import('./keys.js')).showKey(context, key))),
    { examples: ['culvert keys show CI'] },
  );
  withHelp(
    keys
      .command('rename')
      .summary('rename an API key')
      .description('Changes the name of an API key. The key keeps working.')
      .addArgument(keyArgument())
      .argument('<name>', 'the new name')
      .action(
        action(async (context, key: string, name: string) =>
          (await import('./keys.js')).renameKey(context, key, name),
        ),
      ),
    { examples: ['culvert keys rename CI "CI of the shop"'] },
  );
}
