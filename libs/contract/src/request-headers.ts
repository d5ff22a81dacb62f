import { z } from 'zod';
import { isSettableHeader } from './settable-header.js';

const MAX_HEADERS = 32;
/** Maximum number of bytes of all names and values, including the `: ` and CRLF of each. */
const MAX_TOTAL_BYTES = 8192;
const OVERHEAD_BYTES = 4;

/** Token of RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Field value of RFC 9110 §5.5, without obs-text, which has no agreed meaning, and without space at the ends. */
const FIELD_VALUE = /^(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?$/;

/** Headers that replace those with the same name on every request to the ingress. Names are parsed to lower case. */
export const requestHeaders = z
  .record(z.string(), z.string())
  .superRefine((headers, context) => {
    const names = Object.keys(headers);
    const refuse = (message: string, ...path: string[]) =>
      context.addIssue({ code: 'custom', message, path });

    if (names.length > MAX_HEADERS) return refuse(`must be at most ${MAX_HEADERS} headers`);
    let totalBytes = 0;
    const seen = new Set<string>();
    for (const [name, value] of Object.entries(headers)) {
      totalBytes += name.length + value.length + OVERHEAD_BYTES;
      if (!TOKEN.test(name)) refuse('is not a header name', name);
      else if (!isSettableHeader(name)) refuse('is a header that a preview cannot set', name);
      else if (seen.has(name.toLowerCase()))
        refuse('is repeated: case does not matter in header names', name);
      if (!FIELD_VALUE.test(value)) refuse('must be visible ASCII, with spaces and tabs only inside', name);
      seen.add(name.toLowerCase());
    }
    if (totalBytes > MAX_TOTAL_BYTES) refuse(`must be at most ${MAX_TOTAL_BYTES} bytes in all`);
  })
  .transform((headers) =>
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
  );
