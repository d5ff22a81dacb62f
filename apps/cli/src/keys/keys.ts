/** What the commands for API keys do. */
import { SCOPES, type Scope } from '@culvert/terms';
import type { Api, ApiKey, CreatedApiKey } from '../api.js';
import type { CommandContext } from '../command-context.js';
import { findOne } from '../find/find-one.js';
import type { Expiry } from '../flags.js';
import type { Output } from '../output/output.js';
import { shortIds, showTime } from '../output/readable.js';
import { eachInTurn } from '../output/each-in-turn.js';

export interface CreateFlags {
  readonly name: string;
  readonly scope?: Scope[];
  readonly expires?: Expiry;
}

export async function createKey(
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
  printKey({ output }, created);
}

/** Prints only the key on stdout, so that scripts can store it. */
function printKey({ output }: Pick<CommandContext, 'output'>, created: CreatedApiKey): void {
  output.result(created, () => output.line(created.key));
  if (!output.isForPrograms)
    output.note(
      `${created.name} (${created.id}) has the scopes ${created.scopes.join(', ')}. The key is not shown again.`,
    );
}

export async function listKeys(
  { api, output }: CommandContext,
  { all }: { readonly all?: boolean },
): Promise<void> {
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

export async function rotateKey(
  { api, output }: CommandContext,
  reference: string,
  { overlap, expires }: { readonly overlap: number; readonly expires?: Expiry },
): Promise<void> {
  const { id } = await findKey(api, reference);
  const created = await api.call('rotateApiKey', {
    apiKeyId: id,
    body: { overlapSeconds: overlap, ...(expires !== undefined && { expiresAt: expires.at }) },
  });
  printKey({ output }, created);
}

export async function revokeKeys({ api, output }: CommandContext, references: string[]): Promise<void> {
  const found: ApiKey[] = [];
  // Finds all keys first, so that a mistyped name revokes nothing.
  for (const reference of references) found.push(await findKey(api, reference));
  await eachInTurn(
    found.map(({ id, name }) => ({ id, name })),
    ({ id }) => api.call('revokeApiKey', { apiKeyId: id }),
    (done) =>
      output.result(done, () => {
        for (const { id, name } of done) output.line(`Revoked ${name} (${id})`);
      }),
  );
}

export async function showKey({ api, output }: CommandContext, reference: string): Promise<void> {
  const { id } = await findKey(api, reference);
  const key = await api.call('getApiKey', { apiKeyId: id });
  output.result(key, () => showDetails(output, key));
}

export async function renameKey(
  { api, output }: CommandContext,
  reference: string,
  name: string,
): Promise<void> {
  const { id, name: before } = await findKey(api, reference);
  const key = await api.call('updateApiKey', { apiKeyId: id, body: { name } });
  output.result(key, () => output.line(`Renamed ${before} to ${key.name}.`));
}

function showDetails(output: Output, key: ApiKey): void {
  output.fields([
    ['Name', key.name],
    ['Id', key.id],
    ['Key', `${key.hint}…`],
    ['Scopes', key.scopes.join(', ')],
    ['Expires', showTime(key.expiresAt)],
    ['Revoked', key.revokedAt && showTime(key.revokedAt)],
    ['Last used', showTime(key.lastUsedAt)],
    ['Last used from', key.lastUsedAddress],
    ['Created', showTime(key.createdAt)],
    ['Created by user', key.createdByUserId],
    ['Created by key', key.createdByApiKeyId],
    ['Replaces', key.replacesId],
  ]);
}

/** Finds a key by its id, by a prefix as shown in lists, or by the name of one that works. @throws CliError */
async function findKey(api: Api, reference: string): Promise<ApiKey> {
  return findOne(await api.list('listApiKeys'), reference, {
    nouns: ['working API key', 'working API keys'],
    idOf: ({ id }) => id,
    namesOf: (key) => (isUsable(key) ? [key.name] : []),
    hint: 'Use its id: "culvert keys list" shows the ids.',
  });
}

/** Reports whether a key works: neither revoked nor expired. */
export function isUsable({ revokedAt, expiresAt }: Pick<ApiKey, 'revokedAt' | 'expiresAt'>): boolean {
  return revokedAt === null && (expiresAt === null || Date.parse(expiresAt) > Date.now());
}
