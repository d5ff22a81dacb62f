import { DEFAULT_HEAD_LIMITS, parseRequestHead } from '@culvert/http1';
import { describe, expect, it } from 'vitest';
import { mayReachApp } from './operator-paths.js';

function request(target: string, ...lines: string[]) {
  const bytes = Buffer.from([`GET ${target} HTTP/1.1`, 'Host: app.test', ...lines, '', ''].join('\r\n'));
  return parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
}

describe('the way to metrics on the public port', () => {
  it.each(['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'])('is open to %s', (peer) => {
    expect(mayReachApp(request('/metrics'), peer)).toBe(true);
  });

  it.each(['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1', ''])('is closed to "%s"', (peer) => {
    for (const target of ['/metrics', '/metrics/', '/metrics?x', '/METRICS', 'http://app.test/metrics'])
      expect(mayReachApp(request(target), peer)).toBe(false);
    for (const target of ['/', '/healthz', '/readyz', '/api/v1/preview-metrics', '/metricsx'])
      expect(mayReachApp(request(target), peer)).toBe(true);
  });

  // nginx on the same machine forwards requests from everywhere.
  it.each([
    'X-Forwarded-For: 192.0.2.1',
    'X-Forwarded-Proto: https',
    'Forwarded: for=192.0.2.1',
    'X-Real-IP: 192.0.2.1',
    'Via: 1.1 proxy',
  ])('is closed to requests that a proxy on this machine forwarded with %s', (line) => {
    expect(mayReachApp(request('/metrics', line), '127.0.0.1')).toBe(false);
  });
});
