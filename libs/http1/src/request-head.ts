import { parseHost, parseTarget } from './authority.js';
import { equalsIgnoringCase } from './characters.js';
import { HttpSyntaxError } from './errors.js';
import { Field } from './field.js';
import { assertDelimited, scanFieldLines } from './fields.js';
import type { HeadLimits } from './limits.js';
import { checkLines } from './line-scanner.js';
import { Framing, MessageHead } from './message-head.js';
import type { RequestLine } from './request-line.js';
import { scanRequestLine } from './request-line.js';

/** A request head that satisfies every rule of docs/http1.md. */
export class RequestHead extends MessageHead {
  /** As sent: methods are case-sensitive. */
  readonly method: string;
  /** Origin-form or `*`. As sent, except for an absolute-form target, which is reduced to path and query. */
  readonly target: string;
  /** In lower case, with the port if one was sent, and without a final dot of the name. */
  readonly host: string;
  /** Whether the name had a final dot, which `host` leaves out. */
  readonly hasFinalDot: boolean;
  /** NONE, LENGTH or CHUNKED. */
  readonly framing: Framing;
  /** Bytes of the body; 0 unless `framing` is LENGTH. */
  readonly contentLength: number;
  /** Whether the client lets the connection persist. */
  readonly keepAlive: boolean;
  /** `websocket` or ''. */
  readonly upgrade: string;
  /**
   * Any other single protocol that a GET or POST offers, as sent, or ''. Forms of HTTP itself, such as h2c, do not count.
   */
  readonly otherUpgrade: string;
  /** Whether the client holds its body back until it sees 100 (Continue). */
  readonly expectContinue: boolean;

  constructor(text: string, index: readonly number[], line: RequestLine) {
    super(text, index, line.minorVersion);
    let hostLine = -1;
    let expectLine = -1;
    for (let i = 0; i < this.count; i++) {
      const id = this.id(i);
      if (id === Field.HOST) {
        if (hostLine !== -1) throw new HttpSyntaxError('REPEATED_HOST');
        hostLine = i;
      } else if (id === Field.EXPECT) {
        if (expectLine !== -1) throw new HttpSyntaxError('EXPECTATION_FAILED');
        expectLine = i;
      }
    }
    if (this.oddCoding !== null) throw new HttpSyntaxError(this.oddCoding);
    if (this.isChunked && line.minorVersion === 0) throw new HttpSyntaxError('TRANSFER_ENCODING_IN_HTTP10');
    if (this.connection.isOdd) this.refuseOddNominations();
    if (hostLine === -1) throw new HttpSyntaxError('MISSING_HOST');
    this.method = text.slice(0, line.methodEnd);
    const hostStart = this.valueStart(hostLine);
    const hostEnd = this.valueEnd(hostLine);
    this.host = parseHost(text, hostStart, hostEnd);
    this.hasFinalDot = this.host.length < hostEnd - hostStart && FINAL_DOT.test(this.value(hostLine));
    this.target = parseTarget(text, line.methodEnd + 1, line.targetEnd, this.method, this.host);
    this.framing = this.isChunked
      ? Framing.CHUNKED
      : this.declaredLength === -1
        ? Framing.NONE
        : Framing.LENGTH;
    this.contentLength = Math.max(this.declaredLength, 0);
    this.keepAlive = this.persists;
    const hasBody = this.isChunked || this.declaredLength > 0;
    // No client sends a body before the frames of a WebSocket.
    this.upgrade = hasBody || this.method !== 'GET' ? '' : this.offeredUpgrade;
    this.otherUpgrade = this.method === 'GET' || this.method === 'POST' ? this.offeredOtherUpgrade : '';
    if (
      expectLine !== -1 &&
      !equalsIgnoringCase(text, this.valueStart(expectLine), this.valueEnd(expectLine), '100-continue')
    ) {
      throw new HttpSyntaxError('EXPECTATION_FAILED');
    }
    // RFC 9110 §10.1.1: ignored from HTTP/1.0, and pointless without a body.
    this.expectContinue = expectLine !== -1 && hasBody && line.minorVersion === 1;
  }

  /** A server that reads `Connection` differently must not treat a forwarded field as removed. */
  private refuseOddNominations(): void {
    const { oddNames } = this.connection;
    for (let i = 0; i < this.count; i++) {
      if (!NEVER_NOMINATED.has(this.id(i)) && oddNames.some((name) => this.isNamed(i, name)))
        throw new HttpSyntaxError('BAD_CONNECTION');
    }
  }
}

/** Fields whose nomination has no effect: the relay drops them, or writes them itself. */
const NEVER_NOMINATED: ReadonlySet<Field> = new Set<Field>([
  Field.HOST,
  Field.CONTENT_LENGTH,
  Field.TRANSFER_ENCODING,
  Field.CONNECTION,
  Field.UPGRADE,
  Field.KEEP_ALIVE,
  Field.PROXY_CONNECTION,
  Field.TE,
]);

const FINAL_DOT = /\.(?::\d*)?$/;

/**
 * Parses the request head in `buffer[start..end)`, as delimited by `HeadReader`. The result keeps no reference to
 * `buffer`. Throws HttpSyntaxError.
 */
export function parseRequestHead(
  buffer: Buffer,
  start: number,
  end: number,
  limits: HeadLimits,
): RequestHead {
  assertDelimited(buffer, start, end);
  try {
    const line = scanRequestLine(buffer, start, limits);
    const index = scanFieldLines(buffer, start, start + line.lineEnd, end, limits.maxFieldCount);
    return new RequestHead(buffer.toString('latin1', start, end), index, line);
  } catch (error) {
    // If the head had come in pieces, its lines would have been checked first: report the same error.
    checkLines('request', buffer, start, end, limits);
    throw error;
  }
}
