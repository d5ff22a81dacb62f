import { protocolError } from './errors.js';

/** Returns where the payload `buffer[from..to)` of a padded frame lies without its padding (RFC 9113 §6.1). */
export function unpad(buffer: Buffer, from: number, to: number): [from: number, to: number] {
  const end = to - buffer[from];
  if (from === to || end <= from) throw protocolError('padding without end');
  return [from + 1, end];
}
