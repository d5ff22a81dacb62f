/** The messages within one exchange: of a WebSocket, of a gRPC call, or the events of a stream of events. */
import type { Exchange, ExchangeMessage } from '@culvert/contract';
import type { BodyHead } from './body-head.js';
import { EventMessages } from './event-messages.js';
import { Base64Reader, GrpcMessages, statusOf } from './grpc-messages.js';
import { type InflateBudget, Inflater } from './inflater.js';
import type { MessageMemory } from './kept-bytes.js';
import { MAX_KEPT_LENGTH, MAX_KEPT_MESSAGES } from './limits.js';
import type { MessageBudget } from './message-budget.js';
import type { ByteReader, Direction, MessageSink, ObservedMessage } from './observed-message.js';
import { protobufText } from './protobuf-text.js';
import { utf8Text } from './utf8-text.js';
import { compressionOf } from './web-socket-extensions.js';
import { WebSocketMessages } from './web-socket-messages.js';

type Summary = NonNullable<Exchange['messages']>;
export type MessageProtocol = Summary['protocol'];

export interface ExchangeMessagesOptions {
  readonly exchangeId: string;
  readonly memory: MessageMemory;
  readonly budget: InflateBudget;
  /** Limits the messages that are read, of all exchanges of the preview. */
  readonly messageBudget: MessageBudget;
  /** Whether contents may be shown and kept now. Numbers and sizes are counted in any case. */
  readonly captures: () => boolean;
  /** Receives the JSON of a message (`ExchangeMessage`) whose content may be shown. */
  readonly onMessage: (json: string) => void;
  /** A message is not shown, because there were too many. */
  readonly onOmitted: () => void;
  /** Something in `summary` has changed. */
  readonly onChange: () => void;
}

interface Closable extends ByteReader {
  close(): void;
}

const NOTHING = { count: 0, bytes: 0 } as const;

export class ExchangeMessages implements MessageSink {
  private protocol: MessageProtocol | null = null;
  private readonly counts = { request: { ...NOTHING }, response: { ...NOTHING } } as Record<
    Direction,
    { count: number; bytes: number }
  >;
  private note: string | null = null;
  private seq = 0;
  private readonly readers: Closable[] = [];
  private readonly newest: { readonly message: ExchangeMessage; readonly length: number }[] = [];
  private newestLength = 0;
  private areReadersOver = false;
  private isOver = false;

  constructor(private readonly options: ExchangeMessagesOptions) {}

  /** Begins a WebSocket. @param extensions `Sec-WebSocket-Extensions` of the response; '' if there are none */
  openWebSocket(extensions: string): Readonly<Record<Direction, ByteReader>> {
    this.protocol = 'websocket';
    const { budget, memory } = this.options;
    const compression = compressionOf(extensions);
    if (compression === 'unknown') this.note = `the extension is not known: ${extensions.slice(0, 100)}`;
    const open = (direction: Direction, hasContextTakeover: boolean | null): ByteReader =>
      this.track(
        new WebSocketMessages({
          direction,
          inflater: hasContextTakeover === null ? null : new Inflater({ hasContextTakeover, budget, memory }),
          memory,
          sink: this,
        }),
      );
    const isCompressed = compression !== null && compression !== 'unknown';
    return {
      request: open('request', isCompressed ? compression.requestTakeover : null),
      response: open('response', isCompressed ? compression.responseTakeover : null),
    };
  }

  /** Begins a body. Returns null for one that is not a sequence of messages. */
  openBody(direction: Direction, head: BodyHead): ByteReader | null {
    const { budget, memory } = this.options;
    const [type = ''] = head.contentType.toLowerCase().split(';');
    const isEncoded = !['', 'identity'].includes(head.contentEncoding.trim().toLowerCase());
    if (isEncoded) return null;
    if (type.trim() === 'text/event-stream' && direction === 'response') {
      this.protocol = 'events';
      return this.track(new EventMessages(memory, this));
    }
    const found = /^application\/grpc(-web(-text)?)?(?:\+[\w.-]+)?$/.exec(type.trim());
    if (found === null) return null;
    const [, web = '', text] = found;
    this.protocol = web === '' ? 'grpc' : 'grpc-web';
    const encoding = head.grpcEncoding.trim().toLowerCase();
    const messages = new GrpcMessages({ direction, isWeb: web !== '', encoding, budget, memory, sink: this });
    return this.track(text === undefined ? messages : new Base64Reader(messages, this));
  }

  /** Adds the trailers of a gRPC call. @param lines each with its name and value, separated by line ends */
  addTrailers(lines: string): void {
    if (this.protocol !== 'grpc' && this.protocol !== 'grpc-web') return;
    const code = statusOf(lines);
    if (code === null || this.isOver) return;
    const bytes = lines.length;
    if (!this.begin()) {
      this.count('response', bytes);
      return;
    }
    const content = Buffer.from(lines, 'latin1');
    this.add({
      direction: 'response',
      kind: 'trailers',
      bytes,
      isCompressed: false,
      code,
      content,
      isTruncated: false,
    });
  }

  /** What has passed so far; undefined if the exchange has no messages. */
  get summary(): Summary | undefined {
    const { protocol, counts, note } = this;
    return protocol === null
      ? undefined
      : { protocol, request: { ...counts.request }, response: { ...counts.response }, note };
  }

  /** The newest messages whose contents were captured. */
  get kept(): ExchangeMessage[] {
    return this.newest.map(({ message }) => message);
  }

  begin(): boolean {
    const { captures, messageBudget, onOmitted } = this.options;
    if (!captures()) return false;
    const mayRead = messageBudget.begin();
    if (!mayRead) onOmitted();
    return mayRead;
  }

  add(message: ObservedMessage): void {
    const { exchangeId, captures, messageBudget, onMessage, onOmitted } = this.options;
    const { seq } = this;
    this.count(message.direction, message.bytes);
    if (this.isOver || !captures()) return;
    if (!messageBudget.hasRoom) {
      onOmitted();
      return;
    }
    const shown = shownMessage(message, { exchangeId, seq });
    const json = JSON.stringify(shown);
    messageBudget.spend(json.length);
    this.keep(shown, json.length);
    onMessage(json);
  }

  count(direction: Direction, bytes: number): void {
    if (this.isOver) return;
    const counted = this.counts[direction];
    counted.count++;
    counted.bytes += bytes;
    this.seq++;
    this.options.onChange();
  }

  giveUp(note: string): void {
    if (this.isOver) return;
    this.note = note;
    // One direction alone would look like the whole conversation.
    this.endReaders();
    this.options.onChange();
  }

  /** Ends the observing and returns all memory. The summary and the kept messages stay readable. */
  close(): void {
    this.endReaders();
    this.options.memory.release(this.newestLength);
    this.newestLength = 0;
    this.isOver = true;
  }

  /** Ends the reading and returns its memory. What was kept stays. */
  endReaders(): void {
    this.areReadersOver = true;
    for (const reader of this.readers) reader.close();
  }

  /** Returns `reader` for the bytes until the reading ends: traffic outlasts it, and must not take memory again. */
  private track(reader: Closable): ByteReader {
    this.readers.push(reader);
    return {
      push: (buffer, start, end) => {
        if (!this.areReadersOver) reader.push(buffer, start, end);
      },
    };
  }

  private keep(message: ExchangeMessage, length: number): void {
    while (this.newest.length >= MAX_KEPT_MESSAGES || this.newestLength + length > MAX_KEPT_LENGTH)
      if (!this.dropOldest()) return;
    while (!this.options.memory.reserve(length)) if (!this.dropOldest()) return;
    this.newest.push({ message, length });
    this.newestLength += length;
  }

  private dropOldest(): boolean {
    const oldest = this.newest.shift();
    if (oldest === undefined) return false;
    this.newestLength -= oldest.length;
    this.options.memory.release(oldest.length);
    return true;
  }
}

function shownMessage(
  { direction, kind, bytes, isCompressed, code, content, isTruncated }: ObservedMessage,
  { exchangeId, seq }: { readonly exchangeId: string; readonly seq: number },
): ExchangeMessage {
  const text = content === null ? null : textOf(kind, content, isTruncated);
  const isBinary = content !== null && (text === null || kind === 'grpc');
  return {
    exchangeId,
    seq,
    at: new Date().toISOString(),
    direction,
    kind,
    bytes,
    isCompressed,
    code,
    text,
    base64: isBinary ? content.toString('base64') : null,
    isTruncated,
  };
}

function textOf(kind: ObservedMessage['kind'], content: Buffer, isTruncated: boolean): string | null {
  if (kind === 'grpc') return protobufText(content, { isTruncated });
  return kind === 'binary' ? null : utf8Text(content, { isTruncated });
}
