/**
 * Faults of a service in a response that was delivered nevertheless, by code (docs/http1.md §9.1), in words for the
 * owners of the service. This file has no schemas, because command lines load it at each start.
 */
export const RESPONSE_NOTES = {
  BARE_LF: 'Lines of the head end with LF alone instead of CRLF.',
  BODY_NOT_ALLOWED:
    'The head announces a body, but the status does not allow one. The announcement and the body were ' +
    'left out.',
  BAD_CONNECTION: 'The Connection field is not a list of tokens. The invalid parts were ignored.',
  TRANSFER_ENCODING_IN_HTTP10:
    'The response is chunked although it is HTTP/1.0, which does not define chunks.',
  BAD_TRANSFER_ENCODING:
    'Transfer-Encoding is empty or identity. The body was read until the connection ended.',
  REPEATED_TRANSFER_ENCODING:
    'Transfer-Encoding: chunked appears in several fields. The body was decoded once.',
  UNEXPECTED_BYTES: 'Bytes followed the end of the response. They were dropped.',
} as const;
export type ResponseNoteCode = keyof typeof RESPONSE_NOTES;
