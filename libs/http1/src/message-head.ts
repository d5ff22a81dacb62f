import { SP, equalsIgnoringCase } from './characters.js';
import { ConnectionOptions, NO_CONNECTION_OPTIONS } from './connection.js';
import { HttpSyntaxError } from './errors.js';
import { Field } from './field.js';
import { Fields } from './fields.js';

/** How the end of a body is determined (RFC 9112 §6.3). */
export const Framing = { NONE: 0, LENGTH: 1, CHUNKED: 2, UNTIL_CLOSE: 3 } as const;
export type Framing = (typeof Framing)[keyof typeof Framing];

const MAX_LENGTH_DIGITS = 16;

/** The common part of requests and responses: the fields that frame the body and control the connection. */
export abstract class MessageHead extends Fields {
  readonly minorVersion: 0 | 1;
  /** Bytes of the body according to `Content-Length`, or -1 if the field is absent. */
  protected readonly declaredLength: number;
  /** Whether `Transfer-Encoding: chunked` is present. */
  protected readonly isChunked: boolean;
  /** The fault of `Transfer-Encoding` that is nevertheless clear to all clients; null: none. */
  protected readonly oddCoding: 'REPEATED_TRANSFER_ENCODING' | 'BAD_TRANSFER_ENCODING' | null;
  /** Whether the sender lets the connection persist after this message (RFC 9112 §9.3). */
  protected readonly persists: boolean;
  /** `websocket` if that is the only protocol offered or chosen and `Connection` nominates it, else ''. */
  protected readonly offeredUpgrade: string;
  /** The same for any other single protocol, as sent, except forms of HTTP itself (`UPGRADES_OF_HTTP`). */
  protected readonly offeredOtherUpgrade: string;
  /**
   * Lower-case names that `Connection` nominates for removal, without those that the relay handles itself: close,
   * keep-alive, upgrade, te, and the framing and routing fields, which a nomination cannot remove.
   */
  readonly connectionOptions: readonly string[];
  /** The parsed `Connection` fields. */
  protected readonly connection: Readonly<ConnectionOptions>;

  constructor(text: string, index: readonly number[], minorVersion: 0 | 1) {
    super(text, index);
    let declaredLength = -1;
    let codingCount = 0;
    let otherCodingLine = -1;
    let upgradeLine = -1;
    let upgradeCount = 0;
    let connection: ConnectionOptions | null = null;
    for (let i = 0; i < this.count; i++) {
      switch (this.id(i)) {
        case Field.CONTENT_LENGTH:
          if (declaredLength !== -1) throw new HttpSyntaxError('REPEATED_CONTENT_LENGTH');
          declaredLength = parseContentLength(text, this.colonEnd(i), this.lineEnd(i) - 2);
          break;
        case Field.TRANSFER_ENCODING:
          codingCount++;
          if (!isChunked(text, this.colonEnd(i), this.lineEnd(i) - 2)) otherCodingLine = i;
          break;
        case Field.CONNECTION:
          connection ??= new ConnectionOptions();
          connection.add(text, this.valueStart(i), this.valueEnd(i));
          break;
        case Field.UPGRADE:
          upgradeLine = i;
          upgradeCount++;
          break;
        default:
          break;
      }
    }
    if (otherCodingLine !== -1) {
      // Several fields form one list, each of which may only contain `chunked`.
      if (codingCount > 1) throw new HttpSyntaxError('REPEATED_TRANSFER_ENCODING');
      checkIdentity(text, this.colonEnd(otherCodingLine), this.lineEnd(otherCodingLine) - 2);
      this.oddCoding = 'BAD_TRANSFER_ENCODING';
    } else {
      this.oddCoding = codingCount > 1 ? 'REPEATED_TRANSFER_ENCODING' : null;
    }
    if (codingCount > 0 && declaredLength !== -1)
      throw new HttpSyntaxError('CONTENT_LENGTH_WITH_TRANSFER_ENCODING');
    this.minorVersion = minorVersion;
    this.declaredLength = declaredLength;
    this.isChunked = codingCount > 0 && otherCodingLine === -1;
    this.connection = connection ?? NO_CONNECTION_OPTIONS;
    const { closes, keepsAlive, upgrades, names } = this.connection;
    this.persists = !closes && (minorVersion === 1 || keepsAlive);
    let offeredUpgrade = '';
    let offeredOtherUpgrade = '';
    if (upgrades && upgradeCount === 1 && minorVersion === 1) {
      if (equalsIgnoringCase(text, this.valueStart(upgradeLine), this.valueEnd(upgradeLine), 'websocket'))
        offeredUpgrade = 'websocket';
      else offeredOtherUpgrade = otherProtocol(this.value(upgradeLine));
    }
    this.offeredUpgrade = offeredUpgrade;
    this.offeredOtherUpgrade = offeredOtherUpgrade;
    this.connectionOptions = names;
  }
}

/** protocol-name [ "/" protocol-version ] (RFC 9110 §7.8), not a list. */
const PROTOCOL = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?$/;

/**
 * Other versions of HTTP, and HTTP over TLS (RFC 2817), as `h2c`, `h2c-16`, `HTTP/2.0` and `TLS/1.2`: behind them the edge
 * would see no further requests, and clients that offer them work without.
 */
const UPGRADES_OF_HTTP = /^(?:h2c?|http|tls)(?:[/-]|$)/i;

function otherProtocol(value: string): string {
  return PROTOCOL.test(value) && !UPGRADES_OF_HTTP.test(value) && !/^websocket\//i.test(value) ? value : '';
}

// The two parsers of framing fields below see the whole raw value and accept spaces around it, but no tabs: other
// implementations disagree on tabs there (Node refuses them), and a disagreement about framing hides requests.

/** `1*DIGIT` up to 2^53 - 1 (RFC 9110 §8.6); a list, even of equal numbers, is refused. */
function parseContentLength(text: string, rawStart: number, rawEnd: number): number {
  const from = skipSpaces(text, rawStart, rawEnd);
  const to = dropSpaces(text, from, rawEnd);
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

/**
 * Accepts values without a coding: none, or the withdrawn `identity`. Before a final `chunked`, other codings are unknown
 * here (501, RFC 9112 §6.1); without it the message has no reliable end (400, §6.3).
 */
function checkIdentity(text: string, rawStart: number, rawEnd: number): void {
  const from = skipSpaces(text, rawStart, rawEnd);
  const to = dropSpaces(text, from, rawEnd);
  if (from === to || equalsIgnoringCase(text, from, to, 'identity')) return;
  const isOther = /^(?:(?!chunked[ ,])[^\s,]+ *, *)+chunked$/i.test(text.slice(from, to));
  throw new HttpSyntaxError(isOther ? 'UNSUPPORTED_TRANSFER_CODING' : 'BAD_TRANSFER_ENCODING');
}

function isChunked(text: string, rawStart: number, rawEnd: number): boolean {
  const from = skipSpaces(text, rawStart, rawEnd);
  return equalsIgnoringCase(text, from, dropSpaces(text, from, rawEnd), 'chunked');
}

function skipSpaces(text: string, from: number, to: number): number {
  let position = from;
  while (position < to && text.charCodeAt(position) === SP) position++;
  return position;
}

function dropSpaces(text: string, from: number, to: number): number {
  let position = to;
  while (position > from && text.charCodeAt(position - 1) === SP) position--;
  return position;
}
