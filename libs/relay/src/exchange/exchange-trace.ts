/**
 * The record of one exchange of a watched preview. Exchanges of other previews have no record, so nothing here is on
 * the hot path. The observer bounds what is kept.
 */
import {
  ChunkedScanner,
  type Fields,
  Framing,
  HttpSyntaxError,
  type RequestHead,
  type ResponseHead,
} from '@culvert/http1';
import type { RelayErrorCode } from '../answers/relay-error.js';
import { CHUNKED_LIMITS } from '../limits.js';
import type { Route } from '../routing/route.js';

/** Why an exchange ended without a whole answer of the service; `cancelled`: its visitor went away. */
export type ExchangeError = RelayErrorCode | 'cancelled';

/** Watches the exchanges of one preview, from when they have passed the gate. */
export interface ExchangeObserver {
  /** Returns null for an exchange that is not watched. */
  begin(exchange: BegunExchange): ExchangeTrace | null;
  /** Its answer has begun. It may set `responseBody` and `upgraded` of the trace. */
  answered(trace: ExchangeTrace): void;
  /** The answer ended with trailers. */
  trailed(trace: ExchangeTrace, trailers: Fields): void;
  end(trace: ExchangeTrace): void;
  /** A reader has thrown an error. The exchange continues without it. */
  readerFailed(error: unknown): void;
}

/** Reads along with bytes that pass. It must neither change nor keep the buffer. */
export interface ByteReader {
  push(buffer: Buffer, start: number, end: number): void;
}

/** Readers of both directions of an upgraded connection. */
export interface UpgradedReaders {
  readonly request: ByteReader;
  readonly response: ByteReader;
}

/** Marks an exchange that a person or API key started, not a visitor's connection. */
export interface ReplayMark {
  /** Id of the exchange, chosen by the caller. */
  readonly id: string;
  /** Id of the exchange that it repeats, or null. */
  readonly replayOf: string | null;
  /** Id of the person or API key that has it sent. */
  readonly callerId: string;
}

export interface BegunExchange {
  readonly request: RequestHead;
  readonly route: Route;
  /** Null for a visitor's own. */
  readonly replay: ReplayMark | null;
  /** Address of the connection's other end. */
  readonly peer: string;
  readonly httpVersion: '1.0' | '1.1' | '2';
  /** On the clock of `performance.now`. */
  readonly startedAt: number;
}

/** The first bytes of one body. */
export class BodyCapture {
  /** Length of the body as it passed, chunk framing included where it has some. */
  bytes = 0;
  isChunked = false;
  private reader: ByteReader | null = null;
  private onReaderFault: ((error: unknown) => void) | null = null;
  private scanner: ChunkedScanner | null = null;
  private readonly pieces: Buffer[] = [];
  private kept = 0;

  /** @param reserve asks for room for so many bytes of copies; returns how many it gets */
  constructor(
    private readonly maxBytes: number,
    private readonly reserve: (bytes: number) => number,
  ) {}

  /**
   * Shows the whole body to `reader`, without chunk framing.
   * @param onFault receives an error that the reader throws, after which it is no longer used
   */
  readAlong(reader: ByteReader, onFault: (error: unknown) => void): void {
    this.reader = reader;
    this.onReaderFault = onFault;
  }

  add(buffer: Buffer, start: number, end: number): void {
    this.bytes += end - start;
    if (this.reader !== null) this.show(this.reader, buffer, start, end);
    const wanted = Math.min(end - start, this.maxBytes - this.kept);
    if (wanted <= 0) return;
    const given = this.reserve(wanted);
    if (given <= 0) return;
    this.kept += given;
    this.pieces.push(Buffer.from(buffer.subarray(start, start + given)));
  }

  private show(reader: ByteReader, buffer: Buffer, start: number, end: number): void {
    try {
      if (!this.isChunked) {
        reader.push(buffer, start, end);
        return;
      }
      this.scanner ??= new ChunkedScanner('decoded', CHUNKED_LIMITS);
      this.scanner.scan(buffer.subarray(start, end), 0, (part, from, to) => reader.push(part, from, to));
    } catch (error) {
      this.reader = null;
      // The exchange reports framing that is wrong.
      if (!(error instanceof HttpSyntaxError)) this.onReaderFault?.(error);
    }
  }

  /** Returns what was kept, without chunk framing. */
  read(): { readonly content: Buffer; readonly isTruncated: boolean } {
    const raw = Buffer.concat(this.pieces);
    const isTruncated = this.kept < this.bytes;
    return { content: this.isChunked ? decodeChunks(raw) : raw, isTruncated };
  }
}

export class ExchangeTrace {
  /** Durations of the steps in milliseconds; null: not reached. */
  readonly gateMs: number;
  waitMs: number | null = null;
  connectMs: number | null = null;
  firstByteMs: number | null = null;
  bodyMs: number | null = null;
  /** To the service and from it, heads included. */
  bytesIn = 0;
  bytesOut = 0;
  response: ResponseHead | null = null;
  /** What was wrong with the response, as bits of `Oddity`. */
  oddities = 0;
  /** Status of the answer that the visitor got. */
  status: number | null = null;
  error: ExchangeError | null = null;
  isEnded = false;
  /** Null unless the connection was upgraded and someone reads along. */
  upgraded: UpgradedReaders | null = null;

  /** Time when the current step began. */
  private since: number;
  private isWaiting = false;

  constructor(
    readonly exchange: BegunExchange,
    private readonly observer: ExchangeObserver,
    /** Null: not captured. */
    readonly requestBody: BodyCapture | null,
    public responseBody: BodyCapture | null,
  ) {
    this.since = performance.now();
    this.gateMs = this.since - exchange.startedAt;
    if (requestBody !== null) requestBody.isChunked = exchange.request.framing === Framing.CHUNKED;
  }

  /** The exchange waits for a traffic manager, or for room on its tunnel. */
  wait(): void {
    this.isWaiting = true;
  }

  /** The exchange has a stream. */
  connect(isOpen: boolean): void {
    const ms = this.step();
    if (this.isWaiting) this.waitMs = (this.waitMs ?? 0) + ms;
    this.isWaiting = false;
    this.connectMs = isOpen ? 0 : null;
  }

  /** The stream is connected to the ingress. */
  open(): void {
    if (this.connectMs === null) this.connectMs = this.step();
  }

  /** @param isEncoded whether body bytes come with their chunk framing */
  answer(response: ResponseHead, isEncoded: boolean): void {
    this.firstByteMs = this.step();
    this.response = response;
    this.status = response.status;
    this.observer.answered(this);
    if (this.responseBody !== null) this.responseBody.isChunked = isEncoded;
  }

  /** Bytes of an upgraded connection pass. */
  showUpgraded(direction: keyof UpgradedReaders, chunk: Buffer): void {
    if (this.upgraded === null) return;
    try {
      this.upgraded[direction].push(chunk, 0, chunk.length);
    } catch (error) {
      this.upgraded = null;
      this.observer.readerFailed(error);
    }
  }

  addTrailers(trailers: Fields): void {
    this.observer.trailed(this, trailers);
  }

  /** @param status of the answer that was given instead of the service's, if one was */
  end(error: ExchangeError | null, status: number | null): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.error = error;
    if (this.response !== null) this.bodyMs = this.step();
    else if (this.isWaiting) this.waitMs = (this.waitMs ?? 0) + this.step();
    this.status = status ?? this.status;
    this.observer.end(this);
  }

  private step(): number {
    const now = performance.now();
    const ms = now - this.since;
    this.since = now;
    return ms;
  }
}

/** Returns the content of chunks, as far as they are whole or cut off at the end. */
function decodeChunks(raw: Buffer): Buffer {
  const content: Buffer[] = [];
  try {
    new ChunkedScanner('decoded', CHUNKED_LIMITS).scan(raw, 0, (buffer, start, end) => {
      content.push(Buffer.from(buffer.subarray(start, end)));
    });
  } catch {
    // The rest is malformed, which the exchange has detected too.
  }
  return Buffer.concat(content);
}
