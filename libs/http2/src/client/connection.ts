/**
 * The client's end of one HTTP/2 connection (RFC 9113), without I/O: makes requests of a server. DATA passes through to
 * the streams as it arrives and is never put together.
 *
 * The streams are `ClientStream`s, or calls of the owner's own (`ClientCall`), on which the owner sends through
 * `output`.
 */
import { type EndedStream, Endpoint } from '../connection/endpoint.js';
import { KnownBlocks } from '../connection/known-blocks.js';
import { violation } from '../frames/errors.js';
import {
  ErrorCode,
  Flag,
  FrameType,
  INITIAL_FRAME_BYTES,
  INITIAL_WINDOW_BYTES,
  MAX_STREAM_ID,
  Setting,
} from '../frames/frame.js';
import { type DataSink, FrameReader } from '../frames/frame-reader.js';
import { MAX_TABLE_BYTES } from '../hpack/decoder.js';
import type { HpackEncoder } from '../hpack/encoder.js';
import type { ClientCall, ClientOwner } from './call.js';
import {
  type ClientLimits,
  type ClientOptions,
  CONNECTION_WINDOW_BYTES,
  NOISE_PER_CONTROL,
} from './limits.js';
import { FieldSection } from './response-fields.js';

export class ClientConnection<S extends ClientCall> extends Endpoint<S> implements DataSink {
  /** Credit of the peer that every stream begins with. */
  readonly windowBytes: number;
  protected readonly reader: FrameReader;
  private readonly known: KnownBlocks<FieldSection>;
  /** The id of the next stream. */
  private nextId = 1;
  // The DATA frame under way: its stream, its length, its bytes that are not data, and those still to come.
  private current: S | null = null;
  private frameBytes = 0;
  private overhead = 0;

  constructor(
    protected override readonly owner: ClientOwner,
    private readonly limits: ClientLimits,
    private readonly options: ClientOptions = {},
  ) {
    const { maxControlFrames, maxListBytes, maxFields, windowBytes } = limits;
    const { maxFrameBytes = INITIAL_FRAME_BYTES, maxControlBytes = maxFrameBytes } = options;
    const { tableBytes = MAX_TABLE_BYTES } = options;
    super(owner, {
      rates: { maxControlFrames, maxNoiseFrames: maxControlFrames * NOISE_PER_CONTROL },
      lists: { maxListBytes, maxFields, maxTableBytes: tableBytes },
      windowBytes: CONNECTION_WINDOW_BYTES,
      encoderTableBytes: tableBytes,
      output: options,
    });
    this.windowBytes = windowBytes;
    this.reader = new FrameReader(
      { maxFrameBytes, maxControlBytes, expectsPreface: false, dataSink: this },
      this.handleFrame,
    );
    this.known = new KnownBlocks(this.decoder);
  }

  /** Sends the preface, then SETTINGS. Called once, before anything else. */
  start(): void {
    const { limits, options } = this;
    this.output.frames().preface();
    if (options.isPrefaceApart === true) this.output.flush();
    const settings: number[] = [
      Setting.ENABLE_PUSH,
      0,
      Setting.INITIAL_WINDOW_SIZE,
      limits.windowBytes,
      Setting.MAX_HEADER_LIST_SIZE,
      limits.maxListBytes,
    ];
    if (options.tableBytes !== undefined) settings.push(Setting.HEADER_TABLE_SIZE, options.tableBytes);
    if (options.maxFrameBytes !== undefined) settings.push(Setting.MAX_FRAME_SIZE, options.maxFrameBytes);
    this.sendSettings(settings);
    this.output.frames().windowUpdate(0, CONNECTION_WINDOW_BYTES - INITIAL_WINDOW_BYTES);
  }

  /**
   * Sends SETTINGS that change nothing, whose acknowledgement shows the round trip (`onAcknowledged`): for peers that
   * count PINGs against a client.
   */
  measure(): void {
    if (!this.isDraining) this.sendSettings([]);
  }

  /** Whether a stream may begin: there are ids left, and the peer accepts streams. */
  get mayOpen(): boolean {
    return !this.isDraining && !this.isExhausted;
  }

  /** Whether all ids of streams are used up (RFC 9113 §5.1.1). */
  get isExhausted(): boolean {
    return this.nextId > MAX_STREAM_ID;
  }

  /** The id of the next stream. Half of it, rounded down, is the number of opened streams. */
  get nextStreamId(): number {
    return this.nextId;
  }

  /** Begins the block of a request. Fields follow, then `request` or `open`, with nothing in between. */
  beginHeaders(): HpackEncoder {
    this.encoder.begin();
    return this.encoder;
  }

  /** Begins a stream, whose id is `nextStreamId`, with the block that was begun. Only while `mayOpen`. */
  open(stream: S, { endStream }: { readonly endStream: boolean }): void {
    const { encoder, output } = this;
    if (!this.mayOpen || stream.id !== this.nextId) throw new Error(`stream ${stream.id} cannot be opened`);
    this.nextId += 2;
    this.streams.set(stream.id, stream);
    output.frames().headers(stream.id, encoder.bytes, encoder.length, endStream ? Flag.END_STREAM : 0);
  }

  /**
   * Ends a call of the owner's own with RST_STREAM, whatever its state: some peers keep the place of a stream that is half
   * closed.
   */
  drop(call: S, code: ErrorCode): void {
    if (!this.streams.has(call.id)) return;
    this.output.frames().reset(call.id, code);
    this.forget(call, 0, { isPeerDone: false });
  }

  // --- For streams ----------------------------------------------------------------------------------------

  /** Windows begin as large as they may become. */
  reserveExtra(): number {
    return 0;
  }

  /** The stream is over: later frames for it are ignored. */
  forget(stream: EndedStream, _extraBytes: number, options: { readonly isPeerDone: boolean }): void {
    if (this.current?.id === stream.id) this.current = null;
    this.release(stream, options);
  }

  // --- DATA -----------------------------------------------------------------------------------------------

  onDataStart(streamId: number, length: number): void {
    this.checkOrder(FrameType.DATA, 0, streamId);
    this.receive(length);
    this.frameBytes = length;
    this.overhead = length;
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.checkUsed(streamId);
      this.abandoned.count(streamId, length);
      return;
    }
    this.current = stream;
    stream.handleFlow(length);
  }

  onData(buffer: Buffer, from: number, to: number): void {
    this.overhead -= to - from;
    this.current?.handleData(buffer, from, to);
  }

  onDataEnd(isLast: boolean): void {
    const { current } = this;
    this.current = null;
    if (current === null) return;
    if (this.overhead < this.frameBytes) this.rates.noteContent();
    else if (!isLast) this.rates.countEmptyData();
    current.handleDataEnd(this.overhead, isLast);
  }

  // --- Frames ---------------------------------------------------------------------------------------------

  protected handleData(): void {
    throw new Error('DATA passes through');
  }

  protected handleBlock(flags: number, streamId: number, block: Buffer, from: number, to: number): void {
    const section = this.readSection(block, from, to);
    const stream = this.streams.get(streamId);
    if (stream === undefined) this.abandoned.count(streamId, 0);
    else if (section === null) stream.handleViolation(ErrorCode.ENHANCE_YOUR_CALM);
    else {
      this.rates.noteContent();
      stream.handleFields(section, (flags & Flag.END_STREAM) !== 0);
    }
  }

  protected handlePushPromise(): void {
    violation('PUSH_PROMISE although pushes are off');
  }

  protected handleGoAway(lastStreamId: number, code: number): void {
    this.beginDraining();
    this.owner.onGoingAway?.(code);
    for (const stream of this.streams.values()) if (stream.id > lastStreamId) stream.handleRefused();
    this.owner.onGoAway(code);
    this.endIfDrained();
  }

  protected override handleApplied(): void {
    this.owner.onSettings();
  }

  protected checkHeaders(streamId: number): void {
    this.checkUsed(streamId);
  }

  protected checkUsed(streamId: number): void {
    if (streamId === 0 || streamId >= this.nextId || (streamId & 1) === 0)
      violation('a frame on a stream that was never opened');
  }

  protected override end(): void {
    super.end();
    this.known.clear();
  }

  // --- Parts ----------------------------------------------------------------------------------------------

  /** Returns the fields in a block, or null when they exceed a limit. */
  private readSection(block: Buffer, from: number, to: number): FieldSection | null {
    const { decoder, known } = this;
    const found = known.find(block, from, to);
    if (found !== undefined) return found;
    const fields = decoder.decode(block, from, to);
    if (decoder.isOverLimit) return null;
    const section = new FieldSection(fields);
    if (known.isRepeatable) known.remember(section);
    return section;
  }
}
