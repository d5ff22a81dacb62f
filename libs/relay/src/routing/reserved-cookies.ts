/**
 * Cookies that are Culvert's: none reaches a service, and no service can set one. Names are compared exactly, so that
 * other cookies stay as they are, byte for byte.
 */

/** Cookie of a preview's host: identifies an admitted visitor. `__Host-` keeps other hosts from setting it, over HTTPS only. */
export const VISIT_COOKIE = { https: '__Host-culvert-preview', http: 'culvert-preview' } as const;
/** Cookie of a preview's host: binds a sign-in that is under way to the browser that began it. */
export const NONCE_COOKIE = { https: '__Host-culvert-nonce', http: 'culvert-nonce' } as const;
/** Cookie of a preview's host: this browser has closed the banner. */
export const BANNER_COOKIE = { https: '__Host-culvert-banner', http: 'culvert-banner' } as const;
/** Cookie of the app host. Previews should never receive it, and checking a name is cheap. */
export const SESSION_COOKIE = { https: '__Host-culvert-session', http: 'culvert-session' } as const;

const RESERVED: ReadonlySet<string> = new Set(
  [VISIT_COOKIE, NONCE_COOKIE, BANNER_COOKIE, SESSION_COOKIE].flatMap(({ https, http }) => [https, http]),
);

/** What every reserved name contains: one search settles most Cookie fields. */
const MARK = 'culvert-';

/**
 * Returns the value of the cookie of this name in a Cookie field value; null when it is absent, or occurs more than
 * once: the owner is then ambiguous (RFC 6265 §5.4 lets a page for another path or domain come first).
 */
export function cookieValue(field: string, name: string): string | null {
  let found: string | null = null;
  let at = field.indexOf(name);
  while (at >= 0) {
    const end = at + name.length;
    if (field.charCodeAt(end) === EQUALS && startsPair(field, at)) {
      if (found !== null) return null;
      const semicolon = field.indexOf(';', end);
      found = field.slice(end + 1, semicolon < 0 ? field.length : semicolon).trimEnd();
    }
    at = field.indexOf(name, end);
  }
  return found;
}

/** Returns `field` without reserved cookies; null when it has none, '' when nothing is left. */
export function withoutReservedCookies(field: string): string | null {
  let at = field.indexOf(MARK);
  let left: string | null = null;
  let from = 0;
  while (at >= 0) {
    const start = at === 0 ? 0 : field.lastIndexOf(';', at - 1) + 1;
    const semicolon = field.indexOf(';', at);
    const end = semicolon < 0 ? field.length : semicolon;
    if (RESERVED.has(nameOf(field.slice(start, end)))) {
      left = left === null ? field.slice(0, start) : left + field.slice(from, start);
      from = end + 1;
    }
    at = semicolon < 0 ? -1 : field.indexOf(MARK, semicolon);
  }
  if (left === null || from <= field.length)
    return left === null ? null : (left + field.slice(from)).trimStart();
  // The last one was ours: the semicolon before it no longer separates anything.
  return left.slice(0, -1).trimStart();
}

/**
 * Reports whether a service may set this cookie (a Set-Cookie value): not one of Culvert's, in any case, and none for a
 * wider domain than `hostname`, where other previews live. Of several Domain attributes browsers take the last
 * (RFC 6265 §5.3), so all must be right.
 */
export function maySetCookie(cookie: string, hostname: string): boolean {
  const semicolon = cookie.indexOf(';');
  const pair = (semicolon < 0 ? cookie : cookie.slice(0, semicolon)).toLowerCase();
  if (pair.includes(MARK)) {
    const name = nameOf(pair);
    // A cookie without a name is sent as its bare value, which could then be read as one of ours.
    const shown = name === '' ? nameOf(pair.slice(pair.indexOf('=') + 1)) : name;
    if (RESERVED_LOWER.has(shown)) return false;
  }
  if (semicolon < 0) return true;
  for (const attribute of cookie.slice(semicolon + 1).split(';')) {
    const equals = attribute.indexOf('=');
    if (equals < 0 || attribute.slice(0, equals).trim().toLowerCase() !== 'domain') continue;
    const domain = attribute
      .slice(equals + 1)
      .trim()
      .toLowerCase()
      .replace(/^\./, '');
    if (domain !== '' && domain !== hostname) return false;
  }
  return true;
}

const RESERVED_LOWER: ReadonlySet<string> = new Set([...RESERVED].map((name) => name.toLowerCase()));
const EQUALS = 0x3d;
const SEMICOLON = 0x3b;
const SP = 0x20;
const HTAB = 0x09;

function nameOf(pair: string): string {
  const equals = pair.indexOf('=');
  return (equals < 0 ? pair : pair.slice(0, equals)).trim();
}

/** Reports whether a cookie's name begins at `at`: only whitespace lies between it and the semicolon before. */
function startsPair(field: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && (field.charCodeAt(before) === SP || field.charCodeAt(before) === HTAB)) before--;
  return before < 0 || field.charCodeAt(before) === SEMICOLON;
}
