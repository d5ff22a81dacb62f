/**
 * Finds requests that loop: a preview whose ingress leads back to an edge, directly or through others.
 * Each preview that a request passes adds a mark of its own to `X-Culvert-Hop`, and refuses requests that have it already.
 *
 * A mark follows from the preview's id alone, so that all edges on one database agree, whatever becomes of `Host` on the
 * way. Visitors do not see marks. A visitor that sends an invented or a copied one only gets its own request refused.
 */
import { createHmac } from 'node:crypto';
import { Field, type RequestHead } from '@culvert/http1';

/** Previews that one request may pass: bounds what marks of other deployments, which look like any others, add up to. */
const MAX_HOPS = 16;
/** Length of 128 bits in base64url. */
const MARK_LENGTH = 22;

/** Returns the mark of a preview. It hides the id, which is a secret between its team and the edges. */
export function hopMarkOf(previewId: string): string {
  return createHmac('sha256', previewId).update('culvert-hop').digest('base64url').slice(0, MARK_LENGTH);
}

/** Reports whether a request has passed the preview of this mark before, or too many others. */
export function isInCircles(request: RequestHead, mark: string): boolean {
  let hops = 0;
  for (let i = 0; i < request.count; i++) {
    if (request.id(i) !== Field.HOP) continue;
    for (const passed of request.value(i).split(','))
      if (++hops >= MAX_HOPS || passed.trim() === mark) return true;
  }
  return false;
}
