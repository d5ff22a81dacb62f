/** A client's connection for specs, without a transport: frames by hand, and everything that happened as text. */
import type { ClientOwner } from '../client/call.js';
import { ClientConnection } from '../client/connection.js';
import type { ClientLimits, ClientOptions } from '../client/limits.js';
import { ClientStream, type RequestOptions } from '../client/stream.js';
import { type ErrorCode, Flag, FrameType, PREFACE } from '../frames/frame.js';
import { HpackDecoder } from '../hpack/decoder.js';
import { describeFrame, frame, literal } from './connection-rig.js';

export const CLIENT_LIMITS: ClientLimits = {
  windowBytes: 262_144,
  maxListBytes: 4096,
  maxFields: 20,
  maxControlFrames: 20,
};

export class ClientRig implements ClientOwner {
  readonly connection: ClientConnection<ClientStream>;
  readonly streams = new Map<number, ClientStream>();
  /** Events of the owner and the handlers, bytes of a body joined. */
  readonly log: string[] = [];
  /** Frames that were written, as text; HEADERS decoded. The preface comes as `PREFACE`. */
  readonly frames: string[] = [];
  /** How many pieces were written. */
  writes = 0;
  buffered = 0;
  writtenBytes = 0;
  private readonly decoder = new HpackDecoder({ maxListBytes: 65_536, maxFields: 200 });

  constructor(limits: Partial<ClientLimits> = {}, options: ClientOptions = {}) {
    this.connection = new ClientConnection(this, { ...CLIENT_LIMITS, ...limits }, options);
    this.connection.start();
  }

  /** Receives SETTINGS and these frames. */
  begin(...frames: readonly Buffer[]): void {
    this.push(frame(FrameType.SETTINGS, 0, 0), ...frames);
  }

  push(...frames: readonly Buffer[]): void {
    this.connection.push(Buffer.concat(frames));
  }

  /** Begins a request, whose response is read unless `isPaused`. */
  request({
    method = 'GET',
    endStream = true,
    isPaused = false,
  }: Partial<RequestOptions> & { readonly isPaused?: boolean } = {}): ClientStream {
    const encoder = this.connection.beginHeaders();
    encoder.add(':method', method);
    encoder.add(':path', '/');
    let body = '';
    const stream: ClientStream = ClientStream.open(
      this.connection,
      {
        onInterim: ({ status }) => this.log.push(`${id} interim ${status}`),
        onResponse: ({ status, fields }, isWhole) =>
          this.log.push(
            `${id} response ${[status, ...fields.map(({ line }) => line.trim())].join()}${isWhole ? ' whole' : ''}`,
          ),
        onData: (chunk) => void (body += chunk.toString('latin1')),
        onEnd: (trailers) =>
          this.log.push(`${id} end ${body} ${trailers.map(({ line }) => line.trim()).join()}`),
        onDrain: () => this.log.push(`${id} drain`),
        onClose: () => {
          const { failure, failureCode } = stream;
          this.log.push(`${id} close${failure === 'none' ? '' : ` ${failure} ${failureCode}`}`);
        },
      },
      { method, endStream },
    );
    const { id } = stream;
    this.streams.set(id, stream);
    if (!isPaused) stream.resume();
    return stream;
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
    this.writes++;
    this.writtenBytes += bytes.length;
    let at = 0;
    if (this.frames.length === 0) {
      this.frames.push('PREFACE');
      at = PREFACE.length;
    }
    while (at < bytes.length) {
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
  onSettings(): void {
    this.log.push('settings');
  }
  onGoAway(code: number): void {
    this.log.push(`goaway ${code}`);
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

/** Returns fields as literals that are not indexed. */
export function literals(...pairs: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(
    pairs.map(([name, value]) => Buffer.concat([Buffer.of(0), literal(name), literal(value)])),
  );
}

/** HEADERS with a status and these fields. */
export function response(
  streamId: number,
  status: number | string,
  flags = 0,
  ...pairs: readonly (readonly [string, string])[]
): Buffer {
  return headers(streamId, flags, [':status', String(status)], ...pairs);
}

export function headers(
  streamId: number,
  flags: number,
  ...pairs: readonly (readonly [string, string])[]
): Buffer {
  return frame(FrameType.HEADERS, flags | Flag.END_HEADERS, streamId, literals(...pairs));
}

export function data(streamId: number, text: string | Buffer, flags = 0): Buffer {
  return frame(FrameType.DATA, flags, streamId, text);
}
