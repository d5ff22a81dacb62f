import assert from 'node:assert/strict';
import { CR, IS_VALUE_BYTE, LF, SP } from './characters.js';
import { HttpSyntaxError } from './errors.js';
import { Field } from './field.js';
import { badLine, isDelimited, scanFieldLines } from './fields.js';
import type { HeadLimits } from './limits.js';
import { maxStartLineBytes } from './limits.js';
import { LineScanner } from './line-scanner.js';
import { Framing, MessageHead } from './message-head.js';
import { Oddity } from './oddity.js';
import { VERSION_BYTES, readMinorVersion } from './version.js';

/** The parameter of `Keep-Alive` (RFC 2068 §19.7.1) that servers send and clients obey. */
const TIMEOUT = /(?:^|[ \t,;])timeout[ \t]*=[ \t]*"?(\d{1,9})/i;

/** A response head that satisfies every rule of docs/http1.md. */
export class ResponseHead extends MessageHead {
  /** 100 to 999. */
  readonly status: number;
  /** The reason phrase, often ''. */
  readonly reason: string;
  readonly framing: Framing;
  /** Bytes of the body; 0 unless `framing` is LENGTH. */
  readonly contentLength: number;
  /** Whether the connection can carry another exchange after this response. */
  readonly keepAlive: boolean;
  /** How long the service keeps an idle connection, by `Keep-Alive: timeout`, in milliseconds; Infinity: not announced. */
  readonly maxIdleMs: number;
  /** For 101 the new protocol if it is `websocket`; '' for any other protocol, and for other statuses. */
  readonly upgrade: string;
  /** For 101 any other new protocol, as sent, except forms of HTTP itself; otherwise ''. */
  readonly otherUpgrade: string;
  /** Whether the status (1xx, 204, 205) forbids a body, whatever the request and the fields. */
  readonly isBodyless: boolean;
  /** Its faults, as bits of `Oddity`; 0 for nearly all. Otherwise the connection must not be used again. */
  readonly oddities: number;
  /**
   * Bytes of `buffer[start..end)` that do not belong to it: a head with lines that end in LF may be over before the first
   * CRLF CRLF, where `HeadReader` ends it. 0 for all others.
   */
  readonly surplus: number;

  constructor(
    text: string,
    index: readonly number[],
    line: StatusLine,
    requestMethod: string,
    { oddities, surplus }: ReadLines,
  ) {
    super(text, index, line.minorVersion);
    const { status } = line;
    this.status = status;
    this.reason = text.slice(VERSION_BYTES + 5, line.lineEnd - 2);
    this.isBodyless = status < 200 || status === 204 || status === 205;
    const framing = this.frame(status, requestMethod);
    this.framing = framing;
    this.contentLength = framing === Framing.LENGTH ? this.declaredLength : 0;
    const isBodyAnnounced = this.isBodyless && (this.isChunked || this.declaredLength > 0);
    this.oddities =
      oddities |
      (isBodyAnnounced ? Oddity.BODY_NOT_ALLOWED : 0) |
      (this.oddCoding === null ? 0 : Oddity[this.oddCoding]) |
      (this.connection.isOdd ? Oddity.BAD_CONNECTION : 0) |
      // RFC 9112 §6.1: frame the message accordingly, and close the connection.
      (this.isChunked && line.minorVersion === 0 ? Oddity.TRANSFER_ENCODING_IN_HTTP10 : 0);
    this.surplus = surplus;
    // Unlike for other bodyless responses, other parsers read 205 by its fields: without a length, until the end.
    const hasEnd = framing !== Framing.UNTIL_CLOSE && (status !== 205 || this.declaredLength === 0);
    this.keepAlive = this.persists && hasEnd && this.oddities === 0;
    this.maxIdleMs = this.readMaxIdleMs();
    this.upgrade = status === 101 ? this.offeredUpgrade : '';
    this.otherUpgrade = status === 101 ? this.offeredOtherUpgrade : '';
  }

  private readMaxIdleMs(): number {
    const line = this.find(Field.KEEP_ALIVE);
    const seconds = line === -1 ? undefined : TIMEOUT.exec(this.value(line))?.[1];
    return seconds === undefined ? Infinity : Number(seconds) * 1000;
  }

  /** RFC 9112 §6.3. */
  private frame(status: number, requestMethod: string): Framing {
    if (this.isBodyless || requestMethod === 'HEAD' || status === 304) return Framing.NONE;
    if (this.isChunked) return Framing.CHUNKED;
    return this.declaredLength === -1 ? Framing.UNTIL_CLOSE : Framing.LENGTH;
  }
}

interface StatusLine {
  readonly status: number;
  /** Offset of the field lines, relative to the line's first byte. */
  readonly lineEnd: number;
  readonly minorVersion: 0 | 1;
}

/** Positions of the lines of a head. */
interface ReadLines {
  readonly oddities: number;
  readonly surplus: number;
}

const STRICT: ReadLines = { oddities: 0, surplus: 0 };

/**
 * Parses the response head in `buffer[start..end)`, as delimited by `HeadReader`; `requestMethod` is that of the
 * request it answers. The result keeps no reference to `buffer`. Throws HttpSyntaxError.
 */
export function parseResponseHead(
  buffer: Buffer,
  start: number,
  end: number,
  limits: HeadLimits,
  requestMethod: string,
): ResponseHead {
  if (!isDelimited(buffer, start, end)) return parseBareLines(buffer, start, end, limits, requestMethod);
  try {
    return parse(buffer, start, end, limits, requestMethod, STRICT);
  } catch (error) {
    return parseBareLines(buffer, start, end, limits, requestMethod, error);
  }
}

/**
 * Like `parseResponseHead`, for a head with lines that end in LF alone: rewrites it with CRLF. If the head had come in
 * pieces, its lines would have been checked first: reports the same error.
 * @param error thrown if every line ends with CRLF
 */
function parseBareLines(
  buffer: Buffer,
  start: number,
  end: number,
  limits: HeadLimits,
  requestMethod: string,
  error?: unknown,
): ResponseHead {
  const scanner = new LineScanner('response', limits);
  const headEnd = scanner.scan(buffer, start, end);
  assert(headEnd !== -1);
  if (!scanner.hasBareLf) throw error;
  const text = buffer.toString('latin1', start, headEnd).replaceAll(/\r?\n/g, '\r\n');
  const lines = { oddities: Oddity.BARE_LF, surplus: end - headEnd };
  return parse(Buffer.from(text, 'latin1'), 0, text.length, limits, requestMethod, lines);
}

function parse(
  buffer: Buffer,
  start: number,
  end: number,
  limits: HeadLimits,
  requestMethod: string,
  lines: ReadLines,
): ResponseHead {
  const line = scanStatusLine(buffer, start, limits);
  const index = scanFieldLines(buffer, start, start + line.lineEnd, end, limits.maxFieldCount);
  return new ResponseHead(buffer.toString('latin1', start, end), index, line, requestMethod, lines);
}

/** HTTP-version SP status-code [ SP reason-phrase ] CRLF (RFC 9112 §4). */
function scanStatusLine(buffer: Buffer, start: number, limits: HeadLimits): StatusLine {
  const minorVersion = readMinorVersion(buffer, start);
  let position = start + VERSION_BYTES;
  if (buffer[position] !== SP) throw new HttpSyntaxError('BAD_START_LINE');
  const status =
    readDigit(buffer, position + 1) * 100 +
    readDigit(buffer, position + 2) * 10 +
    readDigit(buffer, position + 3);
  if (status < 100) throw new HttpSyntaxError('BAD_STATUS');
  position += 4;
  // Some servers omit the space before an empty reason: harmless, and Node's client accepts it.
  if (buffer[position] !== SP && buffer[position] !== CR) throw new HttpSyntaxError('BAD_STATUS');
  while (IS_VALUE_BYTE[buffer[position]] === 1) position++;
  if (buffer[position] !== CR || buffer[position + 1] !== LF)
    throw new HttpSyntaxError(badLine(buffer[position]));
  if (position - start > maxStartLineBytes(limits)) throw new HttpSyntaxError('START_LINE_TOO_LONG');
  return { status, lineEnd: position + 2 - start, minorVersion };
}

function readDigit(buffer: Buffer, at: number): number {
  const digit = buffer[at] - 0x30;
  if (digit < 0 || digit > 9) throw new HttpSyntaxError('BAD_STATUS');
  return digit;
}
