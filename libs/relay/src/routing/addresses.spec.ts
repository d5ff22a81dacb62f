/**
 * A service sees one address in all fields of a request, and what it answers applies to the preview. Fault of the
 * former way: `Host: localhost` beside the preview's Origin, so that development servers refused WebSockets, forms and
 * sign-ins, redirects led to `localhost`, and cookies for `localhost` were dropped.
 */
import { once } from 'node:events';
import type http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { DEFAULT_HEAD_LIMITS, parseRequestHead, parseResponseHead } from '@culvert/http1';
import { afterEach, describe, expect, it } from 'vitest';
import { type Rig, startRig } from '../spec/relay-rig.js';
import { Http2Dialer } from '../upstream/http2-dialer.js';
import { SocketDialer } from '../upstream/socket-stream.js';
import type { Dialer } from '../upstream/stream-pool.js';
import { StreamPools } from '../upstream/stream-pools.js';
import { type AddressedIngress, serviceAddress } from './addresses.js';
import { requestChanges } from './field-changes.js';
import { requestHeadText, responseFieldLines } from './header-rules.js';
import { Route } from './route.js';

const URL_OF_PREVIEW = 'https://a.preview.test:4400';
const FORWARDED = 'X-Forwarded-Host: a.preview.test:4400\r\n';

function routeTo(
  addressedAs: AddressedIngress['addressedAs'],
  ingress: Partial<AddressedIngress> = {},
): Route {
  const whole = {
    host: 'localhost',
    port: 3000,
    useTls: false,
    l5Host: 'localhost',
    addressedAs,
    ...ingress,
  };
  const address = serviceAddress(URL_OF_PREVIEW, whole);
  return Route.forPreview(
    {
      id: 'p',
      teamId: 't',
      hostname: 'a.preview.test',
      interceptId: 'i',
      ingress: 'localhost:3000',
      l5Host: address.host,
      addressLines: address.lines,
      translator: address.translator,
      addRequestHeaders: {},
      access: 'public',
      expiresAt: Infinity,
    },
    new StreamPools().open(new SocketDialer(() => expect.unreachable())),
  );
}

/** Returns the value of a field as the service gets it; null: it does not get the field. */
function received(route: Route, name: string, line = '', host = 'a.preview.test:4400'): string | null {
  const head = Buffer.from(`GET /x HTTP/1.1\r\nHost: ${host}\r\n${line}\r\n`, 'latin1');
  const text = requestHeadText(
    parseRequestHead(head, 0, head.length, DEFAULT_HEAD_LIMITS),
    route,
    route.forwards === 'all' ? FORWARDED : '',
  );
  return new RegExp(`^${name}: (.*?)\r$`, 'im').exec(text)?.[1] ?? null;
}

/** Returns the field lines that the visitor gets for one of the service's. */
function answered(route: Route, line: string): string {
  const head = Buffer.from(`HTTP/1.1 200 OK\r\nX-A: 1\r\n${line}\r\nX-B: 2\r\n\r\n`, 'latin1');
  const lines = responseFieldLines(
    parseResponseHead(head, 0, head.length, DEFAULT_HEAD_LIMITS, 'GET'),
    route,
  );
  expect(lines).toMatch(/^X-A: 1\r\n[^]*X-B: 2\r\n$/);
  return lines.slice('X-A: 1\r\n'.length, -'X-B: 2\r\n'.length).trimEnd();
}

describe('a service that is addressed as the target', () => {
  const TARGET = routeTo('target');

  it('receives Host, Origin and Referer of its own address, and no field that names the preview', () => {
    expect(TARGET.forwards).toBe('address');
    expect(received(TARGET, 'Host')).toBe('localhost:3000');
    expect(received(TARGET, 'Origin', 'Origin: https://a.preview.test:4400\r\n')).toBe(
      'http://localhost:3000',
    );
    const referer = 'Referer: https://a.preview.test:4400/cart?id=1\r\n';
    expect(received(TARGET, 'Referer', referer)).toBe('http://localhost:3000/cart?id=1');
    expect(received(TARGET, 'X-Forwarded-Host')).toBeNull();
    expect(received(TARGET, 'X-Forwarded-Host', 'X-Forwarded-Host: forged\r\n')).toBeNull();
    expect(received(TARGET, 'Forwarded', 'Forwarded: host=forged\r\n')).toBeNull();
  });

  it.each([
    'https://evil.example',
    'https://b.preview.test:4400',
    'https://a.preview.test',
    'http://a.preview.test:4400',
    'https://a.preview.test:44001',
    'https://a.preview.test:4400.evil.example',
    'https://a.preview.test:4400@evil.example',
    'null',
    '',
  ])('receives the foreign origin "%s" as it is, so that its own checks still refuse it', (origin) => {
    expect(received(TARGET, 'Origin', `Origin: ${origin}\r\n`)).toBe(origin);
    expect(received(TARGET, 'Referer', `Referer: ${origin}\r\n`)).toBe(origin);
  });

  it.each([
    'http://localhost:3000',
    'https://localhost:3000',
    'HTTP://LocalHost:3000',
    'http://127.0.0.1:3000',
    'http://[::1]:3000',
  ])('does not take pages of "%s" on the machine of a visitor for its own', (origin) => {
    expect(received(TARGET, 'Origin', `Origin: ${origin}\r\n`)).toBe('null');
    expect(received(TARGET, 'Referer', `Referer: ${origin}/form?a=1\r\n`)).toBeNull();
    const foreign = Buffer.from(
      `GET / HTTP/1.1\r\nHost: a.preview.test:4400\r\nOrigin: ${origin}\r\nReferer: ${origin}/\r\n\r\n`,
    );
    const request = parseRequestHead(foreign, 0, foreign.length, DEFAULT_HEAD_LIMITS);
    expect(requestChanges(request, TARGET)).toEqual([
      { name: 'Host', value: 'localhost:3000' },
      { name: 'Origin', value: 'null' },
      { name: 'Referer', value: null },
    ]);
  });

  it.each(['http://localhost', 'http://localhost:30001', 'http://localhost:3000.evil.example'])(
    'receives the origin "%s" of another port or name as it is',
    (origin) => {
      expect(received(TARGET, 'Origin', `Origin: ${origin}\r\n`)).toBe(origin);
      expect(received(TARGET, 'Referer', `Referer: ${origin}/\r\n`)).toBe(`${origin}/`);
    },
  );

  it('receives the preview’s own origin as its own where both have one name', () => {
    const preview = 'http://localhost:3000';
    const { host, translator, lines } = serviceAddress(preview, {
      host: 'localhost',
      port: 3000,
      useTls: false,
      l5Host: 'localhost',
      addressedAs: 'target',
    });
    const head = Buffer.from(`GET / HTTP/1.1\r\nHost: localhost:3000\r\nOrigin: ${preview}\r\n\r\n`);
    const request = parseRequestHead(head, 0, head.length, DEFAULT_HEAD_LIMITS);
    expect([host, lines, translator?.requestValue(request, 1)]).toEqual(['localhost:3000', '', preview]);
  });

  it('receives its own origin from a visitor that uses another port than the public one', () => {
    const host = 'a.preview.test:8443';
    expect(received(TARGET, 'Origin', `Origin: https://${host}\r\n`, host)).toBe('http://localhost:3000');
    expect(received(TARGET, 'Origin', 'Origin: https://a.preview.test:9\r\n', host)).toBe(
      'https://a.preview.test:9',
    );
  });

  it('has no port in its Host where that is the default of its scheme', () => {
    expect(received(routeTo('target', { port: 80 }), 'Host')).toBe('localhost');
    expect(received(routeTo('target', { port: 443, useTls: true }), 'Host')).toBe('localhost');
    expect(received(routeTo('target', { port: 443 }), 'Host')).toBe('localhost:443');
    expect(received(routeTo('target', { l5Host: '::1' }), 'Host')).toBe('[::1]:3000');
    expect(received(routeTo('target', { l5Host: 'shop.example.com' }), 'Host')).toBe('shop.example.com:3000');
  });

  it.each([
    ['Location: http://localhost:3000/next?a=1', `Location: ${URL_OF_PREVIEW}/next?a=1`],
    ['location:   HTTP://LocalHost:3000', `location: ${URL_OF_PREVIEW}`],
    ['Location: //127.0.0.1:3000/next', `Location: ${URL_OF_PREVIEW}/next`],
    ['Location: http://0.0.0.0:3000/', `Location: ${URL_OF_PREVIEW}/`],
    ['Content-Location: http://[::1]:3000/a', `Content-Location: ${URL_OF_PREVIEW}/a`],
    ['Refresh: 5; url=http://localhost:3000/b', `Refresh: 5; url=${URL_OF_PREVIEW}/b`],
    ["Refresh: 0;URL='http://localhost:3000/b'", `Refresh: 0;URL='${URL_OF_PREVIEW}/b'`],
    ['Access-Control-Allow-Origin: http://localhost:3000', `Access-Control-Allow-Origin: ${URL_OF_PREVIEW}`],
  ])('sends visitors to the preview by "%s"', (line, expected) => {
    expect(answered(TARGET, line)).toBe(expected);
  });

  it.each([
    'Location: /next',
    'Location: http://localhost/next',
    'Location: http://localhost:30001/',
    'Location: https://localhost:3000/',
    'Location: http://localhost:3000.evil.example/',
    'Location: http://localhost:3000@evil.example/',
    'Location: https://login.example.com/?next=http://localhost:3000/',
    'Refresh: 5',
    'Access-Control-Allow-Origin: *',
    'Access-Control-Allow-Origin: https://partner.example',
    'X-Location: http://localhost:3000/',
  ])('passes "%s" as it is, which does not name the target', (line) => {
    expect(answered(TARGET, line)).toBe(line);
  });

  it.each([
    ['sid=1; Domain=localhost; Path=/; HttpOnly', 'sid=1; Path=/; HttpOnly'],
    ['sid=1;domain=.LOCALHOST', 'sid=1'],
    ['sid=1; Domain=127.0.0.1; Secure', 'sid=1; Secure'],
    ['sid=Domain=localhost; Path=/', 'sid=Domain=localhost; Path=/'],
    ['sid=1; Domain=a.preview.test', 'sid=1; Domain=a.preview.test'],
  ])('sets the cookie "%s" for the preview alone', (cookie, expected) => {
    expect(answered(TARGET, `Set-Cookie: ${cookie}`)).toBe(`Set-Cookie: ${expected}`);
  });

  it.each([
    'sid=1; Domain=preview.test',
    'sid=1; Domain=localhost; Domain=preview.test',
    '__Host-culvert-preview=1; Domain=localhost',
  ])('cannot set the cookie "%s", which would reach other previews or take one of ours', (cookie) => {
    expect(answered(TARGET, `Set-Cookie: ${cookie}`)).toBe('');
  });
});

describe('a service that is addressed as the preview', () => {
  const PREVIEW = routeTo('preview');

  it('receives the public name with its port, and Origin and Referer as they are', () => {
    expect(received(PREVIEW, 'Host')).toBe('a.preview.test:4400');
    expect(received(PREVIEW, 'X-Forwarded-Port')).toBe('4400');
    expect(received(PREVIEW, 'X-Forwarded-Host')).toBe('a.preview.test:4400');
    const origin = 'https://a.preview.test:4400';
    expect(received(PREVIEW, 'Origin', `Origin: ${origin}\r\n`)).toBe(origin);
    expect(received(PREVIEW, 'Referer', `Referer: ${origin}/x\r\n`)).toBe(`${origin}/x`);
  });

  it.each([
    ['Location: http://a.preview.test:4400/next', `Location: ${URL_OF_PREVIEW}/next`],
    ['Location: http://a.preview.test/next', `Location: ${URL_OF_PREVIEW}/next`],
    ['Location: http://localhost:3000/next', `Location: ${URL_OF_PREVIEW}/next`],
    ['Location: https://a.preview.test:4400/next', 'Location: https://a.preview.test:4400/next'],
    ['Location: https://b.preview.test:4400/next', 'Location: https://b.preview.test:4400/next'],
    ['Set-Cookie: sid=1; Domain=localhost', 'Set-Cookie: sid=1'],
  ])('sends "%s" to the visitor as "%s"', (line, expected) => {
    expect(answered(PREVIEW, line)).toBe(expected);
  });
});

describe('a service that is addressed by its l5Host', () => {
  const L5HOST = routeTo('l5host');

  it('receives only another Host, and its answers pass as they are', () => {
    expect(received(L5HOST, 'Host')).toBe('localhost');
    expect(received(L5HOST, 'X-Forwarded-Host')).toBe('a.preview.test:4400');
    const origin = 'https://a.preview.test:4400';
    expect(received(L5HOST, 'Origin', `Origin: ${origin}\r\n`)).toBe(origin);
    expect(answered(L5HOST, 'Location: http://localhost/next')).toBe('Location: http://localhost/next');
    expect(answered(L5HOST, 'Set-Cookie: sid=1; Domain=localhost')).toBe('');
    expect(L5HOST.translator).toBeNull();
  });
});

describe('addresses on the wire', () => {
  let rig: Rig;
  const open = new Set<{ destroy(): void }>();
  const start = async (
    handle: http.RequestListener | null,
    serve?: (socket: net.Socket) => void,
    wrapDialer: (dialer: Dialer) => Dialer = (dialer) => dialer,
  ) => {
    rig = await startRig(handle, {
      wrapDialer,
      ...(serve && { serve }),
      addressOf: (port) =>
        serviceAddress('http://demo.preview.test', {
          host: '127.0.0.1',
          port,
          useTls: false,
          l5Host: 'localhost',
          addressedAs: 'target',
        }),
    });
  };
  afterEach(async () => {
    for (const each of open) each.destroy();
    open.clear();
    await rig.stop();
  });
  const redirect: http.RequestListener = ({ headers }, response) => {
    const isOwn = headers.origin === `http://${headers.host}`;
    const forwarded = Object.entries(headers).filter(([name]) => name.includes('forwarded'));
    response.writeHead(isOwn ? 303 : 403, {
      'x-seen': JSON.stringify(forwarded),
      location: `http://${headers.host}/in`,
      'set-cookie': ['sid=1; Domain=localhost', 'foreign=1; Domain=example.com'],
    });
    response.end();
  };
  const expected = { location: 'http://demo.preview.test/in', 'set-cookie': ['sid=1'] };
  // Services give local requests more rights, such as a console on their error pages: visitors must not look local.
  const visitor = { 'x-seen': '[["x-forwarded-for","127.0.0.1"]]' };

  it('are translated for a visitor over HTTP/1.1, also where heads repeat', async () => {
    await start(redirect);
    for (let i = 0; i < 5; i++) {
      const answer = await rig.fetch('/login', {
        method: 'POST',
        headers: { origin: 'http://demo.preview.test' },
      });
      expect(answer).toMatchObject({ status: 303, headers: { ...expected, ...visitor } });
      expect(await rig.fetch('/login', { headers: { origin: 'http://evil.example' } })).toMatchObject({
        status: 403,
      });
    }
  });

  it('are translated for a visitor over HTTP/2', async () => {
    await start(redirect);
    const client = http2.connect(`http://127.0.0.1:${rig.http2Port}`);
    open.add(client);
    const stream = client.request({
      ':path': '/login',
      ':authority': 'demo.preview.test',
      origin: 'http://demo.preview.test',
    });
    const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
    expect(headers).toMatchObject({ ':status': 303, ...expected, ...visitor });
    stream.resume();
    await once(stream, 'close');
  });

  it('are translated for an ingress that speaks HTTP/2', async () => {
    const server = http2.createServer();
    server.on('session', (session) => open.add(session));
    server.on('stream', (stream, headers) =>
      stream.respond(
        {
          ':status': headers.origin === `http://${headers[':authority']}` ? 303 : 403,
          location: `http://${headers[':authority']}/in`,
          'set-cookie': 'sid=1; Domain=localhost',
        },
        { endStream: true },
      ),
    );
    await start(
      null,
      (socket) => void server.emit('connection', socket),
      (dialer) => new Http2Dialer(dialer, { scheme: 'http', onFault: () => expect.unreachable() }),
    );
    expect(await rig.fetch('/login', { headers: { origin: 'http://demo.preview.test' } })).toMatchObject({
      status: 303,
      headers: expected,
    });
  });

  it('are translated in the handshake of a WebSocket', async () => {
    let head = '';
    await start(null, (socket) =>
      socket.once('data', (chunk) => {
        head = chunk.toString('latin1');
        const { port } = socket.address() as net.AddressInfo;
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
            `Sec-WebSocket-Accept: x\r\nContent-Location: http://localhost:${port}/live\r\n\r\n`,
        );
      }),
    );
    const socket = net.connect(rig.port, '127.0.0.1');
    open.add(socket);
    socket.write(
      'GET /live HTTP/1.1\r\nHost: demo.preview.test\r\nOrigin: http://demo.preview.test\r\n' +
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(
      /^HTTP\/1\.1 101 .*\r\n[^]*Content-Location: http:\/\/demo\.preview\.test\/live\r\n/,
    );
    const { port } = new URL(`http://${/^Host: (.*)\r$/m.exec(head)![1]}`);
    expect(head).toContain(`Host: localhost:${port}\r\n`);
    expect(head).toContain(`Origin: http://localhost:${port}\r\n`);
  });
});
