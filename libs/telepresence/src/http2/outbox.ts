/**
 * Everything that goes to the manager leaves through here: frames are collected and sent as one Chunk per turn of the event
 * loop, or earlier when there are many. Streams with bytes take turns. While the carrier is congested streams wait, and
 * control frames are held back.
 */
import { ReadyQueue, type ReadyStream } from '@culvert/flow';
import { Flag, FrameType, HEADER_BYTES, writeFrameHeader } from '@culvert/http2';
import { MAX_MESSAGE_HEAD_BYTES, messageHeadBytes, writeMessageHead } from '../message-reader.js';
import type { ReverseCarrier } from '../reverse-carrier.js';
import { encodeFrame } from './frame.js';

/** What is collected leaves without waiting for the end of the turn. */
const FLUSH_BYTES = 65_536;

/** What a stream may send before the next one's turn. */
const QUANTUM_BYTES = 16_384;

/** Control frames that may wait for a manager that does not read. */
const MAX_HELD_BYTES = 262_144;

/** Streams wait below this credit of the connection, which is enough for the longest message that cannot be cut. */
const MIN_CREDIT = 1024;

/** `Chunk.content`. */
const CONTENT_FIELD = 1;

export interface OutboxOwner {
  /** The manager does not read, and more control frames wait than may. */
  onStuck(): void;
  /** A stream's handler threw. */
  onFault(error: unknown): void;
}

export class Outbox {
  /** Bytes of DATA that may be sent on the connection. */
  credit = 0;
  /** Whether DATA was added since this was last set to false. */
  hasSentData = false;
  /** Bytes given to the carrier. Counted once a Chunk, not once a frame. */
  sentBytes = 0;
  private parts: Buffer[] = [];
  private size = 0;
  private isScheduled = false;
  private isCongested = false;
  private isClosed = false;
  private readonly ready = new ReadyQueue(QUANTUM_BYTES, FLUSH_BYTES);

  constructor(
    private readonly carrier: ReverseCarrier,
    private readonly owner: OutboxOwner,
  ) {}

  /** Whether streams may send; otherwise they take their place in the ready queue. */
  get hasRoom(): boolean {
    return !this.isCongested && this.credit >= MIN_CREDIT;
  }

  /** Adds a whole frame. */
  control(frame: Buffer): void {
    if (this.isClosed) return;
    this.parts.push(frame);
    this.size += frame.length;
    this.schedule();
  }

  /**
   * Adds DATA with one message that has one field.
   * @returns what it costs in credit, of which there must be enough
   */
  message(streamId: number, field: number, payload: Buffer): number {
    if (this.isClosed) return 0;
    const head = Buffer.allocUnsafe(HEADER_BYTES + MAX_MESSAGE_HEAD_BYTES);
    const headEnd = writeMessageHead(head, HEADER_BYTES, field, payload.length);
    const length = headEnd - HEADER_BYTES + payload.length;
    writeFrameHeader(head, 0, length, FrameType.DATA, 0, streamId);
    this.parts.push(head.subarray(0, headEnd), payload);
    this.size += headEnd + payload.length;
    this.credit -= length;
    this.hasSentData = true;
    if (this.size >= FLUSH_BYTES) this.flush();
    else this.schedule();
    return length;
  }

  /** Adds the whole of a call's request, which is at most 512 bytes long. Only while there `hasRoom`. */
  request(streamId: number, message: Buffer): void {
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    this.credit -= prefix.length + message.length;
    this.hasSentData = true;
    this.control(encodeFrame(FrameType.DATA, Flag.END_STREAM, streamId, Buffer.concat([prefix, message])));
  }

  /** Sends what is collected as a Chunk of its own. */
  flush(): void {
    if (this.size === 0 || this.isClosed) return;
    if (this.isCongested) {
      if (this.size > MAX_HELD_BYTES) this.owner.onStuck();
      return;
    }
    this.send();
  }

  /** Gives `stream` a turn: it has something to send, or wants to hear that it may write. */
  enqueue(stream: ReadyStream): void {
    if (this.ready.add(stream) && !this.isCongested) this.schedule();
  }

  /** The carrier has room again. */
  handleDrain(): void {
    this.isCongested = false;
    this.wake();
  }

  /** There is more credit. */
  wake(): void {
    if (!this.ready.isEmpty || this.size > 0) this.schedule();
  }

  /** Sends what is collected, congested or not, and nothing from then on. */
  close(): void {
    if (this.isClosed) return;
    if (this.size > 0) this.send();
    this.isClosed = true;
    this.ready.clear();
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(this.endTurn);
  }

  private readonly endTurn = (): void => {
    this.isScheduled = false;
    if (this.isClosed) return;
    try {
      while (this.hasRoom && this.ready.serveNext());
      this.flush();
    } catch (error) {
      this.owner.onFault(error);
    }
  };

  private send(): void {
    const { parts, size } = this;
    this.parts = [];
    this.size = 0;
    const chunk = Buffer.allocUnsafe(messageHeadBytes(size) + size);
    let at = writeMessageHead(chunk, 0, CONTENT_FIELD, size);
    for (const part of parts) {
      chunk.set(part, at);
      at += part.length;
    }
    this.sentBytes += chunk.length;
    if (!this.carrier.write(chunk)) this.isCongested = true;
  }
}
