/** The client against real servers: HTTP/2 and HTTP/1.1, with and without TLS, behind a proxy, and servers that misbehave. */
import { once, setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { inspect } from 'node:util';
import { ConnectProxy, createTestCertificate } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HttpClient } from './http-client.js';
import type { HttpClientOptions } from './http-options.js';
import { HttpError, type HttpErrorKind } from './http-error.js';
import type { HttpRequest } from './http-message.js';

type Handler = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) => void;

const certificate = createTestCertificate(['localhost', '127.0.0.1']);
const SECRET = 'Bearer very-secret';
const closers: (() => void)[] = [];

beforeEach(() => {
  for (const name of [
    'http_proxy',
    'https_proxy',
    'no_proxy',
    'HTTP_PROXY',
    'HTTPS_PROXY',
    'NO_PROXY',
    'all_proxy',
    'ALL_PROXY',
  ])
    vi.stubEnv(name, undefined);
});
afterEach(() => {
  for (const close of closers.splice(0)) close();
  vi.unstubAllEnvs();
});

/** Starts a server that listens, with the sockets that it has accepted. */
async function listen(server: Server): Promise<{ readonly port: number; readonly sockets: Socket[] }> {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => sockets.push(socket.on('error', () => {})));
  server.listen(0, 'localhost');
  await once(server, 'listening');
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

const echo: Handler = (request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk.toString()));
  request.on('end', () => {
    const { httpVersion, method, url, headers } = request;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ httpVersion, method, url, authorization: headers.authorization, body }));
  });
};

const serveHttp2 = (handle: Handler = echo) =>
  listen(createSecureServer({ ...certificate, allowHTTP1: true }, handle));
const serveHttps1 = (handle: Handler = echo) => listen(createHttpsServer(certificate, handle));
const servePlain = (handle: Handler = echo) => listen(createServer(handle));

function clientOf(change: Partial<HttpClientOptions> = {}): HttpClient {
  const client = new HttpClient({
    ca: certificate.cert,
    connectTimeoutMs: 5000,
    timeoutMs: 5000,
    maxResponseBytes: 100_000,
    allowPrivateAddresses: true,
    ...change,
  });
  closers.push(() => client.close());
  return client;
}

async function failure(client: HttpClient, request: HttpRequest): Promise<HttpError> {
  const error: unknown = await client.send(request).then(
    () => 'a response',
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(HttpError);
  // Whatever fails, the logged error holds no secret.
  expect(inspect(error, { depth: 2 })).not.toContain('very-secret');
  return error as HttpError;
}

const kindOf = async (client: HttpClient, request: HttpRequest): Promise<HttpErrorKind> =>
  (await failure(client, request)).kind;

describe.each([
  ['HTTP/1.1', servePlain, 'http'],
  ['HTTP/2', serveHttp2, 'https'],
] as const)('a response that is passed on as it arrives, over %s', (_name, serve, scheme) => {
  it('reaches its receiver part by part, may exceed the limit of collected bodies, and outlives the time limit', async () => {
    const parts: string[] = [];
    let write: (text: string) => void = () => {};
    const { port } = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      write = (text) => void (response as ServerResponse).write(text);
      write('first');
    });
    const next = () => expect.poll(() => parts.at(-1));
    const ended = new AbortController();
    const pending = clientOf({ timeoutMs: 1000, maxResponseBytes: 3 }).send({
      url: `${scheme}://localhost:${port}/`,
      signal: ended.signal,
      onData: (part) => parts.push(part.toString()),
    });
    await next().toBe('first');
    // Together these waits are longer than the time limit, which each part begins anew.
    for (const text of ['second', 'third']) {
      await new Promise((resolve) => setTimeout(resolve, 700));
      write(text);
      await next().toBe(text);
    }
    ended.abort(new Error('enough'));
    await expect(pending).rejects.toThrow('enough');
  });

  it('ends with a timeout when no part arrives for too long', async () => {
    const { port } = await serve(
      (_request, response) => void (response as ServerResponse).writeHead(200).write('first'),
    );
    const request = { url: `${scheme}://localhost:${port}/`, onData: () => {} };
    expect(await kindOf(clientOf({ timeoutMs: 200 }), request)).toBe('timeout');
  });

  it('is not awaited if the head is enough: the connection ends, also in the middle of an endless body', async () => {
    let closed!: () => void;
    const isClosed = new Promise<void>((resolve) => (closed = resolve));
    const { port } = await serve((_request, response) => {
      response.once('close', closed);
      (response as ServerResponse).writeHead(206, { 'x-part': '1' }).write('first');
    });
    const request = { url: `${scheme}://localhost:${port}/`, isHeadOnly: true };
    const { status, headers, text } = await clientOf({ maxResponseBytes: 1 }).send(request);
    expect([status, headers['x-part'], text]).toEqual([206, '1', '']);
    await isClosed;
  });

  it('is collected if it reports a failure, and ends with the error of its receiver', async () => {
    const { port } = await serve((request, response) =>
      response.writeHead(request.url === '/refused' ? 403 : 200).end('text'),
    );
    const onData = (): void => {
      throw new TypeError('the receiver failed');
    };
    const origin = `${scheme}://localhost:${port}`;
    const refused = await clientOf().send({ url: `${origin}/refused`, onData });
    expect([refused.status, refused.text]).toEqual([403, 'text']);
    await expect(clientOf().send({ url: `${origin}/`, onData })).rejects.toThrow('the receiver failed');
    const parts: Buffer[] = [];
    const whole = await clientOf().send({ url: `${origin}/`, onData: (part) => parts.push(part) });
    expect([whole.status, whole.text, Buffer.concat(parts).toString()]).toEqual([200, '', 'text']);
  });
});

describe('the protocol', () => {
  it('is HTTP/2 where the server offers it by ALPN, over one connection for all requests', async () => {
    const { port, sockets } = await serveHttp2();
    const client = clientOf();
    const request = { url: `https://localhost:${port}/a?b=c`, headers: { Authorization: SECRET } };
    const first = await client.send({ ...request, method: 'POST', body: 'payload' });
    expect(first).toMatchObject({ status: 200, httpVersion: '2.0' });
    expect(JSON.parse(first.text)).toEqual({
      httpVersion: '2.0',
      method: 'POST',
      url: '/a?b=c',
      authorization: SECRET,
      body: 'payload',
    });
    expect(first.headers['content-type']).toBe('application/json');
    expect(Object.keys(first.headers).filter((name) => name.startsWith(':'))).toEqual([]);
    await Promise.all(Array.from({ length: 20 }, () => client.send(request)));
    expect(sockets).toHaveLength(1);
  });

  it('is found out once for requests that begin together', async () => {
    const { port, sockets } = await serveHttp2();
    const client = clientOf();
    const url = `https://localhost:${port}/`;
    const responses = await Promise.all(Array.from({ length: 10 }, () => client.send({ url })));
    expect(responses.map(({ httpVersion }) => httpVersion)).toEqual(Array(10).fill('2.0'));
    expect(sockets).toHaveLength(1);
  });

  it('is HTTP/1.1 where the server does not offer HTTP/2, with connections kept', async () => {
    const { port, sockets } = await serveHttps1();
    const client = clientOf();
    for (let i = 0; i < 3; i++) {
      const response = await client.send({ url: `https://localhost:${port}/`, method: 'PUT', body: 'x' });
      expect([response.httpVersion, JSON.parse(response.text)]).toEqual([
        '1.1',
        { httpVersion: '1.1', method: 'PUT', url: '/', body: 'x' },
      ]);
    }
    expect(sockets).toHaveLength(1);
  });

  it('is HTTP/1.1 without TLS, with connections kept', async () => {
    const { port, sockets } = await servePlain();
    const client = clientOf();
    for (const method of ['GET', 'DELETE', 'POST'])
      expect((await client.send({ url: `http://localhost:${port}/`, method })).httpVersion).toBe('1.1');
    expect(sockets).toHaveLength(1);
  });

  it.each(['127.0.0.1', '[::1]'])('is HTTP/1.1 for the address %s', async (host) => {
    const server = createSecureServer({ ...certificate, allowHTTP1: true }, echo);
    const sockets: Socket[] = [];
    server.on('connection', (socket: Socket) => sockets.push(socket));
    server.listen(0, host.replaceAll(/[[\]]/g, ''));
    await once(server, 'listening');
    closers.push(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    const url = `https://${host}:${(server.address() as AddressInfo).port}/`;
    if (host === '[::1]') {
      // The certificate names no IPv6 address: this error shows that the connection was made and its certificate was checked.
      expect(await failure(clientOf(), { url })).toMatchObject({
        kind: 'tls',
        cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
      });
    } else {
      expect((await clientOf().send({ url })).httpVersion).toBe('1.1');
    }
  });

  it('is found out anew when the server changes it', async () => {
    const { port, sockets } = await serveHttp2();
    const client = clientOf();
    const url = `https://localhost:${port}/`;
    expect((await client.send({ url })).httpVersion).toBe('2.0');
    closers.splice(-2, 1)[0]?.();
    for (const socket of sockets) await (socket.closed || once(socket, 'close'));
    const older = createTlsServer({ ...certificate, ALPNProtocols: ['http/1.1'] }, (socket) => {
      socket.on('error', () => {}).once('data', () => socket.end('HTTP/1.1 204 No Content\r\n\r\n'));
    });
    older.listen(port, 'localhost');
    await once(older, 'listening');
    closers.push(() => older.close());
    expect(await client.send({ url })).toMatchObject({ status: 204, httpVersion: '1.1' });
  });
});

describe('a response', () => {
  it.each([
    ['HTTP/2', serveHttp2, 'https'],
    ['HTTP/1.1', servePlain, 'http'],
  ] as const)(
    'over %s that exceeds the limit is refused, with or without a length',
    async (_name, serve, scheme) => {
      const { port } = await serve((request, response) => {
        if (request.url === '/says') response.setHeader('content-length', '101');
        response.end('x'.repeat(request.url === '/fits' ? 100 : 101));
      });
      const client = clientOf({ maxResponseBytes: 100 });
      const url = `${scheme}://localhost:${port}`;
      expect((await client.send({ url: `${url}/fits` })).body).toHaveLength(100);
      for (const path of ['/says', '/does-not-say']) {
        const error = await failure(client, { url: url + path });
        expect([error.kind, error.message]).toEqual([
          'too-large',
          `${url}: the response is longer than 100 bytes`,
        ]);
      }
      expect((await client.send({ url: `${url}/says`, maxResponseBytes: 101 })).body).toHaveLength(101);
    },
  );

  it.each([
    ['HTTP/2', serveHttp2, 'https'],
    ['HTTP/1.1', servePlain, 'http'],
  ] as const)('over %s that is cut off is an error', async (_name, serve, scheme) => {
    let sent = 0;
    const { port, sockets } = await serve((_request, response) => {
      sent++;
      response.writeHead(200, { 'content-length': '10' });
      (response as ServerResponse).write('12345', () => {
        for (const socket of sockets) socket.destroy();
      });
    });
    const error = await failure(clientOf(), { url: `${scheme}://localhost:${port}/x?very-secret` });
    expect([error.kind, error.message]).toEqual([
      'broken',
      expect.stringContaining(`${scheme}://localhost:${port}: the connection broke: `),
    ]);
    // The server has begun to respond: what it did must not be done twice.
    expect(sent).toBe(1);
  });

  it.each([0, 2, 8])(
    'over HTTP/2 whose stream is reset with code %i before its end is an error',
    async (code) => {
      const { port } = await serveHttp2((_request, response) => {
        response.writeHead(200, { 'content-length': '10' });
        const { stream } = response as Http2ServerResponse;
        stream.write('12345', () => stream.close(code));
      });
      expect(await kindOf(clientOf(), { url: `https://localhost:${port}/` })).toBe('broken');
    },
  );

  it.each([204, 304, 404, 503])('with status %i is a response', async (status) => {
    const { port } = await serveHttp2((_request, response) => void response.writeHead(status).end());
    const response = await clientOf().send({ url: `https://localhost:${port}/` });
    expect([response.status, response.isSuccess, response.text]).toEqual([status, status === 204, '']);
  });
});

describe('a request', () => {
  it.each([
    ['a URL that cannot be parsed', { url: 'https://[very-secret/' }],
    ['another scheme', { url: 'ftp://localhost/very-secret' }],
    ['a password in the URL', { url: 'https://me:very-secret@localhost/' }],
    [
      'a header that cannot be sent',
      { url: 'http://localhost/', headers: { authorization: 'very-secret\n' } },
    ],
    ['a header of the connection', { url: 'http://localhost/', headers: { Host: 'very-secret' } }],
    ['a body that nothing would read', { url: 'http://localhost/', body: 'very-secret' }],
    ['CONNECT', { url: 'http://localhost/', method: 'CONNECT' }],
  ])('with %s is refused, and not quoted', async (_name, request: HttpRequest) => {
    expect(await kindOf(clientOf(), request)).toBe('request');
  });

  it('over a connection that its server closed meanwhile is sent again, unless it may change something', async () => {
    let answered = 0;
    const { port } = await servePlain((request, response) => {
      answered++;
      // Closes as soon as more bytes arrive, like a server that closes idle connections.
      request.socket.removeAllListeners('data').on('data', () => request.socket.destroy());
      response.end();
    });
    const url = `http://localhost:${port}/`;
    const client = clientOf();
    expect((await client.send({ url })).status).toBe(200);
    expect((await client.send({ url })).status).toBe(200);
    expect(answered).toBe(2);
    expect(await kindOf(client, { url, method: 'POST', body: 'x' })).toBe('broken');
    expect(answered).toBe(2);
  });
});

/** Starts a server that closes the connection instead of answering, from the request of that number on each connection. */
async function serveUntil(
  serve: typeof serveHttp2,
  number: number,
): Promise<{ readonly port: number; readonly sockets: Socket[]; readonly methods: string[] }> {
  const methods: string[] = [];
  const counts = new WeakMap<object, number>();
  const served = await serve((request, response) => {
    methods.push(request.method ?? '');
    const connection = 'stream' in request ? request.stream.session! : request.socket;
    const count = (counts.get(connection) ?? 0) + 1;
    counts.set(connection, count);
    if (count < number) response.end();
    else connection.destroy();
  });
  return { ...served, methods };
}

describe('a request whose connection is lost before the response', () => {
  const METHODS = ['GET', 'HEAD', 'PUT', 'DELETE', 'POST'];

  it.each([
    ['HTTP/2', serveHttp2],
    ['HTTP/1.1', serveHttps1],
  ] as const)('is sent once over a new connection of %s', async (_name, serve) => {
    // http2-wrapper calls every connection a reused one, so GET, PUT and DELETE were sent three times.
    const { port, methods } = await serveUntil(serve, 1);
    const client = clientOf();
    for (const method of METHODS)
      expect(await kindOf(client, { url: `https://localhost:${port}/`, method })).toBe('broken');
    expect(methods).toEqual(METHODS);
  });

  it.each([
    ['HTTP/2', serveHttp2],
    ['HTTP/1.1', serveHttps1],
  ] as const)('is sent again over a used connection of %s if it changes nothing', async (_name, serve) => {
    for (const method of METHODS) {
      const { port, sockets, methods } = await serveUntil(serve, 2);
      const client = clientOf();
      const url = `https://localhost:${port}/`;
      expect((await client.send({ url })).status).toBe(200);
      if (method === 'GET' || method === 'HEAD') {
        expect((await client.send({ url, method })).status).toBe(200);
        expect([methods, sockets.length]).toEqual([['GET', method, method], 2]);
      } else {
        expect(await kindOf(client, { url, method })).toBe('broken');
        expect([methods, sockets.length]).toEqual([['GET', method], 1]);
      }
    }
  });
});

describe('a session that its server closes with GOAWAY', () => {
  // http2-wrapper still chooses it until its last stream has ended, and Node refuses each request on it.
  it('gets no further request, while the streams on it end as usual', async () => {
    const sessions: ServerHttp2Session[] = [];
    let finish!: () => void;
    let begun!: () => void;
    const beginning = new Promise<void>((resolve) => (begun = resolve));
    const server = createSecureServer(certificate, (request, response) => {
      if (request.url !== '/slow') return echo(request, response);
      finish = () => response.end('slow');
      return begun();
    });
    server.on('session', (session) => sessions.push(session));
    const { port } = await listen(server);
    const client = clientOf();
    const url = `https://localhost:${port}`;
    const slow = client.send({ url: `${url}/slow` });
    await beginning;
    sessions[0].goaway(0);
    // The client has read GOAWAY once it answers the PING behind it.
    await new Promise<void>((resolve) => sessions[0].ping(() => resolve()));
    expect((await client.send({ url, method: 'POST', body: 'payload' })).status).toBe(200);
    expect((await client.send({ url })).status).toBe(200);
    expect(sessions).toHaveLength(2);
    finish();
    expect((await slow).text).toBe('slow');
  });

  it('before its first request is replaced without an error', async () => {
    let count = 0;
    const server = createSecureServer(certificate, echo);
    server.on('session', (session) => {
      if (++count === 1) session.goaway(0);
    });
    const { port } = await listen(server);
    const response = await clientOf().send({
      url: `https://localhost:${port}/`,
      method: 'POST',
      body: 'payload',
    });
    expect(JSON.parse(response.text)).toMatchObject({ method: 'POST', body: 'payload' });
    expect(count).toBe(2);
  });

  it('every time fails a request after three attempts', async () => {
    let count = 0;
    const server = createSecureServer(certificate, echo);
    server.on('session', (session) => {
      count++;
      session.goaway(0);
    });
    const { port } = await listen(server);
    expect(await kindOf(clientOf(), { url: `https://localhost:${port}/`, method: 'POST' })).toBe('broken');
    expect(count).toBe(3);
  });
});

describe('connections of HTTP/1.1 to an origin', () => {
  it.each([
    ['with TLS', serveHttps1, 'https'],
    ['without TLS', servePlain, 'http'],
  ] as const)('(%s) are at most 32, however many requests begin together', async (_name, serve, scheme) => {
    // Node's agents count a connection once it is open, so 150 requests opened 150.
    const held: (ServerResponse | Http2ServerResponse)[] = [];
    let full!: () => void;
    const filling = new Promise<void>((resolve) => (full = resolve));
    let isHolding = true;
    const { port, sockets } = await serve((_request, response) => {
      if (!isHolding) return void response.end();
      held.push(response);
      if (held.length === 32) full();
    });
    const client = clientOf();
    const responses = Array.from({ length: 150 }, () =>
      client.send({ url: `${scheme}://localhost:${port}/` }),
    );
    await filling;
    // More connections would have arrived with the first ones.
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    expect(sockets).toHaveLength(32);
    isHolding = false;
    for (const response of held) response.end();
    expect((await Promise.all(responses)).map(({ status }) => status)).toEqual(Array(150).fill(200));
  });

  it('are released by requests that failed, were aborted or ran out of time', async () => {
    const held: (ServerResponse | Http2ServerResponse)[] = [];
    const { port } = await servePlain((request, response) => {
      if (request.url === '/ok') response.end();
      else if (request.url === '/cut') request.socket.destroy();
      else held.push(response);
    });
    const client = clientOf();
    const url = `http://localhost:${port}`;
    const ended = new AbortController();
    setMaxListeners(0, ended.signal);
    const requests = Array.from({ length: 40 }, (_item, i) => [
      client.send({ url: `${url}/cut` }),
      client.send({ url: `${url}/silent`, timeoutMs: 200 }),
      client.send({ url: `${url}/silent`, signal: ended.signal }),
      ...(i === 0 ? [client.send({ url: `${url}/ok` })] : []),
    ]).flat();
    setImmediate(() => ended.abort());
    const results = await Promise.allSettled(requests);
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(1);
    const after = await Promise.all(Array.from({ length: 40 }, () => client.send({ url: `${url}/ok` })));
    expect(after.map(({ status }) => status)).toEqual(Array(40).fill(200));
  });

  it('fail the requests that wait for them when the client is closed', async () => {
    let arrived = 0;
    let full!: () => void;
    const filling = new Promise<void>((resolve) => (full = resolve));
    const { port } = await servePlain(() => {
      if (++arrived === 32) full();
    });
    const client = clientOf();
    const kinds = Array.from({ length: 40 }, () => kindOf(client, { url: `http://localhost:${port}/` }));
    await filling;
    client.close();
    expect(await Promise.all(kinds)).toEqual(Array(40).fill('broken'));
    expect(arrived).toBe(32);
  });
});

describe('the time limit', () => {
  const silent: Handler = () => {};

  it.each([
    ['HTTP/2', serveHttp2, 'https'],
    ['HTTP/1.1', servePlain, 'http'],
  ] as const)('covers the whole response over %s', async (_name, serve, scheme) => {
    const endless: Handler = (_request, response) => {
      response.writeHead(200);
      const timer = setInterval(() => void (response as ServerResponse).write('.'), 10);
      response.on('close', () => clearInterval(timer));
    };
    const quiet = await serve(silent);
    const slow = await serve(endless);
    for (const { port } of [quiet, slow]) {
      const url = `${scheme}://localhost:${port}`;
      const error = await failure(clientOf({ timeoutMs: 200 }), { url: `${url}/path` });
      expect([error.kind, error.message]).toEqual(['timeout', `${url} did not answer within 200 ms`]);
    }
  });

  it('of connecting covers TLS too', async () => {
    const { port } = await listen(createTcpServer(() => {}));
    const error = await failure(clientOf({ connectTimeoutMs: 100 }), { url: `https://localhost:${port}/` });
    expect([error.kind, error.message]).toEqual([
      'timeout',
      `https://localhost:${port} did not accept a connection within 100 ms`,
    ]);
  });

  it('does not delay a caller that aborts, and the server sees the end too', async () => {
    let closed!: () => void;
    const closing = new Promise<void>((resolve) => (closed = resolve));
    const ended = new AbortController();
    const reason = new Error('no longer needed');
    const { port } = await serveHttp2((_request, response) => {
      response.on('close', closed);
      ended.abort(reason);
    });
    const client = clientOf();
    await expect(client.send({ url: `https://localhost:${port}/`, signal: ended.signal })).rejects.toBe(
      reason,
    );
    await closing;
    await expect(client.send({ url: `https://localhost:${port}/`, signal: ended.signal })).rejects.toBe(
      reason,
    );
  });

  it('that passes on a dead session fails one request: the next one uses another session', async () => {
    const { port } = await serveHttp2();
    const pairs: [Socket, Socket][] = [];
    const way = await listen(
      createTcpServer((near) => {
        const far = connect(port, 'localhost').on('error', () => {});
        pairs.push([near, far]);
        near.pipe(far).pipe(near);
      }),
    );
    const url = `https://localhost:${way.port}/`;
    const client = clientOf();
    expect((await client.send({ url })).httpVersion).toBe('2.0');
    // Bytes no longer pass, and neither end is notified.
    for (const [near, far] of pairs) {
      near.unpipe(far);
      far.unpipe(near);
    }
    expect(await kindOf(client, { url, timeoutMs: 100 })).toBe('timeout');
    await vi.waitFor(async () => expect((await client.send({ url, timeoutMs: 500 })).status).toBe(200), {
      timeout: 8000,
    });
  }, 10_000);
});

describe('a redirect', () => {
  it('is returned as a response unless the caller asks to follow it', async () => {
    const { port, sockets } = await servePlain(
      (_request, response) => void response.writeHead(302, { location: '/other' }).end(),
    );
    const response = await clientOf().send({ url: `http://localhost:${port}/` });
    expect([response.status, response.headers['location'], sockets.length]).toEqual([302, '/other', 1]);
  });

  const redirecting =
    (status: number, target: () => string): Handler =>
    (request, response) =>
      request.url === '/from'
        ? void response.writeHead(status, { location: target() }).end()
        : echo(request, response);

  it('is followed within an origin with all headers, and to another one without secrets', async () => {
    const there = await serveHttp2();
    let target = '/to';
    const { port } = await serveHttp2(redirecting(307, () => target));
    const client = clientOf({ maxRedirects: 2 });
    const request = {
      url: `https://localhost:${port}/from`,
      headers: { authorization: SECRET, 'x-key': 'k' },
    };
    const near = await client.send({ ...request, method: 'POST', body: 'payload' });
    expect(JSON.parse(near.text)).toMatchObject({
      method: 'POST',
      url: '/to',
      authorization: SECRET,
      body: 'payload',
    });
    target = `https://localhost:${there.port}/far`;
    const far = await client.send(request);
    expect(far.url.href).toBe(target);
    expect(JSON.parse(far.text)).toEqual({ httpVersion: '2.0', method: 'GET', url: '/far', body: '' });
  });

  it.each([
    [307, 'POST'],
    [308, 'POST'],
    [302, 'PUT'],
  ])('with status %i is refused when it takes the body of a %s to another origin', async (status, method) => {
    const there = await servePlain();
    const target = `http://localhost:${there.port}/far`;
    const { port } = await servePlain(redirecting(status, () => target));
    const error = await failure(clientOf({ maxRedirects: 1 }), {
      url: `http://localhost:${port}/from`,
      method,
      body: 'password=very-secret',
    });
    expect([error.kind, error.message]).toEqual([
      'redirect',
      `http://localhost:${port} redirects a request with a body to another origin`,
    ]);
    expect(there.sockets).toHaveLength(0);
  });

  it('of a POST by 303 becomes a GET without a body', async () => {
    const { port } = await servePlain(redirecting(303, () => '/to'));
    const response = await clientOf({ maxRedirects: 1 }).send({
      url: `http://localhost:${port}/from`,
      method: 'POST',
      body: 'payload',
    });
    expect(JSON.parse(response.text)).toMatchObject({ method: 'GET', url: '/to', body: '' });
  });

  it.each([
    ['too often', '/from'],
    ['from https to http', 'http://localhost:1/'],
    ['to another scheme', 'file:///etc/passwd'],
    ['to a URL with a password', 'https://a:b@localhost/'],
  ])('%s is an error', async (_name, target) => {
    const { port } = await serveHttp2(redirecting(302, () => target));
    expect(await kindOf(clientOf({ maxRedirects: 3 }), { url: `https://localhost:${port}/from` })).toBe(
      'redirect',
    );
  });
});

describe('an unreachable server', () => {
  it('is described by the kind and the reason of the failure', async () => {
    const server = createTcpServer();
    const { port } = await listen(server);
    closers.pop()?.();
    const refused = await failure(clientOf(), { url: `https://localhost:${port}/` });
    expect([refused.kind, refused.message]).toEqual([
      'connect',
      expect.stringContaining(`https://localhost:${port}: no connection: connect ECONNREFUSED`),
    ]);
    expect(await kindOf(clientOf(), { url: 'https://culvert.invalid/' })).toBe('name');
    const { port: nonsense } = await listen(createTcpServer((socket) => socket.end('nonsense\r\n')));
    expect(await kindOf(clientOf(), { url: `https://localhost:${nonsense}/` })).toBe('tls');
    expect(await kindOf(clientOf(), { url: `http://localhost:${nonsense}/` })).toBe('broken');
    const { port: secure } = await serveHttp2();
    expect(await kindOf(clientOf({ ca: undefined }), { url: `https://localhost:${secure}/` })).toBe('tls');
  });

  it('includes a server that breaks the rules of HTTP/2', async () => {
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    const dataOfNoStream = Buffer.from([0, 0, 5, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5]);
    for (const bytes of [
      Buffer.concat([settings, dataOfNoStream]),
      Buffer.from('HTTP/1.1 400 Bad\r\n\r\n'),
    ]) {
      const server = createTlsServer({ ...certificate, ALPNProtocols: ['h2'] }, (socket) => {
        socket.on('error', () => {}).write(bytes);
      });
      const { port } = await listen(server);
      expect(await kindOf(clientOf(), { url: `https://localhost:${port}/` })).toBe('broken');
    }
  });
});

describe('private addresses', () => {
  it.each(['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', 'localhost', '0x7f.1', '169.254.169.254', '10.1.2.3'])(
    'are refused where they are not allowed: %s',
    async (host) => {
      const { port, sockets } = await servePlain();
      const client = clientOf({ allowPrivateAddresses: false });
      expect(await kindOf(client, { url: `http://${host}:${port}/` })).toBe('forbidden-address');
      expect(await kindOf(client, { url: `https://${host}:${port}/` })).toBe('forbidden-address');
      expect(sockets).toHaveLength(0);
    },
  );

  // Resolvers of many Linux systems do not know names below localhost.
  it('are those of this machine for names below localhost, where they are allowed', async () => {
    const { port } = await servePlain();
    expect((await clientOf().send({ url: `http://a.preview.localhost:${port}/` })).status).toBe(200);
    const client = clientOf({ allowPrivateAddresses: false });
    expect(await kindOf(client, { url: `http://a.preview.localhost:${port}/` })).toBe('forbidden-address');
  });

  it('are refused where a redirect leads to them', async () => {
    // A proxy resolves names itself; what it leads to here plays the public server.
    const proxy = await ConnectProxy.start();
    closers.push(() => void proxy.stop());
    const { port } = await servePlain(
      (_request, response) =>
        void response.writeHead(302, { location: 'http://169.254.169.254/latest' }).end(),
    );
    vi.stubEnv('HTTP_PROXY', proxy.url);
    const client = clientOf({ allowPrivateAddresses: false, maxRedirects: 3 });
    expect(await kindOf(client, { url: `http://localhost:${port}/` })).toBe('forbidden-address');
  });
});

describe('a proxy', () => {
  let proxy: ConnectProxy;
  beforeEach(async () => {
    proxy = await ConnectProxy.start();
    closers.push(() => void proxy.stop().catch(() => {}));
    vi.stubEnv('HTTP_PROXY', proxy.url);
    vi.stubEnv('HTTPS_PROXY', proxy.url.replace('//', '//somebody:p%40ss@'));
  });

  it('is asked once to connect, by name, and shown its own credentials; HTTP/2 goes through it', async () => {
    const { port } = await serveHttp2();
    const client = clientOf();
    const request = { url: `https://localhost:${port}/`, headers: { authorization: SECRET } };
    for (let i = 0; i < 3; i++) expect((await client.send(request)).httpVersion).toBe('2.0');
    expect(proxy.asked).toEqual([`localhost:${port}`]);
    expect(proxy.credentials).toEqual([`Basic ${Buffer.from('somebody:p@ss').toString('base64')}`]);
  });

  describe('that is reached by TLS', () => {
    // With the name of the target as that of the proxy, no such proxy could be used.
    const far = createTestCertificate(['far.example']);

    async function through(own: typeof far, proxyHost: string) {
      proxy = await ConnectProxy.start(own);
      closers.push(() => void proxy.stop().catch(() => {}));
      proxy.names.set('far.example', 'localhost');
      vi.stubEnv('HTTPS_PROXY', proxy.url.replace('127.0.0.1', proxyHost));
      const { port } = await listen(createSecureServer(far, echo));
      return { client: clientOf({ ca: [far.cert, own.cert] }), url: `https://far.example:${port}/` };
    }

    it.each([
      ['localhost', 'localhost'],
      ['127.0.0.1', '127.0.0.1'],
    ])('shows a certificate for its own name %s', async (name, host) => {
      const { client, url } = await through(createTestCertificate([name]), host);
      expect((await client.send({ url })).httpVersion).toBe('2.0');
      expect(proxy.asked).toHaveLength(1);
    });

    it.each([
      ['the target', far, 'localhost'],
      ['another name', createTestCertificate(['localhost']), '127.0.0.1'],
    ])('is not trusted with a certificate for %s', async (_what, own, host) => {
      const { client, url } = await through(own, host);
      expect(await failure(client, { url })).toMatchObject({
        kind: 'proxy',
        cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
      });
      expect(proxy.asked).toEqual([]);
    });
  });

  it('is used for HTTP/1.1 too, with TLS and without', async () => {
    const secure = await serveHttps1();
    const plain = await servePlain();
    const client = clientOf();
    expect((await client.send({ url: `https://127.0.0.1:${secure.port}/` })).status).toBe(200);
    expect((await client.send({ url: `http://localhost:${plain.port}/` })).status).toBe(200);
    expect(proxy.asked).toEqual([`127.0.0.1:${secure.port}`, `localhost:${plain.port}`]);
  });

  it('is bypassed where NO_PROXY says so', async () => {
    vi.stubEnv('NO_PROXY', 'localhost');
    const { port } = await serveHttp2();
    expect((await clientOf().send({ url: `https://localhost:${port}/` })).status).toBe(200);
    expect(proxy.asked).toEqual([]);
  });

  it.each([403, 407, 502])('that refuses with %i is named in the error', async (status) => {
    proxy.status = status;
    const error = await failure(clientOf(), { url: 'https://localhost:1/' });
    expect([error.kind, error.message]).toEqual(['proxy', `the proxy answered ${status} to CONNECT`]);
  });

  it('that does not answer is named in the error without its password', async () => {
    await proxy.stop();
    const error = await failure(clientOf(), { url: 'https://localhost:1/' });
    expect(error.kind).toBe('proxy');
    expect(inspect(error)).not.toMatch(/p@ss|p%40ss/);
  });

  it.each(['ftp://proxy.example', 'http://user:very-secret@[bad'])('cannot be %s', async (value) => {
    vi.stubEnv('HTTPS_PROXY', value);
    const error = await failure(clientOf(), { url: 'https://localhost:1/' });
    expect([error.kind, error.message]).toEqual([
      'proxy',
      'HTTPS_PROXY or HTTP_PROXY is not the http or https address of a proxy',
    ]);
  });
});
