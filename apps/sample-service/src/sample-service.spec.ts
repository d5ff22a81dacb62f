import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type SampleService, startSampleService } from './sample-service.js';

const HOST = '127.0.0.1';
const BROWSER = { accept: 'text/html,*/*;q=0.8' };

let service: SampleService;
let origin: string;

beforeAll(async () => {
  service = await startSampleService({
    port: 0,
    host: HOST,
    name: 'Blue <copy>',
    color: '#1d4ed8',
    clockIntervalMs: 20,
  });
  origin = `http://${HOST}:${service.port}`;
});
afterAll(() => service.close());

/** fetch without following redirects. */
function get(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(origin + path, { redirect: 'manual', ...init });
}

function postForm(path: string, fields: Record<string, string>): Promise<Response> {
  return get(path, { method: 'POST', body: new URLSearchParams(fields) });
}

/** A request through node:http, which shows 1xx answers, raw headers and trailers. */
async function send(
  options: RequestOptions,
  body = '',
): Promise<{ response: IncomingMessage; text: string }> {
  const request = httpRequest({ host: HOST, port: service.port, agent: false, ...options });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response) text += chunk;
  return { response, text };
}

describe("the sample service's page", () => {
  it('links only to assets of its own that exist and have the right type', async () => {
    const page = await (await get('/')).text();
    const links = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link);
    const assets = [...new Set(links.filter((link) => link.startsWith('/assets/')))];
    const types = await Promise.all(
      assets.map(async (path) => (await get(path)).headers.get('content-type')),
    );

    expect(links.filter((link) => !link.startsWith('/'))).toEqual([]);
    expect(Object.fromEntries(assets.map((path, index) => [path, types[index]]))).toEqual({
      '/assets/emblem.svg': 'image/svg+xml',
      '/assets/theme.css': 'text/css; charset=utf-8',
      '/assets/style.css': 'text/css; charset=utf-8',
      '/assets/page.js': 'text/javascript; charset=utf-8',
      '/assets/squares.png': 'image/png',
    });
  });

  it('imports only script modules that exist', async () => {
    const script = await (await get('/assets/page.js')).text();
    const modules = [...script.matchAll(/from '\.\/([^']+)'/g)].map(([, file]) => file);
    const statuses = await Promise.all(modules.map(async (file) => (await get(`/assets/${file}`)).status));
    expect(modules).toHaveLength(3);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  it('works under a policy that forbids inline scripts and styles', async () => {
    const response = await get('/');
    const page = await response.text();
    expect(response.headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'self'/);
    expect(response.headers.get('content-security-policy')).not.toContain('unsafe');
    expect(page).not.toMatch(/<script(?![^>]*src=)|<style|\son\w+=|\sstyle=/);
  });

  it('shows the name of the service escaped, and sends it in a header', async () => {
    const response = await get('/');
    expect(response.headers.get('x-sample-service')).toBe('Blue <copy>');
    expect(await response.text()).toContain('<h1>Blue &lt;copy&gt;</h1>');
  });

  it('takes its accent from the color option', async () => {
    expect(await (await get('/assets/theme.css')).text()).toBe(':root { --accent: #1d4ed8; }\n');
  });

  it('answers 304 to a visitor that has the asset', async () => {
    const etag = (await get('/assets/style.css')).headers.get('etag')!;
    expect((await get('/assets/style.css', { headers: { 'if-none-match': etag } })).status).toBe(304);
  });
});

describe("the sample service's form", () => {
  it('redirects after the post to a page that shows what was posted, escaped', async () => {
    const posted = await postForm('/form', { name: 'Zoë', message: '<script>alert(1)</script>&"\'' });
    expect(posted.status).toBe(303);
    const page = await (await get(posted.headers.get('location')!)).text();
    expect(page).toContain('<td>Zoë</td>');
    expect(page).toContain('<td>&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;</td>');
    expect(page).not.toContain('<script>');
  });

  it('drops the oldest of many posts', async () => {
    const first = (await postForm('/form', { name: 'first' })).headers.get('location')!;
    for (let count = 0; count < 200; count += 1) await postForm('/form', { name: 'later' });
    expect((await get(first)).status).toBe(404);
  });

  it.each([
    ['a body over 64 KiB', { body: new URLSearchParams({ a: 'x'.repeat(65_536) }) }, 413],
    ['more than 50 fields', { body: new URLSearchParams('a=&'.repeat(51)) }, 413],
    ['another type of body', { body: '{}', headers: { 'content-type': 'application/json' } }, 415],
  ])('refuses %s', async (_, init, status) => {
    expect((await get('/form', { method: 'POST', ...init })).status).toBe(status);
  });
});

describe("the sample service's upload", () => {
  it.each(['POST', 'PUT'])('reports the size and digest of a body sent with %s', async (method) => {
    const body = Buffer.alloc(3_000_001, 'culvert');
    const response = await get('/upload', { method, body, headers: { 'content-type': 'image/x-test' } });
    expect(await response.json()).toEqual({
      bytes: 3_000_001,
      sha256: createHash('sha256').update(body).digest('hex'),
      contentType: 'image/x-test',
    });
  });

  it('refuses a body that declares more than 4 GiB before it arrives', async () => {
    const request = httpRequest(`${origin}/upload`, {
      method: 'POST',
      headers: { 'content-length': 2 ** 32 + 1 },
    });
    request.on('error', () => {});
    request.write('x');
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    expect(response.headers.connection).toBe('close');
    request.destroy();
  });
});

describe("the sample service's clock", () => {
  /** Returns the first `count` events, and the number of pieces they came in. */
  async function watch(
    count: number,
    headers: Record<string, string> = {},
  ): Promise<{ text: string; pieces: number }> {
    const controller = new AbortController();
    const response = await get('/clock', { headers, signal: controller.signal });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    let text = '';
    let pieces = 0;
    for await (const piece of response.body!) {
      text += Buffer.from(piece).toString();
      pieces += 1;
      if (text.split('data:').length > count) break;
    }
    controller.abort();
    return { text, pieces };
  }

  it('sends numbered events one by one', async () => {
    const { text, pieces } = await watch(4);
    expect([...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => id)).toEqual(['1', '2', '3', '4']);
    expect(text).toMatch(/^data: \{"tick":1,"time":"\d{4}-/m);
    expect(pieces).toBeGreaterThanOrEqual(4);
  });

  it('continues after the Last-Event-ID of a visitor that reconnects', async () => {
    expect((await watch(1, { 'last-event-id': '41' })).text).toContain('id: 42\n');
  });

  it('starts again after an invalid Last-Event-ID', async () => {
    expect((await watch(1, { 'last-event-id': 'x\u00ff' })).text).toContain('id: 1\n');
  });
});

describe("the sample service's WebSocket echo", () => {
  async function open(protocols: string[] = []): Promise<WebSocket> {
    const socket = new WebSocket(`ws://${HOST}:${service.port}/echo?room=1`, protocols);
    await once(socket, 'open');
    return socket;
  }

  it('returns text and binary messages unchanged', async () => {
    const socket = await open();
    for (const message of ['grüße', Buffer.from([0, 255, 10]), '', Buffer.alloc(1_000_000, 7)]) {
      socket.send(message);
      const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
      expect(isBinary).toBe(typeof message !== 'string');
      expect(data.equals(Buffer.from(message))).toBe(true);
    }
    socket.terminate();
  });

  it('returns everything to a client that sends more than it reads', async () => {
    const socket = await open();
    socket.pause();
    const messages = 64;
    for (let count = 0; count < messages; count += 1) socket.send(Buffer.alloc(256 * 1024, count));
    let received = 0;
    const done = new Promise<void>((resolve) => {
      socket.on('message', (data: Buffer) => {
        expect(data[0]).toBe(received);
        received += 1;
        if (received === messages) resolve();
      });
    });
    socket.resume();
    await done;
    socket.terminate();
  });

  it('answers a close with the same code and closes with a code on command', async () => {
    const polite = await open();
    polite.close(3001, 'done');
    expect(String(await once(polite, 'close'))).toBe('3001,done');

    const commanded = await open();
    commanded.send('close 4000 see you');
    expect(String(await once(commanded, 'close'))).toBe('4000,see you');
  });

  it('echoes a close command whose code must not be sent', async () => {
    const socket = await open();
    socket.send('close 1005');
    expect(String((await once(socket, 'message'))[0])).toBe('close 1005');
    socket.terminate();
  });

  it('accepts only the subprotocol echo', async () => {
    const [named, other] = [await open(['x', 'echo']), await open()];
    expect([named.protocol, other.protocol]).toEqual(['echo', '']);
    named.terminate();
    other.terminate();
  });

  it('closes with 1009 on a message over its limit', async () => {
    const socket = await open();
    socket.on('error', () => {});
    socket.send(Buffer.alloc(16 * 1024 * 1024 + 1));
    expect((await once(socket, 'close'))[0]).toBe(1009);
  });

  it('refuses an upgrade on another path', async () => {
    const socket = new WebSocket(`ws://${HOST}:${service.port}/`);
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('404');
  });
});

describe('the request as the sample service received it', () => {
  it('lists the headers in their own case and order, repeated ones repeated', async () => {
    const headers = ['Host', 'a.example', 'X-One', '1', 'x-two', '2', 'X-One', '3'];
    const { text } = await send({ path: '/headers?q=1', headers });
    const seen = JSON.parse(text) as { method: string; target: string; headers: string[][] };
    expect(seen).toMatchObject({ method: 'GET', target: '/headers?q=1' });
    expect(seen.headers.flat().slice(0, 8)).toEqual(headers);
  });

  it('shows them to a browser on a page, escaped', async () => {
    const page = await (await get('/headers', { headers: { ...BROWSER, 'x-tag': '<b>' } })).text();
    expect(page).toContain('<td>&lt;b&gt;</td>');
  });

  it.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'])(
    'describes a %s request',
    async (method) => {
      const { text } = await send({ path: '/request', method, headers: { 'content-length': 3 } }, 'abc');
      expect(JSON.parse(text)).toMatchObject({
        service: 'Blue <copy>',
        method,
        bytes: 3,
        sha256: createHash('sha256').update('abc').digest('hex'),
      });
    },
  );

  it('describes the trailers of a request', async () => {
    const socket = connect(service.port, HOST);
    socket.end(
      'POST /request HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n' +
        '3\r\nabc\r\n0\r\nX-End: yes\r\n\r\n',
    );
    let text = '';
    for await (const chunk of socket) text += chunk;
    expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).toMatchObject({
      bytes: 3,
      trailers: [['X-End', 'yes']],
    });
  });
});

describe("the sample service's cookies", () => {
  it('are set in separate fields, shown when they come back, and deleted', async () => {
    const set = await postForm('/cookies', { name: 'color', value: 'a;b' });
    expect(set.headers.getSetCookie()).toEqual([
      'color=a%3Bb; Path=/; HttpOnly; SameSite=Lax',
      'last-set=color; Path=/; HttpOnly; SameSite=Lax',
    ]);
    const cookie = 'color=a%3Bb; last-set=color';
    expect(await (await get('/cookies', { headers: { cookie } })).json()).toEqual({
      cookies: [
        ['color', 'a%3Bb'],
        ['last-set', 'color'],
      ],
    });
    const forgotten = await get('/cookies', {
      method: 'POST',
      headers: { cookie },
      body: new URLSearchParams({ forget: 'all' }),
    });
    expect(forgotten.headers.getSetCookie()[0]).toMatch(/^color=; Max-Age=0/);
  });

  it('refuses an invalid name', async () => {
    expect((await postForm('/cookies', { name: 'a b', value: '' })).status).toBe(400);
  });
});

describe("the sample service's endpoints", () => {
  it.each([0, 1, 65_536, 1_000_001])('sends %d bytes of the pattern', async (total) => {
    const response = await get(`/bytes/${total}`);
    const body = Buffer.from(await response.arrayBuffer());
    expect(response.headers.get('content-length')).toBe(String(total));
    expect(body.length).toBe(total);
    expect(body.every((byte, index) => byte === index % 256)).toBe(true);
  });

  it('answers HEAD with the length of 4 GiB and no body', async () => {
    const { response, text } = await send({ path: `/bytes/${2 ** 32}`, method: 'HEAD' });
    expect([response.headers['content-length'], text]).toEqual([String(2 ** 32), '']);
  });

  it.each([
    '/bytes/4294967297',
    '/bytes/-1',
    '/bytes/1e3',
    '/status/199',
    '/status/600',
    '/slow?ms=60001',
    '/chunked?ms=x',
  ])('answers 400 to %s', async (path) => {
    expect((await get(path)).status).toBe(400);
  });

  it.each([200, 204, 205, 304, 404, 418, 503])('answers with status %d', async (status) => {
    expect((await get(`/status/${status}`)).status).toBe(status);
  });

  it('answers after the requested time', async () => {
    const started = performance.now();
    expect(await (await get('/slow?ms=50')).text()).toBe('answered after 50 ms\n');
    expect(performance.now() - started).toBeGreaterThanOrEqual(49);
  });

  it('sends chunks and a trailer', async () => {
    const { response, text } = await send({ path: '/chunked?chunks=3&ms=1' });
    expect(text).toBe('chunk 1 of 3\nchunk 2 of 3\nchunk 3 of 3\n');
    expect(response.headers['transfer-encoding']).toBe('chunked');
    expect(response.trailers).toEqual({ 'x-chunk-count': '3' });
  });

  it('sends a 103 before the final response', async () => {
    const request = httpRequest(`${origin}/early-hints`, { agent: false }).end();
    const [hint] = (await once(request, 'information')) as [
      { statusCode: number; headers: { link: string } },
    ];
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    expect([hint.statusCode, response.statusCode]).toEqual([103, 200]);
    expect(hint.headers.link).toContain('/assets/style.css');
  });

  it('reports that it is healthy', async () => {
    expect(await (await get('/healthz')).text()).toBe('ok\n');
  });
});

describe('requests that the sample service cannot serve', () => {
  it('answers 404 with a page for browsers and JSON for others', async () => {
    const [page, json] = [await get('/nowhere', { headers: BROWSER }), await get('/nowhere')];
    expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
    expect(await json.json()).toEqual({ status: 404, message: 'nothing exists at this path' });
  });

  it('answers 405 with the supported methods', async () => {
    const response = await get('/clock', { method: 'DELETE' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('treats a target that begins with two slashes as a path', async () => {
    expect((await send({ path: '//evil.example/headers' })).response.statusCode).toBe(404);
  });

  it('answers 400 to a target that is not a URL', async () => {
    expect((await send({ path: 'http://:0:0/' })).response.statusCode).toBe(400);
  });
});

describe('the sample service', () => {
  it('refuses to start on a port that is in use', async () => {
    await expect(startSampleService({ port: service.port, host: HOST })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });

  it.each([{ name: 'a\r\nb' }, { name: '' }, { color: 'red; } body { display: none' }])(
    'refuses %j',
    async (option) => {
      await expect(startSampleService({ port: 0, host: HOST, ...option })).rejects.toBeInstanceOf(RangeError);
    },
  );

  it('ends open streams and WebSockets when it closes', async () => {
    const other = await startSampleService({ port: 0, host: HOST });
    const socket = new WebSocket(`ws://${HOST}:${other.port}/echo`);
    await once(socket, 'open');
    const clock = await fetch(`http://${HOST}:${other.port}/clock`);
    const closed = once(socket, 'close');
    await other.close();
    expect((await closed)[0]).toBe(1001);
    await expect(clock.text()).resolves.toContain('id: 1\n');
    await expect(fetch(`http://${HOST}:${other.port}/`)).rejects.toThrow();
  });
});
