import type { RequestHead } from '@culvert/http1';
import type { ServerStream } from '@culvert/http2';
import { errorResponse } from '../answers/error-response.js';
import type { OwnAnswer } from '../answers/own-answer.js';
import type { RelayError } from '../answers/relay-error.js';
import { requestIdLine } from '../request-id.js';
import { addLines } from './http2-fields.js';

/**
 * Sends an error of the relay: the same body and fields as over HTTP/1.1.
 * @param asked.request what was asked, or null when it could not be read
 * @param asked.requestId its id; '': none
 * @param asked.isPage where it could not be read: whether its sender seems to be a person
 */
export function respondWithError(
  stream: ServerStream,
  error: RelayError,
  asked: { readonly request: RequestHead | null; readonly requestId: string; readonly isPage?: boolean },
): void {
  const { request, requestId, isPage = false } = asked;
  const response = errorResponse(error, { request, isPage, connection: requestIdLine(requestId) });
  send(stream, error.status, response, request?.method === 'HEAD');
}

/** Sends an answer of the relay itself that is not an error: it has no body. */
export function respondWithAnswer(stream: ServerStream, answer: OwnAnswer, requestId: string): void {
  send(stream, answer.status, answer.toResponse(requestIdLine(requestId)), true);
}

/** @param response a whole response as HTTP/1.1 has it */
function send(stream: ServerStream, status: number, response: Buffer, endStream: boolean): void {
  const headEnd = response.indexOf('\r\n\r\n') + 2;
  const head = response.toString('latin1', 0, headEnd);
  addLines(stream.beginHeaders(status), head.slice(head.indexOf('\r\n') + 2));
  stream.sendHeaders({ endStream });
  stream.end(response.subarray(headEnd + 2));
}
