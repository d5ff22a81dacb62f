import { describe, expect, it } from 'vitest';
import { FrameDecoder } from './decode.js';
import { FrameBatch } from './encode.js';
import { TunnelError } from './errors.js';
import { FrameType, GoAwayCode, MAX_DATA_BYTES, MAX_JSON_BYTES, MAX_TEXT_BYTES } from './frame.js';
import { plainDecode, plainEncode } from './spec/plain-codec.js';
import type { PlainFrame } from './spec/plain-codec.js';
import { SeededRandom } from '@culvert/testkit';
import { ResetCode } from './types.js';

/** Collects the output of a decoder; DATA pieces of one frame are joined. */
class Collector {
  readonly frames: PlainFrame[] = [];
  readonly pieces: Buffer[] = [];

  onFrame(type: number, id: number, payload: Buffer): void {
    this.frames.push({ type, id, payload: Buffer.from(payload) });
  }
  onData(id: number, piece: Buffer): void {
    // Not `expect`, which costs more than what is tested: there are a million of them.
    if (piece.length === 0) throw new Error('a piece without bytes');
    this.pieces.push(piece);
    const last = this.frames.at(-1);
    if (last?.type === FrameType.DATA && last.id === id) {
      this.frames[this.frames.length - 1] = { ...last, payload: Buffer.concat([last.payload, piece]) };
    } else {
      this.frames.push({ type: FrameType.DATA, id, payload: Buffer.from(piece) });
    }
  }
}

function decode(pieces: readonly Buffer[]): PlainFrame[] {
  const collector = new Collector();
  const decoder = new FrameDecoder(collector);
  for (const piece of pieces) decoder.push(piece);
  return collector.frames;
}

function encode(write: (batch: FrameBatch) => void): Buffer {
  const batch = new FrameBatch();
  write(batch);
  return batch.drain({ detached: true });
}

// One vector for every frame: docs/protocol.md §2.
const VECTORS: [name: string, hex: string, write: (batch: FrameBatch) => void][] = [
  ['HELLO', '01000002000000007b7d', (batch) => batch.tunnelFrame(FrameType.HELLO, Buffer.from('{}'))],
  ['WELCOME', '02000002000000007b7d', (batch) => batch.tunnelFrame(FrameType.WELCOME, Buffer.from('{}'))],
  [
    'PING',
    '03000008000000000102030405060708',
    (batch) => batch.tunnelFrame(FrameType.PING, Buffer.from([1, 2, 3, 4, 5, 6, 7, 8])),
  ],
  [
    'PONG',
    '04000008000000000102030405060708',
    (batch) => batch.tunnelFrame(FrameType.PONG, Buffer.from([1, 2, 3, 4, 5, 6, 7, 8])),
  ],
  ['GOAWAY', '050000050000000000086279 65', (batch) => batch.goAway(GoAwayCode.SHUTTING_DOWN, 'bye')],
  ['OPEN', '10000006 00000002 00010000 7b7d', (batch) => batch.open(2, 65_536, Buffer.from('{}'))],
  ['OPENED', '11000004 7fffffff 00000000', (batch) => batch.opened(0x7fff_ffff, 0)],
  ['DATA', '12000005 01020304 68656c6c6f', (batch) => batch.data(0x0102_0304, Buffer.from('hello'))],
  ['END', '13000000 00000003', (batch) => batch.end(3)],
  ['RESET', '14000004 00000003 0003 6e6f', (batch) => batch.reset(3, ResetCode.INGRESS_REFUSED, 'no')],
  ['WINDOW', '15000004 00000003 7fffffff', (batch) => batch.window(3, 0x7fff_ffff)],
];

describe('FrameBatch', () => {
  it.each(VECTORS)('writes %s as specified', (_name, hex, write) => {
    expect(encode(write).toString('hex')).toBe(hex.replaceAll(' ', ''));
  });

  it('agrees with the plain codec on any mixture of frames and sizes', () => {
    const random = new SeededRandom(1);
    for (let round = 0; round < 50; round++) {
      // Two batches write into the same slab in turns, as tunnels do.
      const batches = [new FrameBatch(), new FrameBatch()];
      const expected: Buffer[][] = [[], []];
      for (let i = random.integer(1, 60); i > 0; i--) {
        const which = random.integer(0, 1);
        const id = random.integer(1, 0x7fff_ffff);
        const payload = random.bytes(
          random.next() < 0.1 ? random.integer(1, MAX_DATA_BYTES) : random.integer(1, 300),
        );
        batches[which].data(id, payload);
        expected[which].push(plainEncode({ type: FrameType.DATA, id, payload }));
        if (random.next() < 0.3) {
          batches[which].window(id, 5);
          expected[which].push(
            plainEncode({ type: FrameType.WINDOW, id, payload: Buffer.from([0, 0, 0, 5]) }),
          );
        }
        if (random.next() < 0.1) batches[which].settle();
      }
      for (const [which, batch] of batches.entries()) {
        const whole = Buffer.concat(expected[which]);
        expect(batch.size).toBe(whole.length);
        if (whole.length === 0) continue;
        expect(batch.drain({ detached: random.next() < 0.5 }).equals(whole)).toBe(true);
        expect(batch.size).toBe(0);
      }
    }
  });

  it.each([
    ['ascii', 'x'.repeat(600), MAX_TEXT_BYTES],
    ['three-byte characters', '€'.repeat(200), 510],
    ['emoji', '😀'.repeat(200), 512],
  ])('cuts a long text of %s at the boundary of a character', (_name, text, length) => {
    const [frame] = plainDecode(encode((batch) => batch.reset(1, ResetCode.INTERNAL, text)));
    expect(frame.payload.length).toBe(2 + length);
    expect(text.startsWith(frame.payload.toString('utf8', 2))).toBe(true);
  });
});

describe('FrameDecoder', () => {
  it.each(VECTORS)('reads %s as specified', (_name, hex) => {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    expect(decode([bytes])).toEqual(plainDecode(bytes));
  });

  it('reads every frame the same, split at every point', () => {
    const whole = Buffer.concat(VECTORS.map(([, hex]) => Buffer.from(hex.replaceAll(' ', ''), 'hex')));
    const expected = plainDecode(whole);
    for (let first = 0; first <= whole.length; first++) {
      expect(decode([whole.subarray(0, first), whole.subarray(first)])).toEqual(expected);
      for (let second = first; second <= whole.length; second += 3) {
        const pieces = [whole.subarray(0, first), whole.subarray(first, second), whole.subarray(second)];
        expect(decode(pieces)).toEqual(expected);
      }
    }
    expect(decode(Array.from(whole, (byte) => Buffer.from([byte])))).toEqual(expected);
  });

  it('agrees with the plain codec on random streams in random pieces', () => {
    const random = new SeededRandom(2);
    for (let round = 0; round < 40; round++) {
      const frames: PlainFrame[] = [];
      for (let i = random.integer(1, 40); i > 0; i--) frames.push(randomFrame(random, frames.length + 1));
      const whole = Buffer.concat(frames.map(plainEncode));
      expect(decode(random.cut(whole, round < 20 ? 50 : 5000))).toEqual(frames);
    }
  });

  it('passes DATA on in pieces that are slices of what arrived', () => {
    const collector = new Collector();
    const decoder = new FrameDecoder(collector);
    const whole = plainEncode({ type: FrameType.DATA, id: 1, payload: Buffer.alloc(100, 7) });
    decoder.push(whole.subarray(0, 58));
    decoder.push(whole.subarray(58));
    expect(collector.pieces.map(({ length }) => length)).toEqual([50, 50]);
    for (const piece of collector.pieces) expect(piece.buffer).toBe(whole.buffer);
  });

  it('skips extension frames of any size and id', () => {
    const random = new SeededRandom(3);
    const end = plainEncode({ type: FrameType.END, id: 9, payload: Buffer.alloc(0) });
    for (const type of [0x80, 0x9c, 0xff]) {
      for (const length of [0, 1, 4097, MAX_DATA_BYTES]) {
        const skipped = plainEncode({
          type,
          id: random.integer(0, 0xffff_ffff),
          payload: random.bytes(length),
        });
        const pieces = random.cut(Buffer.concat([skipped, end]), 1000);
        expect(decode(pieces)).toEqual([{ type: FrameType.END, id: 9, payload: Buffer.alloc(0) }]);
      }
    }
  });

  it.each<[string, string, GoAwayCode]>([
    ['an unknown type', '00000000 00000000', GoAwayCode.PROTOCOL_ERROR],
    ['a type in a gap', '0f000000 00000000', GoAwayCode.PROTOCOL_ERROR],
    ['the last type that is not an extension', '7f000000 00000000', GoAwayCode.PROTOCOL_ERROR],
    ['a HELLO that is too long', `01${hex24(MAX_JSON_BYTES + 1)} 00000000`, GoAwayCode.FRAME_TOO_LARGE],
    ['a WELCOME that is too long', `02${hex24(MAX_JSON_BYTES + 1)} 00000000`, GoAwayCode.FRAME_TOO_LARGE],
    ['a PING of 9 bytes', '03000009 00000000', GoAwayCode.FRAME_TOO_LARGE],
    ['a PING of 7 bytes', '03000007 00000000', GoAwayCode.PROTOCOL_ERROR],
    ['a PONG of 0 bytes', '04000000 00000000', GoAwayCode.PROTOCOL_ERROR],
    ['a GOAWAY without a code', '05000001 00000000', GoAwayCode.PROTOCOL_ERROR],
    ['a GOAWAY that is too long', '05000203 00000000', GoAwayCode.FRAME_TOO_LARGE],
    ['an OPEN without JSON', '10000005 00000001', GoAwayCode.PROTOCOL_ERROR],
    ['an OPEN that is too long', `10${hex24(MAX_JSON_BYTES + 1)} 00000001`, GoAwayCode.FRAME_TOO_LARGE],
    ['an OPENED of 3 bytes', '11000003 00000001', GoAwayCode.PROTOCOL_ERROR],
    ['an OPENED of 5 bytes', '11000005 00000001', GoAwayCode.FRAME_TOO_LARGE],
    ['an empty DATA', '12000000 00000001', GoAwayCode.PROTOCOL_ERROR],
    ['a DATA that is too long', '12010001 00000001', GoAwayCode.FRAME_TOO_LARGE],
    ['a DATA of 16 MiB', '12ffffff 00000001', GoAwayCode.FRAME_TOO_LARGE],
    ['an END with a payload', '13000001 00000001', GoAwayCode.FRAME_TOO_LARGE],
    ['a RESET without a code', '14000001 00000001', GoAwayCode.PROTOCOL_ERROR],
    ['a RESET that is too long', '14000203 00000001', GoAwayCode.FRAME_TOO_LARGE],
    ['a WINDOW of 3 bytes', '15000003 00000001', GoAwayCode.PROTOCOL_ERROR],
    ['a WINDOW of 5 bytes', '15000005 00000001', GoAwayCode.FRAME_TOO_LARGE],
    ['an extension that is too long', '80010001 00000001', GoAwayCode.FRAME_TOO_LARGE],
    ['a HELLO with a stream id', '01000002 00000001', GoAwayCode.PROTOCOL_ERROR],
    ['a PING with a stream id', '03000008 80000000', GoAwayCode.PROTOCOL_ERROR],
    ['an OPEN without a stream id', '10000006 00000000', GoAwayCode.PROTOCOL_ERROR],
    ['a DATA without a stream id', '12000001 00000000', GoAwayCode.PROTOCOL_ERROR],
    ['an END without a stream id', '13000000 00000000', GoAwayCode.PROTOCOL_ERROR],
  ])('refuses %s by its header, and reads nothing after it', (_name, hex, code) => {
    const collector = new Collector();
    const decoder = new FrameDecoder(collector);
    const header = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    let thrown: unknown;
    try {
      decoder.push(header);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(TunnelError);
    expect((thrown as TunnelError).code).toBe(code);
    decoder.push(plainEncode({ type: FrameType.END, id: 1, payload: Buffer.alloc(0) }));
    expect(collector.frames).toEqual([]);
  });

  it('reads nothing after a callback stopped it', () => {
    const seen: number[] = [];
    const decoder: FrameDecoder = new FrameDecoder({
      onFrame: (_type, id) => {
        seen.push(id);
        decoder.stop();
      },
      onData: () => undefined,
    });
    const end = (id: number): Buffer => plainEncode({ type: FrameType.END, id, payload: Buffer.alloc(0) });
    decoder.push(Buffer.concat([end(1), end(2)]));
    decoder.push(end(3));
    expect(seen).toEqual([1]);
  });

  it('never crashes on random bytes', () => {
    const random = new SeededRandom(4);
    for (let round = 0; round < 2000; round++) {
      try {
        decode(random.cut(random.bytes(random.integer(1, 200)), 40));
      } catch (error) {
        expect(error).toBeInstanceOf(TunnelError);
      }
    }
  });
});

function hex24(value: number): string {
  return value.toString(16).padStart(6, '0');
}

function randomFrame(random: SeededRandom, id: number): PlainFrame {
  switch (random.integer(0, 5)) {
    case 0:
      return { type: FrameType.END, id, payload: Buffer.alloc(0) };
    case 1:
      return { type: FrameType.WINDOW, id, payload: random.bytes(4) };
    case 2:
      return { type: FrameType.PING, id: 0, payload: random.bytes(8) };
    case 3:
      return { type: FrameType.RESET, id, payload: random.bytes(random.integer(2, 2 + MAX_TEXT_BYTES)) };
    case 4:
      return { type: FrameType.OPEN, id, payload: random.bytes(random.integer(6, MAX_JSON_BYTES)) };
    default:
      return { type: FrameType.DATA, id, payload: random.bytes(random.integer(1, 3000)) };
  }
}
