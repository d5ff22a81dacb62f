import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type http from 'node:http';
import http2 from 'node:http2';
import type net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type ByteReader, type ExchangeObserver, ExchangeTrace } from '../exchange/exchange-trace.js';
import { DEFAULT_RELAY_LIMITS, type RelayLimits } from '../limits.js';
import { respond } from '../routing/access-gate.js';
import { hopMarkOf } from '../routing/hop-mark.js';
import { type Rig, startRig } from '../spec/relay-rig.js';

/** Exchanges over HTTP/2: Node's client on one side, real HTTP/1.1 services on the other, no tunnel in between. */
let rig: Rig;
let client: http2.ClientHttp2Session;
/** Makes the service send what follows. */
let goOn = (): void => {};
afterEach(async () => {
  client.destroy();
  await rig.stop();
});

async function start(
  handle: http.RequestListener | null,
  options: {
    readonly raw?: (socket: net.Socket) => void;
    readonly configure?: (server: http.Server) => void;
    readonly limits?: Partial<RelayLimits>;
  } = {},
): Promise<void> {
  rig = await startRig(handle, { serve: options.raw, configure: options.configure, limits: options.limits });
  client = http2.connect(`http://127.0.0.1:${rig.http2Port}`);
  client.on('error', () => {});
}

interface Answer {
  readonly status: number;
  readonly headers: http2.IncomingHttpHeaders;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly body: string;
  /** The error code that ended the stream. */
  readonly code: number;
  /** Whether HEADERS ended the stream. */
  readonly endsWithHeaders: boolean;
}

function open(headers: http2.OutgoingHttpHeaders = {}, options?: http2.ClientSessionRequestOptions) {
  const stream = client.request({ ':authority': 'demo.preview.test', ...headers }, options);
  stream.on('error', () => {});
  return stream;
}

async function answer(stream: http2.ClientHttp2Stream): Promise<Answer> {
  let status = 0;
  let headers: http2.IncomingHttpHeaders = {};
  let trailers: http2.IncomingHttpHeaders = {};
  let body = '';
  let endsWithHeaders = false;
  stream.on('response', (fields, flags) => {
    headers = fields;
    status = fields[':status']!;
    endsWithHeaders = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0;
  });
  stream.on('trailers', (fields) => (trailers = fields));
  stream.setEncoding('latin1');
  stream.on('data', (chunk: string) => (body += chunk));
  await closeOf(stream);
  return { status, headers, trailers, body, code: stream.rstCode, endsWithHeaders };
}

/** Not `once`, which rejects when an error comes first. */
function closeOf(stream: http2.ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => stream.once('close', resolve));
}

const get = (path: string, headers: http2.OutgoingHttpHeaders = {}): Promise<Answer> =>
  answer(open({ ':path': path, ...headers }));

const seen: http.RequestListener = (request, response) => response.end(JSON.stringify(request.headers));

describe('a request', () => {
  it('reaches the service by the rules of the route', async () => {
    await start(seen);
    const { status, body } = await get('/a/../b?c=%20', {
      'x-telepresence-intercept-id': 'forged',
      'x-ambassador-api-key': 'secret',
      'x-forwarded-for': '6.6.6.6',
      forwarded: 'for=6.6.6.6',
      'x-culvert-anything': '1',
      'x-dev': 'visitor',
      'x-kept': 'yes',
    });
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({
      host: 'web.internal',
      'x-telepresence-intercept-id': 'id:demo',
      'x-culvert-hop': hopMarkOf('p1'),
      'x-dev': 'route',
      'x-kept': 'yes',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'demo.preview.test',
      'x-forwarded-proto': 'http',
      forwarded: 'for=127.0.0.1;host=demo.preview.test;proto=http',
    });
  });

  it('joins the crumbs of its cookie', async () => {
    await start(seen);
    const { body } = await get('/', { cookie: ['a=1', 'b=2', 'c=3'] });
    expect(JSON.parse(body)).toMatchObject({ cookie: 'a=1; b=2; c=3' });
  });

  it('may name its host in Host alone, or in both with the same name', async () => {
    await start(seen);
    const both = await get('/', { ':authority': 'Demo.Preview.Test', host: 'demo.preview.test' });
    expect(both.status).toBe(200);
    // The relay, not the connection, decides where a request goes.
    const other = await get('/', { ':authority': 'missing.preview.test' });
    expect(other.status).toBe(404);
    expect((await get('/')).status).toBe(200);
  });

  it('keeps bytes above ASCII as they are, both ways', async () => {
    await start((request, response) => {
      response.setHeader('x-echo', request.headers['x-bytes']!);
      response.end();
    });
    const { headers } = await get('/', { 'x-bytes': 'gr\u00fc\u00df' });
    expect(headers['x-echo']).toBe('gr\u00fc\u00df');
  });

  it.each([
    ['of a known length', { 'content-length': '7' }, 'content-length', '7'],
    ['of an unknown length', {}, 'transfer-encoding', 'chunked'],
  ])('carries a body %s', async (_what, headers, name, value) => {
    await start((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => response.end(`${request.method} ${String(request.headers[name])} ${body}`));
    });
    const stream = open({ ':method': 'POST', ...headers });
    stream.write('pay');
    stream.end('load');
    expect((await answer(stream)).body).toBe(`POST ${value} payload`);
  });

  it.each([
    ['no body', { endStream: true }, '0 undefined'],
    ['an empty body', { endStream: false }, '0 undefined'],
  ])('with %s leaves the stream to the ingress reusable', async (_what, options, framing) => {
    const sockets = new Set<unknown>();
    await start((request, response) => {
      sockets.add(request.socket);
      const { headers } = request;
      request
        .resume()
        .on('end', () => response.end(`${headers['content-length']} ${headers['transfer-encoding']}`));
    });
    for (let i = 0; i < 3; i++) {
      const stream = open({ ':method': 'POST' }, options);
      if (!options.endStream) stream.end();
      expect((await answer(stream)).body).toBe(framing);
    }
    expect(sockets.size).toBe(1);
  });

  it('passes its trailers on', async () => {
    await start((request, response) => {
      request.resume().on('end', () => response.end(JSON.stringify(request.trailers)));
    });
    const stream = open({ ':method': 'POST', te: 'trailers' }, { waitForTrailers: true });
    stream.on('wantTrailers', () =>
      stream.sendTrailers({ 'x-check': '7', authorization: 'forbidden', 'x-dev': 'owned', x_dev: 'owned' }),
    );
    stream.end('body');
    expect((await answer(stream)).body).toBe('{"x-check":"7"}');
  });

  it('holds an upload back while the service does not read, without losing bytes', async () => {
    const body = Buffer.alloc(8 * 1024 * 1024, 'x');
    let read: () => void = () => {};
    await start((request, response) => {
      let bytes = 0;
      read = () => {
        request.on('data', (chunk: Buffer) => (bytes += chunk.length));
        request.on('end', () => response.end(String(bytes)));
      };
    });
    const stream = open({ ':method': 'POST' });
    const result = answer(stream);
    stream.end(body);
    await rig.whenServing(1);
    // The bytes that fit into windows and socket buffers are sent; then nothing moves.
    let moved = -1;
    while (moved !== rig.relay.counters.bytesIn) {
      moved = rig.relay.counters.bytesIn;
      await new Promise((resolve) => setTimeout(resolve, 600));
    }
    expect(moved).toBeLessThan(body.length);
    read();
    expect((await result).body).toBe(String(body.length));
  });

  it('ends at the service too when the visitor cancels it', async () => {
    await start((_request, response) => void response.write('first'));
    const stream = open();
    await once(stream, 'data');
    const aborted = rig.whenServiceSeesAbort();
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await aborted;
    expect(rig.route.active).toBe(0);
  });

  it('is answered with 413 while it still arrives, when its body exceeds the limit', async () => {
    await start((request) => void request.resume(), {
      limits: { maxBodyBytes: 1000 },
    });
    const stream = open({ ':method': 'POST' });
    stream.write(Buffer.alloc(2000));
    const { status, headers } = await answer(stream);
    expect(status).toBe(413);
    expect(headers['x-culvert-error']).toBe('body_too_large');
  });
});

describe('fields over HTTP/2', () => {
  // Node's own HPACK, nghttp2's, judges both directions, with its table filling up and its entries leaving.
  it.each([1, 2])('pass unchanged in both directions, whatever their values (seed %i)', async (seed) => {
    let state = seed;
    const random = (max: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * max);
    };
    await start((request, response) => {
      for (const [name, value] of Object.entries(request.headers))
        if (name.startsWith('x-n')) response.setHeader(name, value!);
      response.end();
    });
    for (let i = 0; i < 300; i++) {
      const sent: Record<string, string> = {};
      for (let n = random(10); n >= 0; n--) {
        const middle = String.fromCharCode(...Array.from({ length: random(80) }, () => 0x21 + random(0x5e)));
        sent[`x-n${random(30)}`] = random(3) === 0 ? `${middle}\u00fc` : `v${random(5)}`;
      }
      const { headers } = await get('/', sent);
      const received = Object.entries(headers).filter(([name]) => name.startsWith('x-n'));
      expect(Object.fromEntries(received)).toEqual(sent);
    }
  });
});

describe('a response', () => {
  it('loses the fields of one connection, and keeps the others in lower case', async () => {
    await start(null, {
      raw: (socket) =>
        socket.on('data', () =>
          socket.write(
            'HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n' +
              'HTTP2-Settings: AAA\r\nX-Culvert-Error: forged\r\nProxy-Status: forged\r\nAlt-Svc: h3=":1"\r\n' +
              'Set-Cookie: a=1\r\nSET-COOKIE: b=2; Domain=preview.test\r\nset-cookie: c=3\r\n' +
              'Vary: Accept\r\nVary: Cookie\r\nContent-Type: text/a\r\ncontent-type: text/b\r\n__proto__: x\r\nconstructor: y\r\n' +
              'X-Empty:\r\nX-Spaces: \t a b \t\r\nContent-Length: 2\r\n\r\nok',
          ),
        ),
    });
    const { headers, body } = await get('/');
    expect(body).toBe('ok');
    const {
      date: _date,
      [http2.sensitiveHeaders]: _sensitive,
      ...rest
    } = headers as Record<PropertyKey, unknown>;
    expect(Object.entries(rest)).toEqual([
      [':status', 200],
      ['set-cookie', ['a=1', 'c=3']],
      ['vary', 'Accept, Cookie'],
      // Both pass; this client keeps the first.
      ['content-type', 'text/a'],
      ['__proto__', 'x'],
      ['constructor', 'y'],
      ['x-empty', ''],
      ['x-spaces', 'a b'],
      ['content-length', '2'],
    ]);
  });

  it.each([
    ['HEAD', '/200', 200, '5'],
    ['GET', '/204', 204, undefined],
    ['GET', '/304', 304, '5'],
    ['GET', '/0', 200, '0'],
  ])('to %s %s ends with its head', async (method, path, status, length) => {
    await start((request, response) => {
      if (request.url === '/204') response.writeHead(204).end();
      else if (request.url === '/304') response.writeHead(304, { 'content-length': '5' }).end();
      else if (request.url === '/0') response.writeHead(200, { 'content-length': '0' }).end();
      else response.writeHead(200, { 'content-length': '5' }).end('hello');
    });
    const result = await get(path, { ':method': method });
    expect(result).toMatchObject({ status, body: '', code: 0, endsWithHeaders: true });
    expect(result.headers['content-length']).toBe(length);
  });

  it('ends with its stream when its length is unknown, chunked or not', async () => {
    await start(null, {
      raw: (socket) =>
        socket.on('data', (head: Buffer) => {
          if (head.includes('GET /chunked ')) {
            socket.write(
              'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
            );
          } else {
            socket.end('HTTP/1.1 200 OK\r\n\r\nabcde');
          }
        }),
    });
    for (const path of ['/chunked', '/until-close']) {
      expect(await get(path)).toMatchObject({ status: 200, body: 'abcde', code: 0 });
    }
  });

  it.each([
    ['after a body', 'body'],
    ['without a body', ''],
  ])('carries its trailers %s', async (_what, body) => {
    await start((_request, response) => {
      response.writeHead(200, { trailer: 'grpc-status' });
      if (body !== '') response.write(body);
      response.addTrailers({ 'grpc-status': '0', 'content-length': '7' });
      response.end();
    });
    const result = await get('/', { te: 'trailers' });
    expect(result).toMatchObject({ status: 200, body, code: 0 });
    expect({ ...result.trailers }).toEqual({ 'grpc-status': '0', [http2.sensitiveHeaders]: [] });
  });

  it('follows interim responses, which lose the fields that a service must not send', async () => {
    await start(null, {
      raw: (socket) =>
        socket.once('data', () =>
          socket.write(
            'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nAlt-Svc: h3=":1"\r\n\r\n' +
              'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
          ),
        ),
    });
    const stream = open();
    const interim: http2.IncomingHttpHeaders[] = [];
    stream.on('headers', (fields) => interim.push({ ...fields }));
    expect((await answer(stream)).status).toBe(200);
    expect(interim).toEqual([{ ':status': 103, link: '</a.css>', [http2.sensitiveHeaders]: [] }]);
  });

  it.each([600, 999])('may have the status %i', async (status) => {
    await start(null, {
      raw: (socket) =>
        socket.on('data', () => socket.write(`HTTP/1.1 ${status} x\r\nContent-Length: 2\r\n\r\nok`)),
    });
    expect(await get('/')).toMatchObject({ status, body: 'ok', code: 0 });
  });

  // nghttp2 and others reset the stream of a 1xx with a length: the visitor got no status at all.
  it.each([
    ['100', 'HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n'],
    ['103', 'HTTP/1.1 103 Early Hints\r\nContent-Length: 4\r\nLink: </a>\r\n\r\n'],
  ])('follows a %s that has a length', async (_status, interim) => {
    await start(null, {
      raw: (socket) =>
        socket.on('data', () => socket.write(`${interim}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`)),
    });
    expect(await get('/')).toMatchObject({ status: 200, body: 'ok', code: 0 });
  });

  it.each([
    ['204', 'Content-Length: 4'],
    ['204', 'Content-Length: 0'],
    ['204', 'Transfer-Encoding: chunked'],
    ['205', 'Content-Length: 4'],
    ['205', 'X-Length: none'],
    ['304', 'Transfer-Encoding: chunked'],
  ])('with %s is complete without a body, whatever is announced: %s', async (status, line) => {
    await start(null, {
      raw: (socket) => socket.on('data', () => socket.write(`HTTP/1.1 ${status} x\r\n${line}\r\n\r\nevil`)),
    });
    for (let i = 0; i < 2; i++) {
      const { headers, ...rest } = await answer(open({ ':method': 'DELETE' }));
      expect(rest).toMatchObject({ status: Number(status), body: '', code: 0, endsWithHeaders: true });
      expect(headers['content-length']).toBeUndefined();
    }
  });

  it('passes 100 (Continue) on', async () => {
    await start(seen, {
      configure: (server) =>
        server.on('checkContinue', (request: http.IncomingMessage, response: http.ServerResponse) => {
          response.writeContinue();
          request.resume().on('end', () => response.end('done'));
        }),
    });
    const stream = open({ ':method': 'POST', expect: '100-continue', 'content-length': '4' });
    await once(stream, 'continue');
    stream.end('body');
    expect((await answer(stream)).body).toBe('done');
  });

  it('is complete when it comes early, and ends the upload without an error', async () => {
    await start((_request, response) => response.end('early'));
    const stream = open({ ':method': 'POST' });
    stream.write('some');
    const result = await answer(stream);
    expect(result).toMatchObject({ status: 200, body: 'early', code: 0 });
  });

  // What had come was dropped with the reset: visitors often got no status.
  it.each([
    ['in one piece', 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n', 'begin', 5],
    [
      'of more than the visitor has a window for',
      'HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n',
      'b'.repeat(90_000),
      90_000,
    ],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', '5\r\nbegin\r\n', 5],
    ['without a body yet', 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n', '', 0],
  ])(
    'that ends early reaches the visitor up to its end, before the reset: %s',
    async (_what, head, body, bytes) => {
      await start(null, { raw: (socket) => socket.once('data', () => socket.end(head + body)) });
      const ended = await get('/');
      expect([ended.status, ended.body.length]).toEqual([200, bytes]);
      expect(ended.code).toBe(http2.constants.NGHTTP2_INTERNAL_ERROR);
    },
  );

  it('is a 502 when its body is malformed and nothing was sent yet; its stream is not reused', async () => {
    let connections = 0;
    await start(null, {
      raw: (socket) => {
        connections++;
        socket.on('data', () =>
          socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXX'),
        );
      },
    });
    expect(await get('/')).toMatchObject({ status: 502, code: 0 });
    await get('/');
    expect(connections).toBe(2);
  });

  it('is reset when a fault follows bytes that were already sent', async () => {
    await start(null, {
      raw: (socket) => {
        goOn = () => socket.write('XX');
        socket.once('data', () => {
          socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
        });
      },
    });
    const stream = open();
    stream.once('data', () => goOn());
    const broken = await answer(stream);
    expect(broken).toMatchObject({ status: 200, body: 'abc', code: http2.constants.NGHTTP2_INTERNAL_ERROR });
  });

  it('is replaced by a 502 when its head is malformed', async () => {
    await start(null, {
      raw: (socket) => socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nA : b\r\n\r\n')),
    });
    const { status, headers, body } = await get('/');
    expect(status).toBe(502);
    expect(headers['proxy-status']).toContain('culvert; error=http_protocol_error');
    expect(JSON.parse(body)).toMatchObject({ code: 'bad_response' });
    expect(rig.relay.counters.failures).toEqual({ bad_response: 1 });
  });

  it('is held back while the visitor does not read, without losing bytes', async () => {
    const size = 16 * 1024 * 1024;
    let written = 0;
    await start((_request, response) => {
      const chunk = Buffer.alloc(65_536, 'x');
      const fill = (): void => {
        while (written < size) {
          written += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', fill);
        }
        response.end();
      };
      fill();
    });
    const stream = open();
    await once(stream, 'response');
    let moved = -1;
    while (moved !== written) {
      moved = written;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(written).toBeLessThan(size);
    let received = 0;
    for await (const chunk of stream) received += (chunk as Buffer).length;
    expect(received).toBe(size);
  });

  it('does not wait for another response that is not read', async () => {
    await start((request, response) => {
      response.end(request.url === '/large' ? Buffer.alloc(4 * 1024 * 1024) : 'small');
    });
    // Beyond one stream's window, but not the connection's.
    await once(client, 'connect');
    client.setLocalWindowSize(1024 * 1024);
    const stalled = open({ ':path': '/large' });
    await once(stalled, 'response');
    for (let i = 0; i < 5; i++) expect((await get('/')).body).toBe('small');
    stalled.close(http2.constants.NGHTTP2_CANCEL);
    await closeOf(stalled);
  });
});

describe('errors over HTTP/2', () => {
  it('are pages for browsers and problem+json for others', async () => {
    await start(seen);
    const authority = { ':authority': 'missing.preview.test' };
    const page = await get('/', { ...authority, accept: 'text/html,*/*' });
    expect(page).toMatchObject({ status: 404, code: 0 });
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.body).toContain('<title>There is no preview here</title>');
    const problem = await get('/', authority);
    expect(problem.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(problem.body)).toMatchObject({ status: 404, code: 'unknown_host' });
    const head = await get('/', { ...authority, ':method': 'HEAD' });
    expect(head).toMatchObject({ status: 404, body: '', endsWithHeaders: true });
  });

  it('pass the gate’s own answer on, without a body and for HEAD too', async () => {
    await start((_request, response) => void response.end('of the service'));
    rig.gate.check = () => respond(302, 'Location: https://app.test/sign-in\r\n');
    for (const method of ['GET', 'HEAD']) {
      const redirect = await get('/', { ':method': method });
      expect(redirect.status).toBe(302);
      expect(redirect.headers).toMatchObject({
        location: 'https://app.test/sign-in',
        'content-length': '0',
        'cache-control': 'no-store',
      });
      expect([redirect.body, redirect.code, redirect.endsWithHeaders]).toEqual(['', 0, true]);
    }
    expect(rig.relay.counters.failures).toEqual({});
  });

  it('come after the same wait for a manager as over HTTP/1.1', async () => {
    await start(seen);
    rig.disconnect();
    const waiting = get('/');
    await rig.whenWaiting();
    rig.reconnect();
    expect((await waiting).status).toBe(200);
  });

  it('end an exchange when its preview is removed', async () => {
    await start((_request, response) => void response.write('first'));
    const stream = open();
    const result = answer(stream);
    await once(stream, 'data');
    rig.removeRoute();
    await rig.relay.handleRouteChange('demo.preview.test');
    expect((await result).code).toBe(http2.constants.NGHTTP2_INTERNAL_ERROR);
  });

  it('name the limit of requests per preview', async () => {
    await start(() => {}, { limits: { maxRequestsPerPreview: 2 } });
    open();
    open();
    await rig.whenServing(2);
    expect(await get('/')).toMatchObject({ status: 429 });
  });

  it('count requests, gRPC calls and WebSockets against the limit of their team', async () => {
    await start((_request, response) => response.end('ok'), { limits: { maxRequestsPerTeam: 3 } });
    if (!client.remoteSettings?.enableConnectProtocol) await once(client, 'remoteSettings');
    const call = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };
    const socket = { ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http' };
    expect(await get('/')).toMatchObject({ status: 200 });
    expect(await answer(open(call).end())).toMatchObject({ status: 200 });
    expect(await answer(open(socket, { endStream: false }))).toMatchObject({ status: 502 });
    for (const headers of [{}, call, socket]) {
      const stream = open(headers, { endStream: !(':protocol' in headers) });
      expect(await answer(stream)).toMatchObject({
        status: 429,
        headers: { 'retry-after': '20', 'x-culvert-error': 'team_request_limit' },
      });
    }
    expect(rig.relay.drainRequestCounts()).toEqual(new Map([['t1', 3]]));
  });
});

describe('a WebSocket by extended CONNECT', () => {
  const CONNECT = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/ws', ':scheme': 'http' };

  /** Answers upgrades with `accept`, or with the right value by default; then echoes bytes. */
  function upgrades(accept?: string) {
    return (server: http.Server): void =>
      void server.on('upgrade', (request: http.IncomingMessage, socket: net.Socket) => {
        const right = createHash('sha1')
          .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
          .digest('base64');
        socket.on('error', () => {});
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
            `Sec-WebSocket-Accept: ${accept ?? right}\r\nSec-WebSocket-Protocol: chat\r\nX-Version: ${request.headers['sec-websocket-version']}\r\n\r\n`,
        );
        socket.pipe(socket);
      });
  }

  async function whenConnectable(): Promise<void> {
    if (!client.remoteSettings?.enableConnectProtocol) await once(client, 'remoteSettings');
    expect(client.remoteSettings.enableConnectProtocol).toBe(true);
  }

  it('opens with a key of ours, carries bytes both ways and closes by halves', async () => {
    await start(seen, { configure: upgrades() });
    await whenConnectable();
    const stream = open({ ...CONNECT, 'sec-websocket-version': '13', 'sec-websocket-key': 'ignored' });
    const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
    expect(headers).toMatchObject({ ':status': 200, 'sec-websocket-protocol': 'chat', 'x-version': '13' });
    expect(headers).not.toHaveProperty('sec-websocket-accept');
    expect(headers).not.toHaveProperty('upgrade');
    const payload = Buffer.alloc(3_000_000, 'w');
    stream.end(payload);
    let received = 0;
    for await (const chunk of stream) received += (chunk as Buffer).length;
    expect(received).toBe(payload.length);
    expect(rig.route.active).toBe(0);
  });

  it('shows the bytes of both directions to an observer', async () => {
    await start(seen, { configure: upgrades() });
    const shown = { request: '', response: '' };
    const readerOf = (direction: keyof typeof shown): ByteReader => ({
      push: (buffer, from, to) => (shown[direction] += buffer.toString('latin1', from, to)),
    });
    const observer: ExchangeObserver = {
      begin: (begun) => new ExchangeTrace(begun, observer, null, null),
      answered: (trace) => {
        trace.upgraded = { request: readerOf('request'), response: readerOf('response') };
      },
      trailed: () => {},
      readerFailed: (error) => expect.unreachable(String(error)),
      end: () => {},
    };
    rig.relay.observers.set(rig.route.id, observer);
    await whenConnectable();
    const stream = open({ ...CONNECT, 'sec-websocket-version': '13' });
    await once(stream, 'response');
    stream.end('a frame');
    stream.resume();
    await once(stream, 'end');
    expect(shown).toEqual({ request: 'a frame', response: 'a frame' });
  });

  it('continues without a reader that has failed', async () => {
    await start(seen, { configure: upgrades() });
    const faults: unknown[] = [];
    const fault = new Error('of the reader');
    const broken: ByteReader = {
      push: () => {
        throw fault;
      },
    };
    const observer: ExchangeObserver = {
      begin: (begun) => new ExchangeTrace(begun, observer, null, null),
      answered: (trace) => {
        trace.upgraded = { request: broken, response: broken };
      },
      trailed: () => {},
      readerFailed: (error) => faults.push(error),
      end: () => {},
    };
    rig.relay.observers.set(rig.route.id, observer);
    await whenConnectable();
    const stream = open({ ...CONNECT, 'sec-websocket-version': '13' });
    await once(stream, 'response');
    stream.end('a frame');
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    expect([text, faults]).toEqual(['a frame', [fault]]);
  });

  it('is a 502 when the service cannot prove that it understood', async () => {
    await start(seen, { configure: upgrades('AAAAAAAAAAAAAAAAAAAAAAAAAAA=') });
    await whenConnectable();
    const { status, body } = await answer(open(CONNECT, { endStream: false }));
    expect(status).toBe(502);
    expect(JSON.parse(body)).toMatchObject({ code: 'bad_response' });
    expect(rig.route.active).toBe(0);
    expect(rig.relay.counters).toMatchObject({ exchanges: 0, failures: { bad_response: 1 } });
  });

  it('is not open when the service answers 200 instead', async () => {
    await start(seen);
    await whenConnectable();
    expect((await answer(open(CONNECT))).status).toBe(502);
  });

  it('is refused as the service refuses it', async () => {
    await start((_request, response) => response.writeHead(403, { 'content-length': '2' }).end('no'));
    await whenConnectable();
    expect(await answer(open(CONNECT))).toMatchObject({ status: 403, body: 'no' });
  });

  it('is reset when the service closes its connection', async () => {
    await start(seen, {
      configure: (server) => {
        upgrades()(server);
        server.on('upgrade', (_request, socket: net.Socket) => {
          socket.once('data', () => socket.resetAndDestroy());
        });
      },
    });
    await whenConnectable();
    const stream = open(CONNECT);
    const result = answer(stream);
    await once(stream, 'response');
    stream.write('x');
    expect((await result).code).toBe(http2.constants.NGHTTP2_CANCEL);
  });

  it('ends at the service when the visitor resets it', async () => {
    await start(seen, { configure: upgrades() });
    await whenConnectable();
    const stream = open(CONNECT);
    await once(stream, 'response');
    const aborted = rig.whenServiceSeesAbort();
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await aborted;
    expect(rig.route.active).toBe(0);
  });
});

describe('a connection', () => {
  it('carries many requests at once', async () => {
    await start((request, response) => void setTimeout(() => response.end(request.url), 20));
    const paths = Array.from({ length: 100 }, (_, i) => `/${i}`);
    const bodies = await Promise.all(paths.map(async (path) => (await get(path)).body));
    expect(bodies).toEqual(paths);
    expect(rig.relay.counters).toMatchObject({ connections: 1, exchanges: 100 });
  });

  it('counts its bytes', async () => {
    await start(
      (request, response) => void request.resume().on('end', () => response.end(Buffer.alloc(50_000))),
    );
    const stream = open({ ':method': 'POST' });
    stream.end(Buffer.alloc(30_000));
    await answer(stream);
    await rig.relay.drain(10_000);
    expect(rig.relay.counters.bytesIn).toBeGreaterThan(30_000);
    expect(rig.relay.counters.bytesIn).toBeLessThan(31_000);
    expect(rig.relay.counters.bytesOut).toBeGreaterThan(50_000);
    expect(rig.relay.counters.bytesOut).toBeLessThan(51_000);
  });

  it('sends GOAWAY on drain, finishes the streams under way, and refuses later ones', async () => {
    let finish: () => void = () => {};
    await start((request, response) => {
      if (request.url === '/slow') finish = () => response.end('finished');
      else response.end();
    });
    const slow = get('/slow');
    await rig.whenServing(1);
    const goaway = once(client, 'goaway');
    const drained = rig.relay.drain(10_000);
    expect((await get('/')).code).toBe(http2.constants.NGHTTP2_REFUSED_STREAM);
    expect((await goaway).slice(0, 2)).toEqual([http2.constants.NGHTTP2_NO_ERROR, 1]);
    finish();
    expect((await slow).body).toBe('finished');
    await drained;
    expect(rig.relay.connectionCount).toBe(0);
  });

  it('sends GOAWAY as a notice first, and refuses no request that crossed it', async () => {
    let finish: () => void = () => {};
    await start((request, response) => {
      if (request.url === '/slow') finish = () => response.end('finished');
      else response.end('ok');
    });
    const slow = get('/slow');
    await rig.whenServing(1);
    const lastIds: number[] = [];
    const goaways = new Promise<void>((resolve) => {
      client.on('goaway', (code: number, lastId: number) => {
        expect(code).toBe(http2.constants.NGHTTP2_NO_ERROR);
        if (lastIds.push(lastId) === 2) resolve();
      });
    });
    rig.relay.giveNotice();
    // The client has not read the notice yet.
    const crossing = get('/');
    expect((await crossing).body).toBe('ok');
    await goaways;
    expect(lastIds).toEqual([2 ** 31 - 1, 3]);
    const closed = once(client, 'close');
    finish();
    expect((await slow).body).toBe('finished');
    await closed;
    expect(rig.relay.isDraining).toBe(false);
  });

  it('serves the first request of a connection that begins after the notice', async () => {
    await start((_request, response) => void response.end('ok'));
    rig.relay.giveNotice();
    client.destroy();
    client = http2.connect(`http://127.0.0.1:${rig.http2Port}`);
    const closed = once(client, 'close');
    expect((await get('/')).body).toBe('ok');
    await closed;
  });

  it('ends on drain when it is idle', async () => {
    await start(seen);
    await get('/');
    const closed = once(client, 'close');
    await rig.relay.drain(10_000);
    await closed;
    expect(rig.relay.connectionCount).toBe(0);
  });

  it('lets uploads continue while another one is held back', async () => {
    await start((request, response) => {
      if (request.url !== '/stalled') request.resume().on('end', () => response.end('read'));
    });
    const stalled = open({ ':method': 'POST', ':path': '/stalled' });
    stalled.write(Buffer.alloc(8 * 1024 * 1024));
    await rig.whenServing(1);
    const stream = open({ ':method': 'POST' });
    stream.end(Buffer.alloc(2 * DEFAULT_RELAY_LIMITS.http2.windowBytes));
    expect((await answer(stream)).body).toBe('read');
    stalled.close(http2.constants.NGHTTP2_CANCEL);
    await closeOf(stalled);
  });
});
