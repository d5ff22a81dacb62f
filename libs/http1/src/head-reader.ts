import assert from 'node:assert/strict';
import { CR, LF } from './characters.js';
import { HttpSyntaxError } from './errors.js';
import type { HeadLimits } from './limits.js';
import { MAX_HEAD_BYTES } from './limits.js';
import type { SectionKind } from './line-scanner.js';
import { LineScanner } from './line-scanner.js';

const EMPTY = Buffer.alloc(0);
const INITIAL_BYTES = 512;

/**
 * Collects one head (or trailer section) from chunks. A head within one chunk is not copied: `buffer` is then that chunk,
 * and the caller must not change it until the head is parsed. Pieces are copied, so that waiting for the rest does not
 * retain large chunks.
 */
export class HeadReader {
  /** After success, `buffer[start..end)` is the head with its final empty line. */
  buffer: Buffer = EMPTY;
  start = 0;
  end = 0;

  private readonly limits: HeadLimits;
  private readonly kind: SectionKind;
  /** Bytes of the incomplete head in `buffer`. */
  private held = 0;
  private scanner: LineScanner | null = null;
  /** Bytes still allowed for the one empty line that may come before a request (RFC 9112 §2.2). */
  private leading: 0 | 1 | 2;

  /** Only a `request` may have an empty line before it, and only `trailers` have no start line. */
  constructor(limits: HeadLimits, kind: SectionKind = 'request') {
    assert(limits.maxHeadBytes <= MAX_HEAD_BYTES);
    this.limits = limits;
    this.kind = kind;
    this.leading = this.leadingBytes();
  }

  /** True if part of a head has been read, but not its end. An empty line before it does not count. */
  get isPartial(): boolean {
    return this.held > 0;
  }

  /**
   * Searches for the end of the head in `chunk[offset..)`. Returns the offset just after it, or -1 if the whole chunk was
   * read and more is needed. Throws HttpSyntaxError as soon as the bytes cannot become a head; a head within one chunk is
   * only delimited here, and its parser checks it with the same result. The parser also detects that a response head with
   * bare LFs ends before its first CRLF CRLF (`ResponseHead.surplus`).
   */
  push(chunk: Buffer, offset: number): number {
    return this.held === 0 ? this.begin(chunk, offset) : this.continue(chunk, offset);
  }

  /** Drops what was collected; the next byte begins a head. */
  reset(): void {
    this.buffer = EMPTY;
    this.start = 0;
    this.end = 0;
    this.held = 0;
    this.scanner = null;
    this.leading = this.leadingBytes();
  }

  private begin(chunk: Buffer, offset: number): number {
    const start = this.leading === 0 ? offset : this.skipEmptyLine(chunk, offset);
    const length = chunk.length;
    if (start === length) return -1;
    const { maxHeadBytes } = this.limits;
    if (this.kind !== 'trailers') {
      const end = findEmptyLine(chunk, start, Math.min(length, start + maxHeadBytes));
      if (end !== -1) return this.complete(chunk, start, end);
    }
    const scanner = new LineScanner(this.kind, this.limits);
    const end = scanner.scan(chunk, start, length);
    if (end !== -1) return this.complete(chunk, start, end);
    this.scanner = scanner;
    this.hold(chunk, start, length);
    return -1;
  }

  private continue(chunk: Buffer, offset: number): number {
    const before = this.held;
    // One byte beyond the limit is enough for the scanner to detect the violation.
    const to = Math.min(chunk.length, offset + this.limits.maxHeadBytes - before + 1);
    this.hold(chunk, offset, to);
    const end = this.scanner!.scan(this.buffer, 0, this.held);
    if (end === -1) return -1;
    return this.complete(this.buffer, 0, end) - before + offset;
  }

  private complete(buffer: Buffer, start: number, end: number): number {
    this.buffer = buffer;
    this.start = start;
    this.end = end;
    this.held = 0;
    this.scanner = null;
    this.leading = this.leadingBytes();
    return end;
  }

  /** Appends `chunk[from..to)` to the held bytes. */
  private hold(chunk: Buffer, from: number, to: number): void {
    const needed = this.held + to - from;
    if (this.held === 0 || needed > this.buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(INITIAL_BYTES, 2 * this.held, needed));
      this.buffer.copy(grown, 0, 0, this.held);
      this.buffer = grown;
    }
    chunk.copy(this.buffer, this.held, from, to);
    this.held = needed;
  }

  private leadingBytes(): 0 | 2 {
    return this.kind === 'request' ? 2 : 0;
  }

  private skipEmptyLine(chunk: Buffer, offset: number): number {
    let position = offset;
    if (this.leading === 2 && chunk[position] === CR) {
      this.leading = 1;
      position++;
    }
    if (this.leading === 1 && position < chunk.length) {
      if (chunk[position] !== LF) throw new HttpSyntaxError('BARE_CR');
      this.leading = 0;
      position++;
    }
    return position;
  }
}

/**
 * Returns the offset after the first CRLF CRLF in `buffer[from..to)`, or -1. Checks every fourth byte, where the last of the
 * four could be, and advances by as much as the byte there allows.
 */
function findEmptyLine(buffer: Uint8Array, from: number, to: number): number {
  let i = from + 3;
  while (i < to) {
    const byte = buffer[i];
    if (byte > CR) {
      i += 4;
    } else if (byte === LF) {
      if (buffer[i - 1] === CR && buffer[i - 2] === LF && buffer[i - 3] === CR) return i + 1;
      i += 2;
    } else {
      i += byte === CR ? 1 : 4;
    }
  }
  return -1;
}
