/** Credentials that let people and machines without an account into one preview. */
import { z } from 'zod';
import { pageOf } from './page.js';
import { futureTimestamp, id, name as nameText, timestamp } from './text.js';

const MAX_SHARE_LINK_DAYS = 366;
const DEFAULT_SHARE_LINK_DAYS = 7;
const DAY_MS = 24 * 60 * 60 * 1000;

const name = nameText(128).describe('Name that people see.');
const hint = z.string().describe('First characters of the secret, to recognize it by.');

export const createShareLinkRequest = z.strictObject({
  name,
  expiresAt: futureTimestamp
    .refine(
      (value) => Date.parse(value) <= Date.now() + MAX_SHARE_LINK_DAYS * DAY_MS,
      `must be within ${MAX_SHARE_LINK_DAYS} days`,
    )
    .optional()
    .describe(
      `When the link stops working. Default: in ${DEFAULT_SHARE_LINK_DAYS} days. For workload identities at most, and by default, in an hour.`,
    ),
});
export type CreateShareLinkRequest = z.output<typeof createShareLinkRequest>;

/** Returns when a share link ends if its creator did not set a time. */
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
    .describe('Person with whose permissions it was created; null: the operator, or unknown.'),
  createdAt: timestamp,
});
export type ShareLinkResource = z.output<typeof shareLinkResource>;

export const createdShareLinkResource = shareLinkResource.extend({
  url: z
    .url()
    .describe('The link itself. It is shown only once: the server keeps only the hash of its secret.'),
});
export type CreatedShareLinkResource = z.output<typeof createdShareLinkResource>;

export const shareLinkPage = pageOf(shareLinkResource);

export const createPreviewTokenRequest = z.strictObject({
  name,
  expiresAt: futureTimestamp
    .nullable()
    .default(null)
    .describe(
      'Time when the token stops working; null: never. For workload identities at most, and by default, in an hour.',
    ),
});
export type CreatePreviewTokenRequest = z.output<typeof createPreviewTokenRequest>;

export const previewTokenResource = shareLinkResource.extend({ expiresAt: timestamp.nullable() });
export type PreviewTokenResource = z.output<typeof previewTokenResource>;

export const createdPreviewTokenResource = previewTokenResource.extend({
  token: z.string().describe('The token itself. It is shown only once: the server keeps only its hash.'),
});
export type CreatedPreviewTokenResource = z.output<typeof createdPreviewTokenResource>;

export const previewTokenPage = pageOf(previewTokenResource);
