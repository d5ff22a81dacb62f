/** Makes sequences of frames for the fuzzer: mostly valid ones, some in the wrong place, some broken. */
import { Flag, FrameType } from '../frames/frame.js';
import { HpackEncoder } from '../hpack/encoder.js';
import { frame, uint32 } from './connection-rig.js';
import type { Random } from './random.js';

export type End = 'server' | 'client';

/** Requests of a client before the first frame. */
export const CLIENT_STREAMS = 6;

const REQUEST_FIELDS: readonly (readonly [string, string])[] = [
  ['content-length', '5'],
  ['content-length', '0'],
  ['cookie', 'a=1'],
  ['te', 'trailers'],
  ['te', 'gzip'],
  ['host', 'a.test'],
  ['connection', 'close'],
  ['x', 'y'],
  ['X', 'y'],
  ['x', 'a\nb'],
  ['', ''],
  [':path', '/again'],
  [':status', '200'],
];
const RESPONSE_FIELDS: readonly (readonly [string, string])[] = [
  ['content-length', '5'],
  ['content-length', '0'],
  ['set-cookie', 'a=1'],
  ['grpc-status', '0'],
  ['transfer-encoding', 'chunked'],
  ['x', 'y'],
  ['X', 'y'],
  ['x', 'a\nb'],
  [':status', '200'],
  [':path', '/'],
];

/** Makes the frames of one peer. Its field blocks depend on those before, as they do on a connection. */
export class FrameGenerator {
  private readonly encoder = new HpackEncoder();
  /** Odd; streams below it may have begun. */
  private nextId: number;

  /** @param end whose peer sends them */
  constructor(
    private readonly random: Random,
    private readonly end: End,
  ) {
    this.nextId = end === 'client' ? 1 + 2 * CLIENT_STREAMS : 1;
  }

  /** Returns one frame, or one field block in several. */
  next(): Buffer {
    const { random } = this;
    if (this.nextId === 1) return this.headers();
    if (random.oneIn(120))
      return frame(random.below(12), random.below(256), random.below(8), random.bytes(random.below(24)));
    switch (random.below(this.end === 'server' ? 10 : 12)) {
      case 0:
      case 1:
      case 2:
        return this.headers();
      case 3:
        return this.control();
      case 4:
        return frame(
          FrameType.WINDOW_UPDATE,
          0,
          this.anyId(),
          uint32(random.oneIn(20) ? random.pick([0, 2 ** 31 - 1]) : random.below(5000) + 1),
        );
      case 5:
        return frame(FrameType.RST_STREAM, 0, this.anyId(), uint32(random.below(15)));
      case 6:
        return random.oneIn(4)
          ? frame(
              FrameType.GOAWAY,
              0,
              0,
              Buffer.concat([uint32(random.below(8)), uint32(random.pick([0, 0, 2, 11]))]),
            )
          : frame(FrameType.PRIORITY, 0, this.anyId(), Buffer.alloc(5));
      default:
        return this.data();
    }
  }

  private anyId(): number {
    const { random } = this;
    if (random.oneIn(60)) return random.below(this.nextId + 4);
    return 1 + 2 * random.below(this.nextId >> 1);
  }

  private data(): Buffer {
    const { random } = this;
    const flags = random.oneIn(4) ? Flag.END_STREAM : 0;
    const body = random.bytes(random.pick([0, 1, 5, 5, 100, 5000]));
    const id = this.anyId();
    if (!random.oneIn(5)) return frame(FrameType.DATA, flags, id, body);
    const padding = random.below(20);
    const padded = Buffer.concat([Buffer.of(padding), body, Buffer.alloc(random.oneIn(40) ? 0 : padding)]);
    return frame(FrameType.DATA, flags | Flag.PADDED, id, padded);
  }

  private control(): Buffer {
    const { random } = this;
    switch (random.below(4)) {
      case 0:
        return frame(FrameType.PING, random.below(2), 0, random.bytes(8));
      case 1:
        return frame(FrameType.SETTINGS, Flag.ACK, 0);
      case 2: {
        const value = random.pick(random.oneIn(20) ? [2, 100, 2 ** 31] : [0, 1, 16_384, 65_535]);
        return frame(
          FrameType.SETTINGS,
          0,
          0,
          Buffer.concat([
            Buffer.of(0, random.pick(random.oneIn(20) ? [2, 5, 8, 9] : [1, 3, 4, 6])),
            uint32(value),
          ]),
        );
      }
      default:
        return frame(FrameType.SETTINGS, 0, 0);
    }
  }

  private headers(): Buffer {
    const { random } = this;
    const isNew = this.nextId === 1 || (this.end === 'server' && !random.oneIn(3));
    const id = isNew ? this.nextId : this.anyId();
    if (isNew) this.nextId += 2;
    const block = this.block(isNew);
    const last = random.oneIn(2) ? Flag.END_STREAM : 0;
    if (!random.oneIn(5)) return frame(FrameType.HEADERS, last | Flag.END_HEADERS, id, block);
    const cut = random.below(block.length);
    return Buffer.concat([
      frame(FrameType.HEADERS, last, id, block.subarray(0, cut)),
      frame(FrameType.CONTINUATION, Flag.END_HEADERS, random.oneIn(60) ? id + 2 : id, block.subarray(cut)),
    ]);
  }

  private block(isRequest: boolean): Buffer {
    const { random, encoder } = this;
    encoder.begin();
    if (isRequest) {
      for (const [name, value] of [
        [':method', random.pick(['GET', 'POST', 'HEAD', 'CONNECT'])],
        [':scheme', 'http'],
        [':authority', 'a.test'],
        [':path', random.pick(['/', '/', '*', ''])],
      ] as const)
        if (!random.oneIn(15)) this.add(name, value);
    } else if (this.end === 'client' && !random.oneIn(3)) {
      this.add(':status', random.pick(['200', '200', '204', '304', '103', '101', 'abc']));
    }
    const more = this.end === 'server' ? REQUEST_FIELDS : RESPONSE_FIELDS;
    for (let i = random.below(4); i > 0; i--) this.add(...random.pick(more));
    return Buffer.from(encoder.bytes.subarray(0, encoder.length));
  }

  private add(name: string, value: string): void {
    if (!this.encoder.addKnown(`${name}: ${value}`)) this.encoder.add(name, value);
  }
}

/** Changes a few bytes of a frame, its header included. */
export function mutate(random: Random, bytes: Buffer): Buffer {
  const mutated = Buffer.from(bytes);
  for (let i = random.below(3) + 1; i > 0 && mutated.length > 0; i--)
    mutated[random.below(mutated.length)] = random.oneIn(2)
      ? random.below(256)
      : random.pick([0, 1, 255, 128]);
  return random.oneIn(4) ? mutated.subarray(0, random.below(mutated.length + 1)) : mutated;
}
