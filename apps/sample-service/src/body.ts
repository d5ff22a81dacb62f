import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { RequestError } from './exchange.js';

/** Limit of a form, which is kept in memory. */
const MAX_FORM_BYTES = 64 * 1024;
/** Limit of shown form fields. */
const MAX_FORM_FIELDS = 50;
/** Limit of an upload. Its bytes are counted and discarded; the limit only ends endless uploads. */
const MAX_UPLOAD_BYTES = 4 * 1024 ** 3;

/** Reads an `application/x-www-form-urlencoded` body. */
export async function readForm(request: IncomingMessage): Promise<[name: string, value: string][]> {
  const type = request.headers['content-type']?.split(';')[0].trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') {
    throw new RequestError(415, 'expected a body of type application/x-www-form-urlencoded');
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunksOf(request)) {
    bytes += chunk.length;
    if (bytes > MAX_FORM_BYTES)
      throw new RequestError(413, `a form can have at most ${MAX_FORM_BYTES} bytes`);
    chunks.push(chunk);
  }
  const fields = [...new URLSearchParams(Buffer.concat(chunks).toString('utf8'))];
  if (fields.length > MAX_FORM_FIELDS)
    throw new RequestError(413, `a form can have at most ${MAX_FORM_FIELDS} fields`);
  return fields;
}

/** Reads a body to its end and keeps only its size and SHA-256 (hex). */
export async function digestBody(request: IncomingMessage): Promise<{ bytes: number; sha256: string }> {
  if (Number(request.headers['content-length']) > MAX_UPLOAD_BYTES) tooLarge();
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of chunksOf(request)) {
    bytes += chunk.length;
    if (bytes > MAX_UPLOAD_BYTES) tooLarge();
    hash.update(chunk);
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Leaving the loop early must not destroy the connection: it still has to carry the error response. */
function chunksOf(request: IncomingMessage): AsyncIterable<Buffer> {
  return request.iterator({ destroyOnReturn: false });
}

function tooLarge(): never {
  throw new RequestError(413, `an upload can have at most ${MAX_UPLOAD_BYTES} bytes`);
}
