import { once } from 'node:events';
import type http from 'node:http';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { refuse } from './routing/access-gate.js';
import { hopMarkOf } from './routing/hop-mark.js';
import { startRig, type Rig } from './spec/relay-rig.js';

/** The relay between real sockets: raw visitors on one side, real servers on the other, no tunnel in between. */
let rig: Rig;
afterEach(async () => rig.stop());

/** Sends raw bytes without a half-close, and collects until `until` matches or the connection ends. */
async function talk(port: number, bytes: string, until?: RegExp): Promise<string> {
  const socket = net.connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.write(bytes, 'latin1');
  let received = '';
  for await (const chunk of socket) {
    received += (chunk as Buffer).toString('latin1');
    if (until?.test(received)) break;
  }
  socket.destroy();
  return received;
}

const GET = 'GET / HTTP/1.1\r\nHost: demo.preview.test\r\n\r\n';
const LAST = 'GET /last HTTP/1.1\r\nHost: demo.preview.test\r\nConnection: close\r\n\r\n';

describe('an exchange', () => {
  it('forwards a request with the rules of the route and passes the response back', async () => {
    rig = await startRig((request, response) => {
      response.setHeader('x-seen', JSON.stringify(request.headers));
      response.end(`${request.method} ${request.url}`);
    });
    const response = await rig.fetch('/a/../b?c=%20', {
      headers: {
        'x-telepresence-intercept-id': 'forged',
        'x-ambassador-api-key': 'secret',
        'x-forwarded-for': '6.6.6.6',
        forwarded: 'for=6.6.6.6',
        'x-real-ip': '6.6.6.6',
        'x-culvert-anything': '1',
        'x-dev': 'visitor',
        connection: 'keep-alive, x-hop',
        'x-hop': 'gone',
        'x-kept': 'yes',
      },
    });
    expect(response.body).toBe('GET /a/../b?c=%20');
    expect(JSON.parse(response.headers['x-seen'] as string)).toEqual({
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

  it.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'])(
    'carries %s with a body',
    async (method) => {
      rig = await startRig((request, response) => {
        void text(request).then((body) => response.end(`${request.method}:${body}`));
      });
      const response = await rig.fetch('/', { method, body: 'payload', headers: { 'content-length': '7' } });
      expect(response.body).toBe(`${method}:payload`);
    },
  );

  it('answers HEAD, 204 and 304 without a body and keeps the connection', async () => {
    rig = await startRig((request, response) => {
      if (request.url === '/204') response.writeHead(204).end();
      else if (request.url === '/304') response.writeHead(304, { etag: '"x"', 'content-length': '5' }).end();
      else response.writeHead(200, { 'content-length': '5' }).end('hello');
    });
    const received = await talk(
      rig.port,
      'HEAD /200 HTTP/1.1\r\nHost: demo.preview.test\r\n\r\n' +
        'GET /204 HTTP/1.1\r\nHost: demo.preview.test\r\n\r\n' +
        'GET /304 HTTP/1.1\r\nHost: demo.preview.test\r\n\r\n' +
        LAST,
    );
    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual([
      'HTTP/1.1 200',
      'HTTP/1.1 204',
      'HTTP/1.1 304',
      'HTTP/1.1 200',
    ]);
    expect(received.match(/hello/g)).toHaveLength(1);
  });

  it('answers pipelined requests in order, whatever the service takes for each', async () => {
    rig = await startRig((request, response) => {
      const delay = request.url === '/slow' ? 50 : 0;
      setTimeout(() => response.end(`<${request.url}>`), delay);
    });
    const targets = ['/slow', '/1', '/2', '/3'];
    const requests =
      targets.map((t) => `GET ${t} HTTP/1.1\r\nHost: demo.preview.test\r\n\r\n`).join('') + LAST;
    const received = await talk(rig.port, requests);
    expect(received.match(/<[^>]+>/g)).toEqual(['</slow>', '</1>', '</2>', '</3>', '</last>']);
  });

  it('answers thousands of pipelined requests that fail at once without exhausting the stack', async () => {
    rig = await startRig((_request, response) => response.end());
    const one = 'GET / HTTP/1.1\r\nHost: missing.preview.test\r\n\r\n';
    const received = await talk(rig.port, one.repeat(5000) + LAST.replace('demo', 'missing'));
    expect(received.match(/HTTP\/1\.1 404/g)).toHaveLength(5001);
  });

  it('passes chunked bodies and trailers both ways, and drops forbidden trailers', async () => {
    rig = await startRig((request, response) => void answer(request, response));
    async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
      const body = await text(request);
      response.writeHead(200, { trailer: 'x-sum, content-length' });
      response.write(body.slice(0, 3));
      response.write(body.slice(3));
      response.addTrailers({ 'x-sum': JSON.stringify(request.trailers), host: 'evil' });
      response.end();
    }
    const received = await talk(
      rig.port,
      'POST / HTTP/1.1\r\nHost: demo.preview.test\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n' +
        'Connection: close, TE\r\n\r\n3;ext=1\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Check: 7\r\nContent-Length: 9\r\n\r\n',
    );
    expect(received).toContain('3\r\nabc\r\n4\r\ndefg\r\n0\r\nx-sum: {"x-check":"7"}\r\n\r\n');
    expect(received).not.toContain('evil');
  });

  it('gives an HTTP/1.0 visitor a plain body that ends with the connection', async () => {
    rig = await startRig((_request, response) => {
      response.write('one ');
      response.end('two');
    });
    const received = await talk(rig.port, 'GET / HTTP/1.0\r\nHost: demo.preview.test\r\n\r\n');
    expect(received).toMatch(/Connection: close\r\n\r\none two$/);
    expect(received).not.toMatch(/transfer-encoding/i);
  });

  it('frames a response that ends with the connection, so that the visitor can send another request', async () => {
    rig = await startRig(null, {
      serve: (socket) => {
        socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end'));
      },
    });
    const received = await talk(rig.port, GET + LAST);
    expect(received.match(/d\r\nuntil the end\r\n0\r\n\r\n/g)).toHaveLength(2);
  });

  it('forwards interim responses and then the final one', async () => {
    rig = await startRig((_request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.end('done');
    });
    const received = await talk(rig.port, LAST);
    expect(received).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/style.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK/i,
    );
  });

  it('lets the service decide about Expect: 100-continue', async () => {
    rig = await startRig(null, {
      configure: (server) => {
        server.on('checkContinue', (request: http.IncomingMessage, response: http.ServerResponse) => {
          if (request.url === '/no') {
            response.writeHead(417).end();
            return;
          }
          response.writeContinue();
          request.pipe(response);
        });
      },
    });
    const head = 'HTTP/1.1\r\nHost: demo.preview.test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n';
    const socket = net.connect(rig.port, '127.0.0.1');
    socket.write(`POST / ${head}`);
    const [interim] = (await once(socket, 'data')) as [Buffer];
    expect(interim.toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('body');
    const [final] = (await once(socket, 'data')) as [Buffer];
    expect(final.toString()).toContain('HTTP/1.1 200 OK');
    socket.destroy();
    expect(await talk(rig.port, `POST /no ${head}`, /\r\n\r\n/)).toMatch(/^HTTP\/1\.1 417/);
  });

  it('reuses a clean stream and never one with bytes left on it', async () => {
    let connections = 0;
    rig = await startRig(null, {
      serve: (socket) => {
        connections++;
        socket.on('data', (chunk) => {
          const isBad = chunk.toString().includes('/smuggle');
          const body = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
          socket.write(isBad ? `${body}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil` : body);
        });
        socket.on('error', () => {});
      },
    });
    expect((await rig.fetch('/')).body).toBe('ok');
    expect((await rig.fetch('/')).body).toBe('ok');
    expect(connections).toBe(1);
    expect((await rig.fetch('/smuggle')).body).toBe('ok');
    expect((await rig.fetch('/')).body).toBe('ok');
    expect(connections).toBe(2);
  });

  it('repeats a request that may be repeated when a reused stream turns out to be dead', async () => {
    let requests = 0;
    rig = await startRig(null, {
      serve: (socket) => {
        let served = 0;
        socket.on('error', () => {});
        socket.on('data', () => {
          requests++;
          if (served++ === 0) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
          else socket.destroy();
        });
      },
    });
    expect((await rig.fetch('/')).body).toBe('ok');
    expect((await rig.fetch('/')).body).toBe('ok');
    expect(requests).toBe(3);
    const failed = await rig.fetch('/', { method: 'POST', body: 'x' });
    expect(failed.status).toBe(502);
    expect(JSON.parse(failed.body).code).toBe('ingress_closed');
  });

  it.each([
    ['PUT', 'Content-Length: 0\r\n'],
    ['DELETE', 'Content-Length: 0\r\n'],
    ['PROPFIND', ''],
    ['REPORT', ''],
    ['SEARCH', ''],
    ['QUERY', ''],
  ])('repeats %s without a body as well', async (method, lines) => {
    const requests: string[] = [];
    rig = await startRig(null, {
      serve: (socket) => {
        let served = 0;
        socket.on('error', () => {});
        socket.on('data', (chunk: Buffer) => {
          requests.push(chunk.toString().split(' ')[0]);
          if (served++ === 0) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
          else socket.destroy();
        });
      },
    });
    expect((await rig.fetch('/')).body).toBe('ok');
    const visitor = `${method} / HTTP/1.1\r\nHost: demo.preview.test\r\nConnection: close\r\n`;
    expect(await talk(rig.port, `${visitor}${lines}\r\n`)).toMatch(/^HTTP\/1\.1 200 /);
    expect(requests).toEqual(['GET', method, method]);
  });

  // Services that keep idle connections for a second or less lost handshakes and uploads on streams that were dead.
  it('does not use a stream again when the service keeps no idle connection', async () => {
    let connections = 0;
    rig = await startRig(null, {
      serve: (socket) => {
        connections++;
        socket.on('data', () =>
          socket.write('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=0\r\nContent-Length: 2\r\n\r\nok'),
        );
      },
    });
    expect((await rig.fetch('/', { method: 'POST', body: 'x' })).body).toBe('ok');
    expect((await rig.fetch('/', { method: 'POST', body: 'x' })).body).toBe('ok');
    expect(connections).toBe(2);
  });
});

describe('an upgrade', () => {
  it('carries raw bytes both ways and both ends', async () => {
    rig = await startRig(null, {
      serve: (socket) => {
        socket.once('data', (head) => {
          expect(head.toString()).toMatch(/Connection: Upgrade\r\nUpgrade: websocket\r\n/);
          socket.write(
            'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello',
          );
          socket.on('data', (chunk) => socket.write(`echo ${chunk.toString()}`));
          socket.on('end', () => socket.end('bye'));
        });
      },
    });
    const socket = net.connect({ port: rig.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.write(
      'GET / HTTP/1.1\r\nHost: demo.preview.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString();
      if (received.endsWith('hello')) socket.write('ping');
      if (received.endsWith('echo ping')) socket.end();
    });
    await once(socket, 'close');
    expect(received).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n[\s\S]*\r\n\r\nhelloecho pingbye$/);
  });

  it('uses a stream of its own, and leaves idle ones to requests', async () => {
    const connections: string[] = [];
    rig = await startRig(null, {
      serve: (socket) => {
        const index = connections.push('') - 1;
        socket.on('data', (chunk: Buffer) => {
          connections[index] += `${chunk.toString().split(' ')[1]} `;
          const isUpgrade = chunk.includes('Upgrade: websocket');
          // A kept connection is dead for handshakes.
          if (isUpgrade && connections[index] !== '/ws ') socket.destroy();
          else if (isUpgrade)
            socket.write('HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
          else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        });
      },
    });
    expect((await rig.fetch('/a')).body).toBe('ok');
    const socket = net.connect({ port: rig.port, host: '127.0.0.1' });
    socket.write(
      'GET /ws HTTP/1.1\r\nHost: demo.preview.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    const [head] = (await once(socket, 'data')) as [Buffer];
    expect(head.toString()).toMatch(/^HTTP\/1\.1 101 /);
    expect((await rig.fetch('/b')).body).toBe('ok');
    expect(connections).toEqual(['/a /b ', '/ws ']);
    socket.destroy();
  });

  it('passes a refusal on as an ordinary response', async () => {
    rig = await startRig((_request, response) => response.writeHead(403).end('no'));
    const received = await talk(
      rig.port,
      `GET / HTTP/1.1\r\nHost: demo.preview.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${LAST}`,
    );
    expect(received.match(/HTTP\/1\.1 403/g)).toHaveLength(2);
  });

  it('does not let a service switch protocols unasked', async () => {
    rig = await startRig(null, {
      serve: (socket) => {
        socket.once('data', () =>
          socket.write(
            'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
          ),
        );
      },
    });
    expect((await rig.fetch('/')).status).toBe(502);
  });

  it('never forwards an upgrade to h2c', async () => {
    rig = await startRig((request, response) => response.end(JSON.stringify(request.headers)));
    const received = await talk(
      rig.port,
      'GET / HTTP/1.1\r\nHost: demo.preview.test\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n' +
        'HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n',
    );
    expect(received).toContain('HTTP/1.1 200');
    expect(received).not.toMatch(/h2c|http2-settings/i);
  });
});

describe('errors of an exchange', () => {
  it('are a page for a browser and problem+json for a program', async () => {
    rig = await startRig((_request, response) => response.end());
    const page = await rig.fetch('/', { host: 'x"><script>.preview.test', headers: { accept: 'text/html' } });
    expect(page.status).toBe(400);
    const missing = await rig.fetch('/', {
      host: 'missing.preview.test',
      headers: { accept: 'text/html,*/*' },
    });
    expect(missing.status).toBe(404);
    expect(missing.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(missing.headers['content-security-policy']).toContain("default-src 'none'");
    const problem = await rig.fetch('/', { host: 'missing.preview.test' });
    expect(problem.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(problem.body)).toMatchObject({ status: 404, code: 'unknown_host' });
    expect(problem.headers['x-culvert-error']).toBe('unknown_host');
  });

  it('names the ingress and the reason when the connection is refused', async () => {
    rig = await startRig((_request, response) => response.end());
    await rig.stopService();
    const response = await rig.fetch('/');
    expect(response.status).toBe(502);
    expect(JSON.parse(response.body)).toMatchObject({ code: 'ingress_refused' });
    expect(response.body).toMatch(/Ingress web\.internal:80: connect ECONNREFUSED/);
    expect(response.headers['proxy-status']).toMatch(/^culvert; error=connection_refused; details="/);
  });

  it('waits for a manager, and answers 503 with Retry-After when none comes', async () => {
    rig = await startRig((_request, response) => response.end('hello'), {
      limits: {
        managerWaitMs: 300,
      },
    });
    rig.disconnect();
    const response = await rig.fetch('/');
    expect(response.status).toBe(503);
    expect(response.headers['retry-after']).toBe('5');
    expect(JSON.parse(response.body).code).toBe('manager_unavailable');
  });

  it('serves a request that arrived while the manager was away', async () => {
    rig = await startRig((request, response) => {
      void text(request).then((body) => response.end(`got ${body}`));
    });
    rig.disconnect();
    const pending = rig.fetch('/', { method: 'POST', body: 'patience' });
    await rig.whenWaiting();
    rig.reconnect();
    expect((await pending).body).toBe('got patience');
  });

  it('answers 504 when the service sends nothing', async () => {
    rig = await startRig(() => {}, { limits: { responseTimeoutMs: 300 } });
    const response = await rig.fetch('/');
    expect(response.status).toBe(504);
    expect(JSON.parse(response.body).code).toBe('response_timeout');
  });

  it('does not wait longer for a slow body that calls itself gRPC', async () => {
    rig = await startRig((request) => void request.resume(), { limits: { idleTimeoutMs: 300 } });
    const received = await talk(
      rig.port,
      'POST / HTTP/1.1\r\nHost: demo.preview.test\r\nContent-Type: application/grpc\r\nContent-Length: 9\r\n\r\nslow',
    );
    expect(received).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('waits for room on a full tunnel', async () => {
    let isFull = true;
    rig = await startRig((_request, response) => response.end('served'), {
      wrapDialer: (dialer) => ({
        dial: (handler) => (isFull ? 'full' : dialer.dial(handler)),
        isPreferred: (origin) => dialer.isPreferred(origin),
        onArrival: (callback) => dialer.onArrival(callback),
      }),
    });
    const pending = rig.fetch('/');
    await expect.poll(() => rig.route.active).toBe(1);
    isFull = false;
    expect((await pending).body).toBe('served');
  });

  it('leaves the deadline of a gRPC call to the call', async () => {
    rig = await startRig((_request, response) => void setTimeout(() => response.end('at last'), 1000), {
      limits: { responseTimeoutMs: 300 },
    });
    const response = await rig.fetch('/', { headers: { 'content-type': 'application/grpc+proto' } });
    expect(response.body).toBe('at last');
  });

  it.each([
    ['no HTTP at all', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'],
    [
      'a length and chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
  ])('answers 502 to a response with %s', async (_name, bytes) => {
    rig = await startRig(null, { serve: (socket) => socket.once('data', () => socket.end(bytes)) });
    const response = await rig.fetch('/');
    expect(response.status).toBe(502);
    expect(JSON.parse(response.body).code).toBe('bad_response');
  });

  it('breaks the connection when a response cannot be completed', async () => {
    rig = await startRig(null, {
      serve: (socket) =>
        socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')),
    });
    await expect(rig.fetch('/')).rejects.toThrow(/aborted|ECONNRESET/);
  });

  it('does not let a service set fields of the edge or of sibling previews', async () => {
    rig = await startRig((_request, response) => {
      response.setHeader('x-culvert-error', 'forged');
      response.setHeader('proxy-status', 'culvert; error=forged');
      response.setHeader('alt-svc', 'h3=":666"');
      response.setHeader('set-cookie', [
        'own=1; Path=/',
        'wide=1; Domain=.preview.test',
        'mine=1; domain=demo.preview.test',
      ]);
      response.end();
    });
    const { headers } = await rig.fetch('/');
    expect(headers['x-culvert-error']).toBeUndefined();
    expect(headers['proxy-status']).toBeUndefined();
    expect(headers['alt-svc']).toBeUndefined();
    expect(headers['set-cookie']).toEqual(['own=1; Path=/', 'mine=1; domain=demo.preview.test']);
  });

  it('refuses a body beyond the limit, announced or chunked', async () => {
    rig = await startRig((request, response) => request.pipe(response), {
      limits: {
        maxBodyBytes: 10,
      },
    });
    expect((await rig.fetch('/', { method: 'POST', body: 'x'.repeat(11) })).status).toBe(413);
    const received = await talk(
      rig.port,
      'POST / HTTP/1.1\r\nHost: demo.preview.test\r\nTransfer-Encoding: chunked\r\n\r\n' +
        `${'8\r\n12345678\r\n'.repeat(3)}0\r\n\r\n`,
    );
    expect(received).toMatch(/^HTTP\/1\.1 413|^$/);
  });

  it('limits the exchanges of one preview', async () => {
    rig = await startRig((request) => void request.resume(), {
      limits: {
        maxRequestsPerPreview: 1,
      },
    });
    const first = rig.fetch('/').catch(() => {});
    await rig.whenServing(1);
    expect((await rig.fetch('/')).status).toBe(429);
    await rig.stop();
    await first;
  });

  it('limits the requests of a team: people get a page that reloads itself, programs problem+json', async () => {
    rig = await startRig((_request, response) => response.end('ok'), {
      limits: {
        maxRequestsPerTeam: 2,
      },
    });
    expect((await rig.fetch('/')).status).toBe(200);
    const upgrade = { connection: 'upgrade', upgrade: 'websocket' };
    expect((await rig.fetch('/', { headers: upgrade })).status).toBe(200);
    const problem = await rig.fetch('/', { method: 'POST', body: 'kept' });
    expect(problem).toMatchObject({
      status: 429,
      headers: {
        'content-type': 'application/problem+json',
        'retry-after': '30',
        'x-culvert-error': 'team_request_limit',
        'proxy-status': expect.stringMatching(/^culvert; error=http_request_denied; details=/),
      },
    });
    expect((await rig.fetch('/', { headers: upgrade })).status).toBe(429);
    const page = await rig.fetch('/', { headers: { accept: 'text/html' } });
    expect(page).toMatchObject({ status: 429, headers: { refresh: '30', 'retry-after': '30' } });
    expect(page.body).toContain('<h1>Too many requests in a short time</h1>');
    expect(rig.relay.counters).toMatchObject({ exchanges: 2, failures: { team_request_limit: 3 } });
    expect(rig.relay.drainRequestCounts()).toEqual(new Map([['t1', 2]]));
    expect(rig.route.active).toBe(0);
  });

  // Visitors that are not let in could otherwise keep others out of a private preview.
  it('does not charge the budget of a team for requests that the gate or another limit refuses', async () => {
    rig = await startRig((request) => void request.resume(), {
      limits: {
        maxRequestsPerTeam: 2,
        maxRequestsPerPreview: 1,
      },
    });
    const letIn = rig.gate.check;
    rig.gate.check = () => refuse('access_denied');
    for (let i = 0; i < 5; i++) expect((await rig.fetch('/')).status).toBe(401);
    rig.gate.check = letIn;
    const first = rig.fetch('/').catch(() => {});
    await rig.whenServing(1);
    for (let i = 0; i < 5; i++) {
      const refused = await rig.fetch('/');
      expect(refused.headers['x-culvert-error']).toBe('too_many_requests');
    }
    expect(rig.relay.drainRequestCounts()).toEqual(new Map([['t1', 1]]));
    await rig.stop();
    await first;
  });

  it('continues counting after a pause, and after the route was read again', async () => {
    rig = await startRig((_request, response) => response.end('ok'), {
      limits: {
        maxRequestsPerTeam: 2,
      },
    });
    expect((await rig.fetch('/')).status).toBe(200);
    expect((await rig.fetch('/')).status).toBe(200);
    expect(rig.relay.drainUsedPreviews()).toEqual(['p1']);
    rig.relay.drainRequestCounts();
    expect(rig.route.budget).toBeNull();
    await rig.relay.handleRouteChange('demo.preview.test');
    expect((await rig.fetch('/')).status).toBe(429);
  });

  it('answers a head that takes too long with 408, and a malformed one with its status', async () => {
    rig = await startRig((_request, response) => response.end(), {
      limits: {
        headTimeoutMs: 300,
      },
    });
    expect(await talk(rig.port, 'GET / HTTP/1.1\r\nHost:')).toMatch(/^HTTP\/1\.1 408 /);
    expect(await talk(rig.port, 'GET  / HTTP/1.1\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 400 [\s\S]*Connection: close/,
    );
    expect(await talk(rig.port, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')).toMatch(/^HTTP\/1\.1 505 /);
  });
});

// A port that is open before its server is ready has already read the first requests.
describe('a relay', () => {
  it('serves a connection whose request was read before it was accepted', async () => {
    rig = await startRig((_request, response) => response.end('early'));
    const listener = net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.once('readable', () => rig.relay.accept(socket, { isSecure: false }));
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    expect(await talk((listener.address() as net.AddressInfo).port, LAST)).toMatch(/early$/);
    listener.close();
  });
});

describe('the end of an exchange', () => {
  it('resets the stream when the visitor goes away, in every phase', async () => {
    rig = await startRig((request, response) => {
      if (request.url === '/stream') response.write('x'.repeat(1000));
    });
    for (const target of ['/silent', '/stream']) {
      const socket = net.connect(rig.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(`GET ${target} HTTP/1.1\r\nHost: demo.preview.test\r\n\r\n`);
      const aborted = rig.whenServiceSeesAbort();
      await (target === '/stream' ? once(socket, 'data') : rig.whenServing(1));
      socket.resetAndDestroy();
      await aborted;
    }
    expect(rig.route.active).toBe(0);
  });

  it('ends exchanges of a preview that is removed or made private', async () => {
    rig = await startRig((_request, response) => void response.write('x'));
    const socket = net.connect(rig.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(GET);
    await once(socket, 'data');
    rig.removeRoute();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await rig.relay.handleRouteChange('demo.preview.test');
    await closed;
    expect((await rig.fetch('/')).status).toBe(404);
  });

  it('finishes what is under way when it drains, and closes idle connections at once', async () => {
    let release = (): void => {};
    rig = await startRig((request, response) => {
      if (request.url === '/') response.end('ok');
      else release = () => response.end('finished');
    });
    const idle = net.connect(rig.port, '127.0.0.1');
    idle.write(GET);
    await once(idle, 'data');
    const busy = rig.fetch('/busy');
    await rig.whenServing(2);
    const drained = rig.relay.drain(10_000);
    await once(idle, 'close');
    release();
    const response = await busy;
    expect(response.body).toBe('finished');
    expect(response.headers.connection).toBe('close');
    await drained;
  });

  it('serves kept and new connections after its notice, and announces with each answer that they end', async () => {
    rig = await startRig((request, response) => {
      if (request.url !== '/stream') return void response.end('ok');
      response.write('first ');
      streams.push(() => response.end('last'));
    });
    const streams: (() => void)[] = [];
    const kept = net.connect(rig.port, '127.0.0.1');
    kept.write(GET);
    await once(kept, 'data');
    // Its head has left without `Connection: close`, so that the connection must carry one more request.
    const begun = net.connect(rig.port, '127.0.0.1');
    begun.write(GET.replace('/', '/stream'));
    await once(begun, 'data');

    rig.relay.giveNotice();
    for (const send of streams) send();
    let rest = '';
    begun.on('data', (chunk) => (rest += String(chunk)));
    await expect.poll(() => rest).toContain('last');
    const fresh = await rig.fetch('/');
    expect(fresh).toMatchObject({ status: 200, body: 'ok', headers: { connection: 'close' } });
    expect((await rig.fetch('/', { host: 'other.preview.test' })).headers.connection).toBe('close');
    for (const socket of [kept, begun]) {
      const ended = once(socket, 'end');
      rest = '';
      socket.on('data', (chunk) => (rest += String(chunk)));
      socket.write(GET);
      await ended;
      expect(rest).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*Connection: close\r\n[^]*\bok\b/);
    }
    expect(rig.relay.isDraining).toBe(false);
  });

  it('reports used previews once, and again those still in use', async () => {
    let finish = (): void => {};
    rig = await startRig((request, response) => {
      if (request.url === '/long') finish = () => response.end('done');
      else response.end('ok');
    });
    expect(rig.relay.drainUsedPreviews()).toEqual([]);
    await rig.fetch('/');
    await rig.fetch('/');
    expect(rig.relay.drainUsedPreviews()).toEqual(['p1']);
    expect(rig.relay.drainUsedPreviews()).toEqual([]);
    const long = rig.fetch('/long');
    await expect.poll(() => rig.route.active).toBe(1);
    expect(rig.relay.drainUsedPreviews()).toEqual(['p1']);
    expect(rig.relay.drainUsedPreviews()).toEqual(['p1']);
    await expect.poll(() => (finish(), rig.route.active)).toBe(0);
    await long;
    expect(rig.relay.drainUsedPreviews()).toEqual(['p1']);
    expect(rig.relay.drainUsedPreviews()).toEqual([]);
  });

  it('holds back a service whose visitor does not read', async () => {
    let sent = 0;
    rig = await startRig((_request, response) => {
      const chunk = Buffer.alloc(65_536);
      const push = (): void => {
        while (sent < 512 * 1024 * 1024) {
          sent += chunk.length;
          if (!response.write(chunk)) {
            response.once('drain', push);
            return;
          }
        }
        response.end();
      };
      push();
    });
    const socket = net.connect(rig.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(GET);
    socket.pause();
    let last = -1;
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        if (sent > 0 && sent === last) {
          clearInterval(timer);
          resolve();
        }
        last = sent;
      }, 200);
    });
    expect(sent).toBeLessThan(32 * 1024 * 1024);
    socket.destroy();
  });
});
