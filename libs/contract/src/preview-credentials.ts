/** What lets people and machines without an account into one preview. */
import { z } from 'zod';
import { pageOf } from './page.js';
import { futureTimestamp, id, name as nameText, timestamp } from './text.js';

const MAX_SHARE_LINK_DAYS = 366;
const DEFAULT_SHARE_LINK_DAYS = 7;
const DAY_MS = 24 * 60 * 60 * 1000;

const name = nameText(128).describe('What people call it.');
const hint = z.string().describe('The first characters of the secret, to recognise it by.');

export const createShareLinkRequest = z.strictObject({
  name,
  expiresAt: futureTimestamp
    .refine(
      (value) => Date.parse(value) <= Date.now() + MAX_SHARE_LINK_DAYS * DAY_MS,
      `must be within ${MAX_SHARE_LINK_DAYS} days`,
    )
    .optional()
    .describe(`When it stops working. Default: in ${DEFAULT_SHARE_LINK_DAYS} days.`),
});
export type CreateShareLinkRequest = z.output<typeof createShareLinkRequest>;

/** When a share link ends whose creator did not say. */
export function defaultShareLinkExpiry(now: Date): Date {
  return new Date(now.getTime() + DEFAULT_SHARE_LINK_DAYS * DAY_MS);
}

export const shareLinkResource = z.strictObject({
  id,
  previewId: id,
  name: z.string(),
  hint,
  expiresAt: timestamp,
  revokedAt: timestamp.nullable(),
  createdByUserId: id
    .nullable()
    .describe('The person by whose power it was made; null: the operator, or not known.'),
  createdAt: timestamp,
});
export type ShareLinkResource = z.output<typeof shareLinkResource>;

export const createdShareLinkResource = shareLinkResource.extend({
  url: z.url().describe('The link itself. Shown this once: only the hash of its secret is kept.'),
});
export type CreatedShareLinkResource = z.output<typeof createdShareLinkResource>;

export const shareLinkPage = pageOf(shareLinkResource);

export const createPreviewTokenRequest = z.strictObject({
  name,
  expiresAt: futureTimestamp.nullable().default(null).describe('When it stops working; null: never.'),
});
export type CreatePreviewTokenRequest = z.output<typeof createPreviewTokenRequest>;

export const previewTokenResource = shareLinkResource.extend({ expiresAt: timestamp.nullable() });
export type PreviewTokenResource = z.output<typeof previewTokenResource>;

export const createdPreviewTokenResource = previewTokenResource.extend({
  token: z.string().describe('The token itself. Shown this once: only its hash is kept.'),
});
export type CreatedPreviewTokenResource = z.output<typeof createdPreviewTokenResource>;

export const previewTokenPage = pageOf(previewTokenResource);
