import { z } from 'zod';
import { SCOPES } from './api-keys.js';
import { id, timestamp } from './text.js';

export const meResource = z.strictObject({
  team: z.strictObject({ id, name: z.string() }),
  apiKey: z.strictObject({
    id,
    name: z.string(),
    hint: z.string(),
    scopes: z.array(z.enum(SCOPES)),
    expiresAt: timestamp.nullable(),
  }),
});
export type MeResource = z.output<typeof meResource>;
