import { SCOPES } from '@culvert/terms';
import { z } from 'zod';
import { changeOf, pageOf } from './page.js';
import { futureTimestamp, id, name as nameText, timestamp } from './text.js';

const scope = z.enum(SCOPES);
const name = nameText(128).describe('What people call it.');

export const createApiKeyRequest = z.strictObject({
  name,
  scopes: z
    .array(scope)
    .min(1, 'must name at least one scope')
    .max(SCOPES.length)
    .refine((scopes) => new Set(scopes).size === scopes.length, 'must not name a scope twice')
    .optional()
    .describe('None that the key making this request lacks. Default: all of that key.'),
  expiresAt: futureTimestamp
    .nullable()
    .optional()
    .describe(
      'When it stops working; null: never. A key that a key makes cannot outlive it. Default: when the key that makes it ' +
        'does, or never.',
    ),
});
export type CreateApiKeyRequest = z.output<typeof createApiKeyRequest>;

export const updateApiKeyRequest = changeOf(z.strictObject({ name }));
export type UpdateApiKeyRequest = z.output<typeof updateApiKeyRequest>;

const MAX_OVERLAP_SECONDS = 30 * 24 * 60 * 60;

export const rotateApiKeyRequest = z.strictObject({
  overlapSeconds: z
    .int('must be a whole number')
    .min(0, 'must not be negative')
    .max(MAX_OVERLAP_SECONDS, `must be at most ${MAX_OVERLAP_SECONDS}`)
    .describe('How long the old key works beside the new one; 0: it is revoked at once.'),
  expiresAt: futureTimestamp
    .nullable()
    .optional()
    .describe(
      'When the new key stops working. Default: as the old one, and no later than the key that asks.',
    ),
});
export type RotateApiKeyRequest = z.output<typeof rotateApiKeyRequest>;

export const apiKeyResource = z.strictObject({
  id,
  name: z.string(),
  hint: z.string().describe('The first characters of the key, to recognise it by.'),
  scopes: z.array(scope),
  expiresAt: timestamp.nullable(),
  revokedAt: timestamp.nullable(),
  lastUsedAt: timestamp.nullable().describe('To the minute.'),
  lastUsedAddress: z.string().nullable().describe('Address of the last use.'),
  createdByUserId: id
    .nullable()
    .describe('The person whose power it has; null: the operator. It ends when they leave the team.'),
  createdByApiKeyId: id.nullable().describe('The key that made it, and with which it ends.'),
  replacesId: id.nullable().describe('The key that it takes the place of.'),
  createdAt: timestamp,
});
export type ApiKeyResource = z.output<typeof apiKeyResource>;

export const createdApiKeyResource = apiKeyResource.extend({
  key: z.string().describe('The key itself. Shown this once: only its hash is kept.'),
});
export type CreatedApiKeyResource = z.output<typeof createdApiKeyResource>;

export const apiKeyPage = pageOf(apiKeyResource);
