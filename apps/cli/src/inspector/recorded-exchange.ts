/** One request to a service of this machine and its response, for the local inspector. */
import { randomUUID } from 'node:crypto';
import type { RequestRecord } from '@culvert/client';
import {
  type CapturedBody,
  type Exchange,
  type ExchangeBodies,
  MAX_CAPTURED_BYTES,
  RESPONSE_NOTES,
} from '@culvert/contract';
import { type Fields, oddityCodes, type RequestHead, type ResponseHead } from '@culvert/http1';
import {
  bodyHeadOf,
  type ByteReader,
  type ExchangeMessages,
  extensionsOf,
  KeptBytes,
  type MessageMemory,
  trailerLines,
} from '@culvert/messages';
import type { InspectedEndpoint } from './inspected-endpoint.js';

const SWITCHING_PROTOCOLS = 101;

/** Ids are the number of the exchange in this run: a page that outlasts the run must not mistake one for another. */
const RUN = randomUUID();
let count = 0;

/** An exchange as the local inspector shows it: like those of the API, and the endpoint that it belongs to. */
export type LocalExchange = Exchange & { readonly endpoint: string };

/** What a recorded exchange needs of the log that it belongs to. */
export interface RecordingHost {
  readonly memory: MessageMemory;
  /** Whether a page is open, so that bodies and messages are captured. */
  readonly isWatched: boolean;
  messagesOf(exchange: RecordedExchange): ExchangeMessages;
  handleChange(exchange: RecordedExchange): void;
  handleEnd(exchange: RecordedExchange): void;
}

export class RecordedExchange implements RequestRecord {
  readonly id = `${RUN}-${++count}`;
  /** Set for a request that was sent from the inspector; the id is that of the repeated exchange. */
  replayOf: string | null = null;
  isReplay = false;
  response: ResponseHead | null = null;
  isOver = false;
  /** Whether the log still keeps it, and the length of its heads as the log has counted it. */
  isKept = true;
  countedLength = 0;
  readonly requestBody: LocalBody | null;
  responseBody: LocalBody | null = null;
  private readonly startedAt = Date.now();
  private readonly startedMs = performance.now();
  private firstByteMs: number | null = null;
  private endMs: number | null = null;
  private bytesIn: number;
  private bytesOut = 0;
  private failure: string | null = null;
  private oddities = 0;
  /** Null unless a page was open when the exchange began. */
  private readonly messages: ExchangeMessages | null;
  private requestReader: ByteReader | null = null;
  private responseReader: ByteReader | null = null;

  constructor(
    readonly endpoint: InspectedEndpoint,
    readonly request: RequestHead,
    private readonly host: RecordingHost,
  ) {
    this.bytesIn = request.text.length;
    this.messages = host.isWatched ? host.messagesOf(this) : null;
    this.requestBody = host.isWatched ? new LocalBody(host.memory) : null;
    this.requestReader = this.messages?.openBody('request', bodyHeadOf(request)) ?? null;
  }

  /** Length of both heads, which the log keeps. */
  get headLength(): number {
    return this.request.text.length + (this.response?.text.length ?? 0);
  }

  addRequest(bytes: Buffer, from: number, to: number): void {
    this.bytesIn += to - from;
    if (this.requestReader !== null) this.read(this.requestReader, bytes, from, to);
    if (this.response?.status !== SWITCHING_PROTOCOLS) this.requestBody?.add(bytes, from, to);
  }

  answered(head: ResponseHead): void {
    this.firstByteMs = performance.now() - this.startedMs;
    this.response = head;
    this.bytesOut = head.text.length;
    const { isWatched, memory } = this.host;
    if (head.status === SWITCHING_PROTOCOLS) {
      this.openWebSocket(head);
    } else if (isWatched) {
      this.responseBody = new LocalBody(memory);
      this.responseReader = this.messages?.openBody('response', bodyHeadOf(head)) ?? null;
      // A call that failed at once has its status in the head.
      this.messages?.addTrailers(trailerLines(head));
    }
    this.host.handleChange(this);
  }

  addResponse(bytes: Buffer, from: number, to: number): void {
    this.bytesOut += to - from;
    if (this.responseReader !== null) this.read(this.responseReader, bytes, from, to);
    this.responseBody?.add(bytes, from, to);
  }

  trailed(trailers: Fields): void {
    this.messages?.addTrailers(trailerLines(trailers));
  }

  ended(failure: string | null, oddities: number): void {
    this.failure = failure;
    this.oddities = oddities;
    this.endMs = performance.now() - this.startedMs;
    this.isOver = true;
    this.requestReader = this.responseReader = null;
    this.messages?.endReaders();
    this.host.handleEnd(this);
  }

  /** Returns all memory that it holds beside its heads. */
  free(): void {
    this.requestReader = this.responseReader = null;
    this.messages?.close();
    this.requestBody?.free();
    this.responseBody?.free();
  }

  /** The exchange as the page shows it. Nothing is masked: the service on this machine gets the same. */
  show(): LocalExchange {
    const { request, response, firstByteMs, endMs } = this;
    return {
      id: this.id,
      endpoint: this.endpoint.name,
      state: this.isOver ? 'ended' : 'open',
      startedAt: new Date(this.startedAt).toISOString(),
      method: request.method,
      target: request.target,
      httpVersion: '1.1',
      upgrade: request.upgrade || request.otherUpgrade || null,
      visitor: {
        address: this.isReplay ? 'localhost' : (request.valueNamed('x-forwarded-for') ?? ''),
        kind: this.isReplay ? 'replay' : 'anyone',
        id: null,
      },
      replayOf: this.replayOf,
      request: shownHead(request),
      response: response === null ? null : shownHead(response),
      changes: [],
      notes: oddityCodes(this.oddities).map((code) => ({ code, text: RESPONSE_NOTES[code] })),
      status: response?.status ?? null,
      error: this.failure,
      timings: {
        gateMs: null,
        waitMs: null,
        connectMs: null,
        firstByteMs: rounded(firstByteMs),
        bodyMs: endMs === null || firstByteMs === null ? null : rounded(endMs - firstByteMs),
      },
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      messages: this.messages?.summary,
    };
  }

  /** Its bodies and messages; null if none were captured. */
  showBodies(): ExchangeBodies | null {
    const kept = this.messages?.kept ?? [];
    const request = this.requestBody?.show(this.request) ?? null;
    const response = this.response === null ? null : (this.responseBody?.show(this.response) ?? null);
    if (request === null && response === null && kept.length === 0) return null;
    return { id: this.id, request, response, ...(kept.length > 0 && { messages: kept }) };
  }

  /** Shows bytes to a reader. A fault of it must not end the traffic. */
  private read(reader: ByteReader, bytes: Buffer, from: number, to: number): void {
    try {
      reader.push(bytes, from, to);
    } catch (error) {
      this.requestReader = this.responseReader = null;
      this.messages?.giveUp(`internal error: ${String(error)}`);
    }
  }

  private openWebSocket(head: ResponseHead): void {
    if (head.upgrade.toLowerCase() !== 'websocket' || this.messages === null) return;
    const readers = this.messages.openWebSocket(extensionsOf(head));
    this.requestReader = readers.request;
    this.responseReader = readers.response;
  }
}

/** The beginning of one body. */
export class LocalBody {
  bytes = 0;
  private readonly kept: KeptBytes;

  constructor(memory: MessageMemory) {
    this.kept = new KeptBytes(memory);
  }

  /** Whether all of the body is kept. */
  get isWhole(): boolean {
    return this.kept.bytes.length === this.bytes;
  }

  get content(): Buffer {
    return this.kept.bytes;
  }

  add(bytes: Buffer, from: number, to: number): void {
    this.bytes += to - from;
    this.kept.add(bytes, from, to, MAX_CAPTURED_BYTES);
  }

  free(): void {
    this.kept.free();
  }

  /** Returns null for a body without bytes. */
  show(head: Fields): CapturedBody | null {
    if (this.bytes === 0) return null;
    return {
      base64: this.content.toString('base64'),
      bytes: this.bytes,
      isTruncated: !this.isWhole,
      contentType: head.valueNamed('content-type'),
      contentEncoding: head.valueNamed('content-encoding'),
    };
  }
}

function shownHead(head: Fields): Exchange['request'] {
  const fields = Array.from({ length: head.count }, (_, i) => ({
    name: head.name(i),
    value: head.value(i),
    isMasked: false,
  }));
  return { fields, isTruncated: false };
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 100) / 100;
}
