import { COLON, HEX_VALUE, HOST_NAME_CLASS, SLASH } from './characters.js';
import { HttpSyntaxError } from './errors.js';

const MAX_NAME_BYTES = 255;
const MAX_IPV6_BYTES = 45;
const MAX_PORT_DIGITS = 5;
const QUESTION = 0x3f;
const DOT = 0x2e;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * Checks `uri-host [":" port]` in `text[from..to)` and returns it in lower case. Narrower than RFC 3986 §3.2.2:
 * letters, digits, `-`, `.` and `_`, or a bracketed IPv6 address; no percent-encoding, no sub-delimiters (a comma
 * would make a list of it), no user information, no empty host or port.
 */
export function parseHost(text: string, from: number, to: number): string {
  let position = from;
  let hasUpperCase = false;
  if (text.charCodeAt(from) === OPEN_BRACKET) {
    position = skipIpv6(text, from, to);
    hasUpperCase = true;
  } else {
    for (; position < to; position++) {
      const kind = HOST_NAME_CLASS[text.charCodeAt(position)];
      if (kind === 0) break;
      if (kind === 2) hasUpperCase = true;
    }
    if (position === from || position - from > MAX_NAME_BYTES) throw new HttpSyntaxError('BAD_HOST');
  }
  if (position < to) checkPort(text, position, to);
  const host = text.slice(from, to);
  return hasUpperCase ? host.toLowerCase() : host;
}

/**
 * The target in origin-form or as `*` (RFC 9112 §3.2). `text[from..to)` holds only target bytes. An absolute-form
 * target must name the same authority as Host: routing by one and forwarding the other is how requests get mixed up.
 */
export function parseTarget(text: string, from: number, to: number, method: string, host: string): string {
  if (text.charCodeAt(from) === SLASH) return text.slice(from, to);
  if (to - from === 1 && text[from] === '*') {
    if (method !== 'OPTIONS') throw new HttpSyntaxError('BAD_TARGET');
    return '*';
  }
  const scheme = /^https?:\/\//i.exec(text.slice(from, from + 8));
  if (scheme === null) throw new HttpSyntaxError('BAD_TARGET');
  const authorityStart = from + scheme[0].length;
  let position = authorityStart;
  while (position < to && text.charCodeAt(position) !== SLASH && text.charCodeAt(position) !== QUESTION)
    position++;
  if (text.slice(authorityStart, position).toLowerCase() !== host) throw new HttpSyntaxError('HOST_MISMATCH');
  // RFC 9112 §3.2.4: `OPTIONS http://host` asks about the server as a whole.
  if (position === to) return method === 'OPTIONS' ? '*' : '/';
  const rest = text.slice(position, to);
  return text.charCodeAt(position) === SLASH ? rest : `/${rest}`;
}

function skipIpv6(text: string, from: number, to: number): number {
  let position = from + 1;
  let colons = 0;
  for (; position < to && text.charCodeAt(position) !== CLOSE_BRACKET; position++) {
    const code = text.charCodeAt(position);
    if (code === COLON) colons++;
    else if (HEX_VALUE[code] > 15 && code !== DOT) throw new HttpSyntaxError('BAD_HOST');
  }
  const length = position - from - 1;
  if (position === to || colons < 2 || colons > 7 || length > MAX_IPV6_BYTES)
    throw new HttpSyntaxError('BAD_HOST');
  return position + 1;
}

/** `":" 1*5DIGIT` up to 65535, to the end. */
function checkPort(text: string, from: number, to: number): void {
  const digits = to - from - 1;
  let port = 0;
  for (let i = from + 1; i < to; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) throw new HttpSyntaxError('BAD_HOST');
    port = port * 10 + digit;
  }
  if (text.charCodeAt(from) !== COLON || digits < 1 || digits > MAX_PORT_DIGITS || port > 65535) {
    throw new HttpSyntaxError('BAD_HOST');
  }
}
