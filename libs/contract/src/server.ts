import { z } from 'zod';

export const serverResource = z.strictObject({
  version: z.string().describe('Version of Culvert, as in its packages.'),
  clientVersion: z
    .string()
    .nullable()
    .describe('Version of `culvert` that this deployment recommends. Null: none.'),
});
export type ServerResource = z.output<typeof serverResource>;
