import { MAX_TEXT_BYTES } from './frame.js';

// Control characters could forge log lines or steer a terminal; lone surrogates have no UTF-8 form.
const UNSAFE = /[\p{Cc}\p{Cs}]/u;
const ALL_UNSAFE = /[\p{Cc}\p{Cs}]/gu;

/**
 * Reports whether `value` is a string of `min` to `max` UTF-16 code units without control characters and lone surrogates.
 */
export function isPlainText(value: unknown, min: number, max: number): value is string {
  return typeof value === 'string' && value.length >= min && value.length <= max && !UNSAFE.test(value);
}

/** Text of GOAWAY and RESET as bytes, cut to what a frame holds at a character's boundary. */
export function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_TEXT_BYTES) return bytes;
  let end = MAX_TEXT_BYTES;
  while ((bytes[end] & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}

/** Returns text of GOAWAY and RESET, safe to show and to log. */
export function decodeText(bytes: Buffer): string {
  return bytes.toString('utf8').replace(ALL_UNSAFE, '\ufffd');
}
