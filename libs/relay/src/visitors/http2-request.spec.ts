import { DEFAULT_HEAD_LIMITS, Framing, HttpSyntaxError } from '@culvert/http1';
import { describe, expect, it } from 'vitest';
import { HpackDecoder, readRequestFields } from '@culvert/http2';
import { RelayError } from '../answers/relay-error.js';
import { block } from '../spec/http2-frames.js';
import { readHttp2Request } from './http2-request.js';

const GET = [':method', 'GET', ':scheme', 'https', ':path', '/a?b', ':authority', 'Demo.test:8443'];

function read(fields: readonly string[], options: { hasBody?: boolean; scheme?: 'http' | 'https' } = {}) {
  const { hasBody = false, scheme = 'https' } = options;
  const pairs = Array.from(
    { length: fields.length / 2 },
    (_, i) => [fields[2 * i], fields[2 * i + 1]] as const,
  );
  const bytes = block(pairs);
  const list = new HpackDecoder({ maxListBytes: 65_536, maxFields: 100 }).decode(bytes, 0, bytes.length);
  const request = readRequestFields(list, { isShared: false });
  if (request === null) throw new Malformed();
  return readHttp2Request(request, { scheme, hasBody, limits: DEFAULT_HEAD_LIMITS });
}

/** Requests that libs/http2 resets before it creates a head. */
class Malformed extends Error {}

function refusalOf(fields: readonly string[], options?: { hasBody?: boolean }): string | number {
  try {
    read(fields, options);
  } catch (error) {
    if (error instanceof HttpSyntaxError) return error.code;
    if (error instanceof RelayError) return error.status;
    if (error instanceof Malformed) return 'malformed';
    throw error;
  }
  return 'accepted';
}

describe('readHttp2Request', () => {
  it('returns the head that the same request has in HTTP/1.1', () => {
    const { head, webSocketKey } = read([...GET, 'cookie', 'a=1', 'accept', '*/*', 'cookie', 'b=2']);
    expect(head.text).toBe(
      'GET /a?b HTTP/1.1\r\nhost: Demo.test:8443\r\naccept: */*\r\ncookie: a=1; b=2\r\n\r\n',
    );
    expect(head.host).toBe('demo.test:8443');
    expect(webSocketKey).toBe('');
  });

  it.each([
    ['no body', false, [], Framing.NONE],
    ['a body of any length', true, [], Framing.CHUNKED],
    ['a body of a known length', true, ['content-length', '3'], Framing.LENGTH],
    ['an announced empty body', false, ['content-length', '0'], Framing.LENGTH],
  ])('frames %s', (_what, hasBody, fields, framing) => {
    expect(read([...GET, ...fields], { hasBody }).head.framing).toBe(framing);
  });

  it('turns an extended CONNECT into a WebSocket handshake, with a fresh key each time', () => {
    const fields = [
      ':method',
      'CONNECT',
      ':protocol',
      'websocket',
      ...GET.slice(2),
      'sec-websocket-key',
      'theirs',
    ];
    const keys = [1, 2].map(() => {
      const { head, webSocketKey } = read(fields, { hasBody: true });
      expect(head).toMatchObject({ method: 'GET', upgrade: 'websocket', framing: Framing.NONE });
      expect(head.text).toContain(`sec-websocket-key: ${webSocketKey}\r\n`);
      expect(head.text).not.toContain('theirs');
      return webSocketKey;
    });
    expect(new Set(keys).size).toBe(2);
    expect(Buffer.from(keys[0], 'base64')).toHaveLength(16);
  });

  it.each<[string, readonly string[], string | number]>([
    ['a line break in a value', [...GET, 'a', 'b\r\nx-forged: 1'], 'malformed'],
    ['a head within a value', [...GET, 'a', 'b\r\n\r\nGET / HTTP/1.1\r\nHost: x'], 'malformed'],
    ['a line break in a name', [...GET, 'a: b\r\nx-forged', '1'], 'malformed'],
    ['a line break in a cookie', [...GET, 'cookie', 'b\r\nx-forged: 1'], 'malformed'],
    ['a line break in the authority', [...GET.slice(0, 6), ':authority', 'a\r\nx: 1'], 'malformed'],
    [
      'a request line in the path',
      [...GET.slice(0, 4), ':path', '/ HTTP/1.1\r\nx: 1', ...GET.slice(6)],
      'malformed',
    ],
    ['NUL in a value', [...GET, 'a', '\0'], 'malformed'],
    ['an unknown pseudo-header field', [...GET, ':x', '1'], 'malformed'],
    ['Transfer-Encoding', [...GET, 'transfer-encoding', 'chunked'], 'malformed'],
    ['no path', [...GET.slice(0, 4), ...GET.slice(6)], 'malformed'],
    ['another scheme', [...GET.slice(0, 2), ':scheme', 'http', ...GET.slice(4)], 400],
    ['two hosts', [...GET, 'host', 'demo.test:8443', 'host', 'demo.test:8443'], 'malformed'],
    ['another host', [...GET, 'host', 'other.test'], 'HOST_MISMATCH'],
    ['no host', GET.slice(0, 6), 'malformed'],
    ['a list of lengths', [...GET, 'content-length', '3, 3'], 'malformed'],
    ['CONNECT', [':method', 'CONNECT', ':authority', 'a:1'], 501],
  ])('refuses %s', (_what, fields, refusal) => {
    expect(refusalOf(fields, { hasBody: true })).toBe(refusal);
  });
});
