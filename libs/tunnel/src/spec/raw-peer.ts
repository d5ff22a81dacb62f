/** The far end of a tunnel, driven by a test: sends any bytes and records the frames that come back. */
import type { CarrierHandler } from '../carrier.js';
import { FrameType } from '../frame.js';
import type { MemoryCarrier } from './memory-carrier.js';
import { plainDecodeSome, plainEncode } from './plain-codec.js';
import type { PlainFrame } from './plain-codec.js';

export class RawPeer implements CarrierHandler {
  /** Frames received and not asked for yet, without PING and PONG. */
  private readonly received: PlainFrame[] = [];
  /** Answers PING like an honest peer. */
  answersPings = true;
  readonly ended: Promise<{ readonly status: number; readonly reason: string }>;
  private markEnded!: (end: { status: number; reason: string }) => void;
  private wake: () => void = () => undefined;
  private unread: Buffer = Buffer.alloc(0);

  constructor(readonly carrier: MemoryCarrier) {
    this.ended = new Promise((resolve) => {
      this.markEnded = resolve;
    });
    carrier.start(this);
  }

  send(type: number, id: number, payload: Uint8Array | string = ''): void {
    this.carrier.send([plainEncode({ type, id, payload: Buffer.from(payload) })]);
  }

  sendJson(type: number, id: number, value: unknown, prefix: Buffer = Buffer.alloc(0)): void {
    this.send(type, id, Buffer.concat([prefix, Buffer.from(JSON.stringify(value))]));
  }

  /** Returns the next frame of `type`; frames before it are dropped. */
  async next(type: number): Promise<PlainFrame> {
    for (;;) {
      for (let frame = this.received.shift(); frame; frame = this.received.shift()) {
        if (frame.type === type) return frame;
      }
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** The code and text of the GOAWAY that comes. */
  async goAway(): Promise<{ readonly code: number; readonly reason: string }> {
    const { payload } = await this.next(FrameType.GOAWAY);
    return { code: payload.readUInt16BE(0), reason: payload.toString('utf8', 2) };
  }

  /** Everything that has arrived by now, once the other end had time to answer. */
  async settled(): Promise<PlainFrame[]> {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    return this.received.splice(0);
  }

  onMessage(bytes: Buffer): void {
    const { frames, rest } = plainDecodeSome(Buffer.concat([this.unread, bytes]));
    this.unread = Buffer.from(rest);
    for (const frame of frames) {
      if (frame.type === FrameType.PING && this.answersPings) this.send(FrameType.PONG, 0, frame.payload);
      if (frame.type !== FrameType.PING && frame.type !== FrameType.PONG) this.received.push(frame);
    }
    this.wake();
  }

  onSent(): void {
    // Tests do not congest this side.
  }

  onClose(status: number, reason: string): void {
    this.markEnded({ status, reason });
    this.wake();
  }
}

export const HELLO = {
  versions: [1],
  managerId: 'm1',
  clusterId: 'c1',
  name: 'n',
  version: '1',
  instanceId: 'i1',
} as const;

export const TARGET = {
  interceptId: 'u:web',
  host: 'web',
  port: 80,
  tls: false,
  serverName: '',
  verifyTls: true,
} as const;

export const WELCOME = {
  version: 1,
  sessionId: 's1',
  resumed: false,
  maxStreams: 16,
  windowBytes: 16_384,
  maxWindowBytes: 1_048_576,
  pingIntervalMs: 1000,
  pingTimeoutMs: 3000,
} as const;

/** Returns a u32 as bytes. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A u16 as bytes. */
export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
