import { z } from 'zod';
import { ERROR_CODES } from './errors.js';

const code = z.enum(ERROR_CODES as [string, ...string[]]);

/** Schema of `Problem` (RFC 9457). */
export const problemResource = z.strictObject({
  type: z.string().describe('URL that explains the code.'),
  title: z.string(),
  status: z.int(),
  code: code.describe('Code, for programs.'),
  detail: z.string().optional(),
  instance: z.string().describe('ID of the request, as in the logs of the deployment.'),
  errors: z
    .array(z.strictObject({ pointer: z.string().describe('JSON Pointer (RFC 6901).'), message: z.string() }))
    .optional(),
});

/** One entry of the error catalog. */
export const problemDescription = z.strictObject({
  code,
  status: z.int(),
  title: z.string(),
  description: z.string(),
});
export type ProblemDescription = z.output<typeof problemDescription>;
