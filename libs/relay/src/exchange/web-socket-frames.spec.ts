import { describe, expect, it } from 'vitest';
import { closeFrame, WebSocketFrames } from './web-socket-frames.js';

interface FrameOptions {
  readonly opcode?: number;
  readonly length?: number;
  readonly isMasked?: boolean;
  /** The form of the length; it need not be the shortest. */
  readonly lengthBytes?: 0 | 2 | 8;
}

/** A frame by the drawing in RFC 6455 §5.2. */
function frame({ opcode = 2, length = 0, isMasked = false, lengthBytes = 0 }: FrameOptions): Buffer {
  const mask = isMasked ? 0x80 : 0;
  const head = Buffer.alloc(2 + lengthBytes);
  head[0] = 0x80 | opcode;
  head[1] = mask | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) head.writeUInt16BE(length, 2);
  if (lengthBytes === 8) head.writeBigUInt64BE(BigInt(length), 2);
  // Each byte looks like the head of a close frame: only a reader that counts right does not take it for one.
  return Buffer.concat([head, Buffer.alloc(isMasked ? 4 : 0, 0x88), Buffer.alloc(length, 0x88)]);
}

const FRAMES = [
  frame({ length: 5 }),
  frame({ length: 0 }),
  frame({ length: 0, isMasked: true }),
  frame({ length: 125, isMasked: true }),
  frame({ length: 126, lengthBytes: 2 }),
  frame({ length: 1, lengthBytes: 2, isMasked: true }),
  frame({ length: 300, lengthBytes: 8, isMasked: true }),
  frame({ length: 0, lengthBytes: 8 }),
  frame({ opcode: 9, length: 3 }),
];
const BYTES = Buffer.concat(FRAMES);
const BOUNDARIES = new Set([0]);
for (const each of FRAMES) BOUNDARIES.add([...BOUNDARIES].at(-1)! + each.length);

describe(WebSocketFrames.name, () => {
  it('knows after each byte whether a frame is under way, wherever the bytes are cut', () => {
    for (let end = 0; end <= BYTES.length; end++) {
      for (const cut of [0, 1, 2, 7, Math.floor(end / 2), end]) {
        const frames = new WebSocketFrames();
        frames.follow(BYTES.subarray(0, Math.min(cut, end)));
        frames.follow(BYTES.subarray(Math.min(cut, end), end));
        expect(frames.isBetween, `${cut} of ${end} bytes`).toBe(BOUNDARIES.has(end));
        expect(frames.hasClose).toBe(false);
      }
    }
    const bytewise = new WebSocketFrames();
    for (let at = 0; at < BYTES.length; at++) {
      expect(bytewise.isBetween, `byte ${at}`).toBe(BOUNDARIES.has(at));
      bytewise.follow(BYTES.subarray(at, at + 1));
    }
    expect(bytewise.isBetween).toBe(true);
  });

  it('finds the end of the frame under way', () => {
    for (let end = 0; end < BYTES.length; end++) {
      const frames = new WebSocketFrames();
      frames.follow(BYTES.subarray(0, end));
      const boundary = [...BOUNDARIES].find((each) => each > end)!;
      expect(end + frames.next(BYTES.subarray(end), 0), `from byte ${end}`).toBe(boundary);
      expect(frames.isBetween).toBe(true);
    }
  });

  it('stays inside a frame that is longer than any connection lasts', () => {
    const frames = new WebSocketFrames();
    frames.follow(Buffer.from('827f7fffffffffffffff', 'hex'));
    for (let i = 0; i < 100; i++) frames.follow(BYTES);
    expect(frames.isBetween).toBe(false);
  });

  it('notices a close frame', () => {
    const frames = new WebSocketFrames();
    frames.follow(frame({ opcode: 1, length: 5 }));
    expect(frames.hasClose).toBe(false);
    frames.follow(closeFrame(1000, 'bye', null));
    expect([frames.hasClose, frames.isBetween]).toEqual([true, true]);
  });
});

describe('closeFrame', () => {
  it('has code and reason, masked from a client only', () => {
    expect(closeFrame(1012, 'bye', null).toString('hex')).toBe('880503f4627965');
    // RFC 6455 §5.3: each byte is XORed with the byte of the key at its position.
    expect(closeFrame(1001, 'bye', Buffer.from('37fa213d', 'hex')).toString('hex')).toBe(
      '888537fa213d3413434452',
    );
  });
});
