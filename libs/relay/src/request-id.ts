/**
 * The id of a request, as logs, services and visitors have it in `X-Request-Id`. The edge makes one for each request, unless
 * a trusted proxy has. It stands in the last line of a head that is sent on, so that a head that is repeated is only copied,
 * with another id in its place.
 */
import { randomFillSync } from 'node:crypto';
import { Field, type RequestHead } from '@culvert/http1';

/** Length of an id that is made here: 128 random bits in hexadecimal. */
export const REQUEST_ID_LENGTH = 32;

const NAME = 'X-Request-Id: ';
/** The line of such an id, and the empty line that ends a head. */
const LINE_LENGTH = NAME.length + REQUEST_ID_LENGTH + 2;
const END_LENGTH = 2;

/** Ids of proxies: no longer, and of no other characters, so that they are safe in every log. */
const CLAIMED = /^[\w.:@+/=-]{1,128}$/;

/** Ids are made in batches: to ask for random bytes costs more than the bytes. */
const BATCH = 256;
const bytes = Buffer.alloc((BATCH * REQUEST_ID_LENGTH) / 2);
let ids = '';
let next = 0;

/** Returns a new id. */
export function makeRequestId(): string {
  if (next >= ids.length) {
    ids = randomFillSync(bytes).toString('hex');
    next = 0;
  }
  next += REQUEST_ID_LENGTH;
  return ids.slice(next - REQUEST_ID_LENGTH, next);
}

/** Returns the id that a trusted proxy gave a request; a new one if it gave none, or not one id of a safe form. */
export function claimedRequestId(request: RequestHead): string {
  const i = request.find(Field.REQUEST_ID);
  const claimed = i < 0 ? '' : request.value(i);
  return CLAIMED.test(claimed) ? claimed : makeRequestId();
}

/** Returns the line of `id`, with its CRLF; '' without an id. */
export function requestIdLine(id: string): string {
  return id === '' ? '' : `${NAME}${id}\r\n`;
}

/** Node's own way to write latin1, which its types do not have: half the time of `write`. */
interface Latin1Buffer extends Buffer {
  latin1Write(text: string, offset: number, length: number): number;
}

/** Memory for copies of heads, and how much of it is used. Longer heads get memory of their own. */
const SLAB_BYTES = 65_536;
const MAX_SHARED_BYTES = 4096;
let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
let used = 0;

/** Returns a copy of `head`, which ends with the line of an id of `REQUEST_ID_LENGTH` and an empty line, with another id. */
export function withRequestId(head: Buffer, id: string): Buffer {
  const { length } = head;
  const copy = length > MAX_SHARED_BYTES ? Buffer.allocUnsafeSlow(length) : takeShared(length);
  head.copy(copy);
  setRequestId(copy, id);
  return copy;
}

/** Replaces the id in such a head itself: for one that is copied before another request needs it. */
export function setRequestId(head: Buffer, id: string): void {
  const at = head.length - END_LENGTH - 2 - REQUEST_ID_LENGTH;
  (head as Latin1Buffer).latin1Write(id, at, REQUEST_ID_LENGTH);
}

function takeShared(length: number): Buffer {
  if (used + length > SLAB_BYTES) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    used = 0;
  }
  used += length;
  return slab.subarray(used - length, used);
}

/**
 * Returns a head without its last line, if that is an id of `REQUEST_ID_LENGTH`, as the offset where the head ends then; and
 * the id, '' without one.
 */
export function splitRequestId(head: Buffer): { readonly end: number; readonly requestId: string } {
  const at = head.length - END_LENGTH - LINE_LENGTH;
  if (at < 0 || head.toString('latin1', at, at + NAME.length) !== NAME)
    return { end: head.length, requestId: '' };
  return {
    end: at,
    requestId: head.toString('latin1', at + NAME.length, at + NAME.length + REQUEST_ID_LENGTH),
  };
}
