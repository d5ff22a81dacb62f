/**
 * The response's side of an upstream stream: an HTTP/2 response goes in, and HTTP/1.1 bytes come out. Parts that arrive
 * together leave as one piece: head, body and trailers of a small response.
 */
import { Field, type RequestHead } from '@culvert/http1';
import type { HeaderField, ResponseFields } from '@culvert/http2';
import {
  interimHead,
  lastChunkOf,
  mayHaveTrailers,
  responseHead,
  type ResponseFraming,
  switchingHead,
} from './http2-fields.js';

const CRLF = '\r\n';

export class Http2Response {
  /** How the body ends; 'raw' after an Upgrade, null before the final head. */
  private framing: ResponseFraming | 'raw' | null = null;
  private bytesLeft = 0;
  /** Pieces that wait to be taken; text is latin1. */
  private parts: (Buffer | string)[] = [];
  private size = 0;

  get isEmpty(): boolean {
    return this.size === 0;
  }

  /** Whether the whole body has arrived by its length, even if the stream has not ended. */
  get isWhole(): boolean {
    return this.framing === 'length' && this.bytesLeft === 0;
  }

  /** Adds an interim (1xx) head. */
  addInterim(response: ResponseFields): void {
    this.add(interimHead(response));
  }

  /** Adds the head that answers an Upgrade. */
  beginRaw(request: RequestHead, response: ResponseFields): void {
    this.framing = 'raw';
    this.add(switchingHead(response, request.value(request.find(Field.SEC_WEBSOCKET_KEY))));
  }

  /** Adds the final head. @param isWhole whether nothing follows it */
  begin(request: RequestHead, response: ResponseFields, isWhole: boolean): void {
    this.framing = framingOf(request, response, isWhole);
    if (this.framing === 'length') this.bytesLeft = response.contentLength;
    this.add(responseHead(response, this.framing));
  }

  /** Adds bytes of the body, or of an upgraded connection. */
  addBody(chunk: Buffer): void {
    const isChunked = this.framing === 'chunked';
    this.bytesLeft -= chunk.length;
    if (isChunked) this.add(`${chunk.length.toString(16)}${CRLF}`);
    this.add(chunk);
    if (isChunked) this.add(CRLF);
  }

  /** Adds the end of the response. */
  end(trailers: readonly HeaderField[]): void {
    if (this.framing === 'chunked') this.add(lastChunkOf(trailers));
  }

  /** Takes everything that waits, as one buffer. Not while `isEmpty`. */
  drain(): Buffer {
    const { parts, size } = this;
    const [first] = parts;
    this.parts = [];
    this.size = 0;
    if (parts.length === 1 && typeof first !== 'string') return first;
    const whole = Buffer.allocUnsafe(size);
    let at = 0;
    for (const part of parts) {
      if (typeof part === 'string') whole.write(part, at, 'latin1');
      else whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  /** Drops the waiting pieces. */
  clear(): void {
    this.parts = [];
    this.size = 0;
  }

  private add(part: Buffer | string): void {
    this.parts.push(part);
    this.size += part.length;
  }
}

function framingOf(request: RequestHead, response: ResponseFields, isWhole: boolean): ResponseFraming {
  const { status, contentLength } = response;
  if (request.method === 'HEAD' || status === 204 || status === 304) return 'none';
  // gRPC's responses of trailers only: the empty body lets them leave as one frame again.
  if (isWhole) return 'empty';
  return contentLength >= 0 && !mayHaveTrailers(request, response) ? 'length' : 'chunked';
}
