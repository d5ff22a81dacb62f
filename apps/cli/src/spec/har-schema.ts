/** HTTP Archive 1.2 (http://www.softwareishard.com/blog/har-12-spec/). Own fields begin with an underscore. */
import { z } from 'zod';

/** An object with the fields of the specification, and own ones. */
function record<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z
    .object({ ...shape, comment: z.string().optional() })
    .catchall(z.unknown())
    .refine(
      (value) => Object.keys(value).every((key) => key in shape || key === 'comment' || key.startsWith('_')),
      'has a field that the specification does not have',
    );
}

const ms = z.number().min(-1);
const pair = record({ name: z.string(), value: z.string() });
const cookie = record({
  name: z.string(),
  value: z.string(),
  path: z.string().optional(),
  domain: z.string().optional(),
  expires: z.string().optional(),
  httpOnly: z.boolean().optional(),
  secure: z.boolean().optional(),
});
const message = {
  httpVersion: z.string(),
  cookies: z.array(cookie),
  headers: z.array(pair),
  headersSize: z.int().min(-1),
  bodySize: z.int().min(-1),
};

export const har = z.strictObject({
  log: record({
    version: z.literal('1.2'),
    creator: record({ name: z.string(), version: z.string() }),
    entries: z.array(
      record({
        startedDateTime: z.iso.datetime(),
        time: z.number().min(0),
        request: record({
          ...message,
          method: z.string().min(1),
          url: z.url(),
          queryString: z.array(pair),
          postData: record({ mimeType: z.string(), params: z.array(z.never()), text: z.string() }).optional(),
        }),
        response: record({
          ...message,
          status: z.int().min(0),
          statusText: z.string(),
          content: record({
            size: z.int().min(0),
            compression: z.int().optional(),
            mimeType: z.string(),
            text: z.string().optional(),
            encoding: z.string().optional(),
          }),
          redirectURL: z.string(),
        }),
        cache: record({}),
        timings: record({
          blocked: ms,
          dns: ms,
          connect: ms,
          ssl: ms,
          send: ms,
          wait: ms.min(0),
          receive: ms.min(0),
        }),
      }),
    ),
  }),
});
