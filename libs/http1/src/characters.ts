// Byte classes as tables: one load and one compare per byte on the hot path.

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COMMA = 0x2c;
export const SLASH = 0x2f;
export const COLON = 0x3a;

/** The lower-case form of a token byte (RFC 9110 §5.6.2), 0 for every other byte. */
export const TOKEN_LOWER = new Uint8Array(256);
/** 1 for bytes of a field value: HTAB, SP to `~`, 0x80 and above (RFC 9110 §5.5). */
export const IS_VALUE_BYTE = new Uint8Array(256);
/** 1 for bytes of a request target: visible ASCII but `#`, which would begin a fragment. */
export const IS_TARGET_BYTE = new Uint8Array(256);
/** For a registered name or IPv4 address: 1, and 2 for upper-case letters, which must be lowered. */
export const HOST_NAME_CLASS = new Uint8Array(256);
/** Value of a hexadecimal digit, 255 for every other byte. */
export const HEX_VALUE = new Uint8Array(256).fill(255);

for (let byte = 0; byte < 256; byte++) {
  const character = String.fromCharCode(byte);
  if (/[!#$%&'*+\-.^_`|~0-9a-zA-Z]/.test(character))
    TOKEN_LOWER[byte] = character.toLowerCase().charCodeAt(0);
  if (byte === HTAB || (byte >= SP && byte !== 0x7f)) IS_VALUE_BYTE[byte] = 1;
  if (byte > SP && byte < 0x7f && character !== '#') IS_TARGET_BYTE[byte] = 1;
  if (/[a-z0-9\-._]/.test(character)) HOST_NAME_CLASS[byte] = 1;
  if (/[A-Z]/.test(character)) HOST_NAME_CLASS[byte] = 2;
  if (/[0-9a-fA-F]/.test(character)) HEX_VALUE[byte] = Number.parseInt(character, 16);
}

/** Reports whether `text[from..to)` equals `lower`, ignoring case, without allocating. */
export function equalsIgnoringCase(text: string, from: number, to: number, lower: string): boolean {
  if (to - from !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) {
    if (TOKEN_LOWER[text.charCodeAt(from + i) & 0xff] !== lower.charCodeAt(i)) return false;
  }
  return true;
}
