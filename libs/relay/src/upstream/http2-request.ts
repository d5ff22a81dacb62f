/**
 * The request's side of an upstream stream: HTTP/1.1 bytes of the exchange go in, and leave as an HTTP/2 request. Nothing is
 * held here but the head, and at most `MAX_REPLAY_BYTES` (and one write) of a body whose request the ingress may yet refuse.
 */
import {
  ChunkedScanner,
  Framing,
  type HeadLimits,
  HeadReader,
  parseRequestHead,
  type RequestHead,
} from '@culvert/http1';
import { ClientStream, type ClientStreamHost, type HpackEncoder, type ResponseHandler } from '@culvert/http2';
import { CHUNKED_LIMITS } from '../limits.js';
import { addRequestFields, requestTrailers } from './http2-fields.js';
import { splitRequestId } from '../request-id.js';
import type { KnownHead, KnownHeads } from './http2-known-heads.js';

/** Heads come from the relay itself, longer than the visitor's by what the route adds. */
const HEAD_LIMITS: HeadLimits = { maxHeadBytes: 262_144, maxFieldCount: 1024, maxTargetBytes: 65_536 };

/** Body bytes kept until the ingress answers, in case it refuses the request without processing it. */
const MAX_REPLAY_BYTES = 16_384;

/** The part that the exchange writes next. */
type Input = 'length' | 'chunked' | 'raw' | 'none';

/** The connection that a request is begun on. */
export interface RequestTarget extends ClientStreamHost {
  beginHeaders(): HpackEncoder;
}

export class Http2Request {
  /** Whether the whole request has arrived. */
  isDone = false;
  private call: ClientStream | null = null;
  private readonly known: KnownHead;
  private readonly requestId: string;
  private input: Input;
  private bytesLeft = 0;
  private scanner: ChunkedScanner | null = null;
  private isWritable = true;
  /** The body so far, while the request can still be made again; null once it cannot. */
  private replay: Buffer[] | null = [];
  private replayBytes = 0;

  /** @param bytes the whole head. Throws if it is malformed. */
  constructor(
    bytes: Buffer,
    heads: KnownHeads,
    private readonly scheme: 'http' | 'https',
  ) {
    // Each request has another id, so it is not part of the head that is known.
    const { end, requestId } = splitRequestId(bytes);
    this.requestId = requestId;
    this.known = heads.find(bytes, end) ?? heads.remember(parseHead(headUntil(bytes, end)));
    const { head } = this;
    this.input = inputOf(head);
    if (this.input === 'length') this.bytesLeft = head.contentLength;
    else if (this.input === 'chunked') this.scanner = new ChunkedScanner('decoded', CHUNKED_LIMITS);
    this.isDone = this.input === 'none';
  }

  get head(): RequestHead {
    return this.known.head;
  }

  /** Whether more of the body may be written now. */
  get hasRoom(): boolean {
    return this.call !== null && this.isWritable;
  }

  /** Whether the request may be made again: all of it is still kept. */
  get isRepeatable(): boolean {
    return this.replay !== null;
  }

  /** Makes the request with the part of its body that has arrived, for the first time or after a refusal. */
  begin(target: RequestTarget, handler: ResponseHandler): ClientStream {
    const encoder = target.beginHeaders();
    if (!this.known.addTo(encoder)) {
      const start = encoder.length;
      const { generation } = encoder;
      addRequestFields(encoder, this.head, this.scheme);
      this.known.keep(encoder, start, generation);
    }
    if (this.requestId !== '') encoder.addOnce('x-request-id', this.requestId);
    const body = this.replay;
    if (body === null) throw new Error('the body is no longer here');
    const endStream = this.isDone && body.length === 0 && !this.hasTrailers;
    const method = this.head.upgrade === '' ? this.head.method : 'CONNECT';
    const call = ClientStream.open(target, handler, { endStream, method });
    this.call = call;
    this.isWritable = true;
    for (const chunk of body) this.isWritable = call.write(chunk);
    if (this.isDone && !endStream) this.endCall();
    this.limitReplay();
    return call;
  }

  /** Handles bytes of the body. Throws if they are malformed. */
  push(chunk: Buffer): void {
    switch (this.input) {
      case 'length':
        this.bytesLeft -= chunk.length;
        if (this.bytesLeft > 0) this.send(chunk);
        else this.sendLast(chunk);
        break;
      case 'chunked':
        this.pushChunked(chunk);
        break;
      case 'raw':
        this.send(chunk);
        break;
      case 'none':
        break;
      default:
        throw new Error(`unhandled input ${String(this.input satisfies never)}`);
    }
  }

  /** The exchange has ended its side of an upgraded connection. */
  end(): void {
    if (this.isDone) return;
    this.finish();
    this.endCall();
  }

  /** The ingress refused the request without processing it. Body bytes that arrive are kept until `begin`. */
  withdraw(): void {
    this.call = null;
  }

  /** The request is not made again: the ingress has processed it, or its exchange has ended. */
  commit(): void {
    this.replay = null;
  }

  /** The stream of the HTTP/2 connection has room again. */
  handleDrain(): void {
    this.isWritable = true;
  }

  private pushChunked(chunk: Buffer): void {
    const { scanner } = this;
    if (scanner === null) return;
    scanner.scan(chunk, 0, this.sendRange);
    if (!scanner.done) return;
    this.finish();
    this.endCall();
  }

  private readonly sendRange = (buffer: Buffer | Uint8Array, start: number, end: number): void => {
    this.send((buffer as Buffer).subarray(start, end));
  };

  /** END_STREAM goes with the last bytes. */
  private sendLast(chunk: Buffer): void {
    this.finish();
    this.keep(chunk);
    if (this.call === null) return;
    this.limitReplay();
    this.call.end(chunk);
  }

  private send(chunk: Buffer): void {
    this.keep(chunk);
    const { call } = this;
    if (call === null) return;
    this.limitReplay();
    this.isWritable = call.write(chunk);
  }

  private keep(chunk: Buffer): void {
    if (this.replay === null) return;
    this.replay.push(chunk);
    this.replayBytes += chunk.length;
  }

  private finish(): void {
    this.isDone = true;
    this.input = 'none';
  }

  private endCall(): void {
    const { call, scanner } = this;
    if (call === null) return;
    if (scanner !== null && scanner.trailers !== null)
      call.endWithTrailers(requestTrailers(scanner.trailers));
    else call.end();
  }

  private get hasTrailers(): boolean {
    return this.scanner !== null && this.scanner.trailers !== null;
  }

  private limitReplay(): void {
    if (this.replayBytes > MAX_REPLAY_BYTES) this.replay = null;
  }
}

const CRLF = Buffer.from('\r\n');

/** Returns the head of the lines in `bytes[0..end)`. */
function headUntil(bytes: Buffer, end: number): Buffer {
  return end === bytes.length ? bytes : Buffer.concat([bytes.subarray(0, end), CRLF]);
}

function parseHead(bytes: Buffer): RequestHead {
  const reader = new HeadReader(HEAD_LIMITS);
  if (reader.push(bytes, 0) !== bytes.length) throw new Error('the head is not whole');
  return parseRequestHead(reader.buffer, reader.start, reader.end, HEAD_LIMITS);
}

function inputOf(head: RequestHead): Input {
  if (head.upgrade !== '') return 'raw';
  if (head.framing === Framing.CHUNKED) return 'chunked';
  return head.contentLength > 0 ? 'length' : 'none';
}
