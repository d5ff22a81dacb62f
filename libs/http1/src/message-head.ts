import { COMMA, HTAB, SP, TOKEN_LOWER, equalsIgnoringCase } from './characters.js';
import { HttpSyntaxError } from './errors.js';
import { Field } from './field.js';
import { Fields } from './fields.js';

/** How the end of a body is found (RFC 9112 §6.3). */
export const Framing = { NONE: 0, LENGTH: 1, CHUNKED: 2, UNTIL_CLOSE: 3 } as const;
export type Framing = (typeof Framing)[keyof typeof Framing];

/** `Connection` may nominate this many fields: each is compared with every field of the head. */
export const MAX_CONNECTION_OPTIONS = 32;
const MAX_LENGTH_DIGITS = 16;

const NO_OPTIONS: readonly string[] = Object.freeze([]);
// Not hop-by-hop fields to remove: they steer the connection, or the relay always writes them itself. A nomination
// must never take away what frames or routes a message.
const OWN_OPTIONS: readonly string[] = [
  'close',
  'keep-alive',
  'upgrade',
  'te',
  'transfer-encoding',
  'content-length',
  'host',
];
const CLOSE = 0;
const KEEP_ALIVE = 1;
const UPGRADE = 2;

/** What requests and responses have in common: the fields that frame the body and steer the connection. */
export abstract class MessageHead extends Fields {
  readonly minorVersion: 0 | 1;
  /** Bytes of the body as `Content-Length` says, or -1 when the field is absent. */
  protected readonly declaredLength: number;
  /** Whether `Transfer-Encoding: chunked` is there. */
  protected readonly isChunked: boolean;
  /** Whether the sender lets the connection persist after this message (RFC 9112 §9.3). */
  protected readonly persists: boolean;
  /** `websocket` when that is the one protocol offered or chosen and `Connection` nominates it, else ''. */
  protected readonly offeredUpgrade: string;
  /**
   * Lower-case names that `Connection` nominates for removal, without those the relay deals with itself: close,
   * keep-alive, upgrade, te, and the framing and routing fields, which a nomination cannot remove.
   */
  readonly connectionOptions: readonly string[];

  constructor(text: string, index: readonly number[], minorVersion: 0 | 1) {
    super(text, index);
    let declaredLength = -1;
    let codingLine = -1;
    let upgradeLine = -1;
    let upgradeCount = 0;
    let seen = 0;
    let options = NO_OPTIONS;
    for (let i = 0; i < this.count; i++) {
      switch (this.id(i)) {
        case Field.CONTENT_LENGTH:
          if (declaredLength !== -1) throw new HttpSyntaxError('REPEATED_CONTENT_LENGTH');
          declaredLength = parseContentLength(text, this.valueStart(i), this.valueEnd(i));
          break;
        case Field.TRANSFER_ENCODING:
          if (codingLine !== -1) throw new HttpSyntaxError('REPEATED_TRANSFER_ENCODING');
          codingLine = i;
          break;
        case Field.CONNECTION: {
          const list = parseConnection(text, this.valueStart(i), this.valueEnd(i), options);
          seen |= list.seen;
          options = list.options;
          break;
        }
        case Field.UPGRADE:
          upgradeLine = i;
          upgradeCount++;
          break;
      }
    }
    if (codingLine !== -1) {
      checkTransferEncoding(text, this.valueStart(codingLine), this.valueEnd(codingLine));
      if (minorVersion === 0) throw new HttpSyntaxError('TRANSFER_ENCODING_IN_HTTP10');
      if (declaredLength !== -1) throw new HttpSyntaxError('CONTENT_LENGTH_WITH_TRANSFER_ENCODING');
    }
    this.minorVersion = minorVersion;
    this.declaredLength = declaredLength;
    this.isChunked = codingLine !== -1;
    const closes = (seen & (1 << CLOSE)) !== 0;
    this.persists = !closes && (minorVersion === 1 || (seen & (1 << KEEP_ALIVE)) !== 0);
    this.offeredUpgrade =
      upgradeCount === 1 &&
      minorVersion === 1 &&
      (seen & (1 << UPGRADE)) !== 0 &&
      equalsIgnoringCase(text, this.valueStart(upgradeLine), this.valueEnd(upgradeLine), 'websocket')
        ? 'websocket'
        : '';
    this.connectionOptions = options;
  }
}

/** `1*DIGIT` up to 2^53 - 1 (RFC 9110 §8.6); a list, even of equal numbers, is refused. */
function parseContentLength(text: string, from: number, to: number): number {
  if (from === to || to - from > MAX_LENGTH_DIGITS) throw new HttpSyntaxError('BAD_CONTENT_LENGTH');
  let length = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) throw new HttpSyntaxError('BAD_CONTENT_LENGTH');
    length = length * 10 + digit;
  }
  if (length > Number.MAX_SAFE_INTEGER) throw new HttpSyntaxError('BAD_CONTENT_LENGTH');
  return length;
}

/** Exactly `chunked`. Codings before it are unknown here (501); without it at the end there is no framing (400). */
function checkTransferEncoding(text: string, from: number, to: number): void {
  if (equalsIgnoringCase(text, from, to, 'chunked')) return;
  const codings = text
    .slice(from, to)
    .toLowerCase()
    .split(/[ \t]*,[ \t]*/);
  const isFinal = codings.pop() === 'chunked';
  const isUnknown =
    codings.length > 0 && codings.every((coding) => /^[^\s,]+$/.test(coding) && coding !== 'chunked');
  throw new HttpSyntaxError(isFinal && isUnknown ? 'UNSUPPORTED_TRANSFER_CODING' : 'BAD_TRANSFER_ENCODING');
}

const NOTHING_SEEN = Object.freeze({ seen: 0, options: NO_OPTIONS });
const SEEN_KEEP_ALIVE = Object.freeze({ seen: 1 << KEEP_ALIVE, options: NO_OPTIONS });
const SEEN_CLOSE = Object.freeze({ seen: 1 << CLOSE, options: NO_OPTIONS });

interface ConnectionList {
  /** A bit per steering option: CLOSE, KEEP_ALIVE, UPGRADE. */
  readonly seen: number;
  readonly options: readonly string[];
}

/** A list of tokens (RFC 9110 §7.6.1), whose empty elements are skipped (§5.6.1.2), added to `known`. */
function parseConnection(text: string, from: number, to: number, known: readonly string[]): ConnectionList {
  if (known.length === 0) {
    if (from === to) return NOTHING_SEEN;
    if (equalsIgnoringCase(text, from, to, 'keep-alive')) return SEEN_KEEP_ALIVE;
    if (equalsIgnoringCase(text, from, to, 'close')) return SEEN_CLOSE;
  }
  let seen = 0;
  let options = known;
  let position = from;
  while (position < to) {
    const code = text.charCodeAt(position);
    if (code === COMMA || code === SP || code === HTAB) {
      position++;
      continue;
    }
    const start = position;
    while (position < to && TOKEN_LOWER[text.charCodeAt(position)] !== 0) position++;
    if (position === start || !endsElement(text, position, to)) throw new HttpSyntaxError('BAD_CONNECTION');
    const option = text.slice(start, position).toLowerCase();
    const own = OWN_OPTIONS.indexOf(option);
    if (own !== -1) {
      if (own <= UPGRADE) seen |= 1 << own;
    } else if (!options.includes(option)) {
      if (options.length === MAX_CONNECTION_OPTIONS) throw new HttpSyntaxError('BAD_CONNECTION');
      options = [...options, option];
    }
  }
  return { seen, options };
}

/** Whether only whitespace lies between `position` and the next comma or the end. */
function endsElement(text: string, position: number, to: number): boolean {
  let next = position;
  while (next < to && (text.charCodeAt(next) === SP || text.charCodeAt(next) === HTAB)) next++;
  return next === to || text.charCodeAt(next) === COMMA;
}
