/** What the commands for tokens and share links of a preview do. */
import type { PreviewToken, ShareLink } from '../api.js';
import type { CommandContext } from '../command-context.js';
import { findOne } from '../find/find-one.js';
import type { Expiry } from '../flags.js';
import { shortIds, showTime } from '../output/readable.js';
import { findPreview } from '../preview/find-preview.js';
import { eachInTurn } from '../output/each-in-turn.js';

export type CredentialKind = 'share-link' | 'preview-token';

export interface TokenFlags {
  readonly name: string;
  readonly expires?: Expiry;
}

type Credential = ShareLink | PreviewToken;

const NOUNS = {
  'share-link': { operation: 'listShareLinks', nouns: ['working share link', 'working share links'] },
  'preview-token': { operation: 'listPreviewTokens', nouns: ['working token', 'working tokens'] },
} as const;

export async function createToken(
  { api, output }: CommandContext,
  reference: string,
  { name, expires }: TokenFlags,
): Promise<void> {
  const { id } = await findPreview(api, reference);
  const token = await api.call('createPreviewToken', {
    previewId: id,
    body: { name, ...(expires !== undefined && { expiresAt: expires.at }) },
  });
  // Only the token is on stdout, so that scripts can store it.
  output.result(token, () => output.line(token.token));
  if (!output.isForPrograms)
    output.note(`The token opens this preview only, and ${expiryOf(token)}. It is not shown again.`);
}

export async function listCredentials(
  { api, output }: CommandContext,
  kind: CredentialKind,
  reference: string,
  { all }: { readonly all?: boolean },
): Promise<void> {
  const { id: previewId } = await findPreview(api, reference);
  const listed: readonly Credential[] = await api.list(NOUNS[kind].operation, { previewId });
  const items = listed.filter((item) => all === true || isUsable(item));
  const ids = shortIds(items.map(({ id }) => id));
  output.result(items, () =>
    output.table(
      ['NAME', 'ID', 'BEGINS WITH', 'CREATED', 'EXPIRES'],
      items.map(({ name, hint, createdAt, expiresAt, revokedAt }, i) => [
        name,
        ids[i] ?? '',
        `${hint}…`,
        showTime(createdAt),
        revokedAt === null ? showTime(expiresAt) : `revoked ${showTime(revokedAt)}`,
      ]),
      `The preview has no ${NOUNS[kind].nouns[1]}.`,
    ),
  );
}

export async function revokeCredentials(
  { api, output }: CommandContext,
  kind: CredentialKind,
  reference: string,
  references: string[],
): Promise<void> {
  const { id: previewId } = await findPreview(api, reference);
  const { operation, nouns } = NOUNS[kind];
  const listed: readonly Credential[] = await api.list(operation, { previewId });
  // Finds all of them first, so that a mistyped name revokes nothing.
  const found = references.map((each) =>
    findOne(listed, each, {
      nouns,
      idOf: ({ id }) => id,
      namesOf: (item) => (isUsable(item) ? [item.name] : []),
      hint: 'Use its id: "list" shows the ids.',
    }),
  );
  await eachInTurn(
    found.map(({ id, name }) => ({ id, name })),
    ({ id }) =>
      kind === 'share-link'
        ? api.call('revokeShareLink', { previewId, shareLinkId: id })
        : api.call('revokePreviewToken', { previewId, previewTokenId: id }),
    (done) =>
      output.result(done, () => {
        for (const { id, name } of done) output.line(`Revoked ${name} (${id})`);
      }),
  );
}

function expiryOf({ expiresAt }: Pick<Credential, 'expiresAt'>): string {
  return expiresAt === null ? 'does not expire' : `expires at ${showTime(expiresAt)}`;
}

function isUsable({ revokedAt, expiresAt }: Credential): boolean {
  return revokedAt === null && (expiresAt === null || Date.parse(expiresAt) > Date.now());
}
