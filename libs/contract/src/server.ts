import { z } from 'zod';

export const serverResource = z.strictObject({
  version: z.string().describe('Version of Culvert, as in its packages.'),
});
export type ServerResource = z.output<typeof serverResource>;
