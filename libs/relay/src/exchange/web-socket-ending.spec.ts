/** How WebSockets and responses end when it is Culvert that ends them, between real sockets. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { ResetCode, type StreamHandler } from '@culvert/tunnel';
import { afterEach, describe, expect, it } from 'vitest';
import { type Rig, startRig } from '../spec/relay-rig.js';
import type { Dialer } from '../upstream/stream-pool.js';
import { closeFrame } from './web-socket-frames.js';

const HANDSHAKE =
  'GET /ws HTTP/1.1\r\nHost: demo.preview.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
const HELLO = Buffer.from('8105', 'hex').toString('latin1') + 'hello';
/** Masked with zeros. */
const PING = Buffer.from('898200000000', 'hex').toString('latin1') + 'hi';

let rig: Rig;
let service: net.Socket;
let visitor: net.Socket;
const received = { service: '', visitor: '' };
afterEach(async () => {
  visitor?.destroy();
  await rig.stop();
});

/** The service's end of each WebSocket, after its handshake. */
function upgrades(server: http.Server): void {
  server.on('upgrade', (request: http.IncomingMessage, socket: net.Socket) => {
    service = socket;
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    socket.on('error', () => {});
    socket.on('data', (chunk) => (received.service += chunk.toString('latin1')));
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
  });
}

async function connect(bytes: string): Promise<void> {
  visitor = net.connect({ port: rig.port, host: '127.0.0.1', allowHalfOpen: true });
  visitor.on('error', () => {});
  visitor.on('data', (chunk) => (received.visitor += chunk.toString('latin1')));
  visitor.write(bytes, 'latin1');
}

/** Opens a WebSocket through which each side has sent one message. */
async function open(wrapDialer?: (dialer: Dialer) => Dialer): Promise<void> {
  rig = await startRig(() => {}, { configure: upgrades, ...(wrapDialer && { wrapDialer }) });
  Object.assign(received, { service: '', visitor: '' });
  await connect(HANDSHAKE);
  await expect.poll(() => received.visitor).toMatch(/^HTTP\/1.1 101 [^]*\r\n\r\n$/);
  received.visitor = '';
  await exchange();
}

async function exchange(): Promise<void> {
  service.write(HELLO, 'latin1');
  visitor.write(PING, 'latin1');
  await expect.poll(() => received).toEqual({ service: PING, visitor: HELLO });
  Object.assign(received, { service: '', visitor: '' });
}

/** Code and reason of a close frame, and what came before it. */
function closing(bytes: string): { before: string; code: number; reason: string } | null {
  const at = bytes.indexOf('\x88');
  if (at < 0) return null;
  const frame = Buffer.from(bytes.slice(at), 'latin1');
  const length = frame[1] & 0x7f;
  const isMasked = (frame[1] & 0x80) !== 0;
  const start = isMasked ? 6 : 2;
  const payload = Buffer.from(frame.subarray(start, start + length));
  if (isMasked) for (let i = 0; i < length; i++) payload[i] ^= frame[2 + (i % 4)];
  expect(frame.length).toBe(start + length);
  return {
    before: bytes.slice(0, at),
    code: payload.readUInt16BE(0),
    reason: payload.toString('latin1', 2),
  };
}

const RESTART = { before: '', code: 1012, reason: 'service restart' };
const GOING_AWAY = { before: '', code: 1001, reason: 'going away' };

describe('a WebSocket whose relay stops', () => {
  it('ends with close frames at both ends, whose connections then end in order', async () => {
    await open();
    const ends = Promise.all([once(visitor, 'end'), once(service, 'end')]);
    const drained = rig.relay.drain(0);
    await ends;
    expect(closing(received.visitor)).toEqual(RESTART);
    expect(closing(received.service)).toEqual(GOING_AWAY);
    // From a client to a server every frame is masked (RFC 6455 §5.1).
    expect(received.service.charCodeAt(1) & 0x80).toBe(0x80);
    visitor.end();
    service.end();
    await drained;
    expect(rig.relay.connectionCount).toBe(0);
    expect(rig.route.active).toBe(0);
  });

  it('ends behind frames under way, and loses nothing of them', async () => {
    await open();
    service.write(HELLO.slice(0, 4), 'latin1');
    visitor.write(PING.slice(0, 1), 'latin1');
    await expect.poll(() => received).toEqual({ service: PING.slice(0, 1), visitor: HELLO.slice(0, 4) });
    const drained = rig.relay.drain(0);
    await expect.poll(() => rig.route.active).toBe(0);
    // Two more messages: the relay has closed these directions at the end of the first.
    service.write(`${HELLO.slice(4)}${HELLO}`, 'latin1');
    visitor.write(`${PING.slice(1)}${PING}`, 'latin1');
    const ends = Promise.all([once(visitor, 'end'), once(service, 'end')]);
    await ends;
    expect(closing(received.visitor)).toEqual({ ...RESTART, before: HELLO });
    expect(closing(received.service)).toEqual({ ...GOING_AWAY, before: PING });
    visitor.end();
    service.end();
    await drained;
  });

  it('is cut when a frame under way does not end', async () => {
    await open();
    service.write(HELLO.slice(0, 4), 'latin1');
    await expect.poll(() => received.visitor).toBe(HELLO.slice(0, 4));
    const closed = new Promise((resolve) => visitor.once('close', resolve));
    const ended = once(service, 'end');
    const startedAt = performance.now();
    await rig.relay.drain(0);
    await Promise.all([closed, ended]);
    expect(performance.now() - startedAt).toBeGreaterThan(240);
    expect(received.visitor).toBe(HELLO.slice(0, 4));
    expect(closing(received.service)).toEqual(GOING_AWAY);
  });

  it('does not wait longer than a second for peers that ignore its end', async () => {
    await open();
    service.on('end', () => {});
    const startedAt = performance.now();
    await rig.relay.drain(0);
    expect(performance.now() - startedAt).toBeLessThan(1800);
    expect(closing(received.visitor)).toEqual(RESTART);
  });

  it('gets no second close frame', async () => {
    await open();
    const close = closeFrame(1000, 'done', null).toString('latin1');
    service.write(close, 'latin1');
    await expect.poll(() => received.visitor).toBe(close);
    const ended = once(visitor, 'end');
    void rig.relay.drain(0);
    await ended;
    expect(received.visitor).toBe(close);
    await expect.poll(() => closing(received.service)).toEqual(GOING_AWAY);
  });

  it('ends alike over HTTP/2', async () => {
    rig = await startRig(() => {}, { configure: upgrades });
    Object.assign(received, { service: '', visitor: '' });
    const client = http2.connect(`http://127.0.0.1:${rig.http2Port}`);
    client.on('error', () => {});
    if (!client.remoteSettings?.enableConnectProtocol) await once(client, 'remoteSettings');
    const stream = client.request({
      ':authority': 'demo.preview.test',
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': '/ws',
      ':scheme': 'http',
    });
    stream.on('data', (chunk: Buffer) => (received.visitor += chunk.toString('latin1')));
    await once(stream, 'response');
    service.write(HELLO, 'latin1');
    await expect.poll(() => received.visitor).toBe(HELLO);
    const ends = Promise.all([once(stream, 'end'), once(service, 'end')]);
    const closed = new Promise((resolve) => stream.once('close', resolve));
    const drained = rig.relay.drain(0);
    await ends;
    expect(closing(received.visitor)).toEqual({ ...RESTART, before: HELLO });
    expect(closing(received.service)).toEqual(GOING_AWAY);
    stream.end();
    service.end();
    await closed;
    expect(stream.rstCode).toBe(http2.constants.NGHTTP2_NO_ERROR);
    await drained;
  });
});

describe('a WebSocket', () => {
  it('ends with 1008 when its preview is removed', async () => {
    await open();
    rig.removeRoute();
    const ended = once(visitor, 'end');
    await rig.relay.handleRouteChange('demo.preview.test');
    await ended;
    expect(closing(received.visitor)).toEqual({ before: '', code: 1008, reason: 'the preview was removed' });
    await expect.poll(() => closing(received.service)).toEqual(GOING_AWAY);
  });

  it('ends with 1001 when its traffic manager is gone', async () => {
    let handler: StreamHandler | undefined;
    await open((dialer) => ({
      ...dialer,
      dial: (each, inUse) => {
        handler = each;
        return dialer.dial(each, inUse);
      },
      isPreferred: () => true,
      onArrival: (callback) => dialer.onArrival(callback),
    }));
    const ended = once(visitor, 'end');
    handler!.onReset(ResetCode.TUNNEL_LOST, 'the tunnel is gone');
    await ended;
    expect(closing(received.visitor)).toEqual({
      before: '',
      code: 1001,
      reason: 'the traffic manager is gone',
    });
  });

  it('is reset as before when its service resets it', async () => {
    await open();
    const failed = new Promise((resolve) => visitor.once('close', resolve));
    service.resetAndDestroy();
    await failed;
    expect(received.visitor).toBe('');
  });
});

describe('an exchange whose relay stops', () => {
  async function start(handle: http.RequestListener): Promise<void> {
    rig = await startRig(handle);
    received.visitor = '';
  }
  const events: http.RequestListener = (_request, response) => void response.write('data: 1\n\n');

  it('breaks off behind the bytes that were sent, without the end of its body', async () => {
    await start(events);
    await connect('GET / HTTP/1.1\r\nHost: demo.preview.test\r\n\r\n');
    await expect.poll(() => received.visitor).toContain('data: 1');
    const ended = once(visitor, 'end');
    void rig.relay.drain(0);
    await ended;
    expect(received.visitor).toMatch(/\r\n\r\n9\r\ndata: 1\n\n\r\n$/);
  });

  it('is reset where the end of the connection would look like the end of the body', async () => {
    await start(events);
    await connect('GET / HTTP/1.0\r\nHost: demo.preview.test\r\n\r\n');
    await expect.poll(() => received.visitor).toContain('data: 1');
    const failed = once(visitor, 'error').catch((error: unknown) => [error]);
    void rig.relay.drain(0);
    expect(((await failed)[0] as NodeJS.ErrnoException).code).toBe('ECONNRESET');
  });

  it.each([
    ['GET', 503, 'shutting_down'],
    ['POST', 502, 'tunnel_lost'],
  ])('answers %s with %i while the service has not', async (method, status, code) => {
    await start(() => {});
    const answer = rig.fetch('/', { method });
    await rig.whenServing(1);
    void rig.relay.drain(0);
    const { status: got, headers } = await answer;
    expect([got, headers['x-culvert-error'], headers.connection]).toEqual([status, code, 'close']);
  });

  it('resets its HTTP/2 stream behind the bytes that were sent', async () => {
    await start(events);
    const client = http2.connect(`http://127.0.0.1:${rig.http2Port}`);
    client.on('error', () => {});
    const stream = client.request({ ':authority': 'demo.preview.test' });
    let body = '';
    stream.on('data', (chunk: Buffer) => (body += chunk.toString()));
    stream.on('error', () => {});
    await expect.poll(() => body).toBe('data: 1\n\n');
    const closed = new Promise((resolve) => stream.once('close', resolve));
    const ended = once(client, 'close');
    await rig.relay.drain(0);
    await closed;
    expect(stream.rstCode).toBe(http2.constants.NGHTTP2_INTERNAL_ERROR);
    await ended;
  });
});
