import { COLON, HOST_NAME_CLASS, SLASH } from './characters.js';
import { HttpSyntaxError } from './errors.js';

const MAX_NAME_BYTES = 255;
const MAX_IPV6_BYTES = 45;
const MAX_PORT_DIGITS = 5;
const QUESTION = 0x3f;
const OPEN_BRACKET = 0x5b;
const DOT = 0x2e;

/**
 * Checks `uri-host [":" [port]]` in `text[from..to)` and returns it in lower case, without one final dot of the name and
 * without an empty port: neither has a meaning (RFC 1034 §3.1, RFC 3986 §6.2.3). Narrower than RFC 3986 §3.2.2: letters, digits,
 * `-`, `.` and `_`, or a bracketed IPv6 address; no percent-encoding, no sub-delimiters (a comma would make a list of
 * it), no user information, no empty host.
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
  const nameEnd = position;
  if (position < to) checkPort(text, position, to);
  const end = to - nameEnd === 1 ? nameEnd : to;
  const hasFinalDot = text.charCodeAt(nameEnd - 1) === DOT;
  if (hasFinalDot && nameEnd - from === 1) throw new HttpSyntaxError('BAD_HOST');
  const host = hasFinalDot ? text.slice(from, nameEnd - 1) + text.slice(nameEnd, end) : text.slice(from, end);
  return hasUpperCase ? host.toLowerCase() : host;
}

/**
 * Returns the target in origin-form or as `*` (RFC 9112 §3.2). `text[from..to)` holds only target bytes. An absolute-form
 * target must name the same authority as Host: routing by one and forwarding the other mixes up requests.
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
  if (!namesHost(text, authorityStart, position, host)) throw new HttpSyntaxError('HOST_MISMATCH');
  // RFC 9112 §3.2.4: `OPTIONS http://host` asks about the server as a whole.
  if (position === to) return method === 'OPTIONS' ? '*' : '/';
  const rest = text.slice(position, to);
  return text.charCodeAt(position) === SLASH ? rest : `/${rest}`;
}

function namesHost(text: string, from: number, to: number, host: string): boolean {
  try {
    return parseHost(text, from, to) === host;
  } catch (error) {
    if (error instanceof HttpSyntaxError) return false;
    throw error;
  }
}

/** `"[" IPv6address "]"`: returns the offset after it. No zone, no IPvFuture. */
function skipIpv6(text: string, from: number, to: number): number {
  const close = text.indexOf(']', from);
  if (close === -1 || close >= to || !isIpv6(text.slice(from + 1, close)))
    throw new HttpSyntaxError('BAD_HOST');
  return close + 1;
}

const IPV6_GROUP = /^[0-9a-f]{1,4}$/i;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** RFC 3986 §3.2.2. Rare enough for expressions. */
function isIpv6(address: string): boolean {
  if (address.length > MAX_IPV6_BYTES) return false;
  const halves = address.split('::');
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1);
  const endsWithIpv4 = last !== undefined && IPV4.test(last) && !address.endsWith('::');
  if (endsWithIpv4) groups.pop();
  if (!groups.every((group) => IPV6_GROUP.test(group))) return false;
  const count = groups.length + (endsWithIpv4 ? 2 : 0);
  return halves.length === 1 ? count === 8 : halves.length === 2 && count <= 7;
}

/** `":" *5DIGIT` up to 65535, to the end. */
function checkPort(text: string, from: number, to: number): void {
  const digits = to - from - 1;
  let port = 0;
  for (let i = from + 1; i < to; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) throw new HttpSyntaxError('BAD_HOST');
    port = port * 10 + digit;
  }
  if (text.charCodeAt(from) !== COLON || digits > MAX_PORT_DIGITS || port > 65535) {
    throw new HttpSyntaxError('BAD_HOST');
  }
}
