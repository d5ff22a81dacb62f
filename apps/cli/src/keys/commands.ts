import { SCOPES, type Scope } from '@culvert/contract';
import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import type { Api, ApiKey, CreatedApiKey } from '../api.js';
import { CliError } from '../cli-error.js';
import type { Action } from '../action.js';
import type { CommandContext } from '../command-context.js';
import { completed } from '../completion/completers.js';
import { EXIT } from '../exit-code.js';
import { type Expiry, readDuration, readExpiry } from '../flags.js';
import { isIdOf, shortIds, showTime } from '../output/readable.js';

const CREATE_HELP = `
Examples:
  $ culvert keys create --name CI --scope previews:read --scope previews:write --expires 90d
  $ culvert keys create --name staging --scope tunnel > key-file

The key is printed on stdout and never shown again.`;

const KEY = 'id or name of the key';
const DAY_SECONDS = 86_400;

/** Adds the commands for API keys, the credentials of machines. */
export function addKeysCommands(program: Command, action: Action): void {
  const keys = program
    .command('keys')
    .summary('create, list, rotate and revoke API keys')
    .description('Creates, lists, rotates and revokes API keys of the team.');
  keys
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
    .addHelpText('after', CREATE_HELP)
    .action(action(createKey));
  keys
    .command('list')
    .alias('ls')
    .summary('list the API keys of the team')
    .description('Lists the API keys of the team, newest first.')
    .option('--all', 'include revoked and expired keys')
    .action(action(listKeys));
  keys
    .command('rotate')
    .summary('replace an API key with a new one')
    .description('Creates a new key with the same name and scopes. The old key keeps working for a while.')
    .addOption(
      new Option('--overlap <duration>', 'how long the old key keeps working; 0s revokes it at once')
        .argParser(readDuration)
        .default(DAY_SECONDS, '24h'),
    )
    .option('--expires <when>', 'when the new key expires; default: same as the old one', readExpiry)
    .addArgument(completed(new Argument('<key>', KEY), 'key'))
    .action(action(rotateKey));
  keys
    .command('revoke')
    .summary('revoke API keys, immediately and permanently')
    .description('Revokes API keys, immediately and permanently. Closes tunnels that were opened with them.')
    .addArgument(completed(new Argument('<keys...>', KEY), 'key'))
    .action(action(revokeKeys));
}

function collectScope(text: string, before: readonly Scope[] | undefined): Scope[] {
  const scope = SCOPES.find((known) => known === text);
  if (scope === undefined) throw new InvalidArgumentError(`Use one of ${SCOPES.join(', ')}.`);
  return [...(before ?? []), scope];
}

interface CreateFlags {
  readonly name: string;
  readonly scope?: Scope[];
  readonly expires?: Expiry;
}

async function createKey(
  { api, output }: CommandContext,
  { name, scope, expires }: CreateFlags,
): Promise<void> {
  const created = await api.call('createApiKey', {
    body: {
      name,
      ...(scope && { scopes: scope }),
      ...(expires !== undefined && { expiresAt: expires.at }),
    },
  });
  showKey({ output }, created);
}

/** Prints only the key on stdout, so that scripts can store it. */
function showKey({ output }: Pick<CommandContext, 'output'>, created: CreatedApiKey): void {
  output.result(created, () => output.line(created.key));
  if (!output.isJson)
    output.note(
      `${created.name} (${created.id}) has the scopes ${created.scopes.join(', ')}. The key is not shown again.`,
    );
}

async function listKeys({ api, output }: CommandContext, { all }: { readonly all?: boolean }): Promise<void> {
  const keys = (await api.list('listApiKeys')).filter((key) => all === true || isUsable(key));
  const ids = shortIds(keys.map(({ id }) => id));
  output.result(keys, () =>
    output.table(
      ['NAME', 'ID', 'KEY', 'SCOPES', 'EXPIRES', 'LAST USED'],
      keys.map(({ name, hint, scopes, revokedAt, expiresAt, lastUsedAt }, i) => [
        name,
        ids[i] ?? '',
        `${hint}…`,
        scopes.length === SCOPES.length ? 'all' : scopes.join(','),
        revokedAt === null ? showTime(expiresAt) : `revoked ${showTime(revokedAt)}`,
        showTime(lastUsedAt),
      ]),
      'There are no API keys. Create one with "culvert keys create".',
    ),
  );
}

async function rotateKey(
  { api, output }: CommandContext,
  reference: string,
  { overlap, expires }: { readonly overlap: number; readonly expires?: Expiry },
): Promise<void> {
  const { id } = await findKey(api, reference);
  const created = await api.call('rotateApiKey', {
    apiKeyId: id,
    body: { overlapSeconds: overlap, ...(expires !== undefined && { expiresAt: expires.at }) },
  });
  showKey({ output }, created);
}

async function revokeKeys({ api, output }: CommandContext, references: string[]): Promise<void> {
  const found: ApiKey[] = [];
  // Finds all keys first, so that a mistyped name revokes nothing.
  for (const reference of references) found.push(await findKey(api, reference));
  for (const { id } of found) await api.call('revokeApiKey', { apiKeyId: id });
  output.result(
    found.map(({ id, name }) => ({ id, name })),
    () => {
      for (const { id, name } of found) output.line(`Revoked ${name} (${id})`);
    },
  );
}

/** Finds a key by its id, by a prefix as shown in lists, or by the name of one that works. @throws CliError */
async function findKey(api: Api, reference: string): Promise<ApiKey> {
  const keys = await api.list('listApiKeys');
  const [byId, ...others] = keys.filter(({ id }) => isIdOf(id, reference));
  if (byId !== undefined && others.length === 0) return byId;
  const named = keys.filter((key) => key.name === reference && isUsable(key));
  const [only] = named;
  if (only !== undefined && named.length === 1) return only;
  const how = named.length === 0 ? 'no working API key is' : `${named.length} API keys are`;
  throw new CliError(named.length === 0 ? EXIT.notFound : EXIT.usage, `${how} called ${reference}`, {
    hint: 'Use its id: "culvert keys list" shows the ids.',
  });
}

function isUsable({ revokedAt, expiresAt }: ApiKey): boolean {
  return revokedAt === null && (expiresAt === null || Date.parse(expiresAt) > Date.now());
}
