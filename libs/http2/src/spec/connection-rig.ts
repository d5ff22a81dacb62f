/** A connection for specs, without a socket: an echoing owner, frames by hand, and everything that happened as text. */
import { type ConnectionOwner, ServerConnection } from '../server/connection.js';
import { type ErrorCode, Flag, FrameType, PREFACE } from '../frames/frame.js';
import { HpackDecoder } from '../hpack/decoder.js';
import type { ConnectionLimits } from '../server/limits.js';
import type { RequestFields } from '../server/request-fields.js';
import type { ServerStream } from '../server/stream.js';

export const LIMITS: ConnectionLimits = {
  maxStreams: 8,
  maxResets: 10,
  maxControlFrames: 20,
  windowBytes: 262_144,
  maxListBytes: 4096,
  maxFields: 20,
};

export class Rig implements ConnectionOwner {
  readonly connection: ServerConnection;
  readonly streams = new Map<number, ServerStream>();
  /** Events of the owner, bytes of a body joined. */
  readonly log: string[] = [];
  /** Frames that were written, as text; HEADERS decoded. */
  readonly frames: string[] = [];
  buffered = 0;
  writtenBytes = 0;
  private readonly decoder = new HpackDecoder({ maxListBytes: 65_536, maxFields: 200 });

  /** @param serve receives each stream once it is attached; without it streams are read and left open */
  constructor(
    limits: Partial<ConnectionLimits> = {},
    private readonly serve: (stream: ServerStream, request: RequestFields) => void = (stream) =>
      stream.resume(),
  ) {
    this.connection = new ServerConnection(this, { ...LIMITS, ...limits });
  }

  /** Sends the preface, SETTINGS and these frames. */
  begin(...frames: readonly Buffer[]): void {
    this.connection.push(Buffer.concat([PREFACE, frame(FrameType.SETTINGS, 0, 0), ...frames]));
  }

  push(...frames: readonly Buffer[]): void {
    this.connection.push(Buffer.concat(frames));
  }

  /** Lets the event-loop turn end, so that what was collected is written. */
  async turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  now(): number {
    return 0;
  }
  bufferedBytes(): number {
    return this.buffered;
  }
  write(bytes: Buffer): void {
    this.writtenBytes += bytes.length;
    for (let at = 0; at < bytes.length;) {
      const end = at + 9 + bytes.readUIntBE(at, 3);
      this.frames.push(describeFrame(this.decoder, bytes, at, end));
      at = end;
    }
  }
  pauseInput(): void {
    this.log.push('pause input');
  }
  resumeInput(): void {
    this.log.push('resume input');
  }
  onPong(): void {
    this.log.push('pong');
  }
  onAcknowledged(): void {
    this.log.push('acknowledged');
  }
  onRequest(stream: ServerStream, request: RequestFields, isRequestDone: boolean): void {
    const { id } = stream;
    this.streams.set(id, stream);
    this.log.push(`${id} ${request.method} ${request.path}${isRequestDone ? ' done' : ''}`);
    let body = '';
    stream.attach({
      onData: (chunk) => void (body += chunk.toString('latin1')),
      onEnd: (trailers) =>
        this.log.push(`${id} end ${body} ${trailers.map(({ line }) => line.trim()).join()}`),
      onDrain: () => this.log.push(`${id} drain`),
      onClose: () => this.log.push(`${id} close`),
    });
    this.serve(stream, request);
  }
  onFailed(code: ErrorCode): void {
    this.log.push(`failed ${code}`);
  }
  onDrained(): void {
    this.log.push('drained');
  }
  onFault(error: unknown): void {
    throw error;
  }
}

export function frame(type: number, flags: number, streamId: number, payload: Buffer | string = ''): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
  const header = Buffer.alloc(9);
  header.writeUIntBE(body.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, body]);
}

/** Returns a string of HPACK that is not Huffman coded, of at most 126 bytes. */
export function literal(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text, 'latin1')]);
}

/** `GET /` of `a.test`, and these fields as literals. */
export function block(...fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat([
    Buffer.from('828684', 'hex'),
    Buffer.from([0x41]),
    literal('a.test'),
    ...fields.map(([name, value]) => Buffer.concat([Buffer.from([0]), literal(name), literal(value)])),
  ]);
}

export function get(
  streamId: number,
  flags: number = Flag.END_STREAM,
  ...fields: readonly (readonly [string, string])[]
): Buffer {
  return frame(FrameType.HEADERS, flags | Flag.END_HEADERS, streamId, block(...fields));
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function setting(id: number, value: number): Buffer {
  return frame(FrameType.SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, id]), uint32(value)]));
}

/** Returns the frame in `bytes[at..end)` as text. @param decoder of the sender's blocks */
export function describeFrame(decoder: HpackDecoder, bytes: Buffer, at: number, end: number): string {
  const type = bytes[at + 3];
  const flags = bytes[at + 4];
  const id = bytes.readUInt32BE(at + 5);
  const payload = bytes.subarray(at + 9, end);
  switch (type) {
    case FrameType.DATA:
      return `DATA ${id} ${payload.length}${(flags & Flag.END_STREAM) === 0 ? '' : ' END'}`;
    case FrameType.HEADERS: {
      const fields = decoder.decode(payload, 0, payload.length).map(({ line }) => line.trim());
      return `HEADERS ${id} ${fields.join()}${(flags & Flag.END_STREAM) === 0 ? '' : ' END'}`;
    }
    case FrameType.RST_STREAM:
      return `RST_STREAM ${id} ${payload.readUInt32BE(0)}`;
    case FrameType.SETTINGS:
      return `SETTINGS ${flags}`;
    case FrameType.PING:
      return `PING ${flags} ${payload.toString('hex')}`;
    case FrameType.GOAWAY:
      return `GOAWAY ${payload.readUInt32BE(0)} ${payload.readUInt32BE(4)}`;
    case FrameType.WINDOW_UPDATE:
      return `WINDOW_UPDATE ${id} ${payload.readUInt32BE(0)}`;
    default:
      throw new Error(`frame of type ${type}`);
  }
}
