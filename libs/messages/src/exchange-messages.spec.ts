import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { constants, deflateRawSync, gzipSync } from 'node:zlib';
import type { ExchangeMessage } from '@culvert/contract';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ClientOptions, type PerMessageDeflateOptions, WebSocket, WebSocketServer } from 'ws';
import type { BodyHead } from './body-head.js';
import { ExchangeMessages } from './exchange-messages.js';
import { InflateBudget } from './inflater.js';
import { MAX_CONTENT_BYTES } from './limits.js';
import { MessageBudget } from './message-budget.js';
import type { ByteReader, Direction } from './observed-message.js';

/** Memory that counts what is held. */
class CountedMemory {
  held = 0;
  most = 0;
  constructor(private readonly maxBytes = Infinity) {}
  reserve(bytes: number): boolean {
    if (this.held + bytes > this.maxBytes) return false;
    this.held += bytes;
    this.most = Math.max(this.most, this.held);
    return true;
  }
  release(bytes: number): void {
    this.held -= bytes;
  }
}

function observe(memory = new CountedMemory(), budget = new InflateBudget(Infinity)) {
  const seen: ExchangeMessage[] = [];
  const state = { isCaptured: true, omitted: 0 };
  const messages = new ExchangeMessages({
    exchangeId: 'x',
    memory,
    budget,
    messageBudget: new MessageBudget(),
    captures: () => state.isCaptured,
    onMessage: (json) => seen.push(JSON.parse(json) as ExchangeMessage),
    onOmitted: () => state.omitted++,
    onChange: () => {},
  });
  return { seen, messages, memory, state };
}

const bodyHead = (contentType: string, more: Partial<BodyHead> = {}): BodyHead => ({
  contentType,
  contentEncoding: '',
  grpcEncoding: '',
  ...more,
});

/** Feeds bytes in pieces of `size`. */
function feed(reader: ByteReader, bytes: Buffer, size = bytes.length): void {
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes, at, Math.min(bytes.length, at + size));
}

const shortOf = ({ direction, kind, text, base64, code }: ExchangeMessage) => [
  direction === 'request' ? '>' : '<',
  kind,
  code ?? text ?? base64,
];

/** Returns what passes between both ends of a real WebSocket, behind the heads. */
async function record(
  settings: {
    readonly perMessageDeflate: boolean | PerMessageDeflateOptions;
    readonly client?: ClientOptions;
  },
  talk: (client: WebSocket, service: WebSocket) => Promise<void>,
): Promise<{ readonly extensions: string } & Readonly<Record<Direction, Buffer>>> {
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    perMessageDeflate: settings.perMessageDeflate,
  });
  await once(server, 'listening');
  const passed = { request: [] as Buffer[], response: [] as Buffer[] };
  const tap = net.createServer((visitor) => {
    const service = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
    const carry = (from: net.Socket, to: net.Socket, kept: Buffer[]) => {
      from.on('data', (chunk: Buffer) => {
        kept.push(chunk);
        to.write(chunk);
      });
      from.on('end', () => to.end());
    };
    carry(visitor, service, passed.request);
    carry(service, visitor, passed.response);
    for (const socket of [visitor, service]) socket.on('error', () => {});
  });
  await once(tap.listen(0, '127.0.0.1'), 'listening');
  const opened = once(server, 'connection') as Promise<[WebSocket]>;
  const client = new WebSocket(`ws://127.0.0.1:${(tap.address() as AddressInfo).port}`, settings.client);
  const [service] = await opened;
  await once(client, 'open');
  await talk(client, service);
  const closed = once(service, 'close');
  client.close(4001, 'bye');
  await Promise.all([closed, once(client, 'close')]);
  server.close();
  tap.close();
  const behindHead = (chunks: Buffer[]) => {
    const all = Buffer.concat(chunks);
    return all.subarray(all.indexOf('\r\n\r\n') + 4);
  };
  const head = Buffer.concat(passed.response).toString('latin1');
  return {
    extensions: /^sec-websocket-extensions: (.*)\r$/im.exec(head)?.[1] ?? '',
    request: behindHead(passed.request),
    response: behindHead(passed.response),
  };
}

async function chat(client: WebSocket, service: WebSocket): Promise<void> {
  const echoed = new Promise<void>((resolve) => {
    let count = 0;
    client.on('message', () => ++count === 4 && resolve());
  });
  service.on('message', (data: Buffer, isBinary) => service.send(data, { binary: isBinary }));
  client.send('{"price":17,"name":"gr\u00fcn"}');
  client.send('{"price":18,"name":"gr\u00fcn"}');
  client.send('frag', { fin: false });
  client.send('ment', { fin: true });
  client.send(Buffer.from([0, 255, 1]));
  await echoed;
  const ponged = once(client, 'pong');
  client.ping('beat');
  await ponged;
}

const CHAT = [
  ['text', '{"price":17,"name":"gr\u00fcn"}'],
  ['text', '{"price":18,"name":"gr\u00fcn"}'],
  ['text', 'fragment'],
  ['binary', 'AP8B'],
];

describe('messages of a WebSocket', () => {
  const small = { threshold: 0 };
  it.each([
    ['without compression', false, {}],
    ['with compression', small, { perMessageDeflate: small }],
    [
      'with compression that begins anew in each message',
      { ...small, serverNoContextTakeover: true, clientNoContextTakeover: true },
      { perMessageDeflate: small },
    ],
    [
      'with compression and a small window',
      { ...small, serverMaxWindowBits: 9, clientMaxWindowBits: 9 },
      { perMessageDeflate: { ...small, clientMaxWindowBits: 9 } },
    ],
  ] as const)('are shown %s, wherever the bytes are cut', async (_name, perMessageDeflate, client) => {
    const bytes = await record({ perMessageDeflate, client: { ...client } }, chat);
    expect(bytes.extensions).toMatch(perMessageDeflate === false ? /^$/ : /^permessage-deflate/);
    for (const size of [1, 2, 3, 7, 1000]) {
      const { seen, messages, memory } = observe();
      const readers = messages.openWebSocket(bytes.extensions);
      feed(readers.request, bytes.request, size);
      feed(readers.response, bytes.response, size);
      expect(seen.filter(({ direction }) => direction === 'request').map(shortOf)).toEqual([
        ...CHAT.map((each) => ['>', ...each]),
        ['>', 'ping', 'beat'],
        ['>', 'close', 4001],
      ]);
      expect(seen.filter(({ direction }) => direction === 'response').map(shortOf)).toEqual([
        ...CHAT.map((each) => ['<', ...each]),
        ['<', 'pong', 'beat'],
        ['<', 'close', 4001],
      ]);
      expect(seen.find(({ kind }) => kind === 'close')?.text).toBe('bye');
      expect(messages.summary).toMatchObject({ protocol: 'websocket', note: null, request: { count: 6 } });
      messages.close();
      expect(memory.held).toBe(0);
    }
  });

  const frame = (first: number, payload: Buffer, length = payload.length) => {
    const head = length < 126 ? Buffer.from([first, length]) : Buffer.alloc(10);
    if (length >= 126) {
      head.set([first, 127]);
      head.writeBigUInt64BE(BigInt(length), 2);
    }
    return Buffer.concat([head, payload]);
  };
  const deflated = (content: Buffer) =>
    deflateRawSync(content, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);

  it.each([
    ['reserved bits', frame(0xa1, Buffer.from('x')), 'reserved bits'],
    ['compression that was not agreed on', frame(0xc1, Buffer.from('x')), 'marked as compressed'],
    ['a reserved opcode', frame(0x83, Buffer.from('x')), 'opcode 3'],
    ['a mask of the service', Buffer.from([0x81, 0x81, 0, 0, 0, 0, 65]), 'is masked'],
    ['an impossible length', Buffer.from([0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255]), 'length'],
    ['a long control frame', Buffer.from([0x89, 126, 1, 0]), 'control frame'],
    ['a fragmented control frame', Buffer.from([0x09, 0]), 'control frame'],
    ['a fragment of no message', frame(0x80, Buffer.from('x')), 'belongs to no message'],
    ['a message within a message', Buffer.from([0x01, 0, 0x81, 0]), 'within another'],
  ])('end with a note at %s, and take no memory', (_name, bytes, note) => {
    for (const size of [1, bytes.length]) {
      const { seen, messages, memory } = observe();
      const { request, response } = messages.openWebSocket('');
      feed(response, frame(0x81, Buffer.from('before')), 3);
      feed(response, bytes, size);
      feed(response, frame(0x81, Buffer.from('after')));
      feed(request, Buffer.from([0x81, 0x81, 0, 0, 0, 0, 65]));
      expect(seen.map(({ text }) => text)).toEqual(['before']);
      expect(messages.summary?.note).toContain(note);
      messages.close();
      expect(memory.held).toBe(0);
    }
  });

  it('keep the beginning of a frame of any length, in bounded memory', () => {
    const { messages, memory, seen } = observe();
    const { response } = messages.openWebSocket('');
    const megabyte = Buffer.alloc(1024 * 1024, 'a');
    feed(response, frame(0x81, megabyte, 64 * megabyte.length));
    for (let i = 1; i < 64; i++) feed(response, megabyte);
    expect(seen).toMatchObject([
      { bytes: 64 * megabyte.length, isTruncated: true, text: 'a'.repeat(MAX_CONTENT_BYTES) },
    ]);
    feed(response, frame(0x81, Buffer.from('next')));
    expect(seen[1]).toMatchObject({ text: 'next', isTruncated: false });
    expect(memory.most).toBeLessThan(4 * MAX_CONTENT_BYTES);
  });

  it('bound endless fragments', () => {
    const { messages, memory } = observe();
    const { response } = messages.openWebSocket('');
    feed(response, Buffer.from([0x01, 1, 65]));
    const fragments = Buffer.concat(Array.from({ length: 1000 }, () => Buffer.from([0x00, 1, 65, 0x00, 0])));
    for (let i = 0; i < 100; i++) feed(response, fragments);
    expect(memory.most).toBeLessThanOrEqual(2 * MAX_CONTENT_BYTES);
    expect(messages.summary).toMatchObject({ note: null, response: { count: 0 } });
  });

  it('do not expand a deflate bomb, and are not shown where they refer to it', () => {
    const { seen, messages } = observe();
    const { response } = messages.openWebSocket('permessage-deflate');
    feed(response, frame(0xc1, deflated(Buffer.from('first'))));
    feed(response, frame(0xc1, deflated(Buffer.alloc(32 * 1024 * 1024))));
    feed(response, frame(0xc1, deflated(Buffer.from('later'))));
    feed(response, frame(0x81, Buffer.from('not compressed')));
    expect(seen.map(({ text, isTruncated }) => [text, isTruncated])).toEqual([
      ['first', false],
      [null, true],
      [null, true],
      ['not compressed', false],
    ]);
  });

  it('are shown after a bomb where messages do not refer to each other', () => {
    const { seen, messages } = observe();
    const { response } = messages.openWebSocket('permessage-deflate; server_no_context_takeover');
    feed(response, frame(0xc1, deflated(Buffer.alloc(32 * 1024 * 1024))));
    feed(response, frame(0xc1, deflated(Buffer.from('later'))));
    expect(seen.map(({ text }) => text)).toEqual([null, 'later']);
  });

  it('are not decompressed beyond the budget of the process', () => {
    const { seen, messages } = observe(new CountedMemory(), new InflateBudget(100_000));
    const { response } = messages.openWebSocket('permessage-deflate; server_no_context_takeover');
    for (let i = 0; i < 10; i++) feed(response, frame(0xc1, deflated(Buffer.alloc(60_000, 97))));
    expect(seen.filter(({ text }) => text !== null).length).toBeLessThan(5);
    expect(seen).toHaveLength(10);
  });

  it('have no content while there is no memory, and are counted', () => {
    const { seen, messages, memory } = observe(new CountedMemory(0));
    const { response } = messages.openWebSocket('');
    feed(response, frame(0x81, Buffer.from('text')));
    expect(seen).toMatchObject([{ bytes: 4, text: '', isTruncated: true }]);
    expect([messages.kept, memory.held]).toEqual([[], 0]);
  });

  it('are kept up to a number, the newest ones', () => {
    const { messages } = observe();
    const { response } = messages.openWebSocket('');
    for (let i = 0; i < 250; i++) feed(response, frame(0x81, Buffer.from(String(i))));
    expect([messages.kept.length, messages.kept[0].text, messages.kept.at(-1)?.text]).toEqual([
      200,
      '50',
      '249',
    ]);
  });

  it('of a compressed connection are shown to a person who begins to capture later', () => {
    const { seen, messages, state, memory } = observe();
    const { response } = messages.openWebSocket('permessage-deflate');
    const history = Buffer.from('a text that later messages refer to');
    state.isCaptured = false;
    feed(response, frame(0xc1, deflated(history)));
    state.isCaptured = true;
    const later = deflateRawSync(history, { finishFlush: constants.Z_SYNC_FLUSH, dictionary: history });
    feed(response, frame(0xc1, later.subarray(0, -4)));
    expect(seen.map(({ text }) => text)).toEqual([history.toString()]);
    messages.close();
    expect(memory.held).toBe(0);
  });
});

describe('messages beyond the rate, or while no one captures', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const repeat = (piece: Buffer, count: number) => Buffer.concat(Array.from({ length: count }, () => piece));
  const TEXT = Buffer.from([0x81, 1, 65]);
  const EVENT = Buffer.from('a\n\n');
  const CALL = Buffer.from([0, 0, 0, 0, 2, 0x08, 1]);
  const protocols = [
    ['of a WebSocket', TEXT, (messages: ExchangeMessages) => messages.openWebSocket('').response],
    ['of an event stream', EVENT, (messages: ExchangeMessages) => openBody(messages, 'text/event-stream')],
    ['of a gRPC call', CALL, (messages: ExchangeMessages) => openBody(messages, 'application/grpc')],
  ] as const;
  const openBody = (messages: ExchangeMessages, type: string) =>
    messages.openBody('response', bodyHead(type))!;

  it.each(protocols)('%s are only counted, and shown again in the next second', (_name, piece, open) => {
    const { seen, messages, state } = observe();
    const reader = open(messages);
    const bytes = repeat(piece, 10_000);
    feed(reader, bytes);
    expect([seen.length, state.omitted, messages.summary?.response.count]).toEqual([300, 9700, 10_000]);
    vi.advanceTimersByTime(1000);
    feed(reader, piece);
    expect(seen).toHaveLength(301);
    expect(seen.at(-1)).toMatchObject({ seq: 10_000, isTruncated: false });
  });

  it.each(protocols)('%s take no memory while no one captures', (_name, piece, open) => {
    const { seen, messages, memory, state } = observe();
    state.isCaptured = false;
    feed(open(messages), repeat(piece, 1000), 2);
    expect([seen.length, state.omitted, memory.most]).toEqual([0, 0, 0]);
    expect(messages.summary?.response.count).toBe(1000);
  });

  it.each(protocols)(
    '%s take no memory when the reading has ended before the traffic',
    (_name, piece, open) => {
      const { seen, messages, memory } = observe();
      const reader = open(messages);
      feed(reader, piece);
      messages.close();
      feed(reader, repeat(piece, 10).subarray(0, -1));
      expect([seen.length, messages.summary?.response.count, memory.held]).toEqual([1, 1, 0]);
    },
  );

  it('have a limit of characters', () => {
    const { seen, messages, state } = observe();
    const { response } = messages.openWebSocket('');
    const large = Buffer.alloc(4 + MAX_CONTENT_BYTES, 'a');
    large.set([0x81, 126, MAX_CONTENT_BYTES >> 8, MAX_CONTENT_BYTES & 0xff]);
    feed(response, repeat(large, 200));
    expect(seen.length * MAX_CONTENT_BYTES).toBeLessThan(1.1 * 1024 * 1024);
    expect(state.omitted).toBe(200 - seen.length);
  });

  it('are not decompressed where later ones do not refer to them', () => {
    const budget = new InflateBudget(Infinity);
    const spend = vi.spyOn(budget, 'spend');
    const { messages, state } = observe(new CountedMemory(), budget);
    state.isCaptured = false;
    const content = deflateRawSync('text', { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    const compressed = Buffer.concat([Buffer.from([0xc1, content.length]), content]);
    feed(messages.openWebSocket('permessage-deflate; server_no_context_takeover').response, compressed);
    expect(messages.summary?.response.count).toBe(1);
    expect(spend).not.toHaveBeenCalled();
  });
});

describe('messages of a gRPC call', () => {
  const message = (payload: Buffer, flags = 0) => {
    const prefix = Buffer.alloc(5);
    prefix[0] = flags;
    prefix.writeUInt32BE(payload.length, 1);
    return Buffer.concat([prefix, payload]);
  };
  // { 1: "Ann", 2: 150 }
  const ann = Buffer.from([0x0a, 3, 0x41, 0x6e, 0x6e, 0x10, 0x96, 0x01]);
  const body = Buffer.concat([message(ann), message(Buffer.alloc(0)), message(gzipSync(ann), 1)]);

  it('are shown with their fields, wherever the bytes are cut', () => {
    for (const size of [1, 4, 1000]) {
      const { seen, messages } = observe();
      feed(
        messages.openBody('request', bodyHead('application/grpc+proto', { grpcEncoding: 'gzip' }))!,
        body,
        size,
      );
      messages.addTrailers('grpc-status: 5\ngrpc-message: no such basket\n');
      expect(seen.map(({ kind, text, code, isCompressed }) => [kind, text, code, isCompressed])).toEqual([
        ['grpc', '1: "Ann"\n2: 150', null, false],
        ['grpc', '', null, false],
        ['grpc', '1: "Ann"\n2: 150', null, true],
        ['trailers', 'grpc-status: 5\ngrpc-message: no such basket\n', 5, false],
      ]);
      expect(seen[0].base64).toBe(ann.toString('base64'));
      expect(messages.summary).toMatchObject({ protocol: 'grpc', request: { count: 3 } });
    }
  });

  const web = Buffer.concat([message(ann), message(Buffer.from('grpc-status:0\r\ngrpc-message:\r\n'), 0x80)]);
  it.each([
    ['gRPC-web', 'application/grpc-web+proto', web],
    ['gRPC-web in base64', 'application/grpc-web-text; charset=utf-8', Buffer.from(web.toString('base64'))],
    [
      'gRPC-web in base64 of several parts',
      'application/grpc-web-text',
      Buffer.from(message(ann).toString('base64') + web.subarray(message(ann).length).toString('base64')),
    ],
  ])('are shown for %s with the trailers at the end', (_name, type, bytes) => {
    for (const size of [1, 3, 1000]) {
      const { seen, messages } = observe();
      feed(messages.openBody('response', bodyHead(type))!, bytes, size);
      expect(seen.map(({ kind, code }) => [kind, code])).toEqual([
        ['grpc', null],
        ['trailers', 0],
      ]);
      expect(messages.summary?.protocol).toBe('grpc-web');
    }
  });

  it.each([
    ['application/grpc', message(ann, 0x40), 'unknown flags'],
    ['application/grpc', message(ann, 0x80), 'unknown flags'],
    ['application/grpc-web-text', Buffer.from('****'), 'not base64'],
    ['application/grpc-web-text', Buffer.from('A==='), 'not base64'],
  ])('end with a note where %s is malformed', (type, bytes, note) => {
    const { seen, messages, memory } = observe();
    feed(messages.openBody('response', bodyHead(type))!, Buffer.concat([bytes, bytes]), 1);
    expect([seen.length, memory.held]).toEqual([0, 0]);
    expect(messages.summary?.note).toContain(note);
  });

  it('of any length take bounded memory', () => {
    const { seen, messages, memory } = observe();
    const reader = messages.openBody('response', bodyHead('application/grpc'))!;
    feed(reader, Buffer.from([0, 0xff, 0xff, 0xff, 0xff]));
    for (let i = 0; i < 50; i++) feed(reader, Buffer.alloc(1024 * 1024));
    expect(seen).toEqual([]);
    expect(memory.most).toBeLessThanOrEqual(2 * MAX_CONTENT_BYTES);
  });
});

describe('events', () => {
  it.each([1, 2, 1000])('are shown as blocks, in pieces of %d bytes', (size) => {
    const { seen, messages } = observe();
    const bytes = Buffer.from(
      ': hello\n\n\ndata: 1\nid: 7\r\n\r\nevent: x\rdata: gr\u00fcn\r\rdata: not yet',
    );
    feed(messages.openBody('response', bodyHead('text/event-stream; charset=utf-8'))!, bytes, size);
    expect(seen.map(({ kind, text }) => [kind, text])).toEqual([
      ['event', ': hello\n'],
      ['event', 'data: 1\nid: 7\n'],
      ['event', 'event: x\ndata: gr\u00fcn\n'],
    ]);
  });

  it('are kept up to a length, without half a character at the end', () => {
    const { seen, messages } = observe();
    const bytes = Buffer.from(`a${'\u00fc'.repeat(MAX_CONTENT_BYTES)}\n\n`);
    feed(messages.openBody('response', bodyHead('text/event-stream'))!, bytes, 1000);
    expect(seen).toMatchObject([
      { isTruncated: true, text: `a${'\u00fc'.repeat(MAX_CONTENT_BYTES / 2 - 1)}` },
    ]);
  });

  it('are not looked for in other bodies, nor in encoded ones', () => {
    const { messages } = observe();
    expect(messages.openBody('response', bodyHead('text/html'))).toBeNull();
    expect(messages.openBody('response', bodyHead('application/grpcx'))).toBeNull();
    expect(
      messages.openBody('response', bodyHead('text/event-stream', { contentEncoding: 'gzip' })),
    ).toBeNull();
    expect(messages.summary).toBeUndefined();
  });
});
