import { CR, HEX_VALUE, IS_VALUE_BYTE, LF, TOKEN_LOWER } from './characters.js';
import { HttpSyntaxError } from './errors.js';
import type { Fields } from './fields.js';
import { parseFields } from './fields.js';
import { HeadReader } from './head-reader.js';
import type { ChunkedLimits } from './limits.js';

/** What the next byte belongs to. */
const State = {
  SIZE: 0,
  EXTENSION_NAME_START: 1,
  EXTENSION_NAME: 2,
  EXTENSION_VALUE_START: 3,
  EXTENSION_TOKEN: 4,
  EXTENSION_QUOTED: 5,
  EXTENSION_ESCAPED: 6,
  EXTENSION_UNQUOTED: 7,
  SIZE_LF: 8,
  DATA: 9,
  DATA_CR: 10,
  DATA_LF: 11,
  /** The first byte after the last chunk's line. */
  TRAILER_START: 12,
  /** The LF of an empty trailer section. */
  TRAILER_LF: 13,
  TRAILERS: 14,
  DONE: 15,
} as const;
type State = (typeof State)[keyof typeof State];

/** Receives `buffer[start..end)`, never empty. The buffer is the scanned chunk, or one of the scanner's own. */
export type RangeSink = (buffer: Buffer, start: number, end: number) => void;

const MAX_SIZE_DIGITS = 14;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Finds the end of a chunked body while it streams by (RFC 9112 §7.1), without copying it.
 *
 * - `decoded` output is the payload alone.
 * - `encoded` output is the chunked coding without extensions, up to but not including the last chunk: the forwarder writes
 * `0␍␊`, the trailers it permits, and `␍␊`. Input of that form passes as one range; only size lines with an extension or
 * leading zeros, or split in two, are rewritten.
 *
 * After HttpSyntaxError the scanner must not be used again.
 */
export class ChunkedScanner {
  /** The validated trailer section; null until it has been read, or if it is empty. */
  trailers: Fields | null = null;

  private readonly keepsCoding: boolean;
  private readonly limits: ChunkedLimits;
  private state: State = State.SIZE;
  /** While a size line is read, the size so far; then the bytes of payload still to come. */
  private remaining = 0;
  private sizeDigits = 0;
  /** Whether the size line can be passed on unchanged. */
  private isCanonical = true;
  /** Bytes of extensions so far, in the whole body. */
  private extensionBytes = 0;
  private trailerReader: HeadReader | null = null;

  // Offsets into the chunk being scanned. With encoded output they relate like this:
  //
  //     5 ␍ ␊ h e l l o ␍ ␊ 6 ; x ␍ ␊
  //     ^ pending           ^ sizeStart
  //
  /** Where the output not yet passed to `sink` begins, or -1. */
  private pending = -1;
  /** Where the current size line begins, or -1 if that was in an earlier chunk. */
  private sizeStart = -1;

  constructor(output: 'decoded' | 'encoded', limits: ChunkedLimits) {
    this.keepsCoding = output === 'encoded';
    this.limits = limits;
  }

  /** Whether the body is complete, with its trailer section. */
  get done(): boolean {
    return this.state === State.DONE;
  }

  /**
   * Reads `chunk[offset..)` and passes the ranges of its output to `sink`. Returns the offset just after the body, or the
   * chunk's length while the body continues. Throws HttpSyntaxError; what `sink` received before is valid output of whole or
   * begun chunks.
   */
  scan(chunk: Buffer, offset: number, sink: RangeSink): number {
    const { length } = chunk;
    const isInData = this.state >= State.DATA && this.state <= State.DATA_LF;
    this.pending = this.keepsCoding && isInData ? offset : -1;
    this.sizeStart = -1;
    let position = offset;
    while (position < length && this.state !== State.DONE) {
      switch (this.state) {
        case State.SIZE:
          position = this.scanSize(chunk, position);
          break;
        case State.SIZE_LF:
          if (chunk[position++] !== LF) throw new HttpSyntaxError('BARE_CR');
          this.endSizeLine(chunk, position, sink);
          break;
        case State.DATA: {
          const end = Math.min(length, position + this.remaining);
          if (!this.keepsCoding) sink(chunk, position, end);
          this.remaining -= end - position;
          if (this.remaining === 0) this.state = State.DATA_CR;
          position = end;
          break;
        }
        case State.DATA_CR:
          if (chunk[position++] !== CR) throw new HttpSyntaxError('BAD_CHUNK_END');
          this.state = State.DATA_LF;
          break;
        case State.DATA_LF:
          if (chunk[position++] !== LF) throw new HttpSyntaxError('BAD_CHUNK_END');
          this.sizeDigits = 0;
          this.state = State.SIZE;
          break;
        case State.TRAILER_START:
          if (chunk[position] === CR) {
            position++;
            this.state = State.TRAILER_LF;
          } else {
            this.state = State.TRAILERS;
          }
          break;
        case State.TRAILER_LF:
          if (chunk[position++] !== LF) throw new HttpSyntaxError('BARE_CR');
          this.state = State.DONE;
          break;
        case State.TRAILERS:
          position = this.readTrailers(chunk, position);
          break;
        default:
          position = this.scanExtension(chunk, position);
      }
    }
    // An unfinished size line is not output yet: it is rewritten once it is complete.
    this.flush(chunk, this.sizeStart === -1 ? position : this.sizeStart, sink);
    return position;
  }

  /** `1*HEXDIG`, up to the CR or the extensions. */
  private scanSize(chunk: Buffer, from: number): number {
    if (this.sizeDigits === 0) {
      this.sizeStart = from;
      this.remaining = 0;
    }
    for (let position = from; position < chunk.length; position++) {
      const byte = chunk[position];
      const digit = HEX_VALUE[byte];
      if (digit <= 15) {
        if (this.sizeDigits === 0) this.isCanonical = digit !== 0;
        if (++this.sizeDigits > MAX_SIZE_DIGITS) throw new HttpSyntaxError('BAD_CHUNK_SIZE');
        this.remaining = this.remaining * 16 + digit;
        continue;
      }
      if (byte === LF) throw new HttpSyntaxError('BARE_LF');
      const isEnd = byte === CR || byte === SEMICOLON;
      if (!isEnd || this.sizeDigits === 0 || this.remaining > Number.MAX_SAFE_INTEGER) {
        throw new HttpSyntaxError('BAD_CHUNK_SIZE');
      }
      if (byte === CR) {
        this.state = State.SIZE_LF;
        return position + 1;
      }
      this.isCanonical = false;
      this.state = State.EXTENSION_NAME_START;
      this.countExtensionByte();
      return position + 1;
    }
    return chunk.length;
  }

  private endSizeLine(chunk: Buffer, lineEnd: number, sink: RangeSink): void {
    const lineStart = this.sizeStart;
    this.sizeStart = -1;
    const isLast = this.remaining === 0;
    this.state = isLast ? State.TRAILER_START : State.DATA;
    if (!this.keepsCoding) return;
    if (isLast) {
      this.flush(chunk, lineStart, sink);
    } else if (lineStart !== -1 && this.isCanonical) {
      if (this.pending === -1) this.pending = lineStart;
    } else {
      this.flush(chunk, lineStart, sink);
      const line = Buffer.from(`${this.remaining.toString(16)}\r\n`, 'latin1');
      sink(line, 0, line.length);
      this.pending = lineEnd;
    }
  }

  /** Passes to `sink` what is pending before `end`. Nothing is pending if a size line began in an earlier chunk. */
  private flush(chunk: Buffer, end: number, sink: RangeSink): void {
    if (this.pending !== -1 && end > this.pending) sink(chunk, this.pending, end);
    this.pending = -1;
  }

  /**
   * `*( ";" name [ "=" ( token / quoted-string ) ] )` up to the CR. Extensions are ignored and dropped, but checked: a size
   * line that two parsers end at different bytes hides a request (RFC 9112 §7.1.1). The whitespace that the grammar
   * tolerates around `;` and `=` is refused, since no sender uses it.
   */
  private scanExtension(chunk: Buffer, from: number): number {
    for (let position = from; position < chunk.length; position++) {
      const byte = chunk[position];
      const next = nextExtensionState(this.state, byte);
      if (next === -1) throw new HttpSyntaxError(byte === LF ? 'BARE_LF' : 'BAD_CHUNK_EXTENSION');
      this.state = next;
      if (next === State.SIZE_LF) return position + 1;
      this.countExtensionByte();
    }
    return chunk.length;
  }

  private countExtensionByte(): void {
    if (++this.extensionBytes > this.limits.maxExtensionBytes)
      throw new HttpSyntaxError('CHUNK_EXTENSIONS_TOO_LARGE');
  }

  private readTrailers(chunk: Buffer, from: number): number {
    const { maxTrailerBytes, maxTrailerCount } = this.limits;
    this.trailerReader ??= new HeadReader(
      { maxHeadBytes: maxTrailerBytes, maxFieldCount: maxTrailerCount, maxTargetBytes: 0 },
      'trailers',
    );
    const reader = this.trailerReader;
    const end = reader.push(chunk, from);
    if (end === -1) return chunk.length;
    this.trailers = parseFields(reader.buffer, reader.start, reader.end, maxTrailerCount);
    this.trailerReader = null;
    this.state = State.DONE;
    return end;
  }
}

/** Returns the state after `byte` within chunk extensions, or -1 if the grammar forbids it. */
function nextExtensionState(state: State, byte: number): State | -1 {
  const isToken = TOKEN_LOWER[byte] !== 0;
  switch (state) {
    case State.EXTENSION_NAME_START:
      return isToken ? State.EXTENSION_NAME : -1;
    case State.EXTENSION_NAME:
      if (isToken) return State.EXTENSION_NAME;
      return byte === EQUALS ? State.EXTENSION_VALUE_START : endOfExtension(byte);
    case State.EXTENSION_VALUE_START:
      if (byte === QUOTE) return State.EXTENSION_QUOTED;
      return isToken ? State.EXTENSION_TOKEN : -1;
    case State.EXTENSION_TOKEN:
      return isToken ? State.EXTENSION_TOKEN : endOfExtension(byte);
    case State.EXTENSION_QUOTED:
      if (byte === QUOTE) return State.EXTENSION_UNQUOTED;
      if (byte === BACKSLASH) return State.EXTENSION_ESCAPED;
      return IS_VALUE_BYTE[byte] === 1 ? State.EXTENSION_QUOTED : -1;
    case State.EXTENSION_ESCAPED:
      return IS_VALUE_BYTE[byte] === 1 ? State.EXTENSION_QUOTED : -1;
    case State.EXTENSION_UNQUOTED:
      return endOfExtension(byte);
    default:
      throw new Error(`not an extension state: ${state}`);
  }
}

function endOfExtension(byte: number): State | -1 {
  if (byte === SEMICOLON) return State.EXTENSION_NAME_START;
  return byte === CR ? State.SIZE_LF : -1;
}
