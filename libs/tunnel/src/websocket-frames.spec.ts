import type { Writable } from 'node:stream';
import { SeededRandom } from '@culvert/testkit';
import { describe, expect, it } from 'vitest';
import * as library from 'ws';
import { ViolationStatus, WebSocketFrames } from './websocket-frames.js';

const MAX = 1_048_576;

/** The reader of `ws`, which its types leave out. */
const { Receiver } = library as unknown as { readonly Receiver: new (options: object) => Writable };

/** What the frames reported, in order; neighboring payloads are joined. */
class Recorder {
  readonly events: string[] = [];
  private isPayload = false;

  readonly sink = {
    onPayload: (piece: Buffer): void => {
      const hex = piece.toString('hex');
      if (this.isPayload) this.events.push(`${this.events.pop() ?? ''}${hex}`);
      else this.events.push(hex);
      this.isPayload = true;
    },
    onControl: (control: Buffer): void => this.note(`control ${control.toString('hex')}`),
    onViolation: (status: number, reason: string): void => this.note(`${status} ${reason}`),
  };

  private note(event: string): void {
    this.isPayload = false;
    this.events.push(event);
  }
}

/** Gives `hex` to a reader as the peer's bytes, `step` bytes at a time. */
function read(hex: string, { isMasked = false, step = Infinity } = {}): string[] {
  const recorder = new Recorder();
  const frames = new WebSocketFrames(recorder.sink, { isMasked, maxMessageBytes: MAX });
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  for (let at = 0; at < bytes.length; at += step) frames.push(Buffer.from(bytes.subarray(at, at + step)));
  return recorder.events;
}

/** A frame as a peer may send it, now and then with a mistake. Never text, which the library accepts. */
function anyFrame(random: SeededRandom, isMasked: boolean): Buffer {
  const opcode = random.oneIn(30) ? random.pick([3, 7, 11, 15]) : random.pick([2, 2, 0, 9, 10, 8]);
  const isControl = opcode >= 8;
  const isFinal = isControl ? !random.oneIn(30) : random.oneIn(2);
  const lengths = isControl ? [0, 1, 125] : [0, 1, 5, 125, 126, 300, 70_000];
  const payload = opcode === 8 ? Buffer.from('03e8', 'hex') : random.bytes(random.pick(lengths));
  const hasMask = isMasked !== random.oneIn(60);
  const header = Buffer.alloc(payload.length > 65_535 ? 10 : payload.length > 125 ? 4 : 2);
  header[0] = (isFinal ? 0x80 : 0) | (random.oneIn(60) ? 0x40 : 0) | opcode;
  header[1] =
    (hasMask ? 0x80 : 0) | (header.length === 10 ? 127 : header.length === 4 ? 126 : payload.length);
  if (header.length === 4) header.writeUInt16BE(payload.length, 2);
  if (header.length === 10) header.writeUInt32BE(payload.length, 6);
  if (!hasMask) return Buffer.concat([header, payload]);
  const mask = random.oneIn(2) ? Buffer.alloc(4) : random.bytes(4);
  return Buffer.concat([header, mask, payload.map((byte, i) => byte ^ mask[i & 3])]);
}

interface Summary {
  readonly payload: Buffer;
  /** Opcodes of the control frames. */
  readonly controls: readonly number[];
  readonly status: number | null;
}

/** What the reader makes of bytes that arrive cut at random. */
function summary(
  bytes: Buffer,
  { isMasked, random }: { readonly isMasked: boolean; readonly random: SeededRandom },
): Summary {
  const pieces: Buffer[] = [];
  const controls: number[] = [];
  let status: number | null = null;
  const sink = {
    onPayload: (piece: Buffer) => void pieces.push(Buffer.from(piece)),
    onControl: (control: Buffer) => void controls.push(control[0] & 0x0f),
    onViolation: (code: number) => void (status = code),
  };
  const frames = new WebSocketFrames(sink, { isMasked, maxMessageBytes: MAX });
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + random.pick([1, 2, 7, 1000, 100_000]));
    frames.push(Buffer.from(bytes.subarray(at, end)));
    at = end;
  }
  return { payload: Buffer.concat(pieces), controls, status };
}

async function summaryOfLibrary(
  bytes: Buffer,
  isMasked: boolean,
): Promise<Summary & { readonly isInMessage: boolean }> {
  const pieces: Buffer[] = [];
  const controls: number[] = [];
  let status: number | null = null;
  const receiver = new Receiver({ isServer: isMasked, maxPayload: MAX, skipUTF8Validation: true });
  receiver.on('message', (data: Buffer) => pieces.push(data));
  receiver.on('conclude', () => controls.push(8));
  receiver.on('ping', () => controls.push(9));
  receiver.on('pong', () => controls.push(10));
  receiver.on('error', () => {});
  const error = await new Promise((resolve) => receiver.write(bytes, resolve));
  if (error instanceof Error) {
    const key = Object.getOwnPropertySymbols(error).find(({ description }) => description === 'status-code');
    status = (error as unknown as Record<symbol, number>)[key!];
  }
  const { _fragmented: fragmented, _state: state } = receiver as unknown as {
    _fragmented: number;
    _state: number;
  };
  return { payload: Buffer.concat(pieces), controls, status, isInMessage: fragmented !== 0 || state !== 0 };
}

describe('WebSocketFrames', () => {
  const MESSAGES: readonly [string, { hex: string; isMasked?: boolean; events: readonly string[] }][] = [
    ['a short message', { hex: '82 03 010203', events: ['010203'] }],
    ['an empty message', { hex: '82 00 82 01 ff', events: ['ff'] }],
    ['a length in 16 bits', { hex: `82 7e 0080 ${'ab'.repeat(128)}`, events: ['ab'.repeat(128)] }],
    ['a length in 64 bits', { hex: `82 7f 0000000000000002 abcd`, events: ['abcd'] }],
    ['a message in fragments', { hex: '02 01 0a 00 00 00 01 0b 80 01 0c 82 01 0d', events: ['0a0b0c0d'] }],
    ['a zero mask', { hex: '82 83 00000000 010203', isMasked: true, events: ['010203'] }],
    ['a mask', { hex: '82 86 01020304 000000000000', isMasked: true, events: ['010203040102'] }],
    [
      'a ping between fragments',
      { hex: '02 01 0a 89 01 70 80 01 0b', events: ['0a', 'control 890170', '0b'] },
    ],
    ['an empty pong', { hex: '8a 00', events: ['control 8a00'] }],
    ['a masked ping', { hex: '89 81 01020304 ff', isMasked: true, events: ['control 898101020304ff'] }],
    ['nothing after a close', { hex: '88 02 03e8 82 01 0a', events: ['control 880203e8'] }],
    [
      'a control frame of 125 bytes',
      { hex: `89 7d ${'00'.repeat(125)}`, events: [`control 897d${'00'.repeat(125)}`] },
    ],
  ];
  it.each(MESSAGES)('reads %s, however it is cut', (_case, { hex, isMasked, events }) => {
    for (const step of [1, 2, 3, 5, Infinity]) expect(read(hex, { isMasked, step })).toEqual(events);
  });

  const VIOLATIONS: readonly [string, string, number, boolean?][] = [
    ['a reserved bit', 'c2 00', ViolationStatus.PROTOCOL_ERROR],
    ['a mask of a server', '82 80', ViolationStatus.PROTOCOL_ERROR],
    ['a client without a mask', '82 00', ViolationStatus.PROTOCOL_ERROR, true],
    ['a text message', '81 00', ViolationStatus.UNACCEPTABLE_DATA],
    ['an unknown opcode', '83 00', ViolationStatus.PROTOCOL_ERROR],
    ['an unknown control opcode', '8b 00', ViolationStatus.PROTOCOL_ERROR],
    ['a continuation of nothing', '80 00', ViolationStatus.PROTOCOL_ERROR],
    ['a message inside another', '02 01 0a 82 01', ViolationStatus.PROTOCOL_ERROR],
    ['a text message inside another', '02 01 0a 81 01', ViolationStatus.UNACCEPTABLE_DATA],
    ['a control frame in fragments', '09 00', ViolationStatus.PROTOCOL_ERROR],
    ['a long control frame', '89 7e', ViolationStatus.PROTOCOL_ERROR],
    ['a message above the limit', '82 7f 0000000000100001', ViolationStatus.TOO_BIG],
    ['a length above 2^32', '82 7f 0000000100000000', ViolationStatus.TOO_BIG],
    ['a length above 2^63', '82 7f ffffffffffffffff', ViolationStatus.TOO_BIG],
  ];
  it.each(VIOLATIONS)('refuses %s and reads nothing after it', (_case, hex, status, isMasked = false) => {
    for (const step of [1, Infinity]) {
      const events = read(`${hex} 82 01 0a`, { isMasked, step });
      expect(events.at(-1)).toMatch(new RegExp(`^${status} `));
    }
  });

  it('refuses a message whose fragments exceed the limit together', () => {
    const half = `7f 0000000000080000 ${'00'.repeat(524_288)}`;
    const events = read(`02 ${half} 00 ${half} 80 01 0a`);
    expect(events.at(-1)).toMatch(/^1009 /);
  });

  it('ignores everything once it was stopped from within a call', () => {
    const pieces: string[] = [];
    const sink = {
      onPayload: (piece: Buffer): void => {
        pieces.push(piece.toString('hex'));
        frames.stop();
      },
      onControl: (): void => expect.unreachable(),
      onViolation: (): void => expect.unreachable(),
    };
    const frames = new WebSocketFrames(sink, { isMasked: false, maxMessageBytes: MAX });
    frames.push(Buffer.from('82010a82010b8900', 'hex'));
    expect(pieces).toEqual(['0a']);
  });

  it('agrees with `ws` about sequences of frames at random', async () => {
    const random = new SeededRandom(17);
    let violations = 0;
    for (let round = 0; round < 1000; round++) {
      const isMasked = random.oneIn(2);
      const bytes = Buffer.concat(
        Array.from({ length: random.integer(1, 8) }, () => anyFrame(random, isMasked)),
      );
      const ours = summary(bytes, { isMasked, random });
      const theirs = await summaryOfLibrary(bytes, isMasked);
      expect({ status: ours.status, controls: ours.controls }).toEqual({
        status: theirs.status,
        controls: theirs.controls,
      });
      // The library waits until a message is complete.
      expect(ours.payload.subarray(0, theirs.payload.length).equals(theirs.payload)).toBe(true);
      if (ours.status === null) expect(theirs.isInMessage || ours.payload.equals(theirs.payload)).toBe(true);
      else violations++;
    }
    expect(violations).toBeGreaterThan(100);
    expect(violations).toBeLessThan(900);
  });
});
