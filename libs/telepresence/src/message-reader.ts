/**
 * Reads a stream of gRPC messages, each with one bytes field that matters (`Chunk.content`, `ConnectionChunk.data`), and
 * passes that field's bytes on as they arrive: no message is ever put together, so its size costs no memory.
 *
 *     0 | length, 4 bytes | tag | length, varint | bytes ...   | 0 | length ...
 *     ^ compressed?       ^ protobuf message                   ^ next message
 */
import { MessageError } from './messages/codec.js';

/** Above the 4 MiB that a manager itself would accept; managers send 3 MiB and a few bytes. */
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;
const MAX_TAG = 2 ** 32 - 1;

const State = { PREFIX: 0, TAG: 1, LENGTH: 2, WANTED: 3, SKIP: 4, SKIP_VARINT: 5 } as const;
type State = (typeof State)[keyof typeof State];

export interface BytesSink {
  /** `bytes` from `start` to `end` belong to the field. */
  onBytes(bytes: Buffer, start: number, end: number): void;
}

export class MessageReader {
  /** Set to end `read` after the current call of the sink. */
  isStopped = false;
  private state: State = State.PREFIX;
  private prefixBytes = 0;
  /** Bytes of the message that have not been read. */
  private left = 0;
  /** Bytes of the field that have not been read. */
  private fieldLeft = 0;
  private value = 0;
  private scale = 1;
  private isWanted = false;

  /**
   * @param wanted the number of the field that matters
   * @param refused the number of a field that must not appear; others are skipped
   */
  constructor(
    private readonly sink: BytesSink,
    private readonly wanted: number,
    private readonly refused = 0,
  ) {}

  /** Whether what has been read ends with a whole message. */
  get isBetween(): boolean {
    return this.state === State.PREFIX && this.prefixBytes === 0;
  }

  /** Reads `bytes[start..end)`. Throws MessageError when the bytes are not such messages. */
  read(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end && !this.isStopped) {
      switch (this.state) {
        case State.PREFIX:
          this.readPrefix(bytes[at++]);
          break;
        case State.TAG:
          if (this.readVarint(bytes[at++])) this.beginField();
          break;
        case State.LENGTH:
          if (this.readVarint(bytes[at++])) this.beginBytes();
          break;
        case State.SKIP_VARINT:
          if (this.readVarint(bytes[at++])) this.endField();
          break;
        case State.WANTED:
        case State.SKIP: {
          const piece = Math.min(end - at, this.fieldLeft);
          const isWanted = this.state === State.WANTED;
          this.left -= piece;
          this.fieldLeft -= piece;
          if (this.fieldLeft === 0) this.endField();
          if (isWanted) this.sink.onBytes(bytes, at, at + piece);
          at += piece;
          break;
        }
        default:
          throw new Error(`unhandled state ${String(this.state satisfies never)}`);
      }
    }
  }

  private readPrefix(octet: number): void {
    if (this.prefixBytes === 0) {
      if (octet !== 0) throw new MessageError('a message is compressed, or the bytes are not messages');
      this.left = 0;
    } else {
      this.left = this.left * 256 + octet;
    }
    if (++this.prefixBytes < 5) return;
    this.prefixBytes = 0;
    if (this.left > MAX_MESSAGE_BYTES) throw new MessageError(`a message has ${this.left} bytes`);
    this.endField();
  }

  /** True when the number in `value` is complete. */
  private readVarint(octet: number): boolean {
    this.value += (octet & 0x7f) * this.scale;
    this.scale *= 128;
    this.left--;
    if (octet < 0x80) return true;
    if (this.scale >= 2 ** 70 || this.left === 0) throw new MessageError('a number in a message has no end');
    return false;
  }

  private beginField(): void {
    const { value } = this;
    if (value > MAX_TAG || value < 8) throw new MessageError('a message has an impossible tag');
    const field = value >>> 3;
    if (field === this.refused) throw new MessageError(`a message has field ${field}`);
    this.isWanted = field === this.wanted;
    this.beginNumber();
    const wireType = value & 7;
    if (this.isWanted && wireType !== 2) throw new MessageError(`field ${field} has wire type ${wireType}`);
    if (wireType === 2 || wireType === 0) {
      if (this.left === 0) throw new MessageError('a message ends within a field');
      this.state = wireType === 2 ? State.LENGTH : State.SKIP_VARINT;
    } else if (wireType === 1 || wireType === 5) {
      this.value = wireType === 1 ? 8 : 4;
      this.beginBytes();
    } else {
      throw new MessageError(`a message has wire type ${wireType}`);
    }
  }

  private beginBytes(): void {
    if (this.value > this.left) throw new MessageError('a field is longer than its message');
    this.fieldLeft = this.value;
    this.state = this.isWanted ? State.WANTED : State.SKIP;
    if (this.fieldLeft === 0) this.endField();
  }

  private endField(): void {
    this.state = this.left > 0 ? State.TAG : State.PREFIX;
    this.beginNumber();
  }

  private beginNumber(): void {
    this.value = 0;
    this.scale = 1;
  }
}

/** Maximum number of bytes that `writeMessageHead` writes. */
export const MAX_MESSAGE_HEAD_BYTES = 10;

/** How many bytes `writeMessageHead` writes before a field of `length` bytes. */
export function messageHeadBytes(length: number): number {
  return 6 + varintBytes(length);
}

/**
 * Writes what goes before the `length` bytes of a message's only field, whose number is at most 15. Returns where the
 * bytes go. `length` is below 2^28.
 */
export function writeMessageHead(target: Buffer, start: number, field: number, length: number): number {
  const messageBytes = 1 + varintBytes(length) + length;
  let at = start;
  target[at++] = 0;
  target[at++] = messageBytes >>> 24;
  target[at++] = messageBytes >>> 16;
  target[at++] = messageBytes >>> 8;
  target[at++] = messageBytes;
  target[at++] = (field << 3) | 2;
  let rest = length;
  for (; rest >= 0x80; rest >>>= 7) target[at++] = (rest & 0x7f) | 0x80;
  target[at++] = rest;
  return at;
}

function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4;
}
