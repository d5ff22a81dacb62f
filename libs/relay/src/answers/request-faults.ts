/** Error details for visitors whose request could not be read: the fault, the limit if there is one, and what to do. */
import type { HeadLimits, HttpSyntaxError, HttpSyntaxCode } from '@culvert/http1';
import { RelayError } from './relay-error.js';

type OtherCode = Exclude<HttpSyntaxCode, 'START_LINE_TOO_LONG' | 'HEAD_TOO_LARGE' | 'TOO_MANY_FIELDS'>;

/** Ends of sentences that begin with "Your browser or program sent". */
const WORDS: Readonly<Record<OtherCode, string>> = {
  BARE_CR: 'a carriage return without a line feed',
  BARE_LF: 'a line feed without a carriage return',
  CONTROL_CHARACTER: 'a control character in the head of a request',
  OBS_FOLD: 'a header line that begins with white space',
  BAD_START_LINE: 'a first line that is not valid HTTP',
  BAD_METHOD: 'a method that is not a token',
  METHOD_TOO_LONG: 'a method that is too long',
  CONNECT_METHOD: 'the method CONNECT, which is not supported here',
  BAD_TARGET: 'an address with characters that must be encoded, or in a form that is not for servers',
  UNSUPPORTED_VERSION: 'a version of HTTP that is not supported here',
  HTTP2_PREFACE: 'HTTP/2, which is supported over TLS only',
  BAD_STATUS: 'a status that is not a number of three digits',
  EMPTY_FIELD_NAME: 'a header field without a name',
  BAD_FIELD_NAME: 'a header field whose name is not a token',
  WHITESPACE_BEFORE_COLON: 'a header field with white space before its colon',
  MISSING_HOST: 'no Host field',
  REPEATED_HOST: 'more than one Host field',
  BAD_HOST: 'a Host field that is not a host name with an optional port',
  HOST_MISMATCH: 'an address with another host than its Host field',
  BAD_CONTENT_LENGTH: 'a Content-Length that is not one number',
  REPEATED_CONTENT_LENGTH: 'more than one Content-Length',
  CONTENT_LENGTH_WITH_TRANSFER_ENCODING: 'both Content-Length and Transfer-Encoding',
  BAD_TRANSFER_ENCODING: 'a Transfer-Encoding that does not end with chunked',
  REPEATED_TRANSFER_ENCODING: 'more than one Transfer-Encoding',
  UNSUPPORTED_TRANSFER_CODING: 'a transfer coding other than chunked',
  TRANSFER_ENCODING_IN_HTTP10: 'a Transfer-Encoding in HTTP/1.0',
  BAD_CONNECTION: 'a Connection field that is not a list of tokens',
  EXPECTATION_FAILED: 'an expectation other than 100-continue',
  BAD_CHUNK_SIZE: 'a chunk with a malformed size',
  BAD_CHUNK_EXTENSION: 'a chunk with a malformed extension',
  CHUNK_EXTENSIONS_TOO_LARGE: 'chunk extensions that are too large',
  BAD_CHUNK_END: 'a chunk that is longer than its size',
  TRAILERS_TOO_LARGE: 'trailers that are too large',
};

/**
 * Returns the error for a request that breaks a rule of docs/http1.md. Its detail ends with the code, by which the rule
 * can be looked up.
 */
export function requestFault({ code, status }: HttpSyntaxError, limits: HeadLimits): RelayError {
  switch (code) {
    case 'START_LINE_TOO_LONG':
      return new RelayError(
        'bad_request',
        `An address can have at most ${limits.maxTargetBytes} bytes here. Use a shorter one, or ask the ` +
          `operator of Culvert to raise MAX_TARGET_BYTES (${code}).`,
        { status, title: 'The address is too long' },
      );
    case 'HEAD_TOO_LARGE':
      return new RelayError(
        'bad_request',
        `Header fields can have at most ${limits.maxHeadBytes} bytes together here. Delete the cookies of ` +
          `this site, or ask the operator of Culvert to raise MAX_HEADER_BYTES (${code}).`,
        { status, title: 'The header fields are too large' },
      );
    case 'TOO_MANY_FIELDS':
      return new RelayError(
        'bad_request',
        `A request can have at most ${limits.maxFieldCount} header fields here. Send fewer, or ask the ` +
          `operator of Culvert to raise MAX_HEADER_COUNT (${code}).`,
        { status, title: 'There are too many header fields' },
      );
    default:
      return new RelayError('bad_request', `Your browser or program sent ${WORDS[code]} (${code}).`, {
        status,
      });
  }
}

/**
 * Reads `Accept` and `Sec-Fetch-Dest` from the bytes of a head that could not be parsed, as far as they arrived; null
 * if absent.
 */
export function peekWishes(bytes: Buffer): { accept: string | null; destination: string | null } {
  const text = bytes.toString('latin1', 0, MAX_PEEKED_BYTES);
  return {
    accept: /\r\naccept:([^\r\n]*)/i.exec(text)?.[1] ?? null,
    destination: /\r\nsec-fetch-dest:[ \t]*([^\r\n]*)/i.exec(text)?.[1]?.trim() ?? null,
  };
}

const MAX_PEEKED_BYTES = 131_072;
