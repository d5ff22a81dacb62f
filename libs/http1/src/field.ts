import { TOKEN_LOWER } from './characters.js';

/** Fields that steer, frame, route, authenticate or describe a message. Everything else is OTHER. */
export const Field = {
  OTHER: 0,
  HOST: 1,
  CONTENT_LENGTH: 2,
  TRANSFER_ENCODING: 3,
  CONNECTION: 4,
  UPGRADE: 5,
  EXPECT: 6,
  KEEP_ALIVE: 7,
  PROXY_CONNECTION: 8,
  PROXY_AUTHENTICATE: 9,
  PROXY_AUTHORIZATION: 10,
  TE: 11,
  TRAILER: 12,
  HTTP2_SETTINGS: 13,
  FORWARDED: 14,
  /** Every `x-forwarded-*`. */
  X_FORWARDED: 15,
  X_REAL_IP: 16,
  /** `x-telepresence-intercept-id` */
  INTERCEPT_ID: 17,
  /** `x-ambassador-api-key` and `x-culvert-api-key` */
  API_KEY: 18,
  /** Every other `x-culvert-*` and `culvert-*`. */
  CULVERT: 19,
  COOKIE: 20,
  SET_COOKIE: 21,
  ALT_SVC: 22,
  PROXY_STATUS: 23,
  STRICT_TRANSPORT_SECURITY: 24,
  CONTENT_TYPE: 25,
  CONTENT_ENCODING: 26,
  ACCEPT: 27,
  AUTHORIZATION: 28,
  ORIGIN: 29,
  DATE: 30,
  SERVER: 31,
  VIA: 32,
  CONTENT_RANGE: 33,
  CACHE_CONTROL: 34,
  WWW_AUTHENTICATE: 35,
  PROXY_AUTHENTICATION_INFO: 36,
  AUTHENTICATION_INFO: 37,
  SEC_WEBSOCKET_KEY: 38,
  SEC_WEBSOCKET_ACCEPT: 39,
  SEC_WEBSOCKET_VERSION: 40,
  SEC_WEBSOCKET_PROTOCOL: 41,
  SEC_WEBSOCKET_EXTENSIONS: 42,
  CLEAR_SITE_DATA: 43,
  ACCESS_CONTROL_REQUEST_METHOD: 44,
  USER_AGENT: 45,
  REFERER: 46,
  LOCATION: 47,
  RANGE: 48,
  IF_RANGE: 49,
  AGE: 50,
  EXPIRES: 51,
  VARY: 52,
  MAX_FORWARDS: 53,
  PRAGMA: 54,
  RETRY_AFTER: 55,
  IF_MATCH: 56,
  IF_NONE_MATCH: 57,
  IF_MODIFIED_SINCE: 58,
  IF_UNMODIFIED_SINCE: 59,
  /** `culvert-preview-token` */
  PREVIEW_TOKEN: 60,
  /** `x-culvert-hop` */
  HOP: 61,
  CONTENT_LOCATION: 62,
  REFRESH: 63,
  ACCESS_CONTROL_ALLOW_ORIGIN: 64,
  /** `x-request-id` */
  REQUEST_ID: 65,
} as const;
export type Field = (typeof Field)[keyof typeof Field];

const NAMES: readonly (readonly [string, Field])[] = [
  ['host', Field.HOST],
  ['content-length', Field.CONTENT_LENGTH],
  ['transfer-encoding', Field.TRANSFER_ENCODING],
  ['connection', Field.CONNECTION],
  ['upgrade', Field.UPGRADE],
  ['expect', Field.EXPECT],
  ['keep-alive', Field.KEEP_ALIVE],
  ['proxy-connection', Field.PROXY_CONNECTION],
  ['proxy-authenticate', Field.PROXY_AUTHENTICATE],
  ['proxy-authorization', Field.PROXY_AUTHORIZATION],
  ['te', Field.TE],
  ['trailer', Field.TRAILER],
  ['http2-settings', Field.HTTP2_SETTINGS],
  ['forwarded', Field.FORWARDED],
  ['cookie', Field.COOKIE],
  ['set-cookie', Field.SET_COOKIE],
  ['alt-svc', Field.ALT_SVC],
  ['proxy-status', Field.PROXY_STATUS],
  ['strict-transport-security', Field.STRICT_TRANSPORT_SECURITY],
  ['content-type', Field.CONTENT_TYPE],
  ['content-encoding', Field.CONTENT_ENCODING],
  ['accept', Field.ACCEPT],
  ['authorization', Field.AUTHORIZATION],
  ['origin', Field.ORIGIN],
  ['date', Field.DATE],
  ['server', Field.SERVER],
  ['via', Field.VIA],
  ['content-range', Field.CONTENT_RANGE],
  ['cache-control', Field.CACHE_CONTROL],
  ['www-authenticate', Field.WWW_AUTHENTICATE],
  ['proxy-authentication-info', Field.PROXY_AUTHENTICATION_INFO],
  ['authentication-info', Field.AUTHENTICATION_INFO],
  ['sec-websocket-key', Field.SEC_WEBSOCKET_KEY],
  ['sec-websocket-accept', Field.SEC_WEBSOCKET_ACCEPT],
  ['sec-websocket-version', Field.SEC_WEBSOCKET_VERSION],
  ['sec-websocket-protocol', Field.SEC_WEBSOCKET_PROTOCOL],
  ['sec-websocket-extensions', Field.SEC_WEBSOCKET_EXTENSIONS],
  ['clear-site-data', Field.CLEAR_SITE_DATA],
  ['access-control-request-method', Field.ACCESS_CONTROL_REQUEST_METHOD],
  ['user-agent', Field.USER_AGENT],
  ['referer', Field.REFERER],
  ['location', Field.LOCATION],
  ['range', Field.RANGE],
  ['if-range', Field.IF_RANGE],
  ['age', Field.AGE],
  ['expires', Field.EXPIRES],
  ['vary', Field.VARY],
  ['max-forwards', Field.MAX_FORWARDS],
  ['pragma', Field.PRAGMA],
  ['retry-after', Field.RETRY_AFTER],
  ['if-match', Field.IF_MATCH],
  ['if-none-match', Field.IF_NONE_MATCH],
  ['if-modified-since', Field.IF_MODIFIED_SINCE],
  ['if-unmodified-since', Field.IF_UNMODIFIED_SINCE],
  ['content-location', Field.CONTENT_LOCATION],
  ['refresh', Field.REFRESH],
  ['access-control-allow-origin', Field.ACCESS_CONTROL_ALLOW_ORIGIN],
];

// Fields that services trust, and that visitors therefore forge. Gateway interfaces (CGI, WSGI) give a service `X_Real_IP`
// and `X-Real-IP` as one variable, so an underscore must not bypass this. The first match counts.
const RESERVED: readonly { readonly name: Uint8Array; readonly isPrefix: boolean; readonly id: Field }[] = [
  { name: Buffer.from('x-forwarded-'), isPrefix: true, id: Field.X_FORWARDED },
  { name: Buffer.from('x-real-ip'), isPrefix: false, id: Field.X_REAL_IP },
  { name: Buffer.from('x-request-id'), isPrefix: false, id: Field.REQUEST_ID },
  { name: Buffer.from('x-telepresence-intercept-id'), isPrefix: false, id: Field.INTERCEPT_ID },
  { name: Buffer.from('x-ambassador-api-key'), isPrefix: false, id: Field.API_KEY },
  { name: Buffer.from('x-culvert-api-key'), isPrefix: false, id: Field.API_KEY },
  { name: Buffer.from('x-culvert-hop'), isPrefix: false, id: Field.HOP },
  { name: Buffer.from('x-culvert-'), isPrefix: true, id: Field.CULVERT },
  { name: Buffer.from('culvert-preview-token'), isPrefix: false, id: Field.PREVIEW_TOKEN },
  { name: Buffer.from('culvert-'), isPrefix: true, id: Field.CULVERT },
];

interface Candidate {
  readonly name: Uint8Array;
  readonly id: Field;
  /** Others in the same slot. */
  readonly next: Candidate | null;
}

const X = 0x78;
const C = 0x63;
const HYPHEN = 0x2d;
const UNDERSCORE = 0x5f;
const SLOTS = 512;
const slots: (Candidate | null)[] = new Array<Candidate | null>(SLOTS).fill(null);

// Length, first and last letter distinguish almost all known names, so a name is compared at most once or twice.
function slotOf(length: number, first: number, last: number): number {
  return (length * 37 + first * 5 + last * 11) & (SLOTS - 1);
}

for (const [name, id] of NAMES) {
  const bytes = Buffer.from(name);
  const slot = slotOf(bytes.length, bytes[0], bytes[bytes.length - 1]);
  slots[slot] = { name: bytes, id, next: slots[slot] };
}

/** Returns the field whose name is `buffer[from..to)`, which must be a token of at least one byte. */
export function identifyField(buffer: Uint8Array, from: number, to: number): Field {
  const length = to - from;
  const first = TOKEN_LOWER[buffer[from]];
  let candidate = slots[slotOf(length, first, TOKEN_LOWER[buffer[to - 1]])];
  while (candidate !== null) {
    if (candidate.name.length === length && startsWith(buffer, from, candidate.name)) return candidate.id;
    candidate = candidate.next;
  }
  if (first === X || first === C) {
    for (const { name, isPrefix, id } of RESERVED) {
      if (
        (length === name.length || (isPrefix && length > name.length)) &&
        startsWithFolded(buffer, from, name)
      )
        return id;
    }
  }
  return Field.OTHER;
}

// Callers guarantee that `buffer` reaches that far.
function startsWithFolded(buffer: Uint8Array, from: number, lower: Uint8Array): boolean {
  for (let i = 0; i < lower.length; i++) {
    const byte = TOKEN_LOWER[buffer[from + i]];
    if (byte !== lower[i] && !(byte === UNDERSCORE && lower[i] === HYPHEN)) return false;
  }
  return true;
}

function startsWith(buffer: Uint8Array, from: number, lower: Uint8Array): boolean {
  for (let i = 0; i < lower.length; i++) {
    if (TOKEN_LOWER[buffer[from + i]] !== lower[i]) return false;
  }
  return true;
}
