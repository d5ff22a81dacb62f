import { describe, expect, it } from 'vitest';
import { HeadReader } from './head-reader.js';
import { DEFAULT_HEAD_LIMITS } from './limits.js';
import { Framing } from './message-head.js';
import { Oddity } from './oddity.js';
import type { ResponseHead } from './response-head.js';
import { parseResponseHead } from './response-head.js';
import { checkResponse } from './spec/properties.js';
import { TABLE_LIMITS } from './spec/refusals.js';

function parse(requestMethod: string, ...lines: string[]): ResponseHead {
  const bytes = Buffer.from([...lines, '', ''].join('\r\n'), 'latin1');
  return parseResponseHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS, requestMethod);
}

describe('ResponseHead', () => {
  it.each([
    ['HTTP/1.1 200 OK', 1, 200, 'OK'],
    ['HTTP/1.0 404 Not Found', 0, 404, 'Not Found'],
    ['HTTP/1.1 200 ', 1, 200, ''],
    ['HTTP/1.1 200', 1, 200, ''],
    ['HTTP/1.1 599  \t caf\xe9 ', 1, 599, ' \t caf\xe9 '],
    ['HTTP/1.1 299 300', 1, 299, '300'],
    ['HTTP/1.1 600 Odd', 1, 600, 'Odd'],
    ['HTTP/1.1 999', 1, 999, ''],
  ])('reads the status line %s', (line, minorVersion, status, reason) => {
    expect(parse('GET', line)).toMatchObject({ minorVersion, status, reason, count: 0 });
  });

  it.each([
    ['GET', '200', ['Content-Length: 5'], Framing.LENGTH, 5],
    ['GET', '200', ['Content-Length: 0'], Framing.LENGTH, 0],
    ['GET', '200', ['Transfer-Encoding: chunked'], Framing.CHUNKED, 0],
    ['GET', '200', [], Framing.UNTIL_CLOSE, 0],
    ['GET', '205', ['Content-Length: 5'], Framing.NONE, 0],
    ['GET', '205', [], Framing.NONE, 0],
    ['GET', '200', ['Transfer-Encoding: chunked', 'transfer-encoding: Chunked'], Framing.CHUNKED, 0],
    ['GET', '200', ['Transfer-Encoding: identity'], Framing.UNTIL_CLOSE, 0],
    ['GET', '200', ['Transfer-Encoding:'], Framing.UNTIL_CLOSE, 0],
    ['HEAD', '200', ['Content-Length: 5'], Framing.NONE, 0],
    ['HEAD', '200', ['Transfer-Encoding: chunked'], Framing.NONE, 0],
    ['HEAD', '200', [], Framing.NONE, 0],
    ['head', '200', ['Content-Length: 5'], Framing.LENGTH, 5],
    ['GET', '304', ['Content-Length: 5'], Framing.NONE, 0],
    ['GET', '304', ['Transfer-Encoding: chunked'], Framing.NONE, 0],
    ['GET', '204', [], Framing.NONE, 0],
    ['GET', '204', ['Content-Length: 0'], Framing.NONE, 0],
    ['GET', '204', ['Content-Length: 21'], Framing.NONE, 0],
    ['GET', '204', ['Transfer-Encoding: chunked'], Framing.NONE, 0],
    ['GET', '103', ['Content-Length: 21'], Framing.NONE, 0],
    ['GET', '101', ['Transfer-Encoding: chunked'], Framing.NONE, 0],
    ['GET', '100', [], Framing.NONE, 0],
    ['GET', '103', ['Link: </a>'], Framing.NONE, 0],
    ['GET', '101', [], Framing.NONE, 0],
  ])('frames the response to %s with %s and %j', (method, status, lines, framing, contentLength) => {
    expect(parse(method, `HTTP/1.1 ${status} x`, ...lines)).toMatchObject({ framing, contentLength });
  });

  it.each([
    ['HTTP/1.1 200 OK', ['Content-Length: 0'], true],
    ['HTTP/1.1 200 OK', ['Content-Length: 0', 'Connection: close'], false],
    ['HTTP/1.1 200 OK', [], false],
    ['HTTP/1.1 204 No Content', [], true],
    ['HTTP/1.1 204 No Content', ['Content-Length: 0'], true],
    ['HTTP/1.1 204 No Content', ['Content-Length: 1'], false],
    ['HTTP/1.1 204 No Content', ['Transfer-Encoding: chunked'], false],
    ['HTTP/1.1 205 Reset Content', ['Content-Length: 0'], true],
    ['HTTP/1.1 205 Reset Content', [], false],
    ['HTTP/1.0 200 OK', ['Content-Length: 0'], false],
    ['HTTP/1.0 200 OK', ['Transfer-Encoding: chunked', 'Connection: keep-alive'], false],
    ['HTTP/1.0 200 OK', ['Content-Length: 0', 'Connection: keep-alive'], true],
  ])('reports keep-alive after %s with %j: %j', (line, lines, keepAlive) => {
    expect(parse('GET', line, ...lines).keepAlive).toBe(keepAlive);
  });

  it.each([
    [[], Infinity],
    [['Keep-Alive: timeout=5'], 5000],
    [['Keep-Alive: timeout=0'], 0],
    [['Keep-Alive: max=100, Timeout = "2"'], 2000],
    [['keep-alive: timeout=15;max=1'], 15_000],
    [['Keep-Alive: timeout=soon'], Infinity],
    [['Keep-Alive: 300'], Infinity],
    [['Keep-Alive: xtimeout=5'], Infinity],
  ])('reads from %j how long the service keeps an idle connection: %d', (lines, maxIdleMs) => {
    expect(parse('GET', 'HTTP/1.1 200 OK', ...lines).maxIdleMs).toBe(maxIdleMs);
  });

  it.each([
    ['101', ['Connection: Upgrade', 'Upgrade: SPDY/3.1'], 'SPDY/3.1'],
    ['101', ['Connection: Upgrade', 'Upgrade: h2c'], ''],
    ['101', ['Upgrade: tcp'], ''],
    ['426', ['Connection: Upgrade', 'Upgrade: tcp'], ''],
  ])('switches with %s and %j to the other protocol "%s"', (status, lines, protocol) => {
    const head = parse('GET', `HTTP/1.1 ${status} x`, ...lines);
    expect([head.upgrade, head.otherUpgrade]).toEqual(['', protocol]);
  });

  it.each([
    ['101', ['Connection: Upgrade', 'Upgrade: WebSocket'], 'websocket'],
    ['101', ['Connection: Upgrade', 'Upgrade: h2c'], ''],
    ['101', ['Upgrade: websocket'], ''],
    ['426', ['Connection: Upgrade', 'Upgrade: websocket'], ''],
  ])('switches protocols with %s and %j to "%s"', (status, lines, upgrade) => {
    expect(parse('GET', `HTTP/1.1 ${status} x`, ...lines).upgrade).toBe(upgrade);
  });

  it.each([
    ['204 with a length', 'HTTP/1.1 204 x', ['Content-Length: 1'], Oddity.BODY_NOT_ALLOWED],
    ['a chunked 204', 'HTTP/1.1 204 x', ['Transfer-Encoding: chunked'], Oddity.BODY_NOT_ALLOWED],
    ['205 with a length', 'HTTP/1.1 205 x', ['Content-Length: 1'], Oddity.BODY_NOT_ALLOWED],
    ['103 with a length', 'HTTP/1.1 103 x', ['Content-Length: 1'], Oddity.BODY_NOT_ALLOWED],
    ['a chunked 101', 'HTTP/1.1 101 x', ['Transfer-Encoding: chunked'], Oddity.BODY_NOT_ALLOWED],
    [
      'a Connection with a parameter',
      'HTTP/1.1 200 x',
      ['Connection: Keep-Alive; timeout=5'],
      Oddity.BAD_CONNECTION,
    ],
    [
      'chunks in HTTP/1.0',
      'HTTP/1.0 200 x',
      ['Transfer-Encoding: chunked'],
      Oddity.TRANSFER_ENCODING_IN_HTTP10,
    ],
    [
      'chunked twice',
      'HTTP/1.1 200 x',
      ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
      Oddity.REPEATED_TRANSFER_ENCODING,
    ],
    ['identity', 'HTTP/1.1 200 x', ['Transfer-Encoding: identity'], Oddity.BAD_TRANSFER_ENCODING],
    ['a quoted Connection', 'HTTP/1.1 200 x', ['Connection: "close"'], Oddity.BAD_CONNECTION],
    ['204 of length 0', 'HTTP/1.1 204 x', ['Content-Length: 0'], 0],
    ['304 with a length', 'HTTP/1.1 304 x', ['Content-Length: 1'], 0],
    ['a chunked 304', 'HTTP/1.1 304 x', ['Transfer-Encoding: chunked'], 0],
  ])('reports the oddities of %s', (_what, line, lines, oddities) => {
    expect(parse('GET', line, ...lines).oddities).toBe(oddities);
  });

  it.each([
    ['LF', 'HTTP/1.1 200 OK\nX: a\nContent-Length: 2\n\n'],
    ['LF and CRLF', 'HTTP/1.1 200 OK\r\nX: a\nContent-Length: 2\r\n\n'],
    ['LF before an empty line of CRLF', 'HTTP/1.1 200 OK\nX: a\nContent-Length: 2\n\r\n'],
  ])('reads lines that end with %s like lines that end with CRLF', (_what, text) => {
    for (const tail of ['', 'ok', 'o\r\n\r\nk', 'a\n\nb']) {
      const chunk = Buffer.from(text + tail, 'latin1');
      const reader = new HeadReader(DEFAULT_HEAD_LIMITS, 'response');
      const end = reader.push(chunk, 0);
      const head = parseResponseHead(reader.buffer, reader.start, reader.end, DEFAULT_HEAD_LIMITS, 'GET');
      expect(end - head.surplus).toBe(text.length);
      expect(head).toMatchObject({
        text: 'HTTP/1.1 200 OK\r\nX: a\r\nContent-Length: 2\r\n\r\n',
        status: 200,
        contentLength: 2,
        keepAlive: false,
        oddities: Oddity.BARE_LF,
      });
    }
  });

  it('names the fields that Connection nominates', () => {
    const head = parse('GET', 'HTTP/1.1 200 OK', 'Connection: Transfer-Encoding, X-Hop');
    expect(head.connectionOptions).toEqual(['x-hop']);
  });

  it('accepts the options of Connection that are tokens, and ignores the rest', () => {
    const head = parse('GET', 'HTTP/1.1 200 OK', 'Connection: Keep-Alive; timeout=5, X-Hop, "X-Kept"');
    expect(head.connectionOptions).toEqual(['x-hop']);
    expect(head.keepAlive).toBe(false);
  });

  it('accepts a status line as long as a request line', () => {
    const longest = `HTTP/1.1 200 ${'x'.repeat(TABLE_LIMITS.maxTargetBytes + 42 - 13)}`;
    expect(checkResponse(`${longest}\r\n\r\n`, TABLE_LIMITS, 'GET')).toBe('accepted');
    expect(checkResponse(`${longest}x\r\n\r\n`, TABLE_LIMITS, 'GET')).toBe('START_LINE_TOO_LONG');
  });
});
