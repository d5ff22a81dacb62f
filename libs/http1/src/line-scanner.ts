import { CR, HTAB, LF, SP } from './characters.js';
import { HttpSyntaxError } from './errors.js';
import type { HeadLimits } from './limits.js';
import { maxStartLineBytes } from './limits.js';
import { VERSION_BYTES, hasVersionAt } from './version.js';

/** Kind of section. A trailer section has no start line. */
export type SectionKind = 'request' | 'response' | 'trailers';

const State = { LINE_START: 0, IN_LINE: 1, AFTER_CR: 2, LAST_CR: 3 } as const;
type State = (typeof State)[keyof typeof State];

/**
 * Scans a section byte by byte as it arrives and refuses it at the first byte that no valid section can have. It checks
 * lines and limits; the parsers interpret the lines. It decides the error of a section with several faults, so that the same
 * bytes give the same error however they are split.
 */
export class LineScanner {
  /** Whether a line ended with LF alone, which only responses may (RFC 9112 §2.2). */
  hasBareLf = false;
  private readonly limits: HeadLimits;
  private readonly kind: SectionKind;
  private state: State = State.LINE_START;
  /** Bytes seen. */
  private length = 0;
  /** Whether the start line is still being read. */
  private inStartLine: boolean;
  /** The `length` at which the next limit is violated. */
  private stop: number;

  constructor(kind: SectionKind, limits: HeadLimits) {
    this.kind = kind;
    this.limits = limits;
    this.inStartLine = kind !== 'trailers';
    this.stop = this.inStartLine
      ? Math.min(maxStartLineBytes(limits) + 2, limits.maxHeadBytes)
      : limits.maxHeadBytes;
  }

  /**
   * Reads `buffer[start + length..to)`, where `start` is the section's beginning: bytes seen before must still be there.
   * Returns the offset after the section, or -1 if more is needed.
   */
  scan(buffer: Uint8Array, start: number, to: number): number {
    for (let i = start + this.length; i < to; i++) {
      if (this.length === this.stop) throw this.overLimit();
      this.length++;
      const byte = buffer[i];
      switch (this.state) {
        case State.LINE_START:
          if (byte === CR) {
            if (this.inStartLine) throw new HttpSyntaxError('BAD_START_LINE');
            this.state = State.LAST_CR;
            break;
          }
          if (byte === LF && this.kind === 'response') {
            if (this.inStartLine) throw new HttpSyntaxError('BAD_START_LINE');
            this.hasBareLf = true;
            return i + 1;
          }
          if (byte === SP || byte === HTAB)
            throw new HttpSyntaxError(this.inStartLine ? 'BAD_START_LINE' : 'OBS_FOLD');
          this.state = State.IN_LINE;
          consumeLineByte(byte);
          break;
        case State.IN_LINE:
          if (byte === CR) {
            this.state = State.AFTER_CR;
          } else if (byte === LF && this.kind === 'response') {
            this.hasBareLf = true;
            this.endLine(buffer, start, i);
          } else {
            consumeLineByte(byte);
          }
          break;
        case State.AFTER_CR:
          if (byte !== LF) throw new HttpSyntaxError('BARE_CR');
          this.endLine(buffer, start, i - 1);
          break;
        case State.LAST_CR:
          if (byte !== LF) throw new HttpSyntaxError('BARE_CR');
          return i + 1;
      }
    }
    return -1;
  }

  /** @param end where the line's CRLF or LF begins */
  private endLine(buffer: Uint8Array, start: number, end: number): void {
    if (this.inStartLine) this.endStartLine(buffer, start, end);
    this.state = State.LINE_START;
  }

  private endStartLine(buffer: Uint8Array, start: number, end: number): void {
    // HTTP/0.9 has no version, and its client waits for a response: do not wait for the rest of a head.
    const lastVersion = end - VERSION_BYTES;
    const hasVersion =
      hasVersionAt(buffer, start) || (lastVersion >= start && hasVersionAt(buffer, lastVersion));
    if (!hasVersion) throw new HttpSyntaxError('BAD_START_LINE');
    this.inStartLine = false;
    this.stop = this.limits.maxHeadBytes;
  }

  private overLimit(): HttpSyntaxError {
    if (this.kind === 'trailers') return new HttpSyntaxError('TRAILERS_TOO_LARGE');
    return new HttpSyntaxError(this.inStartLine ? 'START_LINE_TOO_LONG' : 'HEAD_TOO_LARGE');
  }
}

/** Throws the fault that `LineScanner` finds in `buffer[start..end)`, if any. */
export function checkLines(
  kind: SectionKind,
  buffer: Uint8Array,
  start: number,
  end: number,
  limits: HeadLimits,
): void {
  new LineScanner(kind, limits).scan(buffer, start, end);
}

function consumeLineByte(byte: number): void {
  if (byte < SP ? byte !== HTAB : byte === 0x7f) {
    throw new HttpSyntaxError(byte === LF ? 'BARE_LF' : 'CONTROL_CHARACTER');
  }
}
