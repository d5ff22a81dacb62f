/**
 * The header lines that cross the relay, and those that it adds (RFC 9110 §7.6). Kept lines are copied from the parsed
 * head as whole runs of text: one slice for many lines.
 */
import { SECRET_PREFIX_PATTERN } from '@culvert/domain';
import { Field, Framing, type RequestHead, type ResponseHead } from '@culvert/http1';
import type { AddressTranslator } from './addresses.js';
import { hasOwnAuthorization } from './own-authorization.js';
import { requestIdLine } from '../request-id.js';
import { maySetCookie, withoutReservedCookies } from './reserved-cookies.js';
import type { Route } from './route.js';
import { upgradeOf } from './upgrade.js';

/** What happens to a field by its id: kept, never forwarded, or not from a preview's visitor. */
const KEEP = 0;
const DROP = 1;
const DROP_ON_PREVIEW = 2;
/** May hold credentials for Culvert beside those for the service. */
const CREDENTIALS = 3;
/** Kept where the status allows a body. */
const LENGTH = 4;
/** May name the preview, or its target. */
const ADDRESS = 5;

const REQUEST_RULES = table({
  // Hop-by-hop (RFC 9110 §7.6.1); Transfer-Encoding and Upgrade are made anew where they apply.
  [Field.CONNECTION]: DROP,
  [Field.KEEP_ALIVE]: DROP,
  [Field.PROXY_CONNECTION]: DROP,
  [Field.PROXY_AUTHENTICATE]: DROP,
  [Field.PROXY_AUTHORIZATION]: DROP,
  [Field.TE]: DROP,
  [Field.TRANSFER_ENCODING]: DROP,
  [Field.UPGRADE]: DROP,
  [Field.HTTP2_SETTINGS]: DROP,
  // Statements about the visitor that only the edge may make.
  [Field.FORWARDED]: DROP,
  [Field.X_FORWARDED]: DROP,
  [Field.X_REAL_IP]: DROP,
  // The edge writes one of its own, or that of a trusted proxy.
  [Field.REQUEST_ID]: DROP,
  // The route sets these for a preview; the service must not receive credentials for Culvert.
  [Field.HOST]: DROP_ON_PREVIEW,
  [Field.INTERCEPT_ID]: DROP_ON_PREVIEW,
  [Field.API_KEY]: DROP_ON_PREVIEW,
  [Field.PREVIEW_TOKEN]: DROP_ON_PREVIEW,
  // Except `X-Culvert-Hop`: it carries the marks of the previews that a request has passed.
  [Field.CULVERT]: DROP_ON_PREVIEW,
  [Field.COOKIE]: CREDENTIALS,
  [Field.AUTHORIZATION]: CREDENTIALS,
  [Field.ORIGIN]: ADDRESS,
  [Field.REFERER]: ADDRESS,
});

/** Rules for a service that must not notice the relay: only hop-by-hop fields are dropped. */
const KEPT_BY_TRANSPARENT: ReadonlySet<number> = new Set([
  Field.FORWARDED,
  Field.X_FORWARDED,
  Field.X_REAL_IP,
  Field.REQUEST_ID,
]);
const TRANSPARENT_RULES = REQUEST_RULES.map((rule, id) =>
  rule === DROP && !KEPT_BY_TRANSPARENT.has(id) ? DROP : KEEP,
);

const RESPONSE_RULES = table({
  // RFC 9110 §8.6: 1xx and 204 carry none, even of 0; that of 205 is written anew (`bodylessLine`).
  [Field.CONTENT_LENGTH]: LENGTH,
  [Field.CONNECTION]: DROP,
  [Field.KEEP_ALIVE]: DROP,
  [Field.PROXY_CONNECTION]: DROP,
  [Field.PROXY_AUTHENTICATE]: DROP,
  [Field.TE]: DROP,
  [Field.TRANSFER_ENCODING]: DROP,
  [Field.UPGRADE]: DROP,
  [Field.HTTP2_SETTINGS]: DROP,
  // A service must not impersonate the edge, nor send visitors to another port of it.
  [Field.CULVERT]: DROP_ON_PREVIEW,
  [Field.HOP]: DROP_ON_PREVIEW,
  [Field.PROXY_STATUS]: DROP_ON_PREVIEW,
  [Field.ALT_SVC]: DROP_ON_PREVIEW,
  [Field.PREVIEW_TOKEN]: DROP_ON_PREVIEW,
  // Only the edge decides how a preview's host is reached.
  [Field.STRICT_TRANSPORT_SECURITY]: DROP_ON_PREVIEW,
});

/**
 * Returns the head to send to the ingress, as latin1 text.
 * @param forwardedLines `X-Forwarded-*` and `Forwarded` of this visitor, each line with its CRLF; empty for a transparent
 *   route, which keeps those that came
 * @param requestId id of the request; '': none. Its line is the last
 */
export function requestHeadText(
  request: RequestHead,
  route: Route,
  forwardedLines: string,
  requestId = '',
): string {
  const { strippedPrefix } = route;
  const target = strippedPrefix === '' ? request.target : withoutPrefix(request.target, strippedPrefix);
  let text = `${request.method} ${target} HTTP/1.1\r\n${route.requestLines}${forwardedLines}`;
  const isPreview = route.kind === 'preview';
  const rules = route.kind === 'transparent' ? TRANSPARENT_RULES : REQUEST_RULES;
  const { bodyFilter } = route;
  const isFiltered = bodyFilter !== null && bodyFilter.concerns(request);
  const isPlain = request.connectionOptions.length === 0 && route.ownedNames.length === 0 && !isFiltered;
  const { translator } = route;
  let runStart = 0;
  let runEnd = 0;
  for (let i = 0; i < request.count; i++) {
    const rule = rules[request.id(i)];
    if (rule === DROP || (rule === DROP_ON_PREVIEW && isPreview)) continue;
    if (!isPlain && (isNominated(request, i) || isOwned(request, i, route))) continue;
    if (isFiltered && bodyFilter.replaces(request, i)) continue;
    if (rule !== KEEP && isPreview) {
      const left =
        rule === CREDENTIALS ? withoutCredentials(request, i) : translatedLine(translator, request, i);
      if (left !== null) {
        text += request.text.slice(runStart, runEnd) + left;
        runStart = runEnd = request.lineEnd(i);
        continue;
      }
    }
    const start = request.lineStart(i);
    if (start !== runEnd) {
      text += request.text.slice(runStart, runEnd);
      runStart = start;
    }
    runEnd = request.lineEnd(i);
  }
  text += request.text.slice(runStart, runEnd);
  if (isFiltered) text += bodyFilter.requestLines(request);
  if (request.framing === Framing.CHUNKED) text += 'Transfer-Encoding: chunked\r\n';
  else if (request.framing === Framing.NONE && route.kind !== 'transparent' && expectsBody(request))
    text += 'Content-Length: 0\r\n';
  const upgrade = upgradeOf(request, route);
  if (upgrade !== '') text += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
  else if (acceptsTrailers(request)) text += 'Connection: TE\r\nTE: trailers\r\n';
  return `${text}${requestIdLine(requestId)}\r\n`;
}

/** Returns a target without a prefix of its path: `/api/users?a` as `/users?a`. A target without it stays as it is. */
export function withoutPrefix(target: string, prefix: string): string {
  if (!target.startsWith(prefix)) return target;
  const next = target[prefix.length];
  if (next === undefined || next === '?') return `/${target.slice(prefix.length)}`;
  return next === '/' ? target.slice(prefix.length) : target;
}

/**
 * Returns the kept header lines of a response, without the status line, framing and Connection, which depend on the
 * visitor's connection.
 */
export function responseFieldLines(response: ResponseHead, route: Route): string {
  let text = '';
  let runStart = 0;
  let runEnd = 0;
  const { translator } = route;
  for (let i = 0; i < response.count; i++) {
    if (!passes(response, i, route)) continue;
    const translated = translator === null ? null : translator.responseValue(response, i);
    if (translated !== null) {
      text += `${response.text.slice(runStart, runEnd)}${response.name(i)}: ${translated}\r\n`;
      runStart = runEnd = response.lineEnd(i);
      continue;
    }
    const start = response.lineStart(i);
    if (start !== runEnd) {
      text += response.text.slice(runStart, runEnd);
      runStart = start;
    }
    runEnd = response.lineEnd(i);
  }
  return text + response.text.slice(runStart, runEnd);
}

/** Reports whether field `i` of a response reaches the visitor. */
export function passes(response: ResponseHead, i: number, route: Route): boolean {
  const id = response.id(i);
  const rule = RESPONSE_RULES[id];
  if (rule === LENGTH) return !response.isBodyless;
  if (rule !== KEEP && (rule === DROP || route.kind === 'preview')) return false;
  if (response.connectionOptions.length > 0 && isNominated(response, i)) return false;
  return (
    route.kind !== 'preview' ||
    (id === Field.SET_COOKIE
      ? maySetCookie(visitorsCookie(response.value(i), route), route.hostname)
      : id !== Field.CLEAR_SITE_DATA || !CLEARS_COOKIES.test(response.value(i)))
  );
}

/**
 * Returns the framing of a response whose status allows no body: an explicit length of 0 for 205, since HTTP/1.1 finds
 * its end like that of any other status. '' for all others.
 */
export function bodylessLine(response: ResponseHead): string {
  return response.status === 205 ? 'Content-Length: 0\r\n' : '';
}

/** Returns a Set-Cookie value as the visitor would get it. */
function visitorsCookie(cookie: string, { translator }: Route): string {
  return translator === null ? cookie : (translator.hostCookie(cookie) ?? cookie);
}

/** Returns the line that the service gets in place of line `i`, '' for none; null if it gets that line. */
function translatedLine(
  translator: AddressTranslator | null,
  request: RequestHead,
  i: number,
): string | null {
  const value = translator === null ? null : translator.requestValue(request, i);
  return value === null || value === '' ? value : `${request.name(i)}: ${value}\r\n`;
}

function isNominated(head: RequestHead | ResponseHead, i: number): boolean {
  for (const option of head.connectionOptions) if (head.isNamed(i, option)) return true;
  return false;
}

function isOwned(request: RequestHead, i: number, route: Route): boolean {
  for (const name of route.ownedNames) if (request.isNamedAlike(i, name)) return true;
  return false;
}

/** Reports whether a server may ask for the length of a request that has no body (RFC 9110 §8.6; 411). */
function expectsBody({ method, upgrade }: RequestHead): boolean {
  return (method === 'POST' || method === 'PUT' || method === 'PATCH') && upgrade === '';
}

function acceptsTrailers(request: RequestHead): boolean {
  const i = request.find(Field.TE);
  return i >= 0 && /(^|,)[ \t]*trailers[ \t]*(,|$)/i.test(request.value(i));
}

/** Cookies of the whole registrable domain, including those of the app and other previews. */
const CLEARS_COOKIES = /"(?:cookies|\*)"/i;

/** A Culvert secret, whatever its scheme: any other Authorization is the service's. */
const OUR_AUTHORIZATION = new RegExp(`^(?:[\\w-]+[ \\t]+)?${SECRET_PREFIX_PATTERN}`, 'i');

/**
 * Returns a line without its credentials for Culvert: '' when nothing is left, null when it holds none. Other cookies
 * stay byte for byte.
 */
function withoutCredentials(request: RequestHead, i: number): string | null {
  if (request.id(i) === Field.AUTHORIZATION)
    return OUR_AUTHORIZATION.test(request.value(i)) || hasOwnAuthorization(request) ? '' : null;
  const cookies = withoutReservedCookies(request.value(i));
  return cookies === null || cookies === '' ? cookies : `${request.name(i)}: ${cookies}\r\n`;
}

function table(rules: Readonly<Record<number, number>>): Uint8Array {
  const byId = new Uint8Array(256).fill(KEEP);
  for (const [id, rule] of Object.entries(rules)) byId[Number(id)] = rule;
  return byId;
}
