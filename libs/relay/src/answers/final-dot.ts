import type { RequestHead } from '@culvert/http1';
import { wantsHtml } from './error-response.js';
import { OwnAnswer } from './own-answer.js';

/**
 * Returns the redirect for a person who opened `https://name./`: to the same page without the dot. Browsers treat these
 * as two hosts, which share neither cookies nor a sign-in. Null for requests that are not navigations.
 */
export function redirectToPlainHost(request: RequestHead): OwnAnswer | null {
  const { method, host, target } = request;
  if (!request.hasFinalDot || (method !== 'GET' && method !== 'HEAD') || !wantsHtml(request)) return null;
  return new OwnAnswer(308, `Location: //${host}${target}\r\n`);
}
