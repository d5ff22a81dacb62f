/** HTTP/2 by hand, for specs: sends any frames, legal or not, and keeps what comes back. */
import { once } from 'node:events';
import net from 'node:net';

export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const Flag = { NONE: 0, END_STREAM: 1, ACK: 1, END_HEADERS: 4 } as const;

/** RFC 9113 §7. */
export const ErrorCode = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  ENHANCE_YOUR_CALM: 11,
} as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

export type FieldList = readonly (readonly [name: string, value: string])[];

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const HEADER_BYTES = 9;

export class RawHttp2 {
  readonly frames: Frame[] = [];
  readonly closed: Promise<unknown>;
  /** Whether SETTINGS are answered, as they must be. */
  acknowledges = true;
  private received = Buffer.alloc(0);

  private constructor(readonly socket: net.Socket) {
    socket.on('error', () => {});
    socket.on('data', (chunk) => this.receive(chunk));
    this.closed = once(socket, 'close');
  }

  /** Connects and sends the preface with empty SETTINGS. */
  static async connect(port: number): Promise<RawHttp2> {
    const client = await RawHttp2.connectSilently(port);
    client.socket.write(Buffer.concat([PREFACE, frame(FrameType.SETTINGS, Flag.NONE, 0)]));
    return client;
  }

  static async connectSilently(port: number): Promise<RawHttp2> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new RawHttp2(socket);
  }

  send(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** Returns the first frame, received or to come, that `matches`; null when the connection ends without it. */
  async find(matches: (frame: Frame) => boolean): Promise<Frame | null> {
    for (;;) {
      const found = this.frames.find(matches);
      if (found) return found;
      if (this.socket.closed) return null;
      await Promise.race([once(this.socket, 'data'), this.closed]);
    }
  }

  /** The error code of the stream's RST_STREAM. */
  async resetCode(streamId: number): Promise<number | undefined> {
    const found = await this.find((each) => each.type === FrameType.RST_STREAM && each.streamId === streamId);
    return found?.payload.readUInt32BE(0);
  }

  /** Returns the error code of the connection's GOAWAY that has one. */
  async goawayCode(): Promise<number | undefined> {
    const found = await this.find(
      (each) => each.type === FrameType.GOAWAY && each.payload.readUInt32BE(4) !== ErrorCode.NO_ERROR,
    );
    return found?.payload.readUInt32BE(4);
  }

  /** The text of a stream's HEADERS; HPACK's Huffman coding is not undone. */
  async headers(streamId: number): Promise<Frame | null> {
    return this.find((each) => each.type === FrameType.HEADERS && each.streamId === streamId);
  }

  private receive(chunk: Buffer): void {
    this.received = Buffer.concat([this.received, chunk]);
    while (this.received.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + this.received.readUIntBE(0, 3);
      if (this.received.length < end) return;
      const [type, flags] = this.received.subarray(3, 5);
      this.frames.push({
        type,
        flags,
        streamId: this.received.readUInt32BE(5) & 0x7fffffff,
        payload: Buffer.from(this.received.subarray(HEADER_BYTES, end)),
      });
      this.received = this.received.subarray(end);
      if (this.acknowledges && type === FrameType.SETTINGS && flags !== Flag.ACK)
        this.socket.write(frame(FrameType.SETTINGS, Flag.ACK, 0));
    }
  }
}

export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

/** Returns a whole request head in one HEADERS frame. */
export function headers(streamId: number, fields: FieldList, flags: number = Flag.END_STREAM): Buffer {
  return frame(FrameType.HEADERS, flags | Flag.END_HEADERS, streamId, block(fields));
}

export function reset(streamId: number, code: number = ErrorCode.CANCEL): Buffer {
  return frame(FrameType.RST_STREAM, Flag.NONE, streamId, uint32(code));
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Returns literal fields without indexing and without Huffman coding (RFC 7541 §6.2.2). */
export function block(fields: FieldList): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]));
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  const length: number[] = [];
  if (bytes.length < 127) {
    length.push(bytes.length);
  } else {
    length.push(127);
    let rest = bytes.length - 127;
    for (; rest >= 128; rest >>>= 7) length.push((rest & 127) | 128);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}
