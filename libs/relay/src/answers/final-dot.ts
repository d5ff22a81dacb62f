import type { RequestHead } from '@culvert/http1';
import { wantsHtml } from './error-response.js';
import { OwnAnswer } from './own-answer.js';

/**
 * Where a person goes who opened `https://name./`: to the same page without the dot. To browsers these are two hosts,
 * so that neither cookies nor a sign-in of one would count on the other. Null for requests that are no navigation.
 */
export function redirectToPlainHost(request: RequestHead): OwnAnswer | null {
  const { method, host, target } = request;
  if (!request.hasFinalDot || (method !== 'GET' && method !== 'HEAD') || !wantsHtml(request)) return null;
  return new OwnAnswer(308, `Location: //${host}${target}\r\n`);
}
