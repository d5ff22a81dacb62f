import { z } from 'zod';
import { optionalName } from './text.js';

const description = optionalName(128).default('');

/** Request of the Telepresence client for an API key: the first form up to 2.3.6, the second from 2.3.7. */
export const mintKeyRequest = z.union([
  z.object({ body: z.object({ description }) }),
  z.object({ description }),
]);
export type MintKeyRequest = z.output<typeof mintKeyRequest>;
