import type { Exchange } from '@culvert/contract';
import { SECRET_PREFIX_PATTERN } from '@culvert/domain';
import type { Fields } from '@culvert/http1';

/** What stands in the place of a secret. */
const MASK = '***';

/** Fields whose whole value is a secret, by words of their names. */
const SECRET_NAME =
  /auth|api[-_]?key|token|secret|passw|credential|signature|session|(?:^|[-_])(?:key|pwd|jwt|otp|csrf|xsrf)(?:[-_]|$)/i;
/** Fields of these names match above and hold no secret. */
const HARMLESS_NAMES: ReadonlySet<string> = new Set([
  'www-authenticate',
  'proxy-authenticate',
  'sec-websocket-key',
  'access-control-allow-credentials',
]);

/** Keys, tokens and links of Culvert's own, wherever they stand. */
const OWN_SECRET = new RegExp(`\\b${SECRET_PREFIX_PATTERN}[\\w-]{4,}`, 'g');
/** Culvert's own share links and sign-in codes in paths. */
const OWN_PATH = /(\/\.culvert\/(?:share\/|signed-in\?code=))[\w-]+/g;
/** Secrets in queries and fragments, by words of their names; bounded, so that no visitor can make it take long. */
const SECRET_PARAMETER =
  /([?&#;][^=?&#;]{0,64}(?:auth|api[-_]?key|token|secret|passw|credential|signature|session|sig|jwt|code|otp)[^=?&#;]{0,64}=)[^&#;\s]+/gi;
/** User and password in front of a host. */
const USER_INFO = /(\/\/)[^/@\s]+@/g;

const MAX_HEAD_LENGTH = 16_384;
const MAX_VALUE_LENGTH = 4096;
const MAX_TARGET_LENGTH = 4096;

type Head = Exchange['request'];
type HeaderField = Head['fields'][number];

/** A target without the secrets in its query, and not too long. */
export function maskTarget(target: string): string {
  return maskText(shorten(target, MAX_TARGET_LENGTH));
}

/** The fields of a head without their secrets. */
export function maskFields(head: Fields): Head {
  const fields: HeaderField[] = [];
  let isTruncated = false;
  let length = 0;
  for (let i = 0; i < head.count; i++) {
    const value = head.value(i);
    isTruncated ||= value.length > MAX_VALUE_LENGTH;
    const field = maskField(shorten(head.name(i), MAX_VALUE_LENGTH), shorten(value, MAX_VALUE_LENGTH));
    length += field.name.length + field.value.length;
    if (length > MAX_HEAD_LENGTH) return { fields, isTruncated: true };
    fields.push(field);
  }
  return { fields, isTruncated };
}

function maskField(name: string, value: string): HeaderField {
  const lower = name.toLowerCase();
  if (lower === 'cookie') {
    return { name, value: value.replace(/(^|;)(\s*[^=;]*)(?:=[^;]*)?/g, maskCookie), isMasked: value !== '' };
  }
  if (lower === 'set-cookie') {
    return { name, value: value.replace(/^([^=;]*)=[^;]*/, `$1=${MASK}`), isMasked: true };
  }
  if (SECRET_NAME.test(lower) && !HARMLESS_NAMES.has(lower)) {
    // Which scheme it is helps, and is no secret: what may be one has no space behind it.
    const scheme = lower.endsWith('authorization') ? (/^[A-Za-z][\w-]* +(?=\S)/.exec(value)?.[0] ?? '') : '';
    return { name, value: scheme + MASK, isMasked: true };
  }
  const masked = maskText(value);
  return { name, value: masked, isMasked: masked !== value };
}

/** The name is shown; of a cookie without one nothing is. */
function maskCookie(pair: string, separator: string, name: string): string {
  return pair.includes('=')
    ? `${separator}${name}=${MASK}`
    : `${separator}${name.trim() === '' ? '' : ` ${MASK}`}`;
}

/** Before anything is looked for in it: what that costs is bounded as well. */
function shorten(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength)}…`;
}

function maskText(text: string): string {
  return text
    .replace(OWN_PATH, `$1${MASK}`)
    .replace(OWN_SECRET, MASK)
    .replace(SECRET_PARAMETER, `$1${MASK}`)
    .replace(USER_INFO, `$1${MASK}@`);
}
