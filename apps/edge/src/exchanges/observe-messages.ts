/** Joins the readers of messages to the bytes of a watched exchange. */
import type { RequestHead } from '@culvert/http1';
import { bodyHeadOf, type ExchangeMessages, extensionsOf, trailerLines } from '@culvert/messages';
import type { BodyCapture, ExchangeTrace } from '@culvert/relay';

const SWITCHING_PROTOCOLS = 101;

/** Reads the body of a request along if it consists of messages. Returns whether it does. */
export function observeRequest(
  messages: ExchangeMessages,
  request: RequestHead,
  body: BodyCapture,
  onFault: (error: unknown) => void,
): boolean {
  const reader = messages.openBody('request', bodyHeadOf(request));
  if (reader !== null) body.readAlong(reader, onFault);
  return reader !== null;
}

/**
 * Reads along what follows the head of a response, if it consists of messages.
 * @param capture makes the capture of a body that is not captured otherwise
 */
export function observeAnswer(
  messages: ExchangeMessages,
  trace: ExchangeTrace,
  capture: () => BodyCapture,
  onFault: (error: unknown) => void,
): void {
  const { response } = trace;
  if (response === null) return;
  if (response.status === SWITCHING_PROTOCOLS) {
    const isWebSocket = response.upgrade.toLowerCase() === 'websocket';
    if (isWebSocket) trace.upgraded = messages.openWebSocket(extensionsOf(response));
    return;
  }
  const reader = messages.openBody('response', bodyHeadOf(response));
  if (reader === null) return;
  trace.responseBody ??= capture();
  trace.responseBody.readAlong(reader, onFault);
  // A call that failed at once has its status in the head.
  messages.addTrailers(trailerLines(response));
}
