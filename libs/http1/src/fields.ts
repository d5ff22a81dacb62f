import assert from 'node:assert/strict';
import { COLON, CR, HTAB, IS_VALUE_BYTE, LF, SP, TOKEN_LOWER, equalsIgnoringCase } from './characters.js';
import type { HttpSyntaxCode } from './errors.js';
import { HttpSyntaxError } from './errors.js';
import { Field, identifyField } from './field.js';

/**
 * A validated field section. It keeps the bytes as one latin1 string and the position of each line in it; names and values
 * are cut out only on demand.
 *
 *     text   GET / HTTP/1.1␍␊ Host: a␍␊ Accept: *␍␊ ␍␊
 *                             ^ lineStart(0)
 *                                       ^ lineEnd(0) = lineStart(1)
 *
 * Lines are contiguous, so that a run of lines is one slice of `text`.
 */
export class Fields {
  /** The whole head (or trailer section) as latin1: one character per byte. */
  readonly text: string;
  /** Number of field lines. */
  readonly count: number;
  // Two numbers per line: its offset in `text`, and length of the name << ID_BITS | id. Then the end of the last line.
  private readonly index: readonly number[];

  /** `index` comes from `scanFieldLines` over the bytes that `text` shows. */
  constructor(text: string, index: readonly number[]) {
    this.text = text;
    this.index = index;
    this.count = index.length >> 1;
  }

  /** Returns the id of field line `i`. */
  id(i: number): Field {
    return (this.index[2 * i + 1] & ID_MASK) as Field;
  }

  /** The name as sent. */
  name(i: number): string {
    const start = this.index[2 * i];
    return this.text.slice(start, start + this.nameLength(i));
  }

  /** The value without the whitespace around it (RFC 9112 §5.1). */
  value(i: number): string {
    return this.text.slice(this.valueStart(i), this.valueEnd(i));
  }

  /** Offset after the colon in `text`, where whitespace may stand. */
  colonEnd(i: number): number {
    return this.index[2 * i] + this.nameLength(i) + 1;
  }

  /** Offset of the value's first byte in `text`. */
  valueStart(i: number): number {
    let position = this.colonEnd(i);
    while (isWhitespace(this.text.charCodeAt(position))) position++;
    return position;
  }

  /** Offset after the value's last byte in `text`. */
  valueEnd(i: number): number {
    const start = this.colonEnd(i);
    let position = this.lineEnd(i) - 2;
    while (position > start && isWhitespace(this.text.charCodeAt(position - 1))) position--;
    // A value of whitespace only is empty, and starts after that whitespace.
    return position === start ? this.valueStart(i) : position;
  }

  /** Returns the offset of the raw line in `text`. */
  lineStart(i: number): number {
    return this.index[2 * i];
  }

  /** Offset after the raw line's CRLF in `text`: where the next line starts. */
  lineEnd(i: number): number {
    return this.index[2 * i + 2];
  }

  /** The first line with this id, or -1. */
  find(id: Field): number {
    for (let i = 0; i < this.count; i++) {
      if (this.id(i) === id) return i;
    }
    return -1;
  }

  /** Returns the value of the first line with this lower-case name, or null if there is none. */
  valueNamed(lowerCaseName: string): string | null {
    for (let i = 0; i < this.count; i++) if (this.isNamed(i, lowerCaseName)) return this.value(i);
    return null;
  }

  /** Reports whether line `i` has this lower-case name. */
  isNamed(i: number, lowerCaseName: string): boolean {
    const start = this.index[2 * i];
    return equalsIgnoringCase(this.text, start, start + this.nameLength(i), lowerCaseName);
  }

  /**
   * Reports whether line `i` has this name, treating underscores as hyphens. CGI and WSGI give a service both as one
   * variable.
   * @param folded in lower case, with hyphens for underscores
   */
  isNamedAlike(i: number, folded: string): boolean {
    if (this.nameLength(i) !== folded.length) return false;
    const start = this.index[2 * i];
    for (let k = 0; k < folded.length; k++) {
      const code = this.text.charCodeAt(start + k);
      const lower = code === UNDERSCORE ? HYPHEN : code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
      if (lower !== folded.charCodeAt(k)) return false;
    }
    return true;
  }

  private nameLength(i: number): number {
    return this.index[2 * i + 1] >> ID_BITS;
  }
}

const HYPHEN = 0x2d;
const UNDERSCORE = 0x5f;
const ID_BITS = 7;
const ID_MASK = (1 << ID_BITS) - 1;
assert(Object.keys(Field).length <= ID_MASK);

/**
 * Validates the lines in `buffer[from..end)`, which ends with the empty line, and returns their positions, relative to
 * `base` (see `Fields`). Grammar: RFC 9112 §5; obsolete line folding is refused (§5.2).
 */
export function scanFieldLines(
  buffer: Uint8Array,
  base: number,
  from: number,
  end: number,
  maxCount: number,
): number[] {
  const index: number[] = [];
  let position = from;
  // Every loop stops at a CR at the latest, and the section ends with one.
  while (buffer[position] !== CR) {
    if (index.length === 2 * maxCount) throw new HttpSyntaxError('TOO_MANY_FIELDS');
    const lineStart = position;
    while (TOKEN_LOWER[buffer[position]] !== 0) position++;
    if (buffer[position] !== COLON || position === lineStart) throw badName(buffer, lineStart, position);
    const nameEnd = position++;
    // Four at a time: a fifth of the cost of a head. At least four bytes follow every value.
    while (
      (IS_VALUE_BYTE[buffer[position]] &
        IS_VALUE_BYTE[buffer[position + 1]] &
        IS_VALUE_BYTE[buffer[position + 2]] &
        IS_VALUE_BYTE[buffer[position + 3]]) ===
      1
    ) {
      position += 4;
    }
    while (IS_VALUE_BYTE[buffer[position]] === 1) position++;
    if (buffer[position] !== CR || buffer[position + 1] !== LF)
      throw new HttpSyntaxError(badLine(buffer[position]));
    position += 2;
    index.push(
      lineStart - base,
      ((nameEnd - lineStart) << ID_BITS) | identifyField(buffer, lineStart, nameEnd),
    );
  }
  if (position !== end - 2) throw new HttpSyntaxError('BARE_CR');
  index.push(position - base);
  return index;
}

/** Parses the non-empty field section in `buffer[start..end)`, which ends with its empty line. */
export function parseFields(buffer: Buffer, start: number, end: number, maxCount: number): Fields {
  assertDelimited(buffer, start, end);
  return new Fields(
    buffer.toString('latin1', start, end),
    scanFieldLines(buffer, start, start, end, maxCount),
  );
}

/** Callers must pass a section that ends with an empty line: the loops of the parsers rely on it. */
export function assertDelimited(buffer: Uint8Array, start: number, end: number): void {
  assert(isDelimited(buffer, start, end));
}

/** Reports whether `buffer[start..end)` ends with CRLF CRLF. */
export function isDelimited(buffer: Uint8Array, start: number, end: number): boolean {
  return (
    end - start >= 4 &&
    buffer[end - 4] === CR &&
    buffer[end - 3] === LF &&
    buffer[end - 2] === CR &&
    buffer[end - 1] === LF
  );
}

/** Returns the fault of a line that stops at `byte`, which its grammar forbids there. */
export function badLine(byte: number): HttpSyntaxCode {
  if (byte === CR) return 'BARE_CR';
  if (byte === LF) return 'BARE_LF';
  return 'CONTROL_CHARACTER';
}

/** Returns the fault of a line whose leading token ends at `at` without a colon, or is empty. */
function badName(buffer: Uint8Array, lineStart: number, at: number): HttpSyntaxError {
  const byte = buffer[at];
  if (isWhitespace(byte))
    return new HttpSyntaxError(at === lineStart ? 'OBS_FOLD' : 'WHITESPACE_BEFORE_COLON');
  return new HttpSyntaxError(byte === COLON ? 'EMPTY_FIELD_NAME' : 'BAD_FIELD_NAME');
}

function isWhitespace(code: number): boolean {
  return code === SP || code === HTAB;
}
