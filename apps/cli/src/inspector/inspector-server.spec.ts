import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { Http1Watch } from '@culvert/client';
import { type ExchangeMessage, replayResource } from '@culvert/contract';
import { EventReader } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { har } from '../spec/har-schema.js';
import type { InspectedEndpoint } from './inspected-endpoint.js';
import { InspectorServer } from './inspector-server.js';
import { LocalExchanges } from './local-exchanges.js';
import type { LocalExchange } from './recorded-exchange.js';

let exchanges: LocalExchanges;
let inspector: InspectorServer;
/** The URL with the token, its origin, and the cookie of a browser that has opened it. */
let invitation: string;
let url: string;
let cookie: string;
let service: http.Server;
let endpoint: InspectedEndpoint;
const received: { method: string; url: string; headers: http.IncomingHttpHeaders; body: string }[] = [];
const readers: EventReader[] = [];

beforeEach(async () => {
  received.length = 0;
  service = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      received.push({ method: request.method!, url: request.url!, headers: request.headers, body });
      response.writeHead(201, { 'content-type': 'text/plain' }).end(`answer ${body}`);
    });
  });
  await once(service.listen(0, '127.0.0.1'), 'listening');
  const { port } = service.address() as AddressInfo;
  endpoint = {
    name: 'web',
    url: () => 'https://k3v9.preview.test',
    target: { host: '127.0.0.1', port, isTls: false },
    verifyTls: true,
  };
  exchanges = new LocalExchanges();
  inspector = new InspectorServer({
    exchanges,
    endpoints: () => [endpoint],
    onFault: (error) => expect.unreachable(String(error)),
  });
  invitation = (await inspector.listen(undefined))!;
  url = new URL(invitation).origin;
  const { headers } = await askWithout(invitation.slice(url.length));
  [cookie] = headers['set-cookie']![0].split('; ');
});
afterEach(async () => {
  for (const reader of readers.splice(0)) reader.close();
  await inspector.close();
  exchanges.close();
  service.closeAllConnections();
  service.close();
  expect(exchanges.memory.heldBytes).toBe(0);
});

/** Shows one request and its response to the recorder, as they would pass through the tunnel. */
function pass(
  request: string,
  response: string | null = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
): Http1Watch {
  const watch = new Http1Watch(() => {}, exchanges.recorderOf(endpoint));
  watch.handleRequestBytes(Buffer.from(request, 'latin1'));
  if (response !== null) watch.handleResponseBytes(Buffer.from(response, 'latin1'));
  return watch;
}
const GET =
  'GET /basket?token=1 HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.7\r\nCookie: sid=1\r\n\r\n';
const POST = 'POST /orders HTTP/1.1\r\nHost: a\r\nX-Own: 1\r\nContent-Length: 4\r\n\r\nbody';

async function open(): Promise<EventReader> {
  const reader = await EventReader.open(`${url}/exchanges`, { cookie });
  readers.push(reader);
  return reader;
}
const exchangeOf = async (reader: EventReader, isMeant: (each: LocalExchange) => boolean = () => true) =>
  (await reader.next('exchange', isMeant)).data as LocalExchange;

/** Sends a request as a browser that was let in. */
function ask(path: string, headers: http.OutgoingHttpHeaders = {}, method = 'GET', body = '') {
  return askWithout(path, { cookie, ...headers }, method, body);
}

/** Sends a request without the cookie. */
function askWithout(path: string, headers: http.OutgoingHttpHeaders = {}, method = 'GET', body = '') {
  return new Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }>(
    (resolve, reject) => {
      const request = http.request(`${url}${path}`, { method, headers, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () =>
          resolve({ status: response.statusCode!, headers: response.headers, body: text }),
        );
      });
      request.on('error', reject).end(body);
    },
  );
}
const replay = (body: object) =>
  ask('/replays', { origin: url, 'content-type': 'application/json' }, 'POST', JSON.stringify(body));

describe(InspectorServer.name, () => {
  it('listens on loopback only, on the next port if one is taken', async () => {
    expect(invitation).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{32}$/);
    const other = new InspectorServer({ exchanges, endpoints: () => [], onFault: () => {} });
    const second = await other.listen(undefined);
    expect(Number(new URL(second!).port)).toBeGreaterThan(Number(new URL(url).port));
    await other.close();
    const refused = new InspectorServer({ exchanges, endpoints: () => [], onFault: () => {} });
    expect(await refused.listen(Number(new URL(url).port))).toBeNull();
  });

  it.each([
    ['a name that another site gave this address', { host: 'rebound.attacker.test:4040' }],
    ['another port of this machine', { host: '127.0.0.1:1' }],
    ['an address that is not loopback', { host: '192.0.2.1' }],
    ['another origin', { origin: 'https://attacker.test' }],
    ['the origin of a sandboxed page', { origin: 'null' }],
    ['another site that sends no origin', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
    ['another port of the same host', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' }],
  ])('refuses requests from %s', async (_name, headers) => {
    pass(GET);
    for (const path of ['/', '/exchanges', '/har', '/endpoints', '/inspector.js']) {
      const { status, body, headers: answered } = await ask(path, headers);
      expect([path, status]).toEqual([path, 403]);
      expect(body).not.toContain('basket');
      expect(answered).not.toHaveProperty('access-control-allow-origin');
    }
    const sent = await ask('/replays', { ...headers }, 'POST', '{}');
    expect(sent.status).toBe(403);
  });

  it('lets only browsers in that have opened the URL of this run', async () => {
    pass(GET);
    const opened = await askWithout(invitation.slice(url.length), {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
    });
    expect(opened.status).toBe(200);
    expect(opened.headers['set-cookie']).toEqual([
      expect.stringMatching(/^culvert-inspector-\d+=[\w-]{32}; Path=\/; HttpOnly; SameSite=Strict$/),
    ]);
    const [name] = cookie.split('=');
    for (const wrong of ['', `${name}=`, `${name}=${'a'.repeat(32)}`, `other=${cookie.split('=')[1]}`]) {
      for (const path of [
        '/',
        '/?token=',
        '/?token=guess',
        '/exchanges',
        '/har',
        '/endpoints',
        '/inspector.js',
      ]) {
        const { status, body, headers } = await askWithout(path, { cookie: wrong });
        expect([path, wrong, status]).toEqual([path, wrong, 401]);
        expect(body).toContain('Open the URL that the command printed');
        expect(body).not.toContain('basket');
        expect(headers).not.toHaveProperty('set-cookie');
      }
      const sent = await askWithout('/replays', { cookie: wrong, origin: url }, 'POST', '{}');
      expect(sent.status).toBe(401);
    }
    expect((await ask('/', { cookie: `other=1; ${cookie}` })).status).toBe(200);
  });

  it('does not let in the page of an earlier run at the same port', async () => {
    const { port } = new URL(url);
    await inspector.close();
    inspector = new InspectorServer({ exchanges, endpoints: () => [endpoint], onFault: () => {} });
    await inspector.listen(Number(port));
    expect((await ask('/endpoints')).status).toBe(401);
  });

  it('shows all bodies to a page that is opened after many have passed', async () => {
    const first = await open();
    await first.next('ready');
    const body = 'a'.repeat(65_536);
    const length = `Content-Length: ${body.length}\r\n\r\n${body}`;
    // More than a page may leave unread, in parts that the first page has read before the next one passes.
    for (let i = 0; i < 120; i++) {
      pass(`POST /${i} HTTP/1.1\r\nHost: a\r\n${length}`, `HTTP/1.1 200 OK\r\n${length}`);
      if (i % 20 === 19) await exchangeOf(first, ({ target }) => target === `/${i}`);
    }
    const second = await open();
    await second.next('ready');
    pass(GET);
    expect(await exchangeOf(second, ({ target }) => target.startsWith('/basket'))).toMatchObject({
      status: 200,
    });
  });

  it('ends the stream of a page that reads nothing', async () => {
    const stalled = net.connect(Number(new URL(url).port), '127.0.0.1').pause();
    await once(stalled, 'connect');
    stalled.write(`GET /exchanges HTTP/1.1\r\nHost: ${new URL(url).host}\r\nCookie: ${cookie}\r\n\r\n`);
    await expect.poll(() => exchanges.isWatched).toBe(true);
    const body = 'a'.repeat(65_536);
    const request = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    await expect
      .poll(
        () => {
          for (let i = 0; i < 100; i++) pass(request);
          return exchanges.isWatched;
        },
        { timeout: 10_000, interval: 110 },
      )
      .toBe(false);
    stalled.destroy();
  });

  it('shows the end of every exchange of a burst', async () => {
    const reader = await open();
    await reader.next('ready');
    const watches = Array.from({ length: 300 }, (_, i) => pass(GET.replace('/basket', `/${i}`), null));
    await exchangeOf(reader, ({ target }) => target.startsWith('/299?'));
    for (const watch of watches) watch.handleClose('reset');
    const ended = new Set<string>();
    while (ended.size < 300) ended.add((await exchangeOf(reader, ({ state }) => state === 'ended')).id);
    expect(reader.pending.filter(({ name }) => name === 'omitted')).toEqual([]);
  });

  it('counts the exchanges of a burst that is too large', async () => {
    const reader = await open();
    await reader.next('ready');
    for (let i = 0; i < 800; i++) pass(GET.replace('/basket', `/${i}`));
    expect((await reader.next('omitted')).data).toEqual({ count: 300 });
    await exchangeOf(reader, ({ target }) => target.startsWith('/799?'));
  });

  it('refuses to change anything without an origin, and what it does not know', async () => {
    expect((await ask('/replays', {}, 'POST', '{}')).status).toBe(403);
    expect((await ask('/nothing')).status).toBe(404);
    expect((await ask('/exchanges', { origin: url }, 'PUT')).status).toBe(404);
    expect((await ask('/endpoints')).body).toBe('[{"name":"web","url":"https://k3v9.preview.test"}]');
  });

  it('shows exchanges that passed before, without bodies, and the next ones with bodies', async () => {
    pass(GET);
    const reader = await open();
    expect(await exchangeOf(reader)).toMatchObject({
      endpoint: 'web',
      state: 'ended',
      method: 'GET',
      target: '/basket?token=1',
      status: 200,
      visitor: { address: '203.0.113.7' },
      bytesOut: 40,
    });
    expect((await reader.next('ready')).data).toEqual({});
    pass(POST);
    const { id } = await exchangeOf(reader, ({ target }) => target === '/orders');
    const bodies = (await reader.next('bodies')).data;
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    expect(bodies).toMatchObject({
      id,
      request: { base64: base64('body') },
      response: { base64: base64('ok') },
    });
  });

  it('shows failures, and requests that are under way', async () => {
    const reader = await open();
    const watch = pass(GET, null);
    expect(await exchangeOf(reader)).toMatchObject({ state: 'open', status: null });
    watch.handleClose('connection refused');
    expect(await exchangeOf(reader)).toMatchObject({ state: 'ended', error: 'connection refused' });
  });

  it('shows messages of a WebSocket', async () => {
    const reader = await open();
    await reader.next('ready');
    const watch = pass(
      'GET /live HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    watch.handleRequestBytes(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]));
    watch.handleResponseBytes(Buffer.from([0x88, 2, 0x03, 0xe8]));
    const messages = [await reader.next('message'), await reader.next('message')].map(
      ({ data }) => data as ExchangeMessage,
    );
    expect(messages).toMatchObject([
      { direction: 'request', kind: 'text', text: 'hi' },
      { direction: 'response', kind: 'close', code: 1000 },
    ]);
    watch.handleClose(null);
    expect(await exchangeOf(reader, ({ state }) => state === 'ended')).toMatchObject({
      messages: { protocol: 'websocket' },
    });
  });

  it('keeps the newest exchanges, in bounded memory', async () => {
    for (let i = 0; i < 2000; i++) pass(GET.replace('/basket', `/${i}`));
    expect([exchanges.all.length, exchanges.all[0].request.target]).toEqual([500, '/1500?token=1']);
    const long = `X-Long: ${'a'.repeat(30_000)}\r\n`;
    for (let i = 0; i < 500; i++) pass(GET.replace('\r\n\r\n', `\r\n${long}\r\n`));
    expect(exchanges.all.reduce((sum, { headLength }) => sum + headLength, 0)).toBeLessThan(8 * 1024 * 1024);
  });

  it('captures nothing for pages that are gone', async () => {
    const reader = await open();
    await reader.next('ready');
    reader.close();
    await expect.poll(() => exchanges.isWatched).toBe(false);
    pass(POST);
    expect(exchanges.all[0].showBodies()).toBeNull();
  });

  it('writes an HTTP Archive', async () => {
    await (await open()).next('ready');
    pass(POST);
    const { headers, body } = await ask('/har');
    expect(headers['content-disposition']).toContain('culvert.har');
    const [entry] = har.parse(JSON.parse(body)).log.entries;
    expect(entry).toMatchObject({
      request: { url: 'https://k3v9.preview.test/orders', postData: { text: 'body' } },
    });
  });

  it('replays a request with its body, cookies and Host, and shows it', async () => {
    const reader = await open();
    await reader.next('ready');
    pass(POST.replace('X-Own: 1', 'X-Own: 1\r\nCookie: sid=1\r\nTransfer: kept\r\nTE: trailers'));
    const { id } = await exchangeOf(reader);
    const { status, body } = await replay({ exchangeId: id });
    expect(status).toBe(201);
    expect(replayResource.parse(JSON.parse(body))).toMatchObject({
      status: 201,
      replayOf: id,
      end: 'complete',
    });
    expect(received).toMatchObject([
      {
        method: 'POST',
        url: '/orders',
        body: 'body',
        headers: { host: 'a', cookie: 'sid=1', 'x-own': '1', transfer: 'kept' },
      },
    ]);
    expect(received[0].headers).not.toHaveProperty('te');
    expect(await exchangeOf(reader, ({ replayOf }) => replayOf === id)).toMatchObject({
      visitor: { kind: 'replay' },
    });
    const edited = await replay({
      exchangeId: id,
      method: 'PUT',
      target: '/other',
      headers: [],
      body: { text: 'new' },
    });
    expect(edited.status).toBe(201);
    expect(received[1]).toMatchObject({ method: 'PUT', url: '/other', body: 'new' });
  });

  it('explains why a request is not replayed', async () => {
    pass(POST);
    const [{ id }] = exchanges.all;
    const code = async (body: object) => (JSON.parse((await replay(body)).body) as { code: string }).code;
    expect(await code({ exchangeId: id })).toBe('exchange_not_repeatable');
    expect(await code({ exchangeId: 'other' })).toMatch(/exchange_not_found|invalid_request/);
    expect(await code({ exchangeId: id, target: 'no-slash' })).toBe('invalid_request');
    expect(await code({ exchangeId: id, headers: [{ name: 'x', value: 'a\r\nb: c' }] })).toBe(
      'invalid_request',
    );
    expect(await code({ exchangeId: id, body: { text: 'a'.repeat(2_000_000) } })).toBe('payload_too_large');
    service.closeAllConnections();
    service.close();
    expect(await code({ exchangeId: id, body: { text: '' } })).toBe('ingress_refused');
    const silent = net.createServer((socket) => socket.end()).listen(endpoint.target.port, '127.0.0.1');
    await once(silent, 'listening');
    expect(await code({ exchangeId: id, body: { text: '' } })).toBe('ingress_refused');
    silent.close();
    expect(received).toEqual([]);
  });
});
