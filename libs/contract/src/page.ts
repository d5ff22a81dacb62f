import { z } from 'zod';

const MAX_PAGE_SIZE = 200;
const DEFAULT_PAGE_SIZE = 50;

/** Query of every list. Lists are sorted newest first. */
export const pageQuery = z.strictObject({
  limit: z.coerce
    .number('must be a number')
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(MAX_PAGE_SIZE, `must be at most ${MAX_PAGE_SIZE}`)
    .default(DEFAULT_PAGE_SIZE)
    .describe('Maximum number of items to return.'),
  cursor: z
    .string()
    .max(512, 'must be at most 512 characters long')
    .regex(/^[A-Za-z0-9_-]+$/, 'must be the nextCursor of the previous page')
    .optional()
    .describe('`nextCursor` of the previous page; absent for the first page.'),
});
export type PageQuery = z.output<typeof pageQuery>;

/** One page of a list. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.strictObject({
    items: z.array(item),
    nextCursor: z.string().nullable().describe('Cursor of the next page; null on the last one.'),
  });
}

/** Turns an object's fields into a change: all are optional, at least one must be present. */
export function changeOf<Shape extends z.core.$ZodShape>(fields: z.ZodObject<Shape, z.core.$strict>) {
  return fields
    .partial()
    .refine((change) => Object.keys(change).length > 0, 'must change at least one field');
}
