/**
 * What a service got wrong in a response that reached its visitor all the same, by code (docs/http1.md §9.1), in words for
 * the people who own the service. Without schemas: command lines load it at each start.
 */
export const RESPONSE_NOTES = {
  BARE_LF: 'Lines of the head end with LF alone instead of CRLF.',
  BODY_NOT_ALLOWED:
    'The head announces a body, which the status does not allow. The announcement and the body were left out.',
  BAD_CONNECTION: 'The Connection field is not a list of tokens. What is not a token was ignored.',
  TRANSFER_ENCODING_IN_HTTP10: 'The response is chunked although it is HTTP/1.0, which does not define that.',
  BAD_TRANSFER_ENCODING:
    'Transfer-Encoding is empty or identity. The body was read until the connection ended.',
  REPEATED_TRANSFER_ENCODING:
    'Transfer-Encoding: chunked stands in several fields. The body was read as chunked once.',
  UNEXPECTED_BYTES: 'Bytes followed the end of the response. They were dropped.',
} as const;
export type ResponseNoteCode = keyof typeof RESPONSE_NOTES;
