/**
 * The client's end of the HTTP/2 connection inside a reverse connection. It is our own, since Node's session over a
 * JavaScript stream costs several times what the rest of a request does (docs/performance.md).
 *
 * Each stream has a window of its own and gives credit for what its consumer took. The connection's window never
 * limits, so that one stalled stream does not stop the others; the sum of the streams' windows bounds the memory.
 */
import { RateWindow } from '@culvert/flow';
import {
  type DataSink,
  ErrorCode,
  Flag,
  FrameReader,
  FrameType,
  Http2Error,
  INITIAL_FRAME_BYTES,
  INITIAL_WINDOW_BYTES,
  MAX_STREAM_ID,
  MAX_WINDOW_BYTES,
  PREFACE,
  protocolError,
  Setting,
  unpad,
} from '@culvert/http2';
import {
  encodeRequestFields,
  HEADER_TABLE_BYTES,
  MAX_HEADER_LIST_BYTES,
  readResponseFields,
  requestEncoder,
  responseDecoder,
  type ResponseFields,
} from './fields.js';
import { encodeFrame, encodeNumberFrame, encodeSettings } from './frame.js';
import type { Outbox } from './outbox.js';

/** A frame of the manager may be this long: DATA is never put together, so it costs nothing. */
const MAX_FRAME_BYTES = 1_048_576;

const CONNECTION_WINDOW_BYTES = 2 ** 30;
const CONNECTION_REFILL_BYTES = 2 ** 24;

/** Payload of a frame other than DATA: header blocks of gRPC have some hundred bytes. */
const MAX_CONTROL_BYTES = 65_536;

/** A header block, over all its frames. */
const MAX_BLOCK_BYTES = 65_536;

/** PING and SETTINGS that a manager may send beside the PINGs that measure its bandwidth; each has to be answered. */
const MAX_ANSWERED_PER_SECOND = 100;

/** One call on the connection. */
export interface Http2Stream {
  readonly id: number;
  /** DATA of `length` bytes, overhead included, is about to arrive. Throws Http2Error beyond the window. */
  handleFlow(length: number): void;
  handleData(bytes: Buffer, start: number, end: number): void;
  handleFields(fields: ResponseFields, isLast: boolean): void;
  /** The response ended without trailers. */
  handleEnd(): void;
  /** RST_STREAM. */
  handleReset(code: number): void;
  /** The connection is gone. */
  handleLost(detail: string): void;
  /** The manager gave or took credit. */
  handleCredit(change: number): void;
}

export interface ConnectionOwner {
  /** The manager's first SETTINGS are here. */
  onReady(): void;
  /** `roundTripMs` is that of the network. Called once, after `onReady`. */
  onMeasured(): void;
  /** The manager takes no more streams. */
  onGoAway(detail: string): void;
}

export class Http2Connection implements DataSink {
  /** Streams that the manager takes at once. */
  peerMaxStreams = Number.MAX_SAFE_INTEGER;
  /** Credit that a new stream begins with. */
  peerWindowBytes = INITIAL_WINDOW_BYTES;
  peerFrameBytes = INITIAL_FRAME_BYTES;
  /** From our last SETTINGS to their acknowledgement, in milliseconds; 0 before the first one. */
  roundTripMs = 0;
  private isReady = false;
  /** When the SETTINGS that await their acknowledgement were sent; 0 when none do. */
  private settingsSentAt = 0;
  private measurements = 0;
  private nextId = 1;
  private readonly streams = new Map<number, Http2Stream>();
  private readonly reader: FrameReader;
  private readonly decoder = responseDecoder();
  private readonly encoder = requestEncoder();
  private readonly answered = new RateWindow(MAX_ANSWERED_PER_SECOND, 1000);
  /** DATA since the connection's window was refilled. */
  private received = 0;
  /** The stream that the DATA frame under way belongs to. */
  private current: Http2Stream | null = null;
  /** Header block under way: of which stream, and what of it is here. */
  private blockStreamId = 0;
  private blockEndsStream = false;
  private blockParts: Buffer[] = [];
  private blockBytes = 0;

  constructor(
    private readonly outbox: Outbox,
    private readonly owner: ConnectionOwner,
    private readonly windowBytes: number,
  ) {
    outbox.credit = INITIAL_WINDOW_BYTES;
    this.reader = new FrameReader(
      {
        maxFrameBytes: MAX_FRAME_BYTES,
        maxControlBytes: MAX_CONTROL_BYTES,
        expectsPreface: false,
        dataSink: this,
      },
      (type, flags, streamId, buffer, from, to) =>
        this.handleFrame(type, flags, streamId, buffer.subarray(from, to)),
    );
  }

  /** Speaks first: managers from 2.3.2 are silent until they have the preface. */
  start(): void {
    this.settingsSentAt = performance.now();
    // A Chunk of its own: with SETTINGS behind it in the same one, managers up to 2.4.7 wait for ever.
    this.outbox.control(PREFACE);
    this.outbox.flush();
    this.outbox.control(
      encodeSettings([
        [Setting.HEADER_TABLE_SIZE, HEADER_TABLE_BYTES],
        [Setting.ENABLE_PUSH, 0],
        [Setting.INITIAL_WINDOW_SIZE, this.windowBytes],
        [Setting.MAX_FRAME_SIZE, MAX_FRAME_BYTES],
        [Setting.MAX_HEADER_LIST_SIZE, MAX_HEADER_LIST_BYTES],
      ]),
    );
    this.sendWindow(0, CONNECTION_WINDOW_BYTES - INITIAL_WINDOW_BYTES);
    this.outbox.flush();
  }

  /**
   * Measures the round trip anew, with SETTINGS that change nothing. Managers up to 2.3.1 count PINGs and end connections
   * with more than one in five minutes; no manager counts SETTINGS.
   */
  measure(): void {
    if (this.settingsSentAt !== 0) return;
    this.settingsSentAt = performance.now();
    this.outbox.control(encodeSettings([]));
  }

  /** Throws Http2Error. */
  read(bytes: Buffer, start: number, end: number): void {
    this.reader.push(bytes, start, end);
  }

  /** Begins a call. `make` gets its id. Null when there are no ids left. */
  open<S extends Http2Stream>(path: string, make: (id: number) => S): S | null {
    if (this.nextId > MAX_STREAM_ID) return null;
    const stream = make(this.nextId);
    this.nextId += 2;
    this.streams.set(stream.id, stream);
    const block = encodeRequestFields(this.encoder, path);
    this.outbox.control(encodeFrame(FrameType.HEADERS, Flag.END_HEADERS, stream.id, block));
    return stream;
  }

  /** Ends a call: with RST_STREAM whatever its state, since half-closed ones keep their place at the manager. */
  close(stream: Http2Stream): void {
    if (!this.streams.delete(stream.id)) return;
    if (this.current === stream) this.current = null;
    this.outbox.control(encodeNumberFrame(FrameType.RST_STREAM, stream.id, ErrorCode.CANCEL));
  }

  sendWindow(streamId: number, bytes: number): void {
    this.outbox.control(encodeNumberFrame(FrameType.WINDOW_UPDATE, streamId, bytes));
  }

  /** Tells every stream that the connection is gone. Nothing is read after it. */
  lose(detail: string): void {
    this.reader.stop();
    const lost = [...this.streams.values()];
    this.streams.clear();
    for (const stream of lost) stream.handleLost(detail);
  }

  goAway(code: ErrorCode): void {
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(code, 4);
    this.outbox.control(encodeFrame(FrameType.GOAWAY, 0, 0, payload));
  }

  // --- Frames ---------------------------------------------------------------------------------------------

  onDataStart(streamId: number, length: number): void {
    if (!this.isReady || this.blockStreamId !== 0) throw protocolError('DATA out of turn');
    this.received += length;
    if (this.received >= CONNECTION_REFILL_BYTES) {
      this.sendWindow(0, this.received);
      this.received = 0;
    }
    this.current = this.streamOf(streamId);
    this.current?.handleFlow(length);
  }

  onData(bytes: Buffer, from: number, to: number): void {
    this.current?.handleData(bytes, from, to);
  }

  onDataEnd(isLast: boolean): void {
    const { current } = this;
    this.current = null;
    if (isLast) current?.handleEnd();
  }

  /** @param payload as it lies in what was read */
  private handleFrame(type: number, flags: number, streamId: number, payload: Buffer): void {
    // Unknown types are ignored (RFC 9113 §5.5).
    if (type > FrameType.CONTINUATION) return;
    if (!this.isReady && type !== FrameType.SETTINGS) throw protocolError('the first frame is not SETTINGS');
    if (this.blockStreamId !== 0 && (type !== FrameType.CONTINUATION || streamId !== this.blockStreamId)) {
      throw protocolError('a frame within a header block');
    }
    const known = type as FrameType;
    switch (known) {
      case FrameType.HEADERS:
        this.handleHeaders(flags, streamId, payload);
        break;
      case FrameType.CONTINUATION:
        if (this.blockStreamId === 0) throw protocolError('CONTINUATION of nothing');
        this.addToBlock(flags, payload);
        break;
      case FrameType.RST_STREAM:
        expectLength(payload, 4);
        this.handleRstStream(streamId, payload.readUInt32BE(0));
        break;
      case FrameType.SETTINGS:
        this.handleSettings(flags, streamId, payload);
        break;
      case FrameType.PING:
        expectLength(payload, 8);
        if ((flags & Flag.ACK) === 0) this.handlePing(payload);
        break;
      case FrameType.GOAWAY:
        this.handleGoAway(payload);
        break;
      case FrameType.WINDOW_UPDATE:
        expectLength(payload, 4);
        this.handleWindowUpdate(streamId, payload.readUInt32BE(0) & MAX_WINDOW_BYTES);
        break;
      case FrameType.PRIORITY:
        break;
      case FrameType.PUSH_PROMISE:
        throw protocolError('a push');
      case FrameType.DATA:
        throw new Error('DATA is handled elsewhere');
      default:
        throw new Error(`unhandled frame type ${String(known satisfies never)}`);
    }
  }

  private handleHeaders(flags: number, streamId: number, payload: Buffer): void {
    const isPadded = (flags & Flag.PADDED) !== 0;
    const [from, end] = isPadded ? unpad(payload, 0, payload.length) : [0, payload.length];
    const start = (flags & Flag.PRIORITY) === 0 ? from : from + 5;
    if (start > end) throw protocolError('HEADERS of a wrong size');
    if (streamId === 0) throw protocolError('HEADERS on stream 0');
    this.blockStreamId = streamId;
    this.blockEndsStream = (flags & Flag.END_STREAM) !== 0;
    this.addToBlock(flags, payload.subarray(start, end));
  }

  private addToBlock(flags: number, fragment: Buffer): void {
    // Each frame counts for something, or empty ones could be sent for ever.
    this.blockBytes += fragment.length + 32;
    if (this.blockBytes > MAX_BLOCK_BYTES) {
      throw new Http2Error(ErrorCode.ENHANCE_YOUR_CALM, 'a header block is too large');
    }
    if ((flags & Flag.END_HEADERS) === 0) {
      // A copy: the fragment would keep the message that it was cut from.
      this.blockParts.push(Buffer.from(fragment));
      return;
    }
    const block = this.blockParts.length === 0 ? fragment : Buffer.concat([...this.blockParts, fragment]);
    const list = this.decoder.decode(block, 0, block.length);
    if (this.decoder.isOverLimit)
      throw new Http2Error(ErrorCode.ENHANCE_YOUR_CALM, 'a header list is too large');
    const fields = readResponseFields(list);
    const stream = this.streamOf(this.blockStreamId);
    this.blockParts = [];
    this.blockBytes = 0;
    this.blockStreamId = 0;
    stream?.handleFields(fields, this.blockEndsStream);
  }

  private handleRstStream(streamId: number, code: number): void {
    const stream = this.streamOf(streamId);
    if (stream === null) return;
    this.streams.delete(streamId);
    stream.handleReset(code);
  }

  private handleSettings(flags: number, streamId: number, payload: Buffer): void {
    if (streamId !== 0) throw protocolError('SETTINGS on a stream');
    if ((flags & Flag.ACK) !== 0) {
      expectLength(payload, 0);
      this.handleAcknowledgement();
      return;
    }
    if (payload.length % 6 !== 0) throw new Http2Error(ErrorCode.FRAME_SIZE_ERROR, 'half a setting');
    for (let at = 0; at < payload.length; at += 6) {
      this.applySetting(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    }
    this.answer(encodeFrame(FrameType.SETTINGS, Flag.ACK, 0, Buffer.alloc(0)));
    if (this.isReady) return;
    this.isReady = true;
    this.owner.onReady();
  }

  private handleAcknowledgement(): void {
    if (this.settingsSentAt === 0) return;
    this.roundTripMs = performance.now() - this.settingsSentAt;
    this.settingsSentAt = 0;
    this.measurements += 1;
    // The first one has in it how long the manager takes to start its server.
    if (this.measurements === 1) this.measure();
    else if (this.measurements === 2) this.owner.onMeasured();
  }

  private applySetting(setting: number, value: number): void {
    if (setting === Setting.MAX_CONCURRENT_STREAMS) {
      this.peerMaxStreams = value;
    } else if (setting === Setting.INITIAL_WINDOW_SIZE) {
      if (value > MAX_WINDOW_BYTES)
        throw new Http2Error(ErrorCode.FLOW_CONTROL_ERROR, 'a window is too large');
      const change = value - this.peerWindowBytes;
      this.peerWindowBytes = value;
      for (const stream of this.streams.values()) stream.handleCredit(change);
    } else if (setting === Setting.MAX_FRAME_SIZE) {
      if (value < INITIAL_FRAME_BYTES || value > 2 ** 24 - 1) throw protocolError('an impossible frame size');
      this.peerFrameBytes = value;
    }
  }

  /** grpc-go in managers up to 2.3.1 sends one for DATA that arrives, and the next for DATA that arrives after the answer. */
  private handlePing(payload: Buffer): void {
    const frame = encodeFrame(FrameType.PING, Flag.ACK, 0, payload);
    if (!this.outbox.hasSentData) {
      this.answer(frame);
      return;
    }
    this.outbox.hasSentData = false;
    this.outbox.control(frame);
  }

  private handleGoAway(payload: Buffer): void {
    if (payload.length < 8) throw new Http2Error(ErrorCode.FRAME_SIZE_ERROR, 'a short GOAWAY');
    const lastId = payload.readUInt32BE(0) & MAX_STREAM_ID;
    const detail = `the traffic manager ended its HTTP/2 connection (error ${payload.readUInt32BE(4)})`;
    const unseen = [...this.streams.values()].filter(({ id }) => id > lastId);
    for (const stream of unseen) {
      this.streams.delete(stream.id);
      stream.handleLost(detail);
    }
    this.owner.onGoAway(detail);
  }

  private handleWindowUpdate(streamId: number, credit: number): void {
    if (credit === 0) throw protocolError('credit of 0');
    if (streamId !== 0) {
      this.streamOf(streamId)?.handleCredit(credit);
      return;
    }
    this.outbox.credit += credit;
    if (this.outbox.credit > MAX_WINDOW_BYTES) {
      throw new Http2Error(ErrorCode.FLOW_CONTROL_ERROR, 'too much credit');
    }
    this.outbox.wake();
  }

  private answer(frame: Buffer): void {
    if (this.answered.exceeds(performance.now()))
      throw new Http2Error(ErrorCode.ENHANCE_YOUR_CALM, 'too many PINGs or SETTINGS');
    this.outbox.control(frame);
  }

  /** Null when it was closed here, and the manager did not know yet. */
  private streamOf(streamId: number): Http2Stream | null {
    const stream = this.streams.get(streamId);
    if (stream !== undefined) return stream;
    if (streamId % 2 === 0 || streamId >= this.nextId)
      throw protocolError(`stream ${streamId} was never opened`);
    return null;
  }
}

function expectLength(payload: Buffer, length: number): void {
  if (payload.length !== length) {
    throw new Http2Error(
      ErrorCode.FRAME_SIZE_ERROR,
      `a payload of ${payload.length} bytes instead of ${length}`,
    );
  }
}
