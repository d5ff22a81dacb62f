import { describe, expect, it } from 'vitest';
import { Field } from './field.js';
import { DEFAULT_HEAD_LIMITS } from './limits.js';
import { Framing } from './message-head.js';
import type { RequestHead } from './request-head.js';
import { parseRequestHead } from './request-head.js';
import { checkRequest } from './spec/properties.js';
import { TABLE_LIMITS } from './spec/refusals.js';

function parse(text: string): RequestHead {
  const bytes = Buffer.from(text, 'latin1');
  return parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
}

const withLine = (line: string) => parse(`${line}\r\nHost: a\r\n\r\n`);
const withFields = (...lines: string[]) =>
  parse(`GET / HTTP/1.1\r\nHost: a\r\n${lines.join('\r\n')}\r\n\r\n`);

describe('RequestHead', () => {
  it.each([
    ['GET / HTTP/1.1', 'GET', '/', 1],
    ['get / HTTP/1.1', 'get', '/', 1],
    ["!#$%&'*+-.^_`|~ / HTTP/1.1", "!#$%&'*+-.^_`|~", '/', 1],
    [`${'A'.repeat(32)} / HTTP/1.1`, 'A'.repeat(32), '/', 1],
    ['TRACE / HTTP/1.1', 'TRACE', '/', 1],
    ['POST /a/../b//c;d?e=f&g=%zz? HTTP/1.0', 'POST', '/a/../b//c;d?e=f&g=%zz?', 0],
    ['GET /"<>\\^`{|}~! HTTP/1.1', 'GET', '/"<>\\^`{|}~!', 1],
    ['GET //other.example/ HTTP/1.1', 'GET', '//other.example/', 1],
    ['OPTIONS * HTTP/1.1', 'OPTIONS', '*', 1],
    ['GET http://a HTTP/1.1', 'GET', '/', 1],
    ['GET HTTPS://A/b?c HTTP/1.1', 'GET', '/b?c', 1],
    ['GET http://a?b HTTP/1.1', 'GET', '/?b', 1],
    ['GET http://a//b/../c HTTP/1.1', 'GET', '//b/../c', 1],
    ['OPTIONS http://a HTTP/1.1', 'OPTIONS', '*', 1],
    ['OPTIONS http://a/ HTTP/1.1', 'OPTIONS', '/', 1],
  ])('reads the request line %s', (line, method, target, minorVersion) => {
    expect(withLine(line)).toMatchObject({ method, target, minorVersion });
  });

  it.each([
    ['a', 'a'],
    ['Quiet-Heron.Preview.Example.COM', 'quiet-heron.preview.example.com'],
    ['a_b.c', 'a_b.c'],
    ['a:8080', 'a:8080'],
    ['a:0', 'a:0'],
    ['a:00080', 'a:00080'],
    ['127.0.0.1:65535', '127.0.0.1:65535'],
    ['[::1]', '[::1]'],
    ['[::]:1', '[::]:1'],
    ['[2001:DB8:0:0:0:0:0:7]:443', '[2001:db8:0:0:0:0:0:7]:443'],
    ['[::ffff:192.0.2.1]', '[::ffff:192.0.2.1]'],
    ['[1:2:3:4:5:6:7::]', '[1:2:3:4:5:6:7::]'],
    ['x'.repeat(255), 'x'.repeat(255)],
  ])('accepts the host %s', (sent, host) => {
    expect(parse(`GET / HTTP/1.1\r\nHost: ${sent}\r\n\r\n`).host).toBe(host);
    expect(parse(`GET / HTTP/1.1\r\nhOST:\t${sent} \t\r\n\r\n`).host).toBe(host);
  });

  it.each([
    [['Content-Length: 5'], Framing.LENGTH, 5],
    [['content-length:0'], Framing.LENGTH, 0],
    [['Content-Length:  007  '], Framing.LENGTH, 7],
    [['Content-Length: 9007199254740991'], Framing.LENGTH, Number.MAX_SAFE_INTEGER],
    [['Transfer-Encoding: chunked'], Framing.CHUNKED, 0],
    [['transfer-ENCODING:  Chunked  '], Framing.CHUNKED, 0],
    [['Content_Length: 5'], Framing.NONE, 0],
    [['X-Content-Length: 5'], Framing.NONE, 0],
  ])('frames %j', (lines, framing, contentLength) => {
    expect(withFields(...lines)).toMatchObject({ framing, contentLength });
  });

  it.each([
    [1, [], true],
    [1, ['Connection: close'], false],
    [1, ['Connection: Keep-Alive, CLOSE'], false],
    [1, ['Connection: x', 'Connection: close'], false],
    [1, ['Connection: Keep-Alive; timeout=5', 'Keep-Alive: timeout=5'], true],
    [1, ['Connection: "x", close', 'X-Kept: 1'], false],
    [1, ['Connection: "Content-Length", @'], true],
    [0, ['Connection: Keep-Alive; timeout=5'], false],
    [0, [], false],
    [0, ['Connection: keep-alive'], true],
    [0, ['Connection: Keep-Alive , x'], true],
    [0, ['Connection: keep-alive', 'Connection: close'], false],
    [1, ['Proxy-Connection: close'], true],
  ])('for HTTP/1.%i reports keep-alive after %j: %j', (minorVersion, lines, keepAlive) => {
    const head = parse([`GET / HTTP/1.${minorVersion}`, 'Host: a', ...lines, '', ''].join('\r\n'));
    expect(head.keepAlive).toBe(keepAlive);
  });

  it.each([
    ['GET', 1, ['Connection: Upgrade', 'Upgrade: DERP'], 'DERP'],
    ['POST', 1, ['Connection: upgrade', 'Upgrade: SPDY/3.1', 'Content-Length: 1'], 'SPDY/3.1'],
    ['POST', 1, ['Connection: upgrade', 'Upgrade: tcp', 'Transfer-Encoding: chunked'], 'tcp'],
    ['PUT', 1, ['Connection: Upgrade', 'Upgrade: tcp'], ''],
    ['GET', 0, ['Connection: Upgrade', 'Upgrade: tcp'], ''],
    ['GET', 1, ['Upgrade: tcp'], ''],
    ['GET', 1, ['Connection: Upgrade', 'Upgrade: tcp, derp'], ''],
    ['GET', 1, ['Connection: Upgrade', 'Upgrade: tcp', 'Upgrade: derp'], ''],
    ['GET', 1, ['Connection: Upgrade', 'Upgrade: a/b/c'], ''],
    ['GET', 1, ['Connection: Upgrade', 'Upgrade: '], ''],
    ['POST', 1, ['Connection: Upgrade', 'Upgrade: websocket'], ''],
    ['GET', 1, ['Connection: Upgrade', 'Upgrade: websocket/13'], ''],
    ['GET', 1, ['Connection: Upgrade', 'Upgrade: H2C'], ''],
    ['GET', 1, ['Connection: Upgrade', 'Upgrade: TLS/1.2'], ''],
    ['GET', 1, ['Connection: Upgrade', 'Upgrade: HTTP/2.0'], ''],
  ])('%s of HTTP/1.%i with %j offers the other protocol "%s"', (method, minorVersion, lines, protocol) => {
    const head = parse([`${method} / HTTP/1.${minorVersion}`, 'Host: a', ...lines, '', ''].join('\r\n'));
    expect([head.upgrade, head.otherUpgrade]).toEqual(['', protocol]);
  });

  it.each([
    ['GET', 1, ['Connection: Upgrade', 'Upgrade: WebSocket'], 'websocket'],
    ['GET', 1, ['Connection: keep-alive, upgrade', 'Upgrade:\twebsocket\t'], 'websocket'],
    ['GET', 1, ['Connection: Upgrade', 'Upgrade: websocket', 'Content-Length: 0'], 'websocket'],
    ['GET', 1, ['Upgrade: websocket'], ''],
    ['GET', 1, ['Connection: upgrade'], ''],
    ['GET', 1, ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c'], ''],
    ['GET', 1, ['Connection: upgrade', 'Upgrade: websocket, h2c'], ''],
    ['GET', 1, ['Connection: upgrade', 'Upgrade: h2c', 'Upgrade: websocket'], ''],
    ['GET', 1, ['Connection: upgrade', 'Upgrade: websocket/13'], ''],
    ['GET', 0, ['Connection: upgrade', 'Upgrade: websocket'], ''],
    ['POST', 1, ['Connection: upgrade', 'Upgrade: websocket'], ''],
    ['GET', 1, ['Connection: upgrade', 'Upgrade: websocket', 'Content-Length: 1'], ''],
    ['GET', 1, ['Connection: upgrade', 'Upgrade: websocket', 'Transfer-Encoding: chunked'], ''],
  ])('%s of HTTP/1.%i with %j upgrades to "%s"', (method, minorVersion, lines, upgrade) => {
    const head = parse([`${method} / HTTP/1.${minorVersion}`, 'Host: a', ...lines, '', ''].join('\r\n'));
    expect(head.upgrade).toBe(upgrade);
  });

  it.each([
    [1, ['Expect: 100-continue', 'Content-Length: 5'], true],
    [1, ['Expect: 100-Continue', 'Transfer-Encoding: chunked'], true],
    [1, ['Expect: 100-continue', 'Content-Length: 0'], false],
    [1, ['Expect: 100-continue'], false],
    [0, ['Expect: 100-continue', 'Content-Length: 5'], false],
    [1, ['Content-Length: 5'], false],
  ])('for HTTP/1.%i reports a withheld body for %j: %j', (minorVersion, lines, expectContinue) => {
    const head = parse([`POST / HTTP/1.${minorVersion}`, 'Host: a', ...lines, '', ''].join('\r\n'));
    expect(head.expectContinue).toBe(expectContinue);
  });

  it('lists the fields that Connection nominates, without those the relay writes itself', () => {
    const head = withFields(
      'Connection: close, X-A,,x-a , TE',
      'Connection:',
      'Connection: Host, content-length, Transfer-Encoding, keep-alive, upgrade, X-B',
    );
    expect(head.connectionOptions).toEqual(['x-a', 'x-b']);
  });

  it('shares one frozen list when Connection nominates nothing', () => {
    const { connectionOptions } = withFields('Connection: keep-alive');
    expect(connectionOptions).toBe(withFields('X: y').connectionOptions);
    expect(Object.isFrozen(connectionOptions)).toBe(true);
  });

  it('accepts 32 Connection options', () => {
    const options = Array.from({ length: 32 }, (_, i) => `o${i}`);
    expect(withFields(`Connection: ${options.join(',')}`).connectionOptions).toEqual(options);
  });

  it('returns names and values as sent', () => {
    const head = withFields(
      'X-Mixed: \t a \t b\t ',
      'empty:',
      'blank: \t ',
      'obs:caf\xe9\x80\xff',
      "!#$%&'*+-.^_`|~: t",
    );
    const fields = Array.from({ length: head.count }, (_, i) => [head.name(i), head.value(i)]);
    expect(fields).toEqual([
      ['Host', 'a'],
      ['X-Mixed', 'a \t b'],
      ['empty', ''],
      ['blank', ''],
      ['obs', 'caf\xe9\x80\xff'],
      ["!#$%&'*+-.^_`|~", 't'],
    ]);
  });

  it('allows copying a run of lines as one slice', () => {
    const head = withFields('A: 1', 'B: 2', 'C: 3');
    expect(head.text.slice(head.lineStart(1), head.lineEnd(2))).toBe('A: 1\r\nB: 2\r\n');
    expect(head.lineEnd(3)).toBe(head.text.length - 2);
  });

  it('finds the first line with an id', () => {
    const head = withFields('Cookie: a', 'X: y', 'cookie: b');
    expect(head.find(Field.COOKIE)).toBe(1);
    expect(head.find(Field.SET_COOKIE)).toBe(-1);
  });

  it('compares names without regard to case', () => {
    const head = withFields('X-Foo: a');
    expect(head.isNamed(1, 'x-foo')).toBe(true);
    expect(head.isNamed(1, 'x-fo')).toBe(false);
    expect(head.isNamed(1, 'x-foo2')).toBe(false);
    expect(head.isNamed(1, 'x_foo')).toBe(false);
  });

  it('reads a head in the middle of a buffer and does not retain that buffer', () => {
    const text = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n';
    const bytes = Buffer.from(`HTTP/1.1 ${text}GET`);
    const head = parseRequestHead(bytes, 9, 9 + text.length, DEFAULT_HEAD_LIMITS);
    bytes.fill(0);
    expect([head.text, head.target, head.host, head.value(0)]).toEqual([text, '/a', 'a', 'a']);
  });

  it('accepts exactly as much as the limits allow', () => {
    const target = `/${'a'.repeat(TABLE_LIMITS.maxTargetBytes - 1)}`;
    expect(checkRequest(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`, TABLE_LIMITS)).toBe('accepted');
    const longest = `${'A'.repeat(32)} ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;
    expect(checkRequest(longest, TABLE_LIMITS)).toBe('accepted');
    const eight = 'X: y\r\n'.repeat(7);
    expect(checkRequest(`GET / HTTP/1.1\r\nHost: a\r\n${eight}\r\n`, TABLE_LIMITS)).toBe('accepted');
    const start = 'GET / HTTP/1.1\r\nHost: a\r\nX: ';
    const padding = (bytes: number) => 'y'.repeat(bytes - start.length - 4);
    const { maxHeadBytes } = TABLE_LIMITS;
    expect(checkRequest(`${start}${padding(maxHeadBytes)}\r\n\r\n`, TABLE_LIMITS)).toBe('accepted');
    expect(checkRequest(`${start}${padding(maxHeadBytes + 1)}\r\n\r\n`, TABLE_LIMITS)).toBe('HEAD_TOO_LARGE');
  });

  it.each([
    ['a.example.', 'a.example', true],
    ['A.example.:8443', 'a.example:8443', true],
    ['a.example:', 'a.example', false],
    ['a.example.:', 'a.example', true],
    ['192.0.2.1.', '192.0.2.1', true],
    ['[::1]:', '[::1]', false],
    ['a.example:80', 'a.example:80', false],
  ])('drops a final dot and an empty port from the host: %s', (sent, host, hasFinalDot) => {
    for (const target of ['/', `http://${sent}/`, `http://${host}/`]) {
      const head = parse(`GET ${target} HTTP/1.1\r\nHost: ${sent}\r\n\r\n`);
      expect([head.host, head.hasFinalDot, head.target]).toEqual([host, hasFinalDot, '/']);
    }
  });

  it('accepts targets of 16 KiB by default', () => {
    const withTarget = (bytes: number) => `GET /${'a'.repeat(bytes - 1)} HTTP/1.1\r\nHost: a\r\n\r\n`;
    expect(checkRequest(withTarget(16_384), DEFAULT_HEAD_LIMITS)).toBe('accepted');
    expect(checkRequest(withTarget(16_385), DEFAULT_HEAD_LIMITS)).toBe('START_LINE_TOO_LONG');
  });

  it('asserts that its caller has delimited the head', () => {
    const bytes = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n');
    expect(() => parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS)).toThrow(
      expect.objectContaining({ code: 'ERR_ASSERTION' }),
    );
  });
});
