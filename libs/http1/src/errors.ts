/**
 * Every reason for refusing a message, with the status of the response to a refused request (docs/http1.md §10). The names
 * are stable: they appear in logs, metrics and `Proxy-Status` details.
 */
export const HTTP_SYNTAX_STATUS = {
  // Lines
  BARE_CR: 400,
  BARE_LF: 400,
  CONTROL_CHARACTER: 400,
  OBS_FOLD: 400,
  // Start line
  BAD_START_LINE: 400,
  BAD_METHOD: 400,
  METHOD_TOO_LONG: 501,
  CONNECT_METHOD: 501,
  BAD_TARGET: 400,
  START_LINE_TOO_LONG: 414,
  UNSUPPORTED_VERSION: 505,
  HTTP2_PREFACE: 505,
  BAD_STATUS: 400,
  // Field section
  HEAD_TOO_LARGE: 431,
  TOO_MANY_FIELDS: 431,
  EMPTY_FIELD_NAME: 400,
  BAD_FIELD_NAME: 400,
  WHITESPACE_BEFORE_COLON: 400,
  // Routing
  MISSING_HOST: 400,
  REPEATED_HOST: 400,
  BAD_HOST: 400,
  HOST_MISMATCH: 400,
  // Framing
  BAD_CONTENT_LENGTH: 400,
  REPEATED_CONTENT_LENGTH: 400,
  CONTENT_LENGTH_WITH_TRANSFER_ENCODING: 400,
  BAD_TRANSFER_ENCODING: 400,
  REPEATED_TRANSFER_ENCODING: 400,
  UNSUPPORTED_TRANSFER_CODING: 501,
  TRANSFER_ENCODING_IN_HTTP10: 400,
  // Connection
  BAD_CONNECTION: 400,
  EXPECTATION_FAILED: 417,
  // Chunked coding
  BAD_CHUNK_SIZE: 400,
  BAD_CHUNK_EXTENSION: 400,
  CHUNK_EXTENSIONS_TOO_LARGE: 413,
  BAD_CHUNK_END: 400,
  TRAILERS_TOO_LARGE: 431,
} as const;

export type HttpSyntaxCode = keyof typeof HTTP_SYNTAX_STATUS;

/** A message that is not accepted. What follows on its connection cannot be trusted: close or reset it. */
export class HttpSyntaxError extends Error {
  readonly code: HttpSyntaxCode;
  /** Status of the response to a request. For a bad response the visitor always gets a 502. */
  readonly status: number;

  constructor(code: HttpSyntaxCode) {
    super(code);
    this.name = 'HttpSyntaxError';
    this.code = code;
    this.status = HTTP_SYNTAX_STATUS[code];
  }
}
