/**
 * Visitors and services that impersonate others, as docs/security.md lists it: each attempt in one line, and
 * what is left of it on the other side.
 */
import { SECRET_PREFIXES } from '@culvert/domain';
import { DEFAULT_HEAD_LIMITS, parseRequestHead, parseResponseHead } from '@culvert/http1';
import { describe, expect, it } from 'vitest';
import { SocketDialer } from '../upstream/socket-stream.js';
import type { StreamPool } from '../upstream/stream-pool.js';
import { StreamPools } from '../upstream/stream-pools.js';
import { requestHeadText, responseFieldLines, withoutPrefix } from './header-rules.js';
import { hopMarkOf } from './hop-mark.js';
import { noteOwnAuthorization } from './own-authorization.js';
import { Route } from './route.js';

const pool = (): StreamPool => new StreamPools().open(new SocketDialer(() => expect.unreachable()));
const PREVIEW = Route.forPreview(
  {
    id: 'p',
    teamId: 't',
    hostname: 'a.preview.test',
    interceptId: 'i',
    ingress: 'web:80',
    l5Host: 'web.internal',
    addRequestHeaders: { 'X-Dev': 'route', X_Gate_Way: 'route' },
    access: 'team',
    expiresAt: Infinity,
  },
  pool(),
);
const APP = Route.forApp('app.test', pool());
const OWN = `Host: web.internal\r\nx-telepresence-intercept-id: i\r\nx-culvert-hop: ${hopMarkOf('p')}\r\nX-Dev: route\r\nX_Gate_Way: route\r\nX-Forwarded-For: edge\r\n`;

describe('the header rules', () => {
  it('drop an Authorization that the gate has recognized as a Culvert key', () => {
    const head = Buffer.from(
      'GET /x HTTP/1.1\r\nHost: a.preview.test\r\nAuthorization: Bearer 6f0d1c2b3a49\r\n\r\n',
    );
    const parse = () => parseRequestHead(head, 0, head.length, DEFAULT_HEAD_LIMITS);
    expect(requestHeadText(parse(), PREVIEW, '')).toContain('6f0d1c2b3a49');
    const noted = parse();
    noteOwnAuthorization(noted);
    expect(requestHeadText(noted, PREVIEW, '')).not.toContain('6f0d1c2b3a49');
  });
});

/** Returns what a service gets of a visitor's `line` beside what the edge writes. */
function toService(line: string, route = PREVIEW): string {
  const head = Buffer.from(
    `GET /x HTTP/1.1\r\nHost: a.preview.test\r\n${line}\r\nX-End: 1\r\n\r\n`,
    'latin1',
  );
  const request = parseRequestHead(head, 0, head.length, DEFAULT_HEAD_LIMITS);
  const text = requestHeadText(request, route, 'X-Forwarded-For: edge\r\n');
  const own = route === PREVIEW ? OWN : 'X-Forwarded-For: edge\r\nHost: a.preview.test\r\n';
  const [before, rest = ''] = text.split(own);
  expect(before).toBe('GET /x HTTP/1.1\r\n');
  return rest.replace('X-End: 1\r\n', '').replace(/\r\n\r\n$|^\r\n$/, '');
}

/** Returns what a visitor gets of a service's `line`. */
function toVisitor(line: string, route = PREVIEW): string {
  const head = Buffer.from(`HTTP/1.1 200 OK\r\n${line}\r\nX-End: 1\r\n\r\n`, 'latin1');
  const response = parseResponseHead(head, 0, head.length, DEFAULT_HEAD_LIMITS, 'GET');
  return responseFieldLines(response, route).replace('X-End: 1\r\n', '').trimEnd();
}

const TOKEN = 'x'.repeat(43);

describe('headers of a visitor', () => {
  it.each([
    ['who they are', 'X-Forwarded-For: 6.6.6.6'],
    ['where they come from', 'Forwarded: for=6.6.6.6'],
    ['by which scheme', 'X-Forwarded-Proto: https'],
    ['something new about it', 'X-Forwarded-User: root'],
    ['who they are, to a gateway interface', 'X_Forwarded_For: 6.6.6.6'],
    ['a real address', 'X-Real-Ip: 6.6.6.6'],
    ['a real address, to a gateway interface', 'x_real_ip: 6.6.6.6'],
    ['another intercept', 'X-Telepresence-Intercept-Id: other'],
    ['another intercept, to a gateway interface', 'x_telepresence_intercept_id: other'],
    ['what the preview sets', 'x-dev: visitor'],
    ['what the preview sets, to a gateway interface', 'X_Dev: visitor'],
    ['what the preview sets with an underscore', 'x-gate-way: visitor'],
    ['what the preview sets with an underscore, as it does', 'X_Gate_Way: visitor'],
    ['to be Culvert', 'X-Culvert-Anything: 1'],
    ['to be Culvert, to a gateway interface', 'culvert_anything: 1'],
    ['a key', 'X-Ambassador-Api-Key: cvt_x'],
    ['a key by its other name', 'x-culvert-api-key: cvt_x'],
    ['a token', 'Culvert-Preview-Token: cvp_x'],
    ['a token, with underscores', 'culvert_preview_token: cvp_x'],
    ...Object.entries(SECRET_PREFIXES).flatMap(([kind, prefix]) => [
      [`an ${kind} as bearer`, `Authorization: Bearer ${prefix}x`],
      [`an ${kind} without a scheme`, `Authorization: ${prefix}x`],
      [`an ${kind} by another scheme`, `Authorization: Token ${prefix}x`],
    ]),
    ['a token as bearer, oddly written', 'authorization: bEARER   CVP_x'],
    ['a visit', `Cookie: __Host-culvert-preview=${TOKEN}`],
    ['a visit over plain HTTP', `Cookie: culvert-preview=${TOKEN}`],
    ['a nonce', `Cookie: __Host-culvert-nonce=${TOKEN}`],
    ['a session of the app', `cookie: __Host-culvert-session=${TOKEN}`],
    ['a nominated secret', 'Connection: x-internal\r\nX-Internal: 1'],
    ['an unrequested upgrade', 'HTTP2-Settings: AAMAAABk'],
  ])('a line that claims %s does not reach the service (peers.md 4, 10): %s', (_what, line) =>
    expect(toService(line)).toBe(''),
  );

  it.each([
    'Authorization: Basic dTpw',
    'Authorization: Bearer theirs',
    'Authorization: Bearer cvx_theirs',
    'Authorization: Bearer theirs-cvt_x',
    'Cookie: a=1; session="x y"',
    'X-Forwarded: 1',
    'X-Culvert-Hop: of-another-preview',
    'Origin: https://x.test',
  ])('a line for the service alone passes unchanged: %s', (line) => expect(toService(line)).toBe(line));

  it.each(['POST', 'PUT', 'PATCH'])('a %s without a body gets a length of 0 (RFC 9110 §8.6)', (method) => {
    const text = (fields: string, route: Route) => {
      const head = Buffer.from(`${method} / HTTP/1.1\r\nHost: a.preview.test\r\n${fields}\r\n`);
      return requestHeadText(parseRequestHead(head, 0, head.length, DEFAULT_HEAD_LIMITS), route, '');
    };
    expect(text('', PREVIEW)).toMatch(/\r\nContent-Length: 0\r\n\r\n$/);
    expect(text('content-length: 0\r\n', PREVIEW).match(/content-length/gi)).toHaveLength(1);
    expect(text('Transfer-Encoding: chunked\r\n', PREVIEW)).not.toMatch(/content-length/i);
    expect(text('', Route.forService('app', pool()))).not.toMatch(/content-length/i);
  });

  it('two cookie fields with a reserved cookie in each loses only those two', () =>
    expect(toService(`Cookie: a=1; culvert-preview=${TOKEN}\r\nCookie: culvert-session=${TOKEN}; b=2`)).toBe(
      'Cookie: a=1\r\nCookie: b=2',
    ));

  it('a key to the app reaches the app', () =>
    expect(toService('Authorization: Bearer cvt_x', APP)).toBe('Authorization: Bearer cvt_x'));
});

describe('headers of a service', () => {
  it.each([
    ['forges the error’s origin', 'Proxy-Status: culvert; error=forged'],
    ['forges our error code', 'X-Culvert-Error: forged'],
    ['uses another field of ours', 'Culvert-Anything: 1'],
    ['sends visitors to another port', 'Alt-Svc: h3=":666"'],
    ['forces HTTPS on every host forever', 'Strict-Transport-Security: max-age=1; includeSubDomains'],
    ['forces HTTPS on its own host forever', 'strict-transport-security: max-age=31536000'],
    ['clears cookies of the whole domain', 'Clear-Site-Data: "cookies"'],
    ['clears cookies among others', 'Clear-Site-Data: "cache", "Cookies"'],
    ['clears everything', 'clear-site-data: "*"'],
    ['plants a visit', `Set-Cookie: __Host-culvert-preview=${TOKEN}; Path=/; Secure`],
    ['plants a session of the app', `Set-Cookie: culvert-session=${TOKEN}; Domain=preview.test`],
    ['sets a cookie for its siblings', 'Set-Cookie: a=1; Domain=.preview.test'],
    ['nominates a field', 'Connection: x-hop\r\nX-Hop: 1'],
  ])('a line that %s is ignored (peers.md 10): %s', (_what, line) => expect(toVisitor(line)).toBe(''));

  it.each([
    'Clear-Site-Data: "cache", "storage"',
    'Set-Cookie: a=1; Path=/; Domain=a.preview.test',
    'Access-Control-Allow-Origin: *',
    'Location: https://elsewhere.test/',
  ])('a line for its own host reaches the visitor: %s', (line) => expect(toVisitor(line)).toBe(line));

  it('the app may set HSTS for its own host', () => {
    const line = 'Strict-Transport-Security: max-age=1';
    expect(toVisitor(line, APP)).toBe(line);
  });
});

describe('withoutPrefix', () => {
  it.each([
    ['/api', '/'],
    ['/api?a=/b', '/?a=/b'],
    ['/api/', '/'],
    ['/api/users?a', '/users?a'],
    ['/api//users', '//users'],
    ['/apis', '/apis'],
    ['/x/api', '/x/api'],
    ['*', '*'],
  ])('leaves the prefix /api out of %s', (target, expected) => {
    expect(withoutPrefix(target, '/api')).toBe(expected);
  });
});
