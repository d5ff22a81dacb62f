/** An `Http2Dialer` in front of ingresses that tests play frame by frame, without sockets. */
import { FrameReader, FrameType, HpackDecoder } from '@culvert/http2';
import type { ResetCode, Stream, StreamHandler } from '@culvert/tunnel';
import { Http2Dialer } from '../upstream/http2-dialer.js';

const PREFACE_BYTES = 24;
const LIST_LIMITS = { maxListBytes: 1_000_000, maxFields: 1000 };

/** A frame that an ingress received. */
export interface ReceivedFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
  /** `name: value` of each field, for HEADERS. */
  readonly fields: readonly string[];
}

/** The far end of one stream of a tunnel: an ingress that speaks HTTP/2. */
export class RawIngress implements Stream {
  readonly id = 0;
  readonly frames: ReceivedFrame[] = [];
  isOpen = true;
  private prefaceBytes = PREFACE_BYTES;
  private readonly decoder = new HpackDecoder(LIST_LIMITS);
  private readonly reader = new FrameReader(
    { maxFrameBytes: 16_384, expectsPreface: false },
    (type, flags, streamId, buffer, from, to) => {
      const payload = Buffer.from(buffer.subarray(from, to));
      const fields =
        type === FrameType.HEADERS
          ? this.decoder.decode(payload, 0, payload.length).map(({ name, value }) => `${name}: ${value}`)
          : [];
      this.frames.push({ type, flags, streamId, payload, fields });
    },
  );

  constructor(public handler: StreamHandler) {}

  /** Sends frames to the session, in one read. */
  send(...frames: readonly Buffer[]): void {
    this.handler.onData(Buffer.concat(frames));
  }

  /** Returns the frames of this type on this stream. */
  of(streamId: number, type: number): ReceivedFrame[] {
    return this.frames.filter((frame) => frame.streamId === streamId && frame.type === type);
  }

  /** Returns the bytes of the body that came on this stream. */
  bodyOf(streamId: number): string {
    return Buffer.concat(this.of(streamId, FrameType.DATA).map(({ payload }) => payload)).toString('latin1');
  }

  write(chunk: Buffer): boolean {
    const skipped = Math.min(this.prefaceBytes, chunk.length);
    this.prefaceBytes -= skipped;
    if (skipped < chunk.length)
      this.reader.push(Buffer.from(chunk.subarray(skipped)), 0, chunk.length - skipped);
    return true;
  }

  end(): void {}

  reset(): void {
    this.isOpen = false;
  }

  pause(): void {}

  resume(): void {}
}

/** A request that was dialed, and what its exchange was given. */
export interface DialedRequest {
  readonly stream: Stream;
  /** `open`, `data …`, `end`, `reset …` and `drain`, in order. */
  readonly events: readonly string[];
}

export interface RawIngressRig {
  /** The connections with the ingress, oldest first. */
  readonly ingresses: readonly RawIngress[];
  readonly faults: readonly unknown[];
  /** Dials and writes `head`. @param onData is called with the stream for each piece of the response */
  request(head: string, onData?: (stream: Stream) => void): DialedRequest;
}

export function startRawIngressRig(): RawIngressRig {
  const ingresses: RawIngress[] = [];
  const faults: unknown[] = [];
  const origin = {};
  const dialer = new Http2Dialer(
    {
      dial: (handler) => {
        const stream = new RawIngress(handler);
        ingresses.push(stream);
        return { stream, origin, isReused: false };
      },
      isPreferred: () => true,
      onArrival: () => () => {},
    },
    { scheme: 'http', onFault: (error) => faults.push(error) },
  );
  const request = (head: string, onData?: (stream: Stream) => void): DialedRequest => {
    const events: string[] = [];
    const dialed = dialer.dial({
      onOpen: () => events.push('open'),
      onData: (chunk) => {
        events.push(`data ${chunk.toString('latin1')}`);
        if (typeof dialed !== 'string') onData?.(dialed.stream);
      },
      onEnd: () => events.push('end'),
      onReset: (code: ResetCode, detail) => events.push(`reset ${code} ${detail}`),
      onDrain: () => events.push('drain'),
    });
    if (typeof dialed === 'string') throw new Error(dialed);
    dialed.stream.write(Buffer.from(head, 'latin1'));
    return { stream: dialed.stream, events };
  };
  return { ingresses, faults, request };
}

/** Lets what waits for the end of an event-loop turn happen. */
export async function turns(count = 8): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}
