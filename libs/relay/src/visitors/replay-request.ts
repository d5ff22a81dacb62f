/**
 * A request that no visitor's connection brought becomes a head as one would have: written out as text and given to the
 * same strict parser, so that it can send nothing that a visitor could not.
 */
import { type HeadLimits, HttpSyntaxError, parseRequestHead, type RequestHead } from '@culvert/http1';

export interface ReplayRequest {
  /** Host as a visitor would write it, with the port unless it is the default. */
  readonly host: string;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** Fields that follow from host and body, or would change the protocol of the connection. */
const MADE_HERE: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'trailer',
]);

/** Methods whose requests announce an empty body (RFC 9110 §8.6). */
const MEAN_A_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** @throws HttpSyntaxError */
export function replayHead(request: ReplayRequest, limits: HeadLimits): RequestHead {
  const { host, method, target, fields, body } = request;
  let lines = `host: ${host}\r\n`;
  let count = 1;
  for (const [name, value] of fields) {
    if (MADE_HERE.has(name.toLowerCase())) continue;
    lines += `${name}: ${value}\r\n`;
    count++;
  }
  if (body.length > 0 || MEAN_A_BODY.has(method)) {
    lines += `content-length: ${body.length}\r\n`;
    count++;
  }
  const bytes = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines}\r\n`, 'latin1');
  if (bytes.length > limits.maxHeadBytes) throw new HttpSyntaxError('HEAD_TOO_LARGE');
  const head = parseRequestHead(bytes, 0, bytes.length, limits);
  // A line break in a name, a value or the target would have made lines of its own.
  if (head.count !== count || head.method !== method) throw new HttpSyntaxError('CONTROL_CHARACTER');
  if (head.host !== host.toLowerCase()) throw new HttpSyntaxError('HOST_MISMATCH');
  return head;
}
