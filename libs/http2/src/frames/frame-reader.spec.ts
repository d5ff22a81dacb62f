import { describe, expect, it } from 'vitest';
import { SeededRandom } from '@culvert/testkit';
import { frame } from '../spec/connection-rig.js';
import { Http2Error } from './errors.js';
import { FrameReader, type FrameReaderOptions } from './frame-reader.js';
import { ErrorCode, Flag, FrameType, PREFACE } from './frame.js';

const LIMITS = { maxFrameBytes: 1000, expectsPreface: false };

/** Everything that a reader reports, as text: whole frames; for DATA that passes through, its beginning, bytes and end. */
class Log {
  readonly lines: string[] = [];
  readonly reader: FrameReader;
  /** Called after each event. */
  onEvent: () => void = () => undefined;
  private bytes = '';

  constructor(
    options: Omit<FrameReaderOptions, 'dataSink'>,
    { passesData }: { readonly passesData: boolean },
  ) {
    const dataSink = {
      onDataStart: (streamId: number, length: number) => this.add(`start ${streamId} ${length}`),
      onData: (buffer: Buffer, from: number, to: number) => {
        if (from === to) throw new Error('a piece without bytes');
        this.bytes += buffer.toString('hex', from, to);
        this.onEvent();
      },
      onDataEnd: (isLast: boolean) => {
        const bytes = this.bytes;
        this.bytes = '';
        this.add(`end ${bytes}${isLast ? ' last' : ''}`);
      },
    };
    this.reader = new FrameReader(
      { ...options, ...(passesData ? { dataSink } : {}) },
      (type, flags, streamId, buffer, from, to) =>
        this.add(`${type} ${flags} ${streamId} ${buffer.toString('hex', from, to)}`),
    );
  }

  /** Reads `pieces`, each from memory that has other bytes around it. */
  read(...pieces: readonly Buffer[]): this {
    for (const piece of pieces) {
      const around = Buffer.concat([Buffer.alloc(3, 0xff), piece, Buffer.alloc(3, 0xff)]);
      this.reader.push(around, 3, 3 + piece.length);
    }
    return this;
  }

  private add(line: string): void {
    this.lines.push(line);
    this.onEvent();
  }
}

function errorOf(work: () => void): ErrorCode | null {
  try {
    work();
    return null;
  } catch (error) {
    if (error instanceof Http2Error) return error.code;
    throw error;
  }
}

const padded = (padding: number, text: string): Buffer =>
  Buffer.concat([Buffer.from([padding]), Buffer.from(text), Buffer.alloc(padding)]);

const FRAMES = Buffer.concat([
  frame(FrameType.SETTINGS, 0, 0),
  frame(FrameType.DATA, 0, 1, 'abc'),
  frame(FrameType.DATA, Flag.END_STREAM, 0x7fff_ffff),
  frame(FrameType.PING, Flag.ACK, 0, '12345678'),
  frame(FrameType.DATA, Flag.PADDED, 3, padded(2, 'de')),
  frame(FrameType.DATA, Flag.PADDED | Flag.END_STREAM, 5, padded(0, '')),
  frame(FrameType.DATA, Flag.PADDED, 5, padded(4, '')),
  frame(0x77, 0xff, 7, 'unknown'),
]);

const WHOLE = [
  '4 0 0 ',
  '0 0 1 616263',
  '0 1 2147483647 ',
  '6 1 0 3132333435363738',
  '0 8 3 0264650000',
  '0 9 5 00',
  '0 8 5 0400000000',
  '119 255 7 756e6b6e6f776e',
];

const PASSED = [
  '4 0 0 ',
  'start 1 3',
  'end 616263',
  'start 2147483647 0',
  'end  last',
  '6 1 0 3132333435363738',
  'start 3 5',
  'end 6465',
  'start 5 1',
  'end  last',
  'start 5 5',
  'end ',
  '119 255 7 756e6b6e6f776e',
];

describe.each([
  ['puts frames together', false, WHOLE],
  ['passes DATA through', true, PASSED],
] as const)('FrameReader that %s', (_name, passesData, expected) => {
  it('reports every frame the same, cut at any two points', () => {
    for (let first = 0; first <= FRAMES.length; first++) {
      for (let second = first; second <= FRAMES.length; second++) {
        const log = new Log(LIMITS, { passesData });
        log.read(FRAMES.subarray(0, first), FRAMES.subarray(first, second), FRAMES.subarray(second));
        expect(log.lines).toEqual(expected);
      }
    }
  });

  it('reports every frame the same, byte by byte', () => {
    const log = new Log(LIMITS, { passesData }).read(...Array.from(FRAMES, (byte) => Buffer.from([byte])));
    expect(log.lines).toEqual(expected);
  });

  it('reads the preface first where it is expected, cut at any point', () => {
    const whole = Buffer.concat([PREFACE, FRAMES]);
    for (let cut = 0; cut <= PREFACE.length + 12; cut++) {
      const log = new Log({ ...LIMITS, expectsPreface: true }, { passesData });
      expect(log.read(whole.subarray(0, cut), whole.subarray(cut)).lines).toEqual(expected);
    }
    const other = Buffer.from('GET / HTTP/1.1\r\n\r\n');
    const log = new Log({ ...LIMITS, expectsPreface: true }, { passesData });
    expect(errorOf(() => log.read(other))).toBe(ErrorCode.PROTOCOL_ERROR);
  });

  it('reports nothing after it was stopped, whichever event stopped it', () => {
    for (let events = 1; events <= expected.length; events++) {
      const log = new Log(LIMITS, { passesData });
      let left = events;
      log.onEvent = () => void (--left === 0 && log.reader.stop());
      log.read(FRAMES.subarray(0, 60), FRAMES.subarray(60));
      log.read(FRAMES);
      expect(left).toBe(0);
    }
  });

  it('refuses frames above its limit by their header, and holds none of their bytes', () => {
    for (const type of [FrameType.DATA, FrameType.HEADERS, 0x77]) {
      const header = frame(type, 0, 1, Buffer.alloc(1001)).subarray(0, 9);
      for (let cut = 0; cut <= 8; cut++) {
        const log = new Log(LIMITS, { passesData });
        log.read(header.subarray(0, cut));
        expect(errorOf(() => log.read(header.subarray(cut)))).toBe(ErrorCode.FRAME_SIZE_ERROR);
        expect(log.lines).toEqual([]);
      }
      expect(errorOf(() => new Log(LIMITS, { passesData }).read(frame(type, 0, 1, 'x'.repeat(1000))))).toBe(
        null,
      );
    }
  });

  it('refuses frames other than DATA that exceed their own limit', () => {
    const limits = { ...LIMITS, maxControlBytes: 100 };
    const read = (type: number, length: number): ErrorCode | null =>
      errorOf(() => new Log(limits, { passesData }).read(frame(type, 0, 1, Buffer.alloc(length))));
    expect(read(FrameType.HEADERS, 100)).toBe(null);
    expect(read(FrameType.HEADERS, 101)).toBe(ErrorCode.ENHANCE_YOUR_CALM);
    expect(read(0x77, 101)).toBe(ErrorCode.ENHANCE_YOUR_CALM);
    expect(read(FrameType.DATA, 1000)).toBe(null);
  });
});

describe('FrameReader', () => {
  it('reports whole frames and pieces of DATA without copying them', () => {
    const chunk = Buffer.concat([frame(FrameType.PING, 0, 0, '12345678'), frame(FrameType.DATA, 0, 1, 'ab')]);
    const buffers: Buffer[] = [];
    const dataSink = {
      onDataStart: () => undefined,
      onData: (buffer: Buffer) => void buffers.push(buffer),
      onDataEnd: () => undefined,
    };
    const reader = new FrameReader({ ...LIMITS, dataSink }, (_type, _flags, _streamId, buffer) =>
      buffers.push(buffer),
    );
    reader.push(chunk, 0, chunk.length - 1);
    reader.push(chunk, chunk.length - 1, chunk.length);
    expect(buffers.map((buffer) => buffer === chunk)).toEqual([true, true, true]);
  });

  it.each([
    ['DATA on no stream', frame(FrameType.DATA, 0, 0, 'a')],
    ['padding without its length', frame(FrameType.DATA, Flag.PADDED, 1)],
    ['padding that is longer than its frame', frame(FrameType.DATA, Flag.PADDED, 1, Buffer.from([2, 0]))],
  ])('refuses to pass through %s', (_what, bytes) => {
    for (let cut = 0; cut < bytes.length; cut++) {
      const log = new Log(LIMITS, { passesData: true });
      expect(errorOf(() => log.read(bytes.subarray(0, cut), bytes.subarray(cut)))).toBe(
        ErrorCode.PROTOCOL_ERROR,
      );
    }
  });

  it('holds at most one incomplete frame', () => {
    const random = new SeededRandom(1);
    for (let round = 0; round < 200; round++) {
      const log = new Log(LIMITS, { passesData: round % 2 === 0 });
      const frames = Array.from({ length: 20 }, () =>
        frame(random.integer(0, 9), 0, 1, Buffer.alloc(random.integer(0, 1000))),
      );
      for (const piece of random.cut(Buffer.concat(frames), 400)) {
        log.read(piece);
        const { held } = log.reader as unknown as { held: Buffer };
        expect(held.length).toBeLessThanOrEqual(1009);
      }
    }
  });
});
