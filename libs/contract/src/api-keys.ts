import { SCOPES } from '@culvert/terms';
import { z } from 'zod';
import { changeOf, pageOf } from './page.js';
import { futureTimestamp, id, name as nameText, timestamp } from './text.js';

const scope = z.enum(SCOPES);
const name = nameText(128).describe('Name that people see.');

export const createApiKeyRequest = z.strictObject({
  name,
  scopes: z
    .array(scope)
    .min(1, 'must name at least one scope')
    .max(SCOPES.length)
    .refine((scopes) => new Set(scopes).size === scopes.length, 'must not name a scope twice')
    .optional()
    .describe(
      'Scopes of the new key. It can only have scopes that the key making this request has. Default: all ' +
        'of them.',
    ),
  expiresAt: futureTimestamp
    .nullable()
    .optional()
    .describe(
      'Time when the key stops working; null: never. A key cannot outlive the key that makes it. Default: the ' +
        'expiry of the key that makes it, or never.',
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
    .describe(
      'Time in seconds during which the old key still works beside the new one; 0: it is revoked at once.',
    ),
  expiresAt: futureTimestamp
    .nullable()
    .optional()
    .describe(
      'Time when the new key stops working. Default: when the old one does, and no later than the key that ' +
        'makes this request.',
    ),
});
export type RotateApiKeyRequest = z.output<typeof rotateApiKeyRequest>;

export const apiKeyResource = z.strictObject({
  id,
  name: z.string(),
  hint: z.string().describe('First characters of the key, to recognize it by.'),
  scopes: z.array(scope),
  expiresAt: timestamp.nullable(),
  revokedAt: timestamp.nullable(),
  lastUsedAt: timestamp.nullable().describe('Time of the last use, to the minute.'),
  lastUsedAddress: z.string().nullable().describe('Address of the last use.'),
  createdByUserId: id
    .nullable()
    .describe(
      'Person whose permissions the key has; null: the operator. The key ends when they leave the team.',
    ),
  createdByApiKeyId: id.nullable().describe('Key that made this key. This key ends with it.'),
  replacesId: id.nullable().describe('Key that this key replaces.'),
  createdAt: timestamp,
});
export type ApiKeyResource = z.output<typeof apiKeyResource>;

export const createdApiKeyResource = apiKeyResource.extend({
  key: z.string().describe('The key itself. It is shown only once: the server keeps only its hash.'),
});
export type CreatedApiKeyResource = z.output<typeof createdApiKeyResource>;

export const apiKeyPage = pageOf(apiKeyResource);
