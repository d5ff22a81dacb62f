import { z } from 'zod';

export const serverResource = z.strictObject({
  version: z.string().describe('Of Culvert, as its packages have it.'),
});
export type ServerResource = z.output<typeof serverResource>;
