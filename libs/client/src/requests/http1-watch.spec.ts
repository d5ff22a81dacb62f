import { describe, expect, it } from 'vitest';
import { Http1Watch, type SeenRequest } from './http1-watch.js';

type Side = '>' | '<';
type Part = readonly [Side, string];

/** Feeds a conversation, each part cut into pieces of `size`, and returns what was reported. */
function told(parts: readonly Part[], size = Infinity, finish?: (watch: Http1Watch) => void): SeenRequest[] {
  const seen: SeenRequest[] = [];
  const watch = new Http1Watch((request) => seen.push(request));
  for (const [side, text] of parts) {
    const bytes = Buffer.from(text, 'latin1');
    for (let at = 0; at < bytes.length; at += size) {
      const piece = Buffer.from(bytes.subarray(at, at + size));
      if (side === '>') watch.handleRequestBytes(piece);
      else watch.handleResponseBytes(piece);
    }
  }
  finish?.(watch);
  return seen;
}

const get = (path: string): Part => ['>', `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`];
const ok = (body: string): Part => ['<', `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`];

describe('a watch of one connection', () => {
  it.each([1, 2, 3, 7, Infinity])('reports one request after the other, in pieces of %d bytes', (size) => {
    const seen = told(
      [
        get('/a?token=secret'),
        ok('hello'),
        ['>', 'POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc'],
        ['<', 'HTTP/1.1 100 Continue\r\n\r\n'],
        ['<', 'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwxyz\r\n2\r\nab\r\n0\r\n\r\n'],
        [
          '>',
          'PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n',
        ],
        ['<', 'HTTP/1.1 204 No Content\r\n\r\n'],
        ['>', 'HEAD /d HTTP/1.1\r\nHost: a\r\n\r\n'],
        ['<', 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n'],
        get('/e'),
        ['<', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n'],
        get('/f'),
        ok(''),
      ],
      size,
    );
    const shown = seen.map((r) => [
      r.method,
      r.path,
      r.status,
      r.receivedBytes,
      r.sentBytes,
      r.state,
      r.failure,
    ]);
    expect(shown).toEqual([
      ['GET', '/a', 200, 0, 5, 'ended', null],
      ['POST', '/b', 201, 3, 6, 'ended', null],
      ['PUT', '/c', 204, 5, 0, 'ended', null],
      ['HEAD', '/d', 200, 0, 0, 'ended', null],
      ['GET', '/e', 304, 0, 0, 'ended', null],
      ['GET', '/f', 200, 0, 0, 'ended', null],
    ]);
  });

  it('measures from the request to the end of its response', () => {
    const before = Date.now();
    const [request] = told([get('/'), ok('hello')]);
    expect(request?.startedAt.getTime()).toBeGreaterThanOrEqual(before);
    expect(request?.durationMs).toBeGreaterThanOrEqual(0);
  });

  it('counts a body without a length until the end of the connection', () => {
    const parts: Part[] = [get('/'), ['<', 'HTTP/1.0 200 OK\r\n\r\nhello'], ['<', ' world']];
    expect(told(parts)).toEqual([]);
    const seen = told(parts, 3, (watch) => watch.handleResponseEnd());
    expect(seen).toMatchObject([{ status: 200, sentBytes: 11, failure: null }]);
  });

  it('reports an upgrade when it begins and when it ends, whatever bytes pass', () => {
    const seen = told(
      [
        ['>', 'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
        ['<', 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'],
        ['<', '\x81\x02hi'],
        ['>', 'GET / HTTP/1.1\r\n\r\n'],
      ],
      2,
      (watch) => watch.handleClose(null),
    );
    expect(seen).toMatchObject([
      { path: '/ws', status: 101, state: 'open', upgrade: 'websocket' },
      { path: '/ws', status: 101, state: 'ended', upgrade: 'websocket', receivedBytes: 18, sentBytes: 4 },
    ]);
  });

  it('reports an event stream when it begins, too', () => {
    const head =
      'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n';
    const seen = told([get('/events'), ['<', `${head}3\r\n: a\r\n`]], 5, (watch) =>
      watch.handleClose('visitor went away'),
    );
    expect(seen).toMatchObject([
      { state: 'open', status: 200, failure: null },
      { state: 'ended', status: 200, sentBytes: 3, failure: 'visitor went away' },
    ]);
  });

  it('reports why a request got no response', () => {
    const refused = told([get('/')], 4, (watch) => watch.handleClose('connection refused'));
    expect(refused).toMatchObject([{ path: '/', status: null, failure: 'connection refused' }]);
    const closed = told([get('/')], 4, (watch) => watch.handleClose(null));
    expect(closed).toMatchObject([{ status: null, failure: 'closed without a response' }]);
  });

  it('keeps a complete response complete when the connection breaks later', () => {
    const seen = told([get('/'), ok('hi')], 4, (watch) => watch.handleClose('connection broke'));
    expect(seen).toMatchObject([{ status: 200, failure: null }]);
  });

  it.each<[string, Part[]]>([
    [
      'another protocol',
      [
        ['>', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
        ['<', '\x00\x00\x00'],
      ],
    ],
    [
      'binary',
      [
        ['>', '\x16\x03\x01\x02\x00'],
        ['<', '\x16\x03'],
      ],
    ],
    ['a response without a request', [['<', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'], get('/later')]],
  ])('stops at %s', (_what, parts) => {
    expect(told(parts, 3)).toEqual([]);
    expect(told([...parts, get('/x'), ok('')], Infinity)).toEqual([]);
  });

  it('reports pending requests when it can no longer follow', () => {
    const seen = told([
      get('/a'),
      ['<', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
      ok('x'),
    ]);
    expect(seen).toMatchObject([{ path: '/a', status: null, failure: 'invalid HTTP/1.1' }]);
  });

  it('holds a bounded number of pending requests', () => {
    expect(told([...Array(100).keys()].map((i) => get(`/${i}`)))).toHaveLength(16);
  });
});
