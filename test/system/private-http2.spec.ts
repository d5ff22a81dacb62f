/** The gate of a private preview over HTTP/2, where one connection carries requests with different hostnames. */
import { once } from 'node:events';
import http from 'node:http';
import type http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { API_KEY } from '../support/deployment.js';
import {
  type SendOptions,
  startTlsDeployment,
  type TlsDeployment,
  type TlsPreview,
} from '../support/tls-deployment.js';

const COOKIE = '__Host-culvert-preview';

let deployment: TlsDeployment;
let service: http.Server;
let servicePort: number;
/** Headers that the service received, names and values alternating. */
let seen: string[][];
/** Event streams of the service, by path. */
const events = new Map<string, http.ServerResponse>();
let preview: TlsPreview;
let other: TlsPreview;
let cookie: string;
let session: http2.ClientHttp2Session;

beforeAll(async () => {
  service = http.createServer((request, response) => {
    seen.push(request.rawHeaders);
    if (request.url!.startsWith('/events')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\n\n');
      events.set(request.url!, response);
    } else {
      request.resume().on('end', () => response.end(`${request.method} ${request.url}`));
    }
  });
  new WebSocketServer({ server: service }).on('connection', (socket, request) => {
    seen.push(request.rawHeaders);
    socket.send('hello');
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  servicePort = (service.address() as AddressInfo).port;
  deployment = await startTlsDeployment();
  await deployment.startManager();
});

afterAll(async () => {
  await deployment?.stop();
  service?.closeAllConnections();
  service?.close();
});

beforeEach(async () => {
  seen = [];
  events.clear();
  preview = await deployment.createPreview(servicePort);
  other = await deployment.createPreview(servicePort);
  ({ cookie } = await deployment.letIn(preview));
  session = await deployment.connectHttp2();
});

const get = (
  to: TlsPreview,
  headers: SendOptions['headers'] = {},
  options: Omit<SendOptions, 'headers'> = {},
) => deployment.sendOver(session, to.hostname, '/page', { ...options, headers });

/** Opens a stream and resolves once its response has arrived. */
async function open(
  to: TlsPreview,
  path: string,
  headers: http2.OutgoingHttpHeaders,
  options?: { endStream: boolean },
) {
  const stream = session.request(
    { ':path': path, ':authority': `${to.hostname}:${deployment.port}`, ...headers },
    options,
  );
  stream.on('error', () => {});
  const [fields] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders & { ':status': number }];
  return { stream, status: fields[':status'] };
}

/** Opens a WebSocket by extended CONNECT (RFC 8441). */
const openSocket = (to: TlsPreview, headers: http2.OutgoingHttpHeaders) =>
  open(
    to,
    '/ws',
    {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'https',
      'sec-websocket-version': '13',
      ...headers,
    },
    { endStream: false },
  );

const originOf = ({ url }: TlsPreview): string => new URL(url).origin;
/** A text frame from a server (RFC 6455 §5.2). */
const HELLO = '8105' + Buffer.from('hello').toString('hex');

describe('a cookie that arrived in crumbs (RFC 9113 §8.2.3)', () => {
  it.each([
    ['first', (ours: string) => [ours, 'a=1', 'b=2']],
    ['in between', (ours: string) => ['a=1', ours, 'b=2']],
    ['last', (ours: string) => ['a=1', 'b=2', ours]],
    ['with others in its crumb', (ours: string) => [`a=1; ${ours}; b=2`]],
    [
      'among all of ours',
      (ours: string) => [
        '__Host-culvert-nonce=x',
        'a=1',
        ours,
        '__Host-culvert-session=y',
        'b=2',
        'culvert-preview=z',
      ],
    ],
  ])('lets in if it is %s, and no cookie of Culvert leaks', async (_where, crumbs) => {
    expect((await get(preview, { cookie: crumbs(`${COOKIE}=${cookie}`) })).status).toBe(200);
    expect(seen).toHaveLength(1);
    const fields = seen[0];
    const sent = fields.filter((_, i) => i % 2 === 1 && fields[i - 1].toLowerCase() === 'cookie');
    expect(sent).toEqual(['a=1; b=2']);
    expect(fields.join('\n')).not.toMatch(/culvert-(?!hop)/);
  });

  it('is ignored if it is repeated, or split', async () => {
    const good = `${COOKIE}=${cookie}`;
    for (const crumbs of [
      [good, good],
      [`${COOKIE}=other`, good],
      [good, `${COOKIE}=other`],
      [COOKIE, `=${cookie}`],
      ['__Host-culvert', `-preview=${cookie}`],
    ])
      expect((await get(preview, { cookie: crumbs })).status).toBe(401);
    expect(seen).toEqual([]);
  });
});

describe('a private preview', () => {
  it.each<[string, () => Promise<SendOptions['headers']>, number]>([
    ['nothing', async () => ({}), 401],
    ['the key of its team', async () => ({ 'x-ambassador-api-key': API_KEY }), 200],
    ['its token', async () => ({ 'culvert-preview-token': await token(preview) }), 200],
    ['its token as bearer', async () => ({ authorization: `Bearer ${await token(preview)}` }), 200],
    ['the token of another preview', async () => ({ 'culvert-preview-token': await token(other) }), 401],
    ['the cookie of a visit', async () => ({ cookie: `${COOKIE}=${cookie}` }), 200],
  ])('answers a stream with %s', async (_what, headers, expected) => {
    const sent = (await headers())!;
    expect((await get(preview, sent)).status).toBe(expected);
    expect(seen).toHaveLength(expected === 200 ? 1 : 0);
    for (const fields of seen) {
      expect(fields.join('\n').toLowerCase()).not.toMatch(/culvert(?!-hop)|ambassador/);
      for (const value of Object.values(sent)) expect(fields).not.toContain(value);
    }
  });

  async function token(of: TlsPreview): Promise<string> {
    return (await deployment.api<{ token: string }>('POST', `/previews/${of.id}/tokens`, { name: 'h2' }))
      .token;
  }

  it('redirects a browser that opens a page to the sign-in, and answers a preflight', async () => {
    const page = await get(preview, { accept: 'text/html' });
    expect(page.status).toBe(302);
    expect(page.headers.location).toMatch(/^https:\/\/localhost:\d+\/preview-access\?host=/);
    const asked = { origin: 'https://x.test', 'access-control-request-method': 'PUT' };
    expect((await get(preview, asked, { method: 'OPTIONS' })).status).toBe(204);
    const withCookie = { ...asked, cookie: ['a=1', `${COOKIE}=${cookie}x`] };
    expect((await get(preview, withCookie, { method: 'OPTIONS' })).status).toBe(401);
    expect(seen).toEqual([]);
  });

  it.each<[string, (own: string) => Record<string, string>, number]>([
    ['its own origin', (own) => ({ origin: own }), 200],
    ['the origin of another preview', () => ({ origin: originOf(other) }), 403],
    ['an invalid origin', () => ({ origin: 'null' }), 403],
    ['no origin', () => ({}), 200],
    [
      'a page of its own, as the browser says',
      () => ({ origin: 'null', 'sec-fetch-site': 'same-origin' }),
      200,
    ],
    ['a sibling, as the browser says', (own) => ({ origin: own, 'sec-fetch-site': 'same-site' }), 403],
  ])('answers a POST that a cookie lets in, with %s', async (_what, from, expected) => {
    const headers = { ...from(originOf(preview)), cookie: `${COOKIE}=${cookie}` };
    for (const body of [undefined, 'x'])
      expect((await get(preview, headers, { method: 'POST', ...(body && { body }) })).status).toBe(expected);
    expect(seen).toHaveLength(expected === 200 ? 2 : 0);
  });

  it.each<[string, (own: string) => Record<string, string>, number]>([
    ['its own origin', (own) => ({ origin: own }), 200],
    ['the origin of another preview', () => ({ origin: originOf(other) }), 403],
    ['its own origin on another port', (own) => ({ origin: own.replace(/:\d+$/, ':1') }), 403],
    ['no origin', () => ({}), 403],
  ])('answers a WebSocket that a cookie asks for, with %s (peers.md 3)', async (_what, from, expected) => {
    const headers = { ...from(originOf(preview)), cookie: ['a=1', `${COOKIE}=${cookie}`] };
    const { stream, status } = await openSocket(preview, headers);
    expect(status).toBe(expected);
    if (expected === 200) {
      const [frame] = (await once(stream, 'data')) as [Buffer];
      expect(frame.toString('hex')).toBe(HELLO);
      expect(seen.flat().join('\n')).not.toMatch(/culvert-(?!hop)/);
    } else {
      expect(seen).toEqual([]);
    }
    stream.close();
  });

  it('accepts a WebSocket with a key, whatever its origin', async () => {
    const { stream, status } = await openSocket(preview, {
      'x-ambassador-api-key': API_KEY,
      origin: 'https://x.test',
    });
    expect(status).toBe(200);
    stream.close();
  });
});

describe('one connection', () => {
  it('has each of its requests judged alone, whatever the credentials of the others (peers.md 7, 12)', async () => {
    const { cookie: theirs } = await deployment.letIn(other);
    const good: SendOptions['headers'] = { cookie: `${COOKIE}=${cookie}` };
    const foreign: SendOptions['headers'] = { cookie: `${COOKIE}=${theirs}` };
    for (let round = 0; round < 3; round++) {
      // All at once: the first round looks up every credential, the others find it in the cache.
      const answers = await Promise.all([
        get(preview, good),
        get(other, good),
        get(preview),
        get(preview, foreign),
        get(other, foreign),
        get(preview, { cookie: [`${COOKIE}=${theirs}`, `${COOKIE}=${cookie}`] }),
        get(preview, good),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([200, 401, 401, 401, 200, 401, 200]);
    }
    expect(seen).toHaveLength(9);
  });

  it('ignores a name in `host` that differs from `:authority`', async () => {
    const headers = { cookie: `${COOKIE}=${cookie}`, host: preview.hostname };
    expect((await get(other, headers)).status).toBe(400);
    expect(seen).toEqual([]);
  });

  it('loses the streams of visitors who lost access within a second, and no others', async () => {
    const member = await deployment.letIn(preview);
    const shown = { cookie: `${COOKIE}=${member.cookie}` };
    const by = { cookie: `${COOKIE}=${cookie}` };
    const { cookie: theirs } = await deployment.letIn(other);
    const cut = [
      await open(preview, '/events/member', shown),
      await openSocket(preview, { ...shown, origin: originOf(preview) }),
    ];
    const kept = [
      await open(preview, '/events/colleague', by),
      await open(other, '/events/elsewhere', { cookie: `${COOKIE}=${theirs}` }),
      await openSocket(preview, { ...by, origin: originOf(preview) }),
    ];
    expect([...cut, ...kept].map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    for (const { stream } of [...cut, ...kept]) stream.resume();
    const closed = cut.map(({ stream }) => closeOf(stream));
    await deployment.api('DELETE', `/team/members/${member.userId}`);
    const endedAt = performance.now();
    await Promise.all(closed);
    expect(performance.now() - endedAt).toBeLessThan(1000);
    // Other streams would be cut by now: all were judged for the same event.
    const heard = kept.slice(0, 2).map(({ stream }) => textOf(stream, /second/));
    for (const path of ['/events/colleague', '/events/elsewhere'])
      events.get(path)!.write('data: second\n\n');
    await Promise.all(heard);
    expect(kept[2].stream.closed).toBe(false);
    expect((await get(preview, by)).status).toBe(200);
    expect((await get(preview, shown)).status).toBe(401);
    expect(session.closed).toBe(false);
    for (const { stream } of kept) stream.close();
  });

  it.each<[string, () => Promise<unknown>]>([
    ['is removed', () => deployment.api('DELETE', `/previews/${preview.id}`)],
    ['is made private', () => deployment.api('PATCH', `/previews/${preview.id}`, { access: 'team' })],
  ])('loses the streams of a preview that %s, and continues', async (_what, end) => {
    await deployment.api('PATCH', `/previews/${preview.id}`, { access: 'public' });
    await deployment.api('PATCH', `/previews/${other.id}`, { access: 'public' });
    const [gone, stays] = [await open(preview, '/events/gone', {}), await open(other, '/events/stays', {})];
    const socket = await openSocket(preview, {});
    expect([gone.status, stays.status, socket.status]).toEqual([200, 200, 200]);
    for (const { stream } of [gone, socket]) stream.resume();
    const closed = [closeOf(gone.stream), closeOf(socket.stream)];
    await end();
    const endedAt = performance.now();
    await Promise.all(closed);
    expect(performance.now() - endedAt).toBeLessThan(1000);
    const heard = textOf(stays.stream, /second/);
    events.get('/events/stays')!.write('data: second\n\n');
    await heard;
    expect((await get(preview)).status).toBe(401);
    expect((await get(other)).status).toBe(200);
    stays.stream.close();
  });
});

/** Not `once`, which rejects if an error comes first. */
function closeOf(stream: http2.ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed) resolve();
    else stream.once('close', resolve);
  });
}

/** Returns what arrives until it matches. */
function textOf(stream: http2.ClientHttp2Stream, until: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (until.test(text)) resolve(text);
    });
    stream.once('close', () => reject(new Error(`closed after ${JSON.stringify(text)}`)));
  });
}
