import type http from 'node:http';
import type net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_RELAY_LIMITS, type Http2Limits, type RelayLimits } from '../limits.js';
import {
  block,
  ErrorCode,
  type FieldList,
  Flag,
  frame,
  FrameType,
  headers,
  RawHttp2,
  reset,
  uint32,
} from '../spec/http2-frames.js';
import { type Rig, startRig } from '../spec/relay-rig.js';

/** Malicious or broken visitors: frames by hand against a relay on real sockets. */
let rig: Rig;
let visitor: RawHttp2;
afterEach(async () => {
  visitor.socket.destroy();
  await rig.stop();
});

const METHOD = [':method', 'GET'] as const;
const SCHEME = [':scheme', 'http'] as const;
const PATH = [':path', '/'] as const;
const AUTHORITY = [':authority', 'demo.preview.test'] as const;
const GET: FieldList = [METHOD, SCHEME, PATH, AUTHORITY];

const echo: http.RequestListener = (request, response) =>
  response.end(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`);
const silence: http.RequestListener = () => {};

async function start(
  handle: http.RequestListener,
  limits: Partial<RelayLimits> = {},
  http2: Partial<Http2Limits> = {},
): Promise<void> {
  rig = await startRig(handle, {
    limits: {
      ...limits,
      http2: { ...DEFAULT_RELAY_LIMITS.http2, ...http2 },
    },
  });
  visitor = await RawHttp2.connect(rig.http2Port);
}

/** Checks that the connection still serves requests. */
async function expectService(streamId: number): Promise<void> {
  visitor.send(headers(streamId, GET));
  expect(await visitor.headers(streamId)).not.toBeNull();
}

async function bodyOf(streamId: number): Promise<string> {
  const isOf = (type: number) => (each: { type: number; streamId: number; flags: number }) =>
    each.type === type && each.streamId === streamId && (each.flags & Flag.END_STREAM) !== 0;
  await visitor.find(isOf(FrameType.DATA));
  const data = visitor.frames.filter((each) => each.type === FrameType.DATA && each.streamId === streamId);
  return Buffer.concat(data.map((each) => each.payload)).toString('latin1');
}

describe('a malformed request', () => {
  it.each<[string, FieldList]>([
    ['Connection', [...GET, ['connection', 'close']]],
    ['Keep-Alive', [...GET, ['keep-alive', 'timeout=5']]],
    ['Proxy-Connection', [...GET, ['proxy-connection', 'keep-alive']]],
    ['Transfer-Encoding', [...GET, ['transfer-encoding', 'chunked']]],
    ['Upgrade', [...GET, ['upgrade', 'websocket']]],
    ['TE other than trailers', [...GET, ['te', 'gzip']]],
    ['a name in upper case', [...GET, ['Foo', 'x']]],
    ['a repeated Host', [...GET, ['host', 'demo.preview.test'], ['host', 'demo.preview.test']]],
    ['a repeated pseudo-header field', [...GET, PATH]],
    ['an unknown pseudo-header field', [...GET, [':foo', 'x']]],
    ['a late pseudo-header field', [['x', 'y'], ...GET]],
    ['a response pseudo-header field', [...GET, [':status', '200']]],
    ['no authority', [METHOD, SCHEME, PATH]],
    ['no path', [METHOD, SCHEME, AUTHORITY]],
    ['an empty path', [METHOD, SCHEME, [':path', ''], AUTHORITY]],
    ['an absolute path', [METHOD, SCHEME, [':path', 'http://demo.preview.test/'], AUTHORITY]],
    ['a line break in the path', [METHOD, SCHEME, [':path', '/ HTTP/1.1\r\nx: y'], AUTHORITY]],
    ['a space in the method', [[':method', 'G T'], SCHEME, PATH, AUTHORITY]],
    ['a length without a body', [...GET, ['content-length', '5']]],
    ['a malformed length', [...GET, ['content-length', '5, 5']]],
    ['a line break in a value', [...GET, ['foo', 'x\r\nx-forged: 1']]],
    ['a control character in a value', [...GET, ['foo', 'x\u0001']]],
    ['whitespace around a value', [...GET, ['foo', ' x ']]],
    ['a colon in a name', [...GET, ['foo:bar', 'x']]],
    ['a space in a name', [...GET, ['foo ', 'x']]],
    ['an empty name', [...GET, ['', 'x']]],
  ])('with %s is reset and never forwarded', async (_what, fields) => {
    let served = 0;
    await start((request, response) => {
      served++;
      echo(request, response);
    });
    visitor.send(headers(1, fields));
    expect(await visitor.resetCode(1)).toBe(ErrorCode.PROTOCOL_ERROR);
    await expectService(3);
    expect(served).toBe(1);
  });

  it.each<[string, FieldList, number]>([
    ['Host other than the authority', [...GET, ['host', 'other.preview.test']], 400],
    ['another scheme than the connection', [METHOD, [':scheme', 'https'], PATH, AUTHORITY], 400],
    ['a malformed authority', [METHOD, SCHEME, PATH, [':authority', 'user@demo.preview.test']], 400],
    ['a fragment', [METHOD, SCHEME, [':path', '/#f'], AUTHORITY], 400],
    ['a plain CONNECT', [[':method', 'CONNECT'], AUTHORITY], 501],
    ['an unknown protocol', [[':method', 'CONNECT'], [':protocol', 'x'], SCHEME, PATH, AUTHORITY], 501],
    ['an unknown expectation', [...GET, ['expect', 'miracles']], 417],
    ['a long target', [METHOD, SCHEME, [':path', `/${'x'.repeat(9000)}`], AUTHORITY], 414],
    ['a large head', [...GET, ['a', 'x'.repeat(9000)]], 431],
    ['many fields', [...GET, ...Array.from({ length: 40 }, (_, i) => [`f${i}`, ''] as const)], 431],
  ])('with %s is answered and never forwarded', async (_what, fields, status) => {
    const head = {
      ...DEFAULT_RELAY_LIMITS.head,
      maxHeadBytes: status === 414 ? 16_384 : 8192,
      maxTargetBytes: 8192,
      maxFieldCount: 32,
    };
    await start(silence, { head });
    visitor.send(headers(1, fields));
    expect(JSON.parse(await bodyOf(1))).toMatchObject({ status, code: 'bad_request' });
    expect(rig.relay.counters.failures).toEqual({ bad_request: 1 });
    expect(rig.relay.counters.exchanges).toBe(0);
  });

  it('with a body that ends after the answer leaves its place to the next request at once', async () => {
    await start(echo, {}, { maxStreams: 1 });
    for (let id = 1; id <= 9; id += 2) {
      visitor.send(headers(id, [...GET, ['expect', 'miracles']], Flag.NONE));
      expect(JSON.parse(await bodyOf(id))).toMatchObject({ status: 417 });
      visitor.send(frame(FrameType.DATA, Flag.END_STREAM, id, Buffer.from('dropped')));
    }
    await expectService(11);
  });

  it.each([
    ['less', 'ab', Flag.END_STREAM],
    ['more', 'abcd', Flag.NONE],
  ])(
    'with %s body than its length is reset, and its upstream request is broken off',
    async (_what, data, flags) => {
      await start(silence);
      visitor.send(headers(1, [...GET, ['content-length', '3']], Flag.NONE));
      await rig.whenServing(1);
      const aborted = rig.whenServiceSeesAbort();
      visitor.send(frame(FrameType.DATA, flags, 1, Buffer.from(data)));
      expect(await visitor.resetCode(1)).toBe(ErrorCode.PROTOCOL_ERROR);
      await aborted;
    },
  );

  it('is reset when its trailers have pseudo-header fields', async () => {
    await start(silence);
    visitor.send(headers(1, GET, Flag.NONE));
    await rig.whenServing(1);
    const aborted = rig.whenServiceSeesAbort();
    visitor.send(headers(1, [[':path', '/other']]));
    expect(await visitor.resetCode(1)).toBe(ErrorCode.PROTOCOL_ERROR);
    await aborted;
  });

  it('is not taken for complete when its upload is reset without an error code', async () => {
    let isComplete = false;
    await start((request) => void request.on('end', () => (isComplete = true)).resume());
    visitor.send(headers(1, GET, Flag.NONE), frame(FrameType.DATA, Flag.NONE, 1, Buffer.from('part')));
    await rig.whenServing(1);
    const aborted = rig.whenServiceSeesAbort();
    visitor.send(reset(1, ErrorCode.NO_ERROR));
    await aborted;
    expect(isComplete).toBe(false);
  });
});

describe('a response that the service breaks off', () => {
  // When a stream that is still writable is closed, Node sends END_STREAM before RST_STREAM, so the response looked
  // complete. It does not do this while trailers are awaited.
  it.each([
    ['until the connection ends', '', 'half'],
    ['of a known length', 'Content-Length: 8\r\n', 'half'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n', '4\r\nhalf\r\n'],
  ])('never looks complete when it came %s', async (_what, framing, body) => {
    let service: net.Socket | null = null;
    rig = await startRig(null, {
      serve: (socket) => {
        service = socket;
        socket.on('data', () => socket.write(`HTTP/1.1 200 OK\r\n${framing}\r\n${body}`));
      },
    });
    visitor = await RawHttp2.connect(rig.http2Port);
    visitor.send(headers(1, GET));
    await visitor.find((each) => each.type === FrameType.DATA);
    service!.resetAndDestroy();
    expect(await visitor.resetCode(1)).toBe(ErrorCode.INTERNAL_ERROR);
    expect(
      visitor.frames.filter((each) => each.streamId === 1 && (each.flags & Flag.END_STREAM) !== 0),
    ).toEqual([]);
  });
});

describe('limits of HTTP/2 connections', () => {
  it('refuses streams above their number, and serves the others', async () => {
    await start(silence, {}, { maxStreams: 5 });
    visitor.send(...[1, 3, 5, 7, 9, 11].map((id) => headers(id, GET)));
    expect(await visitor.resetCode(11)).toBe(ErrorCode.REFUSED_STREAM);
    await rig.whenServing(5);
  });

  it('ends a connection that opens and resets streams in quick succession', async () => {
    await start(silence, {}, { maxResets: 50 });
    for (let id = 1; id < 400 && !visitor.socket.destroyed; id += 2)
      visitor.send(headers(id, GET), reset(id));
    expect(await visitor.goawayCode()).toBe(ErrorCode.ENHANCE_YOUR_CALM);
    await visitor.closed;
    await rig.whenConnectionsAre(0);
    expect(rig.route.active).toBe(0);
  });

  it('ends a connection that resets streams only after they have reached the service', async () => {
    await start(silence, {}, { maxResets: 3 });
    for (const [i, id] of [1, 3, 5, 7].entries()) {
      visitor.send(headers(id, GET));
      await rig.whenServing(i + 1);
      visitor.send(reset(id));
    }
    expect(await visitor.goawayCode()).toBe(ErrorCode.ENHANCE_YOUR_CALM);
    await visitor.closed;
  });

  // CVE-2025-8671: the visitor breaks a rule per stream, and the resets come from this side.
  it('ends a connection that makes the edge reset its streams', async () => {
    await start(silence, {}, { maxResets: 3 });
    for (const [i, id] of [1, 3, 5, 7].entries()) {
      visitor.send(headers(id, [...GET, ['content-length', '1']], Flag.NONE));
      await rig.whenServing(i + 1);
      visitor.send(frame(FrameType.DATA, Flag.NONE, id, Buffer.from('more')));
    }
    expect(await visitor.goawayCode()).toBe(ErrorCode.ENHANCE_YOUR_CALM);
    await visitor.closed;
  });

  it('does not count streams that end well', async () => {
    await start(echo, {}, { maxResets: 3 });
    for (let id = 1; id < 41; id += 2) await expectService(id);
    expect(visitor.frames.some((each) => each.type === FrameType.GOAWAY)).toBe(false);
  });

  it.each([
    ['PING', frame(FrameType.PING, Flag.NONE, 0, Buffer.alloc(8))],
    ['SETTINGS', frame(FrameType.SETTINGS, Flag.NONE, 0)],
    ['PRIORITY', frame(FrameType.PRIORITY, Flag.NONE, 1, Buffer.alloc(5))],
    ['WINDOW_UPDATE', frame(FrameType.WINDOW_UPDATE, Flag.NONE, 0, uint32(1))],
    ['frames of an unknown type', frame(0x42, Flag.NONE, 0)],
  ])('ends a connection that floods it with %s', async (_what, flood) => {
    await start(echo, {}, { maxControlFrames: 30 });
    for (let i = 0; i < 40; i++) visitor.send(flood);
    expect(await visitor.goawayCode()).toBe(ErrorCode.ENHANCE_YOUR_CALM);
    await visitor.closed;
  });

  it('ends a connection that sends an endless header block', async () => {
    await start(echo);
    visitor.send(frame(FrameType.HEADERS, Flag.END_STREAM, 1, block(GET)));
    for (let i = 0; i < 100; i++)
      visitor.send(frame(FrameType.CONTINUATION, Flag.NONE, 1, block([['x', 'y']])));
    expect(await visitor.goawayCode()).toBe(ErrorCode.ENHANCE_YOUR_CALM);
    await visitor.closed;
  });

  it('resets a stream with a huge header list', async () => {
    await start(echo, { head: { ...DEFAULT_RELAY_LIMITS.head, maxHeadBytes: 2048 } });
    await expectService(1);
    visitor.send(headers(3, [...GET, ['x', 'y'.repeat(6000)]]));
    expect(await visitor.resetCode(3)).toBe(ErrorCode.ENHANCE_YOUR_CALM);
    await expectService(5);
  });

  it('resets a stream with too many field lines', async () => {
    await start(echo, { head: { ...DEFAULT_RELAY_LIMITS.head, maxFieldCount: 16 } });
    visitor.send(headers(1, [...GET, ...Array.from({ length: 60 }, () => ['cookie', 'a=b'] as const)]));
    expect(await visitor.resetCode(1)).toBe(ErrorCode.ENHANCE_YOUR_CALM);
    await expectService(3);
  });

  it('ends a connection that sends empty DATA without end', async () => {
    await start(silence);
    visitor.send(headers(1, GET, Flag.NONE));
    await rig.whenServing(1);
    const aborted = rig.whenServiceSeesAbort();
    for (let i = 0; i < 300; i++) visitor.send(frame(FrameType.DATA, Flag.NONE, 1));
    expect(await visitor.goawayCode()).toBe(ErrorCode.ENHANCE_YOUR_CALM);
    await visitor.closed;
    await aborted;
  });

  it('ends a connection that sends malformed requests without end', async () => {
    await start(silence, {}, { maxResets: 100 });
    for (let id = 1; id < 500; id += 2) visitor.send(headers(id, [...GET, ['connection', 'x']]));
    expect(await visitor.goawayCode()).toBe(ErrorCode.ENHANCE_YOUR_CALM);
    await visitor.closed;
  });

  it('ends a connection that sends nothing', async () => {
    await start(echo, { headTimeoutMs: 300 });
    const silent = await RawHttp2.connectSilently(rig.http2Port);
    silent.acknowledges = false;
    expect(await silent.goawayCode()).toBe(ErrorCode.SETTINGS_TIMEOUT);
    await silent.closed;
  });

  it('ends a connection that does not acknowledge SETTINGS', async () => {
    await start(echo, { headTimeoutMs: 300 });
    visitor.acknowledges = false;
    await expectService(1);
    expect(await visitor.goawayCode()).toBe(ErrorCode.SETTINGS_TIMEOUT);
    await visitor.closed;
  });

  it('ends an idle connection with GOAWAY, even if it pings', async () => {
    await start(echo, { idleTimeoutMs: 300 });
    await expectService(1);
    visitor.send(frame(FrameType.PING, Flag.NONE, 0, Buffer.alloc(8)));
    const goaway = await visitor.find((each) => each.type === FrameType.GOAWAY);
    expect(goaway?.payload.readUInt32BE(4)).toBe(ErrorCode.NO_ERROR);
    await visitor.closed;
  });

  it('limits the connections of one address', async () => {
    await start(echo, { maxConnectionsPerAddress: 2 });
    await expectService(1);
    const second = await RawHttp2.connect(rig.http2Port);
    await second.find((each) => each.type === FrameType.SETTINGS);
    const third = await RawHttp2.connect(rig.http2Port);
    await third.closed;
    expect(third.frames).toEqual([]);
    second.socket.destroy();
    await second.closed;
  });

  it('gives up a response that is never read, and keeps the connection', async () => {
    await start(
      (request, response) => response.end(request.url === '/' ? 'small' : Buffer.alloc(2_000_000)),
      {
        stallTimeoutMs: 300,
      },
    );
    visitor.send(headers(1, [METHOD, SCHEME, [':path', '/large'], AUTHORITY]));
    expect(await visitor.resetCode(1)).toBe(ErrorCode.INTERNAL_ERROR);
    // The connection's own window is used up as well: a HEADERS frame needs none.
    await expectService(3);
    expect(rig.route.active).toBe(0);
  });

  it('gives up a short response whose window never opens', async () => {
    await start((_request, response) => response.end('x'.repeat(1000)), { stallTimeoutMs: 300 });
    visitor.send(frame(FrameType.SETTINGS, Flag.NONE, 0, Buffer.from([0, 4, 0, 0, 0, 0])), headers(1, GET));
    expect(await visitor.resetCode(1)).toBe(ErrorCode.CANCEL);
    expect(rig.route.active).toBe(0);
  });

  it('answers 408 to an upload that stops', async () => {
    await start(silence, { idleTimeoutMs: 300 });
    visitor.send(headers(1, GET, Flag.NONE), frame(FrameType.DATA, Flag.NONE, 1, Buffer.from('part')));
    expect(JSON.parse(await bodyOf(1))).toMatchObject({ status: 408, code: 'request_timeout' });
    expect(await visitor.resetCode(1)).toBe(ErrorCode.NO_ERROR);
  });

  it('releases everything when the visitor closes its side', async () => {
    await start(silence);
    visitor.send(headers(1, GET), headers(3, GET, Flag.NONE));
    await rig.whenServing(2);
    const aborted = rig.whenServiceSeesAbort();
    visitor.socket.end();
    await Promise.all([visitor.closed, aborted]);
    expect(rig.relay.connectionCount).toBe(0);
    expect(rig.route.active).toBe(0);
  });

  it('drops a connection whose visitor does not read the GOAWAY', async () => {
    await start((_request, response) => response.end(Buffer.alloc(8_000_000)), {}, { maxResets: 3 });
    await expectService(1);
    visitor.socket.pause();
    visitor.send(frame(FrameType.WINDOW_UPDATE, Flag.NONE, 0, uint32(0x7ff00000)));
    visitor.send(frame(FrameType.SETTINGS, Flag.NONE, 0, Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff])));
    for (const id of [3, 5, 7, 9]) visitor.send(headers(id, GET));
    await rig.whenServing(5);
    for (const id of [3, 5, 7, 9]) visitor.send(reset(id));
    await rig.whenConnectionsAre(0);
  });

  it('survives bytes that are not HTTP/2', async () => {
    await start(echo);
    const other = await RawHttp2.connectSilently(rig.http2Port);
    other.socket.write('GET / HTTP/1.1\r\nHost: demo.preview.test\r\n\r\n');
    await other.closed;
    await expectService(1);
  });

  it('survives a connection that is reset in the middle of everything', async () => {
    await start(silence);
    visitor.send(...[1, 3, 5, 7].map((id) => headers(id, GET, Flag.NONE)));
    await rig.whenServing(4);
    const aborted = rig.whenServiceSeesAbort();
    visitor.socket.resetAndDestroy();
    await aborted;
    expect(rig.route.active).toBe(0);
  });
});
