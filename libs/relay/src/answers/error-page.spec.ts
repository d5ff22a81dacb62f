import { DEFAULT_HEAD_LIMITS, parseRequestHead, type RequestHead } from '@culvert/http1';
import { describe, expect, it } from 'vitest';
import { errorPage } from './error-page.js';
import { errorResponse } from './error-response.js';
import { RelayError } from './relay-error.js';

function request(fields: Record<string, string>, method = 'GET'): RequestHead {
  const lines = Object.entries({ Host: 'a.test', ...fields }).map(([name, value]) => `${name}: ${value}\r\n`);
  const bytes = Buffer.from(`${method} / HTTP/1.1\r\n${lines.join('')}\r\n`);
  return parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
}

const answer = (error: RelayError, asked: RequestHead | null): string =>
  errorResponse(error, { request: asked, connection: '' }).toString();

const AWAY = new RelayError('manager_unavailable', 'No traffic manager is connected.');

describe('an error page', () => {
  it.each([
    ['a browser over TLS', { Accept: 'text/html,*/*;q=0.8', 'Sec-Fetch-Dest': 'document' }, true],
    ['a browser over plain HTTP', { Accept: 'text/html,*/*;q=0.8' }, true],
    ['a frame', { Accept: 'text/html', 'Sec-Fetch-Dest': 'iframe' }, true],
    ['a script that wants HTML', { Accept: 'text/html', 'Sec-Fetch-Dest': 'empty' }, false],
    ['a program', { Accept: '*/*' }, false],
    ['a client without these headers', {}, false],
  ])('is sent to %s: %o, %s', (_who, fields, isPage) => {
    expect(answer(AWAY, request(fields)).includes('Content-Type: text/html')).toBe(isPage);
  });

  it('reloads itself while the cluster is away, unless it answers a form', () => {
    const html = { Accept: 'text/html' };
    expect(answer(AWAY, request(html))).toMatch(/^Refresh: 5\r$/m);
    expect(answer(AWAY, request(html, 'POST'))).not.toMatch(/^Refresh:/m);
    expect(answer(AWAY, request({}))).not.toMatch(/^Refresh:/m);
    expect(answer(new RelayError('unknown_host', 'No.'), request(html))).not.toMatch(/^Refresh:/m);
  });

  it('links to the sign-in, and reports that a form was not delivered', () => {
    const denied = new RelayError('access_denied', 'Private.');
    const html = { Accept: 'text/html' };
    expect(answer(denied, request(html))).toContain('<a href="/.culvert/sign-in">Sign in</a>');
    expect(answer(denied, request(html))).not.toContain('not delivered');
    expect(answer(denied, request(html, 'POST'))).toContain('<a href="/.culvert/sign-in">Sign in</a>');
    expect(answer(denied, request(html, 'POST'))).toContain('Your request was not delivered.');
    expect(answer(AWAY, request(html))).not.toContain('sign-in');
  });

  // Without CORS headers, scripts of a private preview that called another one saw only CORS errors.
  it.each(['access_denied', 'cross_site_request', 'unknown_host'] as const)(
    'can be read by scripts of other pages when the visitor was not let in: %s',
    (code) => {
      const refusal = answer(new RelayError(code, 'No.'), request({ Origin: 'https://a.preview.test' }));
      expect(refusal).toMatch(/^Access-Control-Allow-Origin: https:\/\/a\.preview\.test\r$/m);
      expect(refusal).toMatch(/^Access-Control-Allow-Credentials: true\r$/m);
      expect(refusal).toMatch(/^Vary: Origin\r$/m);
      expect(refusal).toContain(`"code":"${code}"`);
      expect(answer(new RelayError(code, 'No.'), request({}))).not.toMatch(/Access-Control/);
    },
  );

  it('cannot be read by other pages when it describes the preview', () => {
    const refused = new RelayError('ingress_refused', 'Ingress web:80 refused.');
    for (const error of [AWAY, refused])
      expect(answer(error, request({ Origin: 'https://a.preview.test' }))).not.toMatch(/Access-Control/);
  });

  it('is never stored, never framed, and loads or runs nothing', () => {
    const page = answer(AWAY, request({ Accept: 'text/html' }));
    expect(page).toMatch(/^Cache-Control: no-store\r$/m);
    expect(page).toMatch(
      /^Content-Security-Policy: default-src 'none'; style-src 'sha256-[^']+'; .*frame-ancestors 'none'\r$/m,
    );
    expect(page).not.toMatch(/<script|src=|http-equiv|@import|url\(/);
  });

  it('identifies the failure by the same reference for people and programs', () => {
    expect(answer(AWAY, request({ Accept: 'text/html' }))).toContain(AWAY.reference);
    expect(answer(AWAY, request({}))).toContain(`"reference":"${AWAY.reference}"`);
    expect(new RelayError('unknown_host', '').reference).not.toBe(AWAY.reference);
  });

  it('escapes every text that it contains', () => {
    const hostile = '<script>alert("1")</script>\'&';
    const page = errorPage({
      title: hostile,
      status: 502,
      code: hostile,
      detail: hostile,
      reference: hostile,
      hint: hostile,
      action: { label: hostile, href: hostile },
    });
    expect(page).not.toContain('<script');
    expect(page).not.toContain('"1"');
  });
});
