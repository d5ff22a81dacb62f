import { CR, IS_TARGET_BYTE, LF, SP, TOKEN_LOWER } from './characters.js';
import type { HttpSyntaxCode } from './errors.js';
import { HttpSyntaxError } from './errors.js';
import type { HeadLimits } from './limits.js';
import { MAX_METHOD_BYTES } from './limits.js';
import { VERSION_BYTES, readMinorVersion } from './version.js';

/** Positions of the parts of a request line, relative to its first byte. */
export interface RequestLine {
  readonly methodEnd: number;
  /** The target begins one byte after the method's end. */
  readonly targetEnd: number;
  /** Where the field lines begin. */
  readonly lineEnd: number;
  readonly minorVersion: 0 | 1;
}

/** method SP request-target SP HTTP-version CRLF (RFC 9112 §3), with exactly one space each. */
export function scanRequestLine(buffer: Buffer, start: number, limits: HeadLimits): RequestLine {
  let position = start;
  while (TOKEN_LOWER[buffer[position]] !== 0) position++;
  const methodEnd = position;
  if (buffer[methodEnd] !== SP || methodEnd === start)
    throw new HttpSyntaxError(badMethod(buffer, methodEnd));
  position++;
  while (IS_TARGET_BYTE[buffer[position]] === 1) position++;
  const targetEnd = position;
  if (buffer[targetEnd] !== SP || targetEnd === methodEnd + 1)
    throw new HttpSyntaxError(badTarget(buffer, targetEnd));
  const versionEnd = targetEnd + 1 + VERSION_BYTES;
  if (buffer[versionEnd] !== CR || buffer[versionEnd + 1] !== LF) throw new HttpSyntaxError('BAD_START_LINE');
  if (isPreface(buffer, start)) throw new HttpSyntaxError('HTTP2_PREFACE');
  const minorVersion = readMinorVersion(buffer, targetEnd + 1);
  if (methodEnd - start > MAX_METHOD_BYTES) throw new HttpSyntaxError('METHOD_TOO_LONG');
  if (targetEnd - methodEnd - 1 > limits.maxTargetBytes) throw new HttpSyntaxError('START_LINE_TOO_LONG');
  if (isConnect(buffer, start, methodEnd)) throw new HttpSyntaxError('CONNECT_METHOD');
  return {
    methodEnd: methodEnd - start,
    targetEnd: targetEnd - start,
    lineEnd: versionEnd + 2 - start,
    minorVersion,
  };
}

const PREFACE_LINE = Buffer.from('PRI * HTTP/2.0');
const CONNECT = Buffer.from('CONNECT');

/** The first line of the HTTP/2 connection preface (RFC 9113 §3.4). */
function isPreface(buffer: Buffer, start: number): boolean {
  // Compared byte by byte only for a method that begins with P and ends after three.
  if (buffer[start] !== PREFACE_LINE[0] || buffer[start + 3] !== SP) return false;
  return PREFACE_LINE.equals(buffer.subarray(start, start + PREFACE_LINE.length));
}

function isConnect(buffer: Buffer, start: number, end: number): boolean {
  if (buffer[start] !== CONNECT[0] || end - start !== CONNECT.length) return false;
  return CONNECT.equals(buffer.subarray(start, end));
}

/** Returns the fault of a line without a space, or whose first word is not a token. */
function badMethod(buffer: Buffer, at: number): HttpSyntaxCode {
  return buffer[at] === CR || buffer[at] === SP ? 'BAD_START_LINE' : 'BAD_METHOD';
}

/** Returns the fault of a line of two words (HTTP/0.9), with a doubled space, or with a byte that no target has. */
function badTarget(buffer: Buffer, at: number): HttpSyntaxCode {
  return buffer[at] === CR || buffer[at] === SP ? 'BAD_START_LINE' : 'BAD_TARGET';
}
