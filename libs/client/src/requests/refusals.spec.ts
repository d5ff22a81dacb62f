import { describe, expect, it } from 'vitest';
import { Http1Watch } from './http1-watch.js';
import type { RefusalCode } from './refusals.js';

/** Returns the refusal that a watch reports for one answer, which arrives in pieces of seven bytes. */
function refusalOf(answer: string, path = '/'): RefusalCode | null | undefined {
  const seen: (RefusalCode | null)[] = [];
  const watch = new Http1Watch(({ state, refusal }) => {
    if (state === 'ended') seen.push(refusal);
  });
  const upgrade = answer.startsWith('HTTP/1.1 101')
    ? 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
    : '';
  watch.handleRequestBytes(Buffer.from(`GET ${path} HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`));
  const bytes = Buffer.from(answer);
  for (let at = 0; at < bytes.length; at += 7) watch.handleResponseBytes(bytes.subarray(at, at + 7));
  watch.handleClose(null);
  return seen[0];
}

const withLength = (status: number, body: string, fields = '') =>
  `HTTP/1.1 ${status} X\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${fields}\r\n${body}`;
const chunked = (status: number, body: string) =>
  `HTTP/1.1 ${status} X\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

const VITE =
  'Blocked request. This host ("a.preview.test") is not allowed.\nTo allow this host, add "a" to `server.allowedHosts`';
const CSRF = `<style>${'x'.repeat(3000)}</style>Origin checking failed - https://a.preview.test does not match any trusted origins.`;

describe('the watch of requests', () => {
  it.each<[RefusalCode, string, string?]>([
    ['vite_host', withLength(403, VITE)],
    ['webpack_host', withLength(403, 'Invalid Host header')],
    [
      'webpack_host',
      'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\u0081\u0020{"type":"error","data":"Invalid Host/Origin header"}',
    ],
    ['django_host', chunked(400, '<title>DisallowedHost\n at /</title>')],
    ['django_origin', chunked(403, CSRF)],
    ['jupyter_origin', withLength(403, "Blocking request with non-local 'Host' a.preview.test")],
    ['next_origin', withLength(403, 'Unauthorized'), '/_next/static/x.js'],
    ['rails_host', withLength(403, '<h1>Blocked hosts: a.preview.test</h1>')],
  ])('recognizes a refusal as %s', (code, answer, path) => {
    expect(refusalOf(answer, path)).toBe(code);
  });

  it.each([
    ['with another status', withLength(200, VITE)],
    ['that is compressed', withLength(403, VITE, 'Content-Encoding: gzip\r\n')],
    ['whose text stands too far behind', withLength(403, 'x'.repeat(8192) + VITE)],
    ['of an ordinary service', withLength(403, 'Unauthorized')],
    [
      'in a WebSocket that is in use',
      `HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\u0081\u0020${VITE}`,
    ],
  ])('does not take a response %s for a refusal', (_what, answer) => {
    expect(refusalOf(answer)).toBeNull();
  });
});
