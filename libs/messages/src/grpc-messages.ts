/**
 * The messages of one direction of a gRPC call: each has a byte of flags and four bytes of length before it. gRPC-web is
 * the same, and its trailers come as one more message; `application/grpc-web-text` is that in base64.
 */
import { constants, gunzipSync, inflateSync } from 'node:zlib';
import type { InflateBudget } from './inflater.js';
import { KeptBytes, type MessageMemory } from './kept-bytes.js';
import { MAX_COMPRESSED_BYTES, MAX_CONTENT_BYTES, MAX_INFLATED_BYTES } from './limits.js';
import type { ByteReader, Direction, MessageSink } from './observed-message.js';

const PREFIX_BYTES = 5;
const COMPRESSED = 0x01;
const TRAILERS = 0x80;

export interface GrpcMessagesOptions {
  readonly direction: Direction;
  /** Whether a message may hold trailers, as in gRPC-web. */
  readonly isWeb: boolean;
  /** Value of `grpc-encoding`. */
  readonly encoding: string;
  readonly memory: MessageMemory;
  readonly budget: InflateBudget;
  readonly sink: MessageSink;
}

export class GrpcMessages implements ByteReader {
  private isOver = false;
  private readonly prefix = Buffer.alloc(PREFIX_BYTES);
  private prefixBytes = 0;
  private payloadLeft = 0;
  /** Whether the content of the current message is kept. */
  private isRead = false;
  private readonly kept: KeptBytes;

  constructor(private readonly options: GrpcMessagesOptions) {
    this.kept = new KeptBytes(options.memory);
  }

  push(buffer: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end && !this.isOver) {
      if (this.prefixBytes < PREFIX_BYTES) {
        this.prefix[this.prefixBytes++] = buffer[at++];
        if (this.prefixBytes === PREFIX_BYTES) this.begin();
      } else {
        const next = Math.min(end, at + this.payloadLeft);
        if (this.isRead)
          this.kept.add(buffer, at, next, this.isCompressed ? MAX_COMPRESSED_BYTES : MAX_CONTENT_BYTES);
        this.payloadLeft -= next - at;
        at = next;
        if (this.payloadLeft === 0) this.end();
      }
    }
  }

  close(): void {
    this.isOver = true;
    this.kept.free();
  }

  private get isCompressed(): boolean {
    return (this.prefix[0] & COMPRESSED) !== 0;
  }

  private begin(): void {
    const [flags] = this.prefix;
    const known = this.options.isWeb ? COMPRESSED | TRAILERS : COMPRESSED;
    if ((flags & ~known) !== 0) {
      this.close();
      this.options.sink.giveUp('a message has unknown flags');
      return;
    }
    this.payloadLeft = this.prefix.readUInt32BE(1);
    this.isRead = this.options.sink.begin();
    if (this.payloadLeft === 0) this.end();
  }

  private end(): void {
    const { direction, sink } = this.options;
    const { isCompressed } = this;
    const bytes = this.prefix.readUInt32BE(1);
    const isTrailers = (this.prefix[0] & TRAILERS) !== 0;
    this.prefixBytes = 0;
    if (!this.isRead) {
      sink.count(direction, bytes);
      return;
    }
    const content = isCompressed ? this.inflated(bytes) : Buffer.from(this.kept.bytes);
    this.kept.clear();
    sink.add({
      direction,
      kind: isTrailers ? 'trailers' : 'grpc',
      bytes,
      isCompressed,
      code: isTrailers && content !== null ? statusOf(content.toString('latin1')) : null,
      content: content?.subarray(0, MAX_CONTENT_BYTES) ?? null,
      isTruncated:
        content === null || content.length > MAX_CONTENT_BYTES || (!isCompressed && content.length < bytes),
    });
  }

  private inflated(bytes: number): Buffer | null {
    const { encoding, budget } = this.options;
    const compressed = this.kept.bytes;
    const inflate = encoding === 'gzip' ? gunzipSync : encoding === 'deflate' ? inflateSync : null;
    if (inflate === null || compressed.length < bytes || !budget.hasRoom) return null;
    try {
      const content = inflate(compressed, {
        maxOutputLength: MAX_INFLATED_BYTES,
        finishFlush: constants.Z_SYNC_FLUSH,
      });
      budget.spend(content.length);
      return content;
    } catch {
      budget.spend(MAX_INFLATED_BYTES);
      return null;
    }
  }
}

/** Returns `grpc-status` of lines of trailers; null if there is none. */
export function statusOf(lines: string): number | null {
  const [, code] = /^grpc-status:[ \t]*(\d{1,5})[ \t]*$/im.exec(lines) ?? [];
  return code === undefined ? null : Number(code);
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Decodes base64 in groups of four characters, which may end with padding in the middle, and passes the bytes on. */
export class Base64Reader implements ByteReader {
  private rest = '';

  constructor(
    private readonly next: GrpcMessages,
    private readonly sink: MessageSink,
  ) {}

  push(buffer: Buffer, start: number, end: number): void {
    const text = this.rest + buffer.toString('latin1', start, end).replaceAll(/[\r\n]/g, '');
    const whole = text.length - (text.length % 4);
    this.rest = text.slice(whole);
    // Padding ends a part: what follows it is a new one.
    for (const part of text.slice(0, whole).match(/[^=]+={0,2}|=+/g) ?? []) {
      if (part.length % 4 !== 0 || !BASE64.test(part)) {
        this.next.close();
        this.sink.giveUp('the body is not base64');
        return;
      }
      const bytes = Buffer.from(part, 'base64');
      this.next.push(bytes, 0, bytes.length);
    }
  }

  close(): void {
    this.next.close();
  }
}
