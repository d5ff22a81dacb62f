/** Captured bodies as text, where they are text. */
import type { CapturedBody } from '@culvert/contract';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';

/** Limit of a decoded body: a small one can expand a lot. */
const MAX_DECODED_BYTES = 16 * 1024 * 1024;
/** Limit of a body that is decoded beside the work of others: it blocks the process for a few milliseconds. */
export const MAX_SHARED_DECODED_BYTES = 1024 * 1024;

const DECODERS: Readonly<Record<string, (bytes: Buffer, options: { maxOutputLength: number }) => Buffer>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
};

type Captured = Pick<CapturedBody, 'base64' | 'isTruncated'> & {
  readonly contentEncoding: string | null;
};

/**
 * Returns the bytes of a body without their content coding; with it, if it is not known, the body is not complete or would
 * exceed the limit.
 */
export function decodedBytes(
  { base64, contentEncoding, isTruncated }: Captured,
  maxBytes = MAX_DECODED_BYTES,
): {
  readonly bytes: Buffer;
  readonly isDecoded: boolean;
} {
  const bytes = Buffer.from(base64, 'base64');
  const coding = contentEncoding?.trim().toLowerCase() ?? '';
  if (coding === '' || coding === 'identity') return { bytes, isDecoded: true };
  const decode = DECODERS[coding];
  if (decode === undefined || isTruncated) return { bytes, isDecoded: false };
  try {
    return { bytes: decode(bytes, { maxOutputLength: maxBytes }), isDecoded: true };
  } catch {
    // A service may send anything under this name.
    return { bytes, isDecoded: false };
  }
}

/** Returns the text of bytes in UTF-8; null if they are not text. An incomplete character at the end of cut bytes is left out. */
export function textOf(bytes: Buffer, { isTruncated }: { readonly isTruncated: boolean }): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: isTruncated });
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}
