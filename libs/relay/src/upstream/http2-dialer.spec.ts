import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { ResetCode, type Stream, type StreamHandler } from '@culvert/tunnel';
import { afterEach, describe, expect, it } from 'vitest';
import type { RelayLimits } from '../limits.js';
import { FrameReader, FrameType } from '@culvert/http2';
import { hopMarkOf } from '../routing/hop-mark.js';
import { startRig, type Rig } from '../spec/relay-rig.js';
import { Http2Dialer } from './http2-dialer.js';
import type { Dialed } from './stream-pool.js';

/** Visitors of both HTTP versions before a route whose service speaks HTTP/2: Node's own server, or raw frames. */
let rig: Rig;
let sessions: http2.ServerHttp2Session[] = [];
const cleanUps: (() => void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
  for (const session of sessions.splice(0)) session.destroy();
  await rig.stop();
});

type Handler = (
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
) => void | Promise<void> | http2.ServerHttp2Stream | Promise<http2.ServerHttp2Stream>;

async function start(
  handle: Handler,
  options: http2.ServerOptions = {},
  limits: Partial<RelayLimits> = {},
): Promise<void> {
  const server = http2.createServer(options);
  sessions = [];
  server.on('session', (session) => sessions.push(session));
  server.on('sessionError', () => {});
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    void handle(stream, headers);
  });
  rig = await startRig(null, {
    serve: (socket) => void server.emit('connection', socket),
    limits,
    wrapDialer: (dialer) => new Http2Dialer(dialer, OPTIONS),
  });
}

const OPTIONS = { scheme: 'http', onFault: (error: unknown) => expect.unreachable(String(error)) } as const;

async function startRaw(
  handle: (socket: net.Socket) => void,
  limits: Partial<RelayLimits> = {},
): Promise<void> {
  rig = await startRig(null, {
    serve: handle,
    limits,
    wrapDialer: (dialer) => new Http2Dialer(dialer, OPTIONS),
  });
}

async function bodyOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

/** Sends raw bytes and collects until `until` matches or the connection ends. */
async function talk(text: string, until?: RegExp): Promise<string> {
  const socket = net.connect({ port: rig.port, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.write(text, 'latin1');
  let received = '';
  try {
    for await (const chunk of socket) {
      received += (chunk as Buffer).toString('latin1');
      if (until?.test(received)) break;
    }
  } catch {
    received += '<reset>';
  }
  socket.destroy();
  return received;
}

const HOST = 'Host: demo.preview.test\r\n';
const GET = `GET / HTTP/1.1\r\n${HOST}\r\n`;

describe('a request to an HTTP/2 ingress', () => {
  it('has the pseudo-header fields and no fields of a connection', async () => {
    await start((stream, headers) => stream.end(JSON.stringify(headers)));
    const response = await rig.fetch('/a/../b?c=%20', {
      headers: {
        connection: 'keep-alive, x-hop, te',
        'x-hop': 'gone',
        te: 'trailers, deflate',
        'keep-alive': 'timeout=5',
        cookie: 'a=1; b=2',
        'X-Kept': 'yes',
        __proto__x: '1',
      },
    });
    expect(JSON.parse(response.body)).toEqual({
      ':method': 'GET',
      ':scheme': 'http',
      ':authority': 'web.internal',
      ':path': '/a/../b?c=%20',
      'x-telepresence-intercept-id': 'id:demo',
      'x-culvert-hop': hopMarkOf('p1'),
      'x-dev': 'route',
      'x-kept': 'yes',
      __proto__x: '1',
      cookie: 'a=1; b=2',
      te: 'trailers',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'demo.preview.test',
      'x-forwarded-proto': 'http',
      forwarded: 'for=127.0.0.1;host=demo.preview.test;proto=http',
    });
  });

  it('joins repeated fields, which HTTP/2 sends as one', async () => {
    await start((stream, headers) => stream.end(JSON.stringify(headers)));
    const text = await talk(
      `GET / HTTP/1.1\r\n${HOST}Accept: a\r\nCookie: x=1\r\nAccept: b\r\nCookie: y=2\r\nContent-Type: t\r\n` +
        'Content-Type: u\r\n__proto__: p\r\nConnection: close\r\n\r\n',
    );
    const seen = JSON.parse(/\{.*\}/.exec(text)![0]) as Record<string, string>;
    expect(seen['accept']).toBe('a, b');
    expect(seen['cookie']).toBe('x=1; y=2');
    expect(seen['content-type']).toBe('t, u');
    expect(Object.getOwnPropertyDescriptor(seen, '__proto__')?.value).toBe('p');
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'GET', 'PROPFIND'])('carries %s with a body', async (method) => {
    await start(async (stream, headers) => {
      stream.end(`${headers[':method']} ${headers['content-length']} ${await bodyOf(stream)}`);
    });
    const response = await rig.fetch('/', { method, body: 'payload', headers: { 'content-length': '7' } });
    expect(response.body).toBe(`${method} 7 payload`);
  });

  it('passes chunked bodies and trailers both ways', async () => {
    await start(async (stream) => {
      const trailers = once(stream, 'trailers');
      const body = await bodyOf(stream);
      const [sent] = (await trailers) as [http2.IncomingHttpHeaders];
      stream.respond({ trailer: 'x-sum' }, { waitForTrailers: true });
      stream.on('wantTrailers', () =>
        stream.sendTrailers({ 'x-sum': sent['x-check'], 'grpc-status': '0', 'grpc-message': 'a b' }),
      );
      stream.end(body);
    });
    const text = await talk(
      `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTE: trailers\r\nConnection: close, TE\r\n\r\n` +
        '3;ext=1\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Check: 7\r\n\r\n',
    );
    expect(text).toMatch(/Transfer-Encoding: chunked\r\n/);
    expect(text).toMatch(/7\r\nabcdefg\r\n0\r\nx-sum: 7\r\ngrpc-status: 0\r\ngrpc-message: a b\r\n\r\n$/);
  });

  it('ends when an empty chunked body does', async () => {
    await start(async (stream) => stream.end(`<${await bodyOf(stream)}>`));
    const text = await talk(
      `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n`,
    );
    expect(text).toContain('<>');
  });

  it('may be answered before its body has arrived', async () => {
    await start((stream) => {
      stream.respond({ ':status': 413 });
      stream.end('too much');
    });
    const text = await talk(`POST / HTTP/1.1\r\n${HOST}Content-Length: 1000000\r\n\r\nabc`, /too much/);
    expect(text).toMatch(/^HTTP\/1\.1 413 Payload Too Large\r\n/);
  });

  it('does not look complete to the service when it is canceled', async () => {
    const events: string[] = [];
    const aborted = new Promise<number>((resolve) => {
      void start((stream) => {
        stream.on('aborted', () => {
          events.push('aborted');
          resolve(stream.rstCode);
        });
        stream.on('end', () => events.push('end'));
        stream.on('data', () => {
          if (events.length === 0) socket.destroy();
        });
      }).then(() => {
        socket = net.connect({ port: rig.port, host: '127.0.0.1' });
        socket.write(`POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`);
      });
    });
    let socket: net.Socket;
    expect(await aborted).toBe(http2.constants.NGHTTP2_CANCEL);
    // Node emits `end` after an abort too; an `end` before it would mean END_STREAM.
    expect(events[0]).toBe('aborted');
  });
});

describe('a response of an HTTP/2 ingress', () => {
  it('keeps its fields, and the connection of the visitor', async () => {
    await start((stream) => {
      stream.respond({
        ':status': 203,
        'set-cookie': ['a=1', 'b=2'],
        'x-a': 'caf\xe9',
        'content-length': '2',
      });
      stream.end('ok');
    });
    const text = await talk(
      GET + GET.replace('GET / HTTP/1.1\r\n', 'GET / HTTP/1.1\r\nConnection: close\r\n'),
    );
    const [first = '', second = ''] = text.split(/(?<=\r\n\r\nok)/);
    expect(first).toMatch(/^HTTP\/1\.1 203 Non-Authoritative Information\r\n/);
    expect(first).toContain('set-cookie: a=1\r\nset-cookie: b=2\r\n');
    expect(first).toContain('x-a: caf\xe9\r\n');
    expect(first).toContain('Content-Length: 2\r\n');
    expect(first).not.toMatch(/connection|transfer-encoding|:status/i);
    expect(second).toContain('Connection: close\r\n');
    expect(sessions).toHaveLength(1);
  });

  it('has no body after HEAD, 204 and 304', async () => {
    await start((stream, headers) => {
      if (headers[':path'] === '/204') stream.respond({ ':status': 204 }, { endStream: true });
      else if (headers[':path'] === '/304')
        stream.respond({ ':status': 304, 'content-length': '5' }, { endStream: true });
      else if (headers[':method'] === 'HEAD') stream.respond({ 'content-length': '5' }, { endStream: true });
      else stream.end('hello');
    });
    const ask = (method: string, path: string) => `${method} ${path} HTTP/1.1\r\n${HOST}\r\n`;
    const text = await talk(
      ask('HEAD', '/') + ask('GET', '/204') + ask('GET', '/304') + ask('GET', '/'),
      /hello/,
    );
    expect(text.match(/HTTP\/1\.1 \d+|Content-Length: \d+/g)).toEqual([
      'HTTP/1.1 200',
      'Content-Length: 5',
      'HTTP/1.1 204',
      'HTTP/1.1 304',
      'Content-Length: 5',
      'HTTP/1.1 200',
    ]);
  });

  it('leaves piece by piece', async () => {
    let release = (): void => {};
    await start((stream) => {
      stream.respond({ 'content-type': 'text/event-stream' });
      stream.write('data: 1\n\n');
      release = () => stream.end('data: 2\n\n');
    });
    const text = await talk(GET, /data: 1/);
    expect(text).not.toContain('data: 2');
    release();
  });

  it('may have interim responses before it', async () => {
    await start((stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a.css>; rel=preload' });
      stream.end('ok');
    });
    const text = await talk(GET, /ok/);
    expect(text).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
    );
  });

  it('does not look complete when it is cut off, whatever the code', async () => {
    const { NGHTTP2_NO_ERROR, NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR } = http2.constants;
    for (const code of [NGHTTP2_NO_ERROR, NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR]) {
      await startRaw((socket) => {
        socket.write(Buffer.concat([SETTINGS, headersFrame(1, ':status 200'), dataFrame(1, 'half')]));
        socket.on('data', () => setTimeout(() => socket.write(resetFrame(1, code)), 20));
      });
      const text = await talk(GET);
      expect(text).toContain('half');
      expect(text).not.toContain('\r\n0\r\n');
      if (code !== NGHTTP2_INTERNAL_ERROR) await rig.stop();
    }
  });

  it('is read in full after the connection closed, if it was sent in full', async () => {
    const body = 'x'.repeat(200_000);
    await start((stream) => {
      stream.respond({});
      stream.end(body);
      stream.on('finish', () => stream.session?.close());
    });
    const response = await new Promise<http.IncomingMessage>((resolve) => {
      http.get(
        { port: rig.port, host: '127.0.0.1', headers: { host: 'demo.preview.test' }, agent: false },
        resolve,
      );
    });
    response.pause();
    await once(sessions[0], 'close');
    expect((await bodyOf(response)).length).toBe(body.length);
  });
});

describe('an HTTP/2 session with the ingress', () => {
  it('carries one request after the other', async () => {
    await start((stream) => stream.end('ok'));
    for (let i = 0; i < 5; i++) expect((await rig.fetch('/')).body).toBe('ok');
    expect(sessions).toHaveLength(1);
  });

  it('takes as many requests at once as the ingress allows; others get a session of their own', async () => {
    let most = 0;
    const open: (() => void)[] = [];
    const perSession = new Map<unknown, number>();
    await start(
      (stream) => {
        const count = (perSession.get(stream.session) ?? 0) + 1;
        perSession.set(stream.session, count);
        most = Math.max(most, count);
        open.push(() => stream.end('ok'));
        if (open.length === 25) for (const end of open) end();
      },
      { settings: { maxConcurrentStreams: 10 } },
    );
    const responses = await Promise.all(Array.from({ length: 25 }, () => rig.fetch('/')));
    expect(responses.map(({ body }) => body)).toEqual(Array(25).fill('ok'));
    expect(most).toBeLessThanOrEqual(10);
    expect(sessions.length).toBeLessThanOrEqual(5);
  });

  it('finishes its requests after GOAWAY while new ones use another session', async () => {
    let finish = (): void => {};
    await start((stream, fields) => {
      if (fields[':path'] !== '/slow') return void stream.end('ok');
      stream.respond({});
      stream.write('begun ');
      finish = () => stream.end('done');
      stream.session?.close();
    });
    const slow = rig.fetch('/slow');
    await expect.poll(() => sessions[0]?.closed).toBe(true);
    expect((await rig.fetch('/')).body).toBe('ok');
    finish();
    expect((await slow).body).toBe('begun done');
    expect(sessions).toHaveLength(2);
  });

  // An exchange leaves its stream by a reset, whether or not it has all of the response. Servers count
  // RST_STREAM against the client.
  it('gets no RST_STREAM for a response that is complete before its END_STREAM arrives', async () => {
    let resets = 0;
    const endSent = new Promise<void>((resolve) => {
      void startRaw((socket) => {
        const reader = new FrameReader({ maxFrameBytes: 16_384, expectsPreface: true }, (type) => {
          if (type === FrameType.RST_STREAM) resets++;
        });
        socket.on('data', (chunk: Buffer) => reader.push(chunk, 0, chunk.length));
        socket.write(SETTINGS);
        socket.once('data', () => {
          socket.write(
            Buffer.concat([headersFrame(1, ':status 200', 'content-length 2'), dataFrame(1, 'ok')]),
          );
          setTimeout(() => socket.write(dataFrame(1, '', true), () => resolve()), 100);
        });
      }).then(() => talk(GET, /ok/));
    });
    await endSent;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(resets).toBe(0);
  });

  it('ends when the route does', async () => {
    await start((stream) => stream.end('ok'));
    await rig.fetch('/');
    rig.route.pool.close();
    await expect.poll(() => sessions[0].destroyed).toBe(true);
  });

  it('ends soon after a newer tunnel has replaced its own', async () => {
    await start((stream) => stream.end('ok'));
    await rig.fetch('/');
    // Longer than one interval of the check for idle sessions.
    await new Promise((resolve) => setTimeout(resolve, 2300));
    expect(sessions[0].destroyed).toBe(false);
    rig.disconnect();
    await expect.poll(() => sessions[0].destroyed, { timeout: 4000 }).toBe(true);
  }, 10_000);

  it('fails its requests when it is lost, and is replaced', async () => {
    await start((stream, fields) => {
      if (fields[':path'] === '/lost') stream.session?.destroy();
      else stream.end('ok');
    });
    const lost = await rig.fetch('/lost', { method: 'POST', body: 'x', headers: { 'content-length': '1' } });
    expect([lost.status, lost.headers['x-culvert-error']]).toEqual([502, 'ingress_closed']);
    expect((await rig.fetch('/')).body).toBe('ok');
  });
});

describe('an HTTP/2 session that is lost after it was idle', () => {
  // As over HTTP/1.1: an ingress that closes idle connections may do so while a request is on its way.
  it('has its request repeated on another session where repeating is safe', async () => {
    let lost = 0;
    await start((stream, fields) => {
      if (fields[':path'] === '/lost' && lost++ === 0) stream.session?.destroy();
      else stream.end('ok');
    });
    expect((await rig.fetch('/')).body).toBe('ok');
    expect((await rig.fetch('/lost', { method: 'DELETE', headers: { 'content-length': '0' } })).body).toBe(
      'ok',
    );
    expect(sessions).toHaveLength(2);
    lost = 0;
    const post = await rig.fetch('/lost', { method: 'POST', body: 'x', headers: { 'content-length': '1' } });
    expect([post.status, lost]).toEqual([502, 1]);
  });
});

/** A stream of another edge that keeps what is written, until the test resets it. */
class FarStream implements Stream {
  readonly id = 1;
  isOpen = true;
  written = '';

  constructor(
    public handler: StreamHandler,
    private readonly onWrite: () => void,
  ) {}

  write(chunk: Buffer): boolean {
    this.written += chunk.toString('latin1');
    this.onWrite();
    return true;
  }
  fail(code: ResetCode): void {
    this.isOpen = false;
    this.handler.onReset(code, 'a reset of the test');
  }
  end(): void {}
  pause(): void {}
  resume(): void {}
  reset(): void {
    this.isOpen = false;
  }
}

describe('an HTTP/2 session through another edge', () => {
  /** Streams of the edge, to which sessions belong while `isFar`. */
  let far: FarStream[];
  let isFar: boolean;
  let events: EventEmitter;
  /** Requests that have a place in a session. */
  let placed: number;

  async function startFar(): Promise<void> {
    const server = http2.createServer();
    server.on('session', (session) => sessions.push(session));
    server.on('stream', (stream) => {
      stream.on('error', () => {});
      void bodyOf(stream).then((body) => stream.end(`got ${body.slice(0, 5)} ${body.length}`));
    });
    [far, isFar, events, placed] = [[], true, new EventEmitter(), 0];
    rig = await startRig(null, {
      serve: (socket) => void server.emit('connection', socket),
      wrapDialer: (dialer) => {
        const inner = new Http2Dialer(
          {
            ...dialer,
            dial: (handler) => {
              if (!isFar) return { ...(dialer.dial(handler) as Dialed), mayBeRefused: true };
              const stream = new FarStream(handler, () => events.emit('change'));
              far.push(stream);
              return { stream, origin: dialer, mayBeRefused: true };
            },
          },
          OPTIONS,
        );
        return {
          dial: (handler) => {
            placed++;
            events.emit('change');
            return inner.dial(handler);
          },
          isPreferred: (origin) => inner.isPreferred(origin),
          onArrival: (callback) => inner.onArrival(callback),
          close: () => inner.close(),
        };
      },
    });
  }

  const until = async (isDone: () => boolean): Promise<void> => {
    while (!isDone()) await once(events, 'change');
  };
  const post = (body: string): Promise<{ status: number; body: string }> =>
    rig.fetch('/', { method: 'POST', body, headers: { 'content-length': `${body.length}` } });

  // Requests counted as open as soon as they had begun, so each with a body failed after such a refusal.
  it.each([
    ['NO_TUNNEL', 5],
    ['STREAM_LIMIT', 5],
    ['NO_TUNNEL', 200_000],
  ] as const)(
    'has its requests sent again when %s refuses it, bodies of %d bytes included',
    async (code, size) => {
      await startFar();
      const first = post('first'.padEnd(size, '.'));
      await until(() => far.length > 0 && far[0].written.includes('first'));
      const second = post('other'.padEnd(size, '.'));
      await until(() => placed === 2);
      isFar = false;
      far[0].fail(ResetCode[code]);
      expect(await first).toMatchObject({ status: 200, body: `got first ${size}` });
      expect(await second).toMatchObject({ status: 200, body: `got other ${size}` });
      expect(far).toHaveLength(1);
    },
  );

  it('has no request sent again that must not be repeated once it was open', async () => {
    await startFar();
    const response = post('first');
    await until(() => far.length > 0 && far[0].written.includes('first'));
    far[0].handler.onOpen();
    isFar = false;
    far[0].fail(ResetCode.STREAM_LIMIT);
    expect((await response).status).toBe(502);
    expect([far.length, placed]).toEqual([1, 1]);
  });
});

describe('an ingress that refuses a request', () => {
  it.each([
    ['GET', undefined],
    ['POST', 'payload'],
  ])('gets %s again, since it has not processed it', async (method, body) => {
    let tries = 0;
    await start(async (stream) => {
      if (++tries < 3) stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
      else stream.end(`${tries} ${await bodyOf(stream)}`);
    });
    const sent = body === undefined ? {} : { body, headers: { 'content-length': String(body.length) } };
    expect((await rig.fetch('/', { method, ...sent })).body).toBe(`3 ${body ?? ''}`);
  });

  it('is given up after a few times', async () => {
    let tries = 0;
    await start((stream) => {
      tries++;
      stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    });
    const response = await rig.fetch('/', { method: 'POST' });
    expect([response.status, response.headers['x-culvert-error'], tries]).toEqual([502, 'ingress_closed', 3]);
    expect(response.body).toContain('REFUSED_STREAM');
  });

  it('is not sent a long body twice', async () => {
    let tries = 0;
    let read = 0;
    await start((stream) => {
      tries++;
      stream.on('data', (chunk: Buffer) => {
        read += chunk.length;
        if (read > 50_000) stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
      });
    });
    const body = 'x'.repeat(100_000);
    const response = await rig.fetch('/', { method: 'POST', body, headers: { 'content-length': '100000' } });
    expect([response.status, tries]).toEqual([502, 1]);
  });
});

describe('an ingress that does not speak HTTP/2', () => {
  it('is named in the error when it answers in HTTP/1.1', async () => {
    await startRaw((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')),
    );
    const response = await rig.fetch('/');
    expect([response.status, response.headers['x-culvert-error']]).toEqual([502, 'bad_response']);
    expect(response.body).toContain('does not speak HTTP/2');
  });

  it('is named in the error when it closes at once', async () => {
    await startRaw((socket) => socket.end());
    const response = await rig.fetch('/');
    expect([response.status, response.headers['x-culvert-error']]).toEqual([502, 'ingress_closed']);
  });

  it('is refused', async () => {
    await start(() => {});
    await rig.stopService();
    const response = await rig.fetch('/');
    expect([response.status, response.headers['x-culvert-error']]).toEqual([502, 'ingress_refused']);
  });

  it('is given up when it sends nothing', async () => {
    await startRaw(() => {}, { responseTimeoutMs: 300 });
    const response = await rig.fetch('/');
    expect([response.status, response.headers['x-culvert-error']]).toEqual([504, 'response_timeout']);
  });
});

describe('an ingress that breaks the rules of HTTP/2', () => {
  it.each([
    ['a field of a connection', headersFrame(1, ':status 200', 'connection close')],
    ['transfer-encoding', headersFrame(1, ':status 200', 'transfer-encoding chunked')],
    ['no status', headersFrame(1, 'x-a 1')],
    ['a status of letters', headersFrame(1, ':status abc')],
    ['status 101', headersFrame(1, ':status 101')],
    ['an upper-case name', headersFrame(1, ':status 200', 'X-A 1')],
    ['two lengths', headersFrame(1, ':status 200', 'content-length 1', 'content-length 1')],
    [
      'more body than its length',
      Buffer.concat([headersFrame(1, ':status 200', 'content-length 1'), dataFrame(1, 'ab')]),
    ],
    ['DATA before HEADERS', dataFrame(1, 'ab')],
    ['a request pseudo-header field', headersFrame(1, ':status 200', ':path /')],
    ['a frame that is too large', frame(0, 0, 1, Buffer.alloc(20_000))],
    ['a stream of its own', Buffer.concat([frame(1, 4, 2, Buffer.of(0x88)), headersFrame(1, ':status 200')])],
    ['broken HPACK', frame(1, 4, 1, Buffer.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff))],
    [
      'more fields than are taken',
      headersFrame(1, ':status 200', ...Array.from({ length: 129 }, (_, i) => `x-${i} 1`)),
    ],
  ])('with %s gets no response through', async (_name, bytes) => {
    await startRaw((socket) => {
      socket.write(SETTINGS);
      socket.on('data', () => setTimeout(() => socket.write(bytes), 10));
    });
    const text = await talk(GET.replace(HOST, `${HOST}Connection: close\r\n`));
    if (text.startsWith('HTTP/1.1 200')) expect(text).not.toMatch(/ab|\r\n0\r\n/);
    else expect(text).toMatch(/^HTTP\/1\.1 502 [^]*X-Culvert-Error: bad_response/);
  });

  const PING = frame(6, 0, 0, Buffer.alloc(8));
  it.each([
    ['PING', 2000, PING],
    ['SETTINGS', 2000, SETTINGS],
    ['PRIORITY', 20_000, frame(2, 0, 1, Buffer.alloc(5))],
    ['WINDOW_UPDATE', 20_000, frame(8, 0, 0, Buffer.of(0, 0, 0, 1))],
    ['unknown frames', 20_000, frame(0x77, 0, 0)],
    ['empty DATA', 200, dataFrame(1, '')],
    ['CONTINUATION', 20, frame(9, 0, 1)],
  ])(
    'with a flood of %s gets no response through, and the next request its own connection',
    async (name, count, bytes) => {
      let connections = 0;
      await startRaw((socket) => {
        const isFirst = ++connections === 1;
        socket.write(SETTINGS);
        socket.once('data', () => {
          if (!isFirst) {
            socket.write(Buffer.concat([headersFrame(1, ':status 200'), dataFrame(1, 'ok', true)]));
            return;
          }
          if (name === 'empty DATA') socket.write(headersFrame(1, ':status 200'));
          else if (name === 'CONTINUATION') socket.write(frame(1, 0, 1, Buffer.of(0x88)));
          socket.write(Buffer.concat(Array.from({ length: count }, () => bytes)));
        });
      });
      const flooded = await talk(GET.replace(HOST, `${HOST}Connection: close\r\n`));
      expect(flooded).not.toMatch(/\r\n0\r\n\r\n$/);
      if (name !== 'empty DATA')
        expect(flooded).toMatch(/X-Culvert-Error: bad_response[^]*ENHANCE_YOUR_CALM/);
      expect(await talk(GET, /ok/)).toContain('ok');
    },
  );

  it.each([
    ['a line feed in a value', 'x-a 1\nx-forged: 1'],
    ['a NUL in a value', 'x-a 1\0'],
    ['a line feed in a name', 'x-forged\n 1'],
  ])('with %s loses that field', async (_name, field) => {
    await startRaw((socket) => {
      socket.write(SETTINGS);
      socket.once('data', () =>
        socket.write(
          Buffer.concat([headersFrame(1, ':status 200', field, 'x-b 2'), dataFrame(1, 'ok', true)]),
        ),
      );
    });
    const text = await talk(GET, /ok/);
    expect(text).toContain('x-b: 2\r\n');
    expect(text).not.toMatch(/forged/i);
  });
});

describe('flow control', () => {
  it('stops a response that is not read, and does not affect others', async () => {
    let written = 0;
    await start((stream, fields) => {
      if (fields[':path'] === '/small') return void stream.end('ok');
      const chunk = Buffer.alloc(65_536);
      const pump = (): void => {
        while (!stream.destroyed && written < 64 * 1_048_576) {
          written += chunk.length;
          if (!stream.write(chunk)) return void stream.once('drain', pump);
        }
      };
      stream.respond({});
      pump();
    });
    const stalled = net.connect({ port: rig.port, host: '127.0.0.1' });
    cleanUps.push(() => stalled.destroy());
    stalled.write(GET);
    stalled.pause();
    let before = -1;
    await expect.poll(() => before === (before = written), { interval: 300 }).toBe(true);
    // The window, what the edge holds for a socket, and the kernel's buffers of two connections.
    expect(written).toBeGreaterThan(100_000);
    expect(written).toBeLessThan(16 * 1_048_576);
    for (let i = 0; i < 3; i++) expect((await rig.fetch('/small')).body).toBe('ok');
    expect(sessions).toHaveLength(1);
  });

  it('stops an upload that is not read, and lets it continue later', async () => {
    let go = (): void => {};
    await start((stream) => {
      let read = 0;
      stream.on('data', (chunk: Buffer) => (read += chunk.length));
      stream.on('end', () => stream.end(String(read)));
      stream.pause();
      go = () => stream.resume();
    });
    const total = 32 * 1_048_576;
    const socket = net.connect({ port: rig.port, host: '127.0.0.1' });
    cleanUps.push(() => socket.destroy());
    socket.write(`POST / HTTP/1.1\r\n${HOST}Content-Length: ${total}\r\nConnection: close\r\n\r\n`);
    let sent = 0;
    const pump = (): void => {
      while (sent < total) {
        sent += 65_536;
        if (!socket.write(Buffer.alloc(65_536))) return void socket.once('drain', pump);
      }
    };
    pump();
    let before = -1;
    await expect.poll(() => before === (before = sent), { interval: 300 }).toBe(true);
    expect(sent).toBeLessThan(16 * 1_048_576);
    go();
    expect(await bodyOf(socket)).toContain(String(total));
  });

  it('carries large bodies in both directions at once', async () => {
    await start((stream) => {
      stream.respond({});
      stream.pipe(stream);
    });
    const total = 8 * 1_048_576;
    const request = http.request({
      port: rig.port,
      host: '127.0.0.1',
      method: 'POST',
      agent: false,
      headers: { host: 'demo.preview.test', 'content-length': total },
    });
    request.end(Buffer.alloc(total, 'x'));
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    let received = 0;
    for await (const chunk of response) received += (chunk as Buffer).length;
    expect(received).toBe(total);
  });
});

describe('an unread response', () => {
  /** Returns a stream that is paused once the head of its response has arrived, and promises of its outcome. */
  async function stalled(
    afterHead: (socket: net.Socket) => void,
  ): Promise<{ reset: Promise<readonly [ResetCode, string]>; stream: Stream; received: string[] }> {
    let socket!: net.Socket;
    await startRaw((opened) => {
      socket = opened;
      socket.write(SETTINGS);
      socket.once('data', () => socket.write(headersFrame(1, ':status 200')));
    });
    let markReset!: (reset: readonly [ResetCode, string]) => void;
    const reset = new Promise<readonly [ResetCode, string]>((resolve) => (markReset = resolve));
    const received: string[] = [];
    const dialed = await new Promise<Dialed>((resolve) => {
      const handler: StreamHandler = {
        onOpen: () => {},
        onDrain: () => {},
        onEnd: () => {},
        onReset: (code, detail) => markReset([code, detail]),
        onData: (chunk) => {
          received.push(chunk.toString('latin1'));
          resolve(opened);
        },
      };
      const opened = rig.route.pool.dialer.dial(handler) as Dialed;
      opened.stream.write(Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
    });
    dialed.stream.pause();
    afterHead(socket);
    return { reset, stream: dialed.stream, received };
  }

  it('is kept in about as much memory as it has bytes, however small its pieces are', async () => {
    const frames = Buffer.concat(Array.from({ length: 20_000 }, () => dataFrame(1, 'x')));
    const { received, stream } = await stalled((socket) =>
      socket.write(Buffer.concat([frames, dataFrame(1, 'end', true)])),
    );
    stream.resume();
    await expect.poll(() => received.join('')).toMatch(/end\r\n0\r\n\r\n$/);
    // Pieces that waited leave together: far fewer than there were frames.
    expect(received.length).toBeLessThan(1000);
  });

  it('is reset as soon as the ingress resets it', async () => {
    const { reset } = await stalled((socket) =>
      socket.write(
        Buffer.concat([dataFrame(1, 'half'), resetFrame(1, http2.constants.NGHTTP2_INTERNAL_ERROR)]),
      ),
    );
    expect((await reset)[0]).toBe(ResetCode.INGRESS_RESET);
  });
});

describe('an upgrade other than WebSocket', () => {
  it('to an HTTP/2 ingress is answered with an error', async () => {
    let requests = 0;
    await start((stream) => {
      requests++;
      stream.respond({ ':status': 200 });
      stream.end();
    });
    Object.assign(rig.route, { allowsUpgrades: true });
    const text = await talk(`GET / HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n`, /\}\n$/);
    expect(text).toMatch(/^HTTP\/1\.1 502 /);
    expect(text).toContain('speaks HTTP/2, where no connection switches protocols');
    expect(requests).toBe(0);
  });
});

describe('WebSocket', () => {
  const UPGRADE =
    `GET /chat HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n` +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';

  it('becomes an extended CONNECT', async () => {
    let seen: http2.IncomingHttpHeaders = {};
    await start(
      (stream, fields) => {
        seen = fields;
        stream.respond({ ':status': 200, 'sec-websocket-protocol': 'chat' });
        stream.on('data', (chunk: Buffer) => stream.write(`echo ${chunk.toString()}`));
        stream.on('end', () => stream.end('bye'));
      },
      { settings: { enableConnectProtocol: true } },
    );
    const socket = net.connect({ port: rig.port, host: '127.0.0.1', allowHalfOpen: true });
    cleanUps.push(() => socket.destroy());
    socket.write(UPGRADE);
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    await expect.poll(() => text).toContain('\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
    // The example of RFC 6455 §1.3.
    expect(text).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n');
    expect(text).toContain('sec-websocket-protocol: chat\r\n');
    expect(seen).toMatchObject({
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'http',
      ':path': '/chat',
      ':authority': 'web.internal',
      'sec-websocket-version': '13',
    });
    expect(seen).not.toHaveProperty('sec-websocket-key');
    socket.write('hello');
    await expect.poll(() => text).toContain('echo hello');
    socket.end();
    await once(socket, 'end');
    expect(text).toMatch(/bye$/);
  });

  it('is refused by the service with its own answer', async () => {
    await start(
      (stream) => {
        stream.respond({ ':status': 403 });
        stream.end('no');
      },
      { settings: { enableConnectProtocol: true } },
    );
    const text = await talk(UPGRADE, /no/);
    expect(text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
  });

  it('fails with a clear error when the ingress does not support extended CONNECT', async () => {
    await start((stream) => stream.end('ok'));
    const text = await talk(UPGRADE, /\}/);
    expect(text).toMatch(/^HTTP\/1\.1 502 [^]*X-Culvert-Error: bad_response/);
    expect(text).toContain('without WebSockets');
    expect((await rig.fetch('/')).body).toBe('ok');
  });
});

describe('HTTP/2 on both sides', () => {
  async function visitor(): Promise<http2.ClientHttp2Session> {
    const session = http2.connect('http://demo.preview.test', {
      createConnection: () => net.connect({ port: rig.http2Port, host: '127.0.0.1' }),
    });
    cleanUps.push(() => session.destroy());
    session.on('error', () => {});
    await once(session, 'connect');
    return session;
  }

  it('passes a response of trailers only as one HEADERS frame', async () => {
    await start((stream) =>
      stream.respond({ 'grpc-status': '5', 'grpc-message': 'no' }, { endStream: true }),
    );
    const request = (await visitor()).request({ ':method': 'POST', te: 'trailers' }, { endStream: false });
    const [fields, flags] = (await once(request, 'response')) as [http2.IncomingHttpHeaders, number];
    expect(fields).toMatchObject({ ':status': 200, 'grpc-status': '5', 'grpc-message': 'no' });
    expect(flags & http2.constants.NGHTTP2_FLAG_END_STREAM).not.toBe(0);
  });

  it('passes messages in both directions as they come, then trailers', async () => {
    await start((stream) => {
      stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('data', (chunk: Buffer) => stream.write(`<${chunk.toString()}>`));
      stream.on('end', () => stream.end());
      stream.on('wantTrailers', () =>
        stream.sendTrailers({
          'grpc-status': '0',
          'grpc-status-details-bin': 'AAA=',
          'content-type': 'forged',
        }),
      );
    });
    const request = (await visitor()).request({ ':method': 'POST', te: 'trailers' }, { endStream: false });
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    for (const word of ['one', 'two', 'three']) {
      request.write(word);
      await expect.poll(() => text).toContain(`<${word}>`);
    }
    const trailers = once(request, 'trailers');
    request.end();
    const [fields] = (await trailers) as [http2.IncomingHttpHeaders];
    expect(JSON.parse(JSON.stringify(fields))).toEqual({
      'grpc-status': '0',
      'grpc-status-details-bin': 'AAA=',
    });
  });
});

describe('a fault of Culvert in an HTTP/2 session', () => {
  it('is reported, fails the requests of that session only, and leaves the process running', async () => {
    const faults: unknown[] = [];
    const server = http2.createServer();
    server.on('stream', (stream) => {
      stream.on('error', () => {});
      stream.resume().on('end', () => stream.end('served'));
    });
    server.on('sessionError', () => {});
    let isFaulty = true;
    rig = await startRig(null, {
      serve: (socket) => void server.emit('connection', socket),
      wrapDialer: (dialer) => {
        const inner = new Http2Dialer(dialer, { scheme: 'http', onFault: (error) => faults.push(error) });
        return {
          dial: (handler) => inner.dial(isFaulty ? throwing(handler) : handler),
          isPreferred: (origin) => inner.isPreferred(origin),
          onArrival: (callback) => inner.onArrival(callback),
          close: () => inner.close(),
        };
      },
    });
    const upload = `POST / HTTP/1.1\r\n${HOST}Content-Length: 1000000\r\n\r\n${'x'.repeat(1_000_000)}`;
    const failed = await talk(upload, /\r\n\r\n/);
    expect(failed).toMatch(/^HTTP\/1\.1 50\d /);
    expect(faults).toEqual([new Error('a fault')]);
    isFaulty = false;
    expect(await talk(upload, /served/)).toMatch(/^HTTP\/1\.1 200 /);
    expect(faults).toHaveLength(1);
  });
});

/** Returns a handler that throws when its stream has room again, and is otherwise `handler`. */
function throwing(handler: StreamHandler): StreamHandler {
  return {
    onOpen: () => handler.onOpen(),
    onData: (chunk) => handler.onData(chunk),
    onEnd: () => handler.onEnd(),
    onReset: (code, detail) => handler.onReset(code, detail),
    onDrain: () => {
      throw new Error('a fault');
    },
  };
}

// Frames by hand (RFC 9113 §4.1), header fields as literals without indexing (RFC 7541 §6.2.2).

const SETTINGS = frame(4, 0, 0);

function frame(type: number, flags: number, streamId: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

/** @param fields each `name value`, at most 126 bytes each */
function headersFrame(streamId: number, ...fields: string[]): Buffer {
  const literals = fields.map((field) => {
    const at = field.indexOf(' ', 1);
    const [name, value] = [field.slice(0, at), field.slice(at + 1)];
    return Buffer.concat([
      Buffer.of(0, name.length),
      Buffer.from(name),
      Buffer.of(value.length),
      Buffer.from(value),
    ]);
  });
  return frame(1, 4, streamId, Buffer.concat(literals));
}

function dataFrame(streamId: number, text: string, isLast = false): Buffer {
  return frame(0, isLast ? 1 : 0, streamId, Buffer.from(text));
}

function resetFrame(streamId: number, code: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return frame(3, 0, streamId, payload);
}
