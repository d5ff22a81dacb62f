import type { Exchange } from '@culvert/contract';
import { SECRET_PREFIX_PATTERN } from '@culvert/domain';
import type { Fields } from '@culvert/http1';
import type { FieldChange } from '@culvert/relay';

/** Replacement for a secret. */
const MASK = '***';

/** Names of fields whose whole value is a secret. */
const SECRET_NAME =
  /auth|api[-_]?key|token|secret|passw|credential|signature|session|(?:^|[-_])(?:key|pwd|jwt|otp|csrf|xsrf)(?:[-_]|$)/i;
/** Names that match above although their fields hold no secret. */
const HARMLESS_NAMES: ReadonlySet<string> = new Set([
  'www-authenticate',
  'proxy-authenticate',
  'sec-websocket-key',
  'access-control-allow-credentials',
]);

/** Matches Culvert's own keys, tokens and links anywhere in a text. */
const OWN_SECRET = new RegExp(`\\b${SECRET_PREFIX_PATTERN}[\\w-]{4,}`, 'g');
/** Matches Culvert's own share links and sign-in codes in paths. */
const OWN_PATH = /(\/\.culvert\/(?:share\/|signed-in\?code=))[\w-]+/g;
/** Matches secrets in queries and fragments by their names. Bounded, so that a visitor cannot make the match slow. */
const SECRET_PARAMETER =
  /([?&#;][^=?&#;]{0,64}(?:auth|api[-_]?key|token|secret|passw|credential|signature|session|sig|jwt|code|otp)[^=?&#;]{0,64}=)[^&#;\s]+/gi;
/** Matches JSON Web Tokens anywhere in a text. */
const WEB_TOKEN = /\beyJ[\w-]{8,}\.[\w-]*\.[\w-]*/g;
/** Matches names of a list of protocols that may be credentials: browsers cannot send them elsewhere with a WebSocket. */
const PROTOCOL_SECRET = /[^,\s]{33,}|[^,\s]*bearer[^,]*/gi;
/** Matches user and password before a host. */
const USER_INFO = /(\/\/)[^/@\s]+@/g;

const MAX_HEAD_LENGTH = 16_384;
const MAX_VALUE_LENGTH = 4096;
const MAX_TARGET_LENGTH = 4096;
const MAX_CHANGES = 32;

type Head = Exchange['request'];
type HeaderField = Head['fields'][number];

/** Returns a target without the secrets in its query, cut to a maximum length. */
export function maskTarget(target: string): string {
  return maskText(shorten(target, MAX_TARGET_LENGTH));
}

/** Returns the fields of a head without their secrets. */
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

/** Returns changed fields without their secrets; at most 32 of them. */
export function maskChanges(
  message: 'request' | 'response',
  changes: readonly FieldChange[],
): Exchange['changes'] {
  return changes.slice(0, MAX_CHANGES).map(({ name, value }) => {
    const field = maskField(shorten(name, MAX_VALUE_LENGTH), shorten(value ?? '', MAX_VALUE_LENGTH));
    return value === null ? { message, name: field.name, value, isMasked: false } : { message, ...field };
  });
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
    // The scheme is useful and not a secret. A value that may be a secret has no space after it.
    const scheme = lower.endsWith('authorization') ? (/^[A-Za-z][\w-]* +(?=\S)/.exec(value)?.[0] ?? '') : '';
    return { name, value: scheme + MASK, isMasked: true };
  }
  const isProtocol = lower === 'sec-websocket-protocol';
  const masked = maskText(isProtocol ? value.replace(PROTOCOL_SECRET, MASK) : value);
  return { name, value: masked, isMasked: masked !== value };
}

/** Masks the value of a cookie and keeps its name; a cookie without a name is masked as a whole. */
function maskCookie(pair: string, separator: string, name: string): string {
  return pair.includes('=')
    ? `${separator}${name}=${MASK}`
    : `${separator}${name.trim() === '' ? '' : ` ${MASK}`}`;
}

/** Shortens text before anything is searched in it, so that the cost is bounded as well. */
function shorten(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength)}…`;
}

function maskText(text: string): string {
  return text
    .replace(OWN_PATH, `$1${MASK}`)
    .replace(OWN_SECRET, MASK)
    .replace(WEB_TOKEN, MASK)
    .replace(SECRET_PARAMETER, `$1${MASK}`)
    .replace(USER_INFO, `$1${MASK}@`);
}
