import { describe, expect, it } from 'vitest';
import { ErrorCode, Flag, FrameType } from '../frames/frame.js';
import { frame, setting, uint32 } from '../spec/connection-rig.js';
import { ClientRig, data, headers, literals, response } from '../spec/client-rig.js';

const END = Flag.END_STREAM;
const SETTINGS = frame(FrameType.SETTINGS, 0, 0);
const PING = frame(FrameType.PING, 0, 0, '12345678');
const reset = (id: number, code: number): Buffer => frame(FrameType.RST_STREAM, 0, id, uint32(code));
const goAway = (lastId: number, code: number): Buffer =>
  frame(FrameType.GOAWAY, 0, 0, Buffer.concat([uint32(lastId), uint32(code)]));

/** Responses to four requests that together contain every kind of frame that a server may send. */
const CONVERSATION = Buffer.concat([
  setting(3, 100),
  frame(FrameType.SETTINGS, Flag.ACK, 0),
  response(1, 103, 0, ['link', 'a']),
  response(1, 200, 0, ['content-length', '5']),
  data(1, 'he'),
  PING,
  response(3, 200, END, ['grpc-status', '5']),
  data(1, Buffer.from([1, 0x6c, 0x6c, 0]), Flag.PADDED),
  data(1, 'o', END),
  frame(FrameType.HEADERS, Flag.PRIORITY, 5, Buffer.concat([Buffer.alloc(5), literals([':status', '200'])])),
  frame(FrameType.CONTINUATION, 0, 5, literals(['a', 'b'])),
  frame(FrameType.CONTINUATION, Flag.END_HEADERS, 5),
  data(5, 'body'),
  headers(5, END, ['x', 'y']),
  frame(0x77, 0, 0, 'unknown'),
  frame(FrameType.PRIORITY, 0, 7, Buffer.alloc(5)),
  frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(5)),
  reset(7, 8),
]);

const OUTCOME = [
  'settings',
  'acknowledged',
  '1 interim 103',
  '1 response 200,content-length: 5',
  '3 response 200,grpc-status: 5 whole',
  '3 end  ',
  '3 close',
  '1 end hello ',
  '1 close',
  '5 response 200,a: b',
  '5 end body x: y',
  '5 close',
  '7 close reset 8',
];

function talk(...chunks: readonly Buffer[]): ClientRig {
  const rig = new ClientRig();
  for (let i = 0; i < 4; i++) rig.request();
  for (const chunk of chunks) rig.connection.push(chunk);
  return rig;
}

describe('a conversation with a server', () => {
  it('is the same wherever its bytes are cut', () => {
    expect(talk(CONVERSATION).log).toEqual(OUTCOME);
    for (let cut = 1; cut < CONVERSATION.length; cut++)
      expect(talk(CONVERSATION.subarray(0, cut), CONVERSATION.subarray(cut)).log).toEqual(OUTCOME);
    expect(talk(...[...CONVERSATION].map((byte) => Buffer.of(byte))).log).toEqual(OUTCOME);
  });

  it('begins with the preface and SETTINGS, and acknowledges SETTINGS and PING', async () => {
    const rig = talk(CONVERSATION);
    await rig.turn();
    expect(rig.frames).toEqual([
      'PREFACE',
      'SETTINGS 0',
      `WINDOW_UPDATE 0 ${2 ** 30 - 65_535}`,
      ...[1, 3, 5, 7].map((id) => `HEADERS ${id} :method: GET,:path: / END`),
      'SETTINGS 1',
      'PING 1 3132333435363738',
    ]);
  });

  it('writes the preface on its own where the peer requires that', () => {
    const rig = new ClientRig({}, { isPrefaceApart: true });
    expect([rig.writes, rig.frames]).toEqual([1, ['PREFACE']]);
  });

  it('measures the round trip by SETTINGS that change nothing', async () => {
    const rig = new ClientRig();
    rig.begin(frame(FrameType.SETTINGS, Flag.ACK, 0));
    rig.connection.measure();
    rig.push(frame(FrameType.SETTINGS, Flag.ACK, 0), frame(FrameType.SETTINGS, Flag.ACK, 0));
    await rig.turn();
    expect(rig.log).toEqual(['settings', 'acknowledged', 'acknowledged']);
    expect(rig.frames.filter((text) => text === 'SETTINGS 0')).toHaveLength(2);
  });

  it('repeats the same fields as the same object, and no others', () => {
    const rig = new ClientRig();
    const seen: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      const stream = rig.request();
      stream.attach({
        onInterim: () => {},
        onResponse: (fieldsOfResponse) => seen.push(fieldsOfResponse),
        onData: () => {},
        onEnd: () => {},
        onDrain: () => {},
        onClose: () => {},
      });
    }
    rig.begin(response(1, 200, END), response(3, 200, END), response(5, 404, END));
    expect(seen[0]).toBe(seen[1]);
    expect(seen[0]).not.toBe(seen[2]);
  });
});

describe('a request', () => {
  it('sends its body within the windows of stream and connection, then its trailers', async () => {
    const rig = new ClientRig();
    rig.begin(setting(4, 10));
    const stream = rig.request({ method: 'POST', endStream: false });
    stream.write(Buffer.alloc(15));
    stream.endWithTrailers([['x-sum', '1']]);
    await rig.turn();
    rig.push(frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(100)));
    await rig.turn();
    expect(rig.frames.slice(-3)).toEqual(['DATA 1 10', 'DATA 1 5', 'HEADERS 1 x-sum: 1 END']);
  });

  it('reports when its writer should pause, and when it may resume', async () => {
    const rig = new ClientRig();
    rig.begin(setting(4, 0));
    const stream = rig.request({ method: 'POST', endStream: false });
    expect(stream.write(Buffer.alloc(60_000))).toBe(true);
    expect(stream.write(Buffer.alloc(60_000))).toBe(false);
    rig.push(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(100_000)), setting(4, 100_000));
    await rig.turn();
    await rig.turn();
    expect(rig.log).toContain('1 drain');
  });

  it('may be answered in full before its body is sent; the rest is dropped when the server asks', async () => {
    const rig = new ClientRig();
    rig.begin(setting(4, 0));
    const stream = rig.request({ method: 'POST', endStream: false });
    stream.write(Buffer.alloc(15));
    rig.push(response(1, 413), data(1, 'too much', END), reset(1, ErrorCode.NO_ERROR));
    await rig.turn();
    expect(rig.log.slice(2)).toEqual(['1 response 413', '1 end too much ', '1 close']);
    expect(rig.frames.filter((text) => text.startsWith('DATA'))).toEqual([]);
  });

  it('that is canceled is reset, and later frames for it are ignored', async () => {
    const rig = new ClientRig();
    const stream = rig.request();
    rig.begin(response(1, 200), data(1, 'half'));
    stream.reset(ErrorCode.CANCEL);
    rig.push(data(1, 'rest'), headers(1, END, ['x', 'y']), reset(1, 0));
    rig.request();
    rig.push(response(3, 200, END));
    await rig.turn();
    expect(rig.log.slice(1)).toEqual([
      '1 response 200',
      '1 close',
      '3 response 200 whole',
      '3 end  ',
      '3 close',
    ]);
    expect(rig.frames.at(-2)).toBe('RST_STREAM 1 8');
  });

  it('is refused, not failed, when the server did not process it', () => {
    const rig = new ClientRig();
    for (let i = 0; i < 3; i++) rig.request();
    rig.begin(reset(3, ErrorCode.REFUSED_STREAM), goAway(1, ErrorCode.NO_ERROR));
    expect(rig.log).toEqual(['settings', '3 close refused 7', '5 close refused 7', 'goaway 0']);
    expect(rig.connection.mayOpen).toBe(false);
    rig.push(response(1, 200, END));
    expect(rig.log.slice(4)).toEqual(['1 response 200 whole', '1 end  ', 'drained', '1 close']);
  });

  it('cannot begin once the connection drains, which then ends with its last stream', () => {
    const rig = new ClientRig();
    rig.begin();
    rig.request();
    rig.connection.drain();
    expect(rig.connection.mayOpen).toBe(false);
    expect(() => rig.request()).toThrow('cannot be opened');
    expect(rig.log).not.toContain('drained');
    rig.push(response(1, 200, END));
    expect(rig.log).toContain('drained');
  });
});

describe('a response', () => {
  it('waits for its reader within the window, and does not hold up other responses', async () => {
    const rig = new ClientRig({ windowBytes: 40_000 });
    const paused = rig.request({ isPaused: true });
    rig.request();
    rig.begin(response(1, 200), response(3, 200));
    for (let i = 0; i < 4; i++) rig.push(data(1, Buffer.alloc(10_000, 'x')));
    rig.push(data(3, 'other', END));
    await rig.turn();
    expect(rig.log.slice(-2)).toEqual(['3 end other ', '3 close']);
    expect(rig.frames.filter((text) => text.startsWith('WINDOW_UPDATE 1'))).toEqual([]);
    paused.resume();
    await rig.turn();
    expect(rig.frames.filter((text) => text.startsWith('WINDOW_UPDATE 1'))).toEqual([
      'WINDOW_UPDATE 1 20000',
      'WINDOW_UPDATE 1 20000',
    ]);
  });

  it('that overruns its window is reset', async () => {
    const rig = new ClientRig({ windowBytes: 25_000 });
    rig.request({ isPaused: true });
    rig.begin(response(1, 200));
    for (let i = 0; i < 3; i++) rig.push(data(1, Buffer.alloc(10_000)));
    await rig.turn();
    expect(rig.log.at(-1)).toBe(`1 close malformed ${ErrorCode.FLOW_CONTROL_ERROR}`);
    expect(rig.frames.at(-1)).toBe(`RST_STREAM 1 ${ErrorCode.FLOW_CONTROL_ERROR}`);
  });

  it('keeps unread bytes in about as much memory as they have, however small its frames are', () => {
    const rig = new ClientRig();
    const stream = rig.request({ isPaused: true });
    rig.begin(response(1, 200));
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 2000; i++)
      rig.push(Buffer.concat([data(1, 'x'), Buffer.from(SETTINGS.subarray(0, 0))]));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4_000_000);
    stream.resume();
    rig.push(data(1, '', END));
    expect(rig.log.at(-2)).toBe(`1 end ${'x'.repeat(2000)} `);
  });

  it('that is complete may still be read when the connection is gone', () => {
    const rig = new ClientRig();
    const stream = rig.request({ isPaused: true });
    rig.request();
    rig.begin(response(1, 200), data(1, 'all', END), response(3, 200), data(3, 'half'));
    rig.connection.close();
    expect(rig.log.slice(3)).toEqual(['3 close lost 0']);
    stream.resume();
    expect(rig.log.slice(4)).toEqual(['1 end all ', '1 close']);
  });

  it.each([
    ['HEAD', response(1, 200, END, ['content-length', '5'])],
    ['GET', response(1, 304, END, ['content-length', '5'])],
    ['GET', response(1, 204, END, ['content-length', '0'])],
    ['CONNECT', Buffer.concat([response(1, 200, 0, ['content-length', '5']), data(1, 'more than 5', END)])],
  ])('to %s may have a length other than its body', (method, bytes) => {
    const rig = new ClientRig();
    rig.request({ method });
    rig.begin(bytes);
    expect(rig.log.at(-1)).toBe('1 close');
  });

  it.each([
    ['a bad value', ['a', 'b\nc']],
    ['a bad character in a name', ['a b', 'c']],
  ] as const)('loses a field with %s', (_name, field) => {
    const rig = new ClientRig();
    rig.request();
    rig.begin(response(1, 200, END, field, ['d', 'e']));
    expect(rig.log[1]).toBe('1 response 200,d: e whole');
  });
});

describe('a response that is malformed', () => {
  const P = ErrorCode.PROTOCOL_ERROR;
  it.each([
    ['no status', P, headers(1, 0, ['a', 'b'])],
    ['two status fields', P, headers(1, 0, [':status', '200'], [':status', '200'])],
    ['a status behind other fields', P, headers(1, 0, ['a', 'b'], [':status', '200'])],
    ['a status of letters', P, response(1, 'abc')],
    ['a status below 100', P, response(1, '099')],
    ['status 101', P, response(1, 101)],
    ['a pseudo-header field of requests', P, response(1, 200, 0, [':path', '/'])],
    ['an unknown pseudo-header field', P, response(1, 200, 0, [':x', '/'])],
    ['an upper-case name', P, response(1, 200, 0, ['A', 'b'])],
    ['an empty name', P, response(1, 200, 0, ['', 'b'])],
    ['a field of a connection', P, response(1, 200, 0, ['connection', 'close'])],
    ['transfer-encoding', P, response(1, 200, 0, ['transfer-encoding', 'chunked'])],
    ['two lengths', P, response(1, 200, 0, ['content-length', '1'], ['content-length', '1'])],
    ['a length that is not a number', P, response(1, 200, 0, ['content-length', '+1'])],
    ['a length beyond 2^53 - 1', P, response(1, 200, 0, ['content-length', '9999999999999999'])],
    ['a length with an interim response', P, response(1, 103, 0, ['content-length', '1'])],
    ['a length with 204', P, response(1, 204, 0, ['content-length', '1'])],
    ['an interim response that ends the stream', P, response(1, 103, END)],
    ['DATA before its head', P, data(1, 'a')],
    ['more than its length', P, Buffer.concat([response(1, 200, 0, ['content-length', '1']), data(1, 'ab')])],
    [
      'less than its length',
      P,
      Buffer.concat([response(1, 200, 0, ['content-length', '3']), data(1, 'ab', END)]),
    ],
    ['no body but a length', P, response(1, 200, END, ['content-length', '3'])],
    ['a body with 304', P, Buffer.concat([response(1, 304), data(1, 'a')])],
    [
      'less than its length before trailers',
      P,
      Buffer.concat([response(1, 200, 0, ['content-length', '3']), headers(1, END, ['a', 'b'])]),
    ],
    ['trailers that do not end the stream', P, Buffer.concat([response(1, 200), headers(1, 0, ['a', 'b'])])],
    ['a status in its trailers', P, Buffer.concat([response(1, 200), response(1, 200, END)])],
    [
      'a field of a connection in its trailers',
      P,
      Buffer.concat([response(1, 200), headers(1, END, ['upgrade', 'b'])]),
    ],
    [
      'a list that is too long',
      ErrorCode.ENHANCE_YOUR_CALM,
      response(1, 200, 0, ...Array.from({ length: 20 }, () => ['a', 'b'] as const)),
    ],
    [
      'too many interim responses',
      ErrorCode.ENHANCE_YOUR_CALM,
      Buffer.concat(Array.from({ length: 33 }, () => response(1, 103))),
    ],
    ['an empty WINDOW_UPDATE', P, frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(0))],
    [
      'too large a window',
      ErrorCode.FLOW_CONTROL_ERROR,
      frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(2 ** 31 - 1)),
    ],
    [
      'PRIORITY of a wrong size',
      ErrorCode.FRAME_SIZE_ERROR,
      frame(FrameType.PRIORITY, 0, 1, Buffer.alloc(4)),
    ],
  ])('by %s is reset, and the connection stays open', async (_name, code, bytes) => {
    const rig = new ClientRig();
    rig.request();
    rig.begin(bytes);
    await rig.turn();
    expect(rig.log.at(-1)).toBe(`1 close malformed ${code}`);
    expect(rig.frames.at(-1)).toBe(`RST_STREAM 1 ${code}`);
    rig.request();
    rig.push(response(3, 200, END));
    expect(rig.log.at(-1)).toBe('3 close');
  });
});

describe('a server that breaks the rules', () => {
  const { PROTOCOL_ERROR, FRAME_SIZE_ERROR, FLOW_CONTROL_ERROR, COMPRESSION_ERROR, ENHANCE_YOUR_CALM } =
    ErrorCode;
  it.each([
    ['another frame before SETTINGS', PROTOCOL_ERROR, PING],
    ['an acknowledgement before SETTINGS', PROTOCOL_ERROR, frame(FrameType.SETTINGS, Flag.ACK, 0)],
    ['DATA before SETTINGS', PROTOCOL_ERROR, data(1, 'a')],
    ['HTTP/1.1', FRAME_SIZE_ERROR, Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ])('by %s loses the connection', (_name, code, bytes) => {
    const rig = new ClientRig();
    rig.request();
    rig.push(bytes);
    expect(rig.log).toEqual(['1 close lost 0', `failed ${code}`]);
    expect(rig.frames.at(-1)).toBe(`GOAWAY 0 ${code}`);
    rig.push(SETTINGS, response(1, 200, END));
    expect(rig.log).toHaveLength(2);
  });

  it.each([
    ['a push', PROTOCOL_ERROR, frame(FrameType.PUSH_PROMISE, Flag.END_HEADERS, 1, uint32(2))],
    ['ENABLE_PUSH of 2', PROTOCOL_ERROR, setting(2, 2)],
    ['a stream of its own', PROTOCOL_ERROR, response(2, 200)],
    ['a stream that was never opened', PROTOCOL_ERROR, response(3, 200)],
    ['DATA of a stream that was never opened', PROTOCOL_ERROR, data(3, 'a')],
    ['a reset of a stream that was never opened', PROTOCOL_ERROR, reset(3, 0)],
    [
      'credit for a stream that was never opened',
      PROTOCOL_ERROR,
      frame(FrameType.WINDOW_UPDATE, 0, 3, uint32(1)),
    ],
    ['DATA on stream 0', PROTOCOL_ERROR, data(0, 'a')],
    ['HEADERS on stream 0', PROTOCOL_ERROR, response(0, 200)],
    ['PRIORITY on stream 0', PROTOCOL_ERROR, frame(FrameType.PRIORITY, 0, 0, Buffer.alloc(5))],
    ['SETTINGS on a stream', PROTOCOL_ERROR, frame(FrameType.SETTINGS, 0, 1)],
    ['PING on a stream', PROTOCOL_ERROR, frame(FrameType.PING, 0, 1, '12345678')],
    ['GOAWAY on a stream', PROTOCOL_ERROR, frame(FrameType.GOAWAY, 0, 1, Buffer.alloc(8))],
    ['half a setting', FRAME_SIZE_ERROR, frame(FrameType.SETTINGS, 0, 0, Buffer.alloc(5))],
    [
      'SETTINGS with ACK and a payload',
      FRAME_SIZE_ERROR,
      frame(FrameType.SETTINGS, Flag.ACK, 0, Buffer.alloc(6)),
    ],
    ['PING of a wrong size', FRAME_SIZE_ERROR, frame(FrameType.PING, 0, 0, '1234567')],
    ['RST_STREAM of a wrong size', FRAME_SIZE_ERROR, frame(FrameType.RST_STREAM, 0, 1, Buffer.alloc(5))],
    [
      'WINDOW_UPDATE of a wrong size',
      FRAME_SIZE_ERROR,
      frame(FrameType.WINDOW_UPDATE, 0, 1, Buffer.alloc(5)),
    ],
    ['GOAWAY of a wrong size', FRAME_SIZE_ERROR, frame(FrameType.GOAWAY, 0, 0, Buffer.alloc(7))],
    ['a frame that is too long', FRAME_SIZE_ERROR, data(1, Buffer.alloc(16_385))],
    ['a window that is too large', FLOW_CONTROL_ERROR, setting(4, 2 ** 31)],
    [
      'a window of the connection that is too large',
      FLOW_CONTROL_ERROR,
      frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(2 ** 31 - 1)),
    ],
    [
      'an empty WINDOW_UPDATE of the connection',
      PROTOCOL_ERROR,
      frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(0)),
    ],
    ['MAX_FRAME_SIZE below 16 KiB', PROTOCOL_ERROR, setting(5, 16_383)],
    ['extended CONNECT that is taken back', PROTOCOL_ERROR, Buffer.concat([setting(8, 1), setting(8, 0)])],
    [
      'padding without end in HEADERS',
      PROTOCOL_ERROR,
      frame(FrameType.HEADERS, Flag.PADDED | Flag.END_HEADERS, 1, Buffer.of(9, 0)),
    ],
    ['CONTINUATION of nothing', PROTOCOL_ERROR, frame(FrameType.CONTINUATION, Flag.END_HEADERS, 1)],
    ['a frame within a field block', PROTOCOL_ERROR, Buffer.concat([frame(FrameType.HEADERS, 0, 1), PING])],
    [
      'DATA within a field block',
      PROTOCOL_ERROR,
      Buffer.concat([frame(FrameType.HEADERS, 0, 1), data(1, 'a')]),
    ],
    ['broken HPACK', COMPRESSION_ERROR, frame(FrameType.HEADERS, Flag.END_HEADERS, 1, Buffer.alloc(6, 0xff))],
    [
      'endless CONTINUATION',
      ENHANCE_YOUR_CALM,
      Buffer.concat([
        frame(FrameType.HEADERS, 0, 1),
        ...Array.from({ length: 9 }, () => frame(FrameType.CONTINUATION, 0, 1)),
      ]),
    ],
  ])('by %s loses the connection', (_name, code, bytes) => {
    const rig = new ClientRig();
    rig.request();
    rig.begin(bytes);
    expect(rig.log.slice(-2)).toEqual(['1 close lost 0', `failed ${code}`]);
    expect(rig.frames.at(-1)).toBe(`GOAWAY 0 ${code}`);
  });

  it('by padding without end loses the connection', () => {
    const rig = new ClientRig();
    rig.request();
    rig.begin(response(1, 200), data(1, Buffer.of(9, 0), Flag.PADDED));
    expect(rig.log.slice(-2)).toEqual(['1 close lost 0', `failed ${PROTOCOL_ERROR}`]);
  });

  it.each([
    ['PING', PING],
    ['SETTINGS', SETTINGS],
    ['answers to PING', frame(FrameType.PING, Flag.ACK, 0, '12345678')],
    ['WINDOW_UPDATE', frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1))],
    ['PRIORITY', frame(FrameType.PRIORITY, 0, 1, Buffer.alloc(5))],
    ['unknown frames', frame(0x77, 0, 0)],
    ['GOAWAY', goAway(1, 0)],
    ['empty DATA', data(1, '')],
    ['DATA of nothing but padding', data(1, Buffer.of(1, 0), Flag.PADDED)],
    ['resets of a closed stream', reset(3, 0)],
    ['DATA of a closed stream', data(3, Buffer.alloc(16_384))],
    ['empty DATA of a closed stream', data(3, '')],
    ['trailers of a closed stream', headers(3, END)],
  ])('by a flood of %s loses the connection', (_name, bytes) => {
    const rig = new ClientRig();
    rig.request();
    rig.request().reset(ErrorCode.CANCEL);
    rig.begin(response(1, 200));
    for (let i = 0; i < 1000; i++) rig.push(bytes);
    expect(rig.log.at(-1)).toBe(`failed ${ENHANCE_YOUR_CALM}`);
    expect(rig.log).toContain('1 close lost 0');
  });

  /*
   * DATA of requests that were canceled counted as frames without content. Visitors that canceled 833 downloads ended the
   * connection with ENHANCE_YOUR_CALM, and with it the requests of all others.
   */
  it('is not treated as a flood when it sends whole windows before it learns that requests are canceled', () => {
    const rig = new ClientRig();
    rig.begin();
    for (let i = 0; i < 100; i++) {
      const stream = rig.request();
      stream.reset(ErrorCode.CANCEL);
      rig.push(response(stream.id, 200));
      for (let piece = 0; piece < 16; piece++) rig.push(data(stream.id, Buffer.alloc(16_384)));
      rig.push(headers(stream.id, END, ['x', 'y']), reset(stream.id, 0));
    }
    expect(rig.log.filter((line) => line.startsWith('failed'))).toEqual([]);
    expect(rig.connection.isDraining).toBe(false);
  });

  it('may send the rest of its window on a canceled stream, and frames beyond it count as a flood', () => {
    const FREE = 262_144 + 65_536;
    const rig = new ClientRig();
    const stream = rig.request({ isPaused: true });
    rig.begin(response(1, 200), data(1, Buffer.alloc(16_384)));
    stream.reset(ErrorCode.CANCEL);
    // The limit is 200, and four more for each of the two frames that had content.
    const push = (frames: number): void => {
      for (let i = 0; i < frames; i++) rig.push(data(1, Buffer.alloc(16_384)));
    };
    push((FREE - 16_384) / 16_384 + 200);
    expect(rig.connection.isDraining).toBe(false);
    push(10);
    expect(rig.log.at(-1)).toBe(`failed ${ENHANCE_YOUR_CALM}`);
  });

  it('may send nothing on a stream that it has reset', () => {
    const rig = new ClientRig();
    rig.request();
    rig.begin(reset(1, ErrorCode.CANCEL));
    for (let i = 0; i < 202; i++) rig.push(data(1, 'a'));
    expect(rig.log.at(-1)).toBe(`failed ${ENHANCE_YOUR_CALM}`);
  });

  it('has at most 1024 canceled streams remembered', () => {
    const rig = new ClientRig();
    rig.begin();
    for (let i = 0; i < 1025; i++) rig.request().reset(ErrorCode.CANCEL);
    expect(rig.connection.abandonedCount).toBe(1024);
    for (let i = 0; i < 202; i++) rig.push(data(3, 'a'));
    expect(rig.connection.isDraining).toBe(false);
    for (let i = 0; i < 202; i++) rig.push(data(1, 'a'));
    expect(rig.log.at(-1)).toBe(`failed ${ENHANCE_YOUR_CALM}`);
  });

  it('is not treated as a flood when it measures with a PING for DATA that arrives', () => {
    const rig = new ClientRig();
    rig.begin();
    const stream = rig.request({ method: 'POST', endStream: false });
    for (let i = 0; i < 200; i++) {
      stream.write(Buffer.from('x'));
      rig.push(
        PING,
        frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(1)),
        frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1)),
      );
    }
    expect(rig.log).toEqual(['settings']);
  });

  it('that does not read is not read from while answers to it wait', () => {
    const rig = new ClientRig({ maxControlFrames: 100_000 });
    rig.begin();
    rig.buffered = 1_000_000;
    for (let i = 0; i < 40_000; i++) rig.push(PING);
    expect(rig.log.at(-1)).toBe('pause input');
    rig.buffered = 0;
    rig.connection.handleSent();
    expect(rig.log.at(-1)).toBe('resume input');
  });
});

describe('a connection with its own limits', () => {
  it('delivers DATA as it arrives, and resets a dropped stream whatever its state', async () => {
    const rig = new ClientRig({}, { maxFrameBytes: 1_048_576, maxControlBytes: 65_536, tableBytes: 0 });
    rig.begin();
    rig.request();
    rig.push(response(1, 200));
    const frameOfMany = data(1, Buffer.alloc(100_000, 'x'), END);
    for (let at = 0; at < frameOfMany.length; at += 10_000) rig.push(frameOfMany.subarray(at, at + 10_000));
    expect(rig.log.at(-2)).toBe(`1 end ${'x'.repeat(100_000)} `);
    const stream = rig.request();
    rig.connection.drop(stream, ErrorCode.CANCEL);
    rig.connection.drop(stream, ErrorCode.CANCEL);
    await rig.turn();
    expect(rig.frames.filter((text) => text.startsWith('RST_STREAM'))).toEqual(['RST_STREAM 3 8']);
  });

  it('refuses a long control frame before it stores any of it', () => {
    const rig = new ClientRig({}, { maxFrameBytes: 1_048_576, maxControlBytes: 65_536 });
    rig.begin(frame(0x77, 0, 0, Buffer.alloc(65_537)));
    expect(rig.log.at(-1)).toBe(`failed ${ErrorCode.ENHANCE_YOUR_CALM}`);
  });
});

/*
 * An exception that a user threw at the end of its stream passed through `close` to the owner: other streams never ended,
 * and the owner did not complete its own cleanup.
 */
describe('a user that throws when its stream is lost', () => {
  class FaultRig extends ClientRig {
    override onFault(error: unknown): void {
      this.log.push(String(error));
    }
  }

  it.each<[what: string, end: (rig: ClientRig) => void, last: string[]]>([
    ['is closed', (rig) => rig.connection.close(), []],
    [
      'fails',
      (rig) => rig.push(frame(FrameType.PING, 0, 1, '12345678')),
      [`failed ${ErrorCode.PROTOCOL_ERROR}`],
    ],
  ])('does not keep other streams from ending when the connection %s', (_what, end, last) => {
    const rig = new FaultRig();
    rig.begin();
    rig.request().attach({
      onInterim() {},
      onResponse() {},
      onData() {},
      onEnd() {},
      onDrain() {},
      onClose() {
        throw new Error('no such exchange');
      },
    });
    rig.request();
    end(rig);
    expect(rig.log.slice(1)).toEqual(['Error: no such exchange', '3 close lost 0', ...last]);
  });
});
