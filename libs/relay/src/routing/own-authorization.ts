import type { RequestHead } from '@culvert/http1';

/**
 * Requests whose Authorization holds a key of ours that does not look like one, since an operator chose it. Only the gate,
 * which looks keys up, can detect it; the header rules then keep the line from the service.
 */
const noted = new WeakSet<RequestHead>();

export function noteOwnAuthorization(request: RequestHead): void {
  noted.add(request);
}

export function hasOwnAuthorization(request: RequestHead): boolean {
  return noted.has(request);
}
