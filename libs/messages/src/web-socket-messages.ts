/**
 * The messages of one direction of a WebSocket (RFC 6455 §5), found in the bytes that pass. It joins fragments, unmasks and
 * decompresses. Memory is bounded whatever the lengths and numbers of frames are: of a message it keeps the beginning.
 */
import type { MessageKind } from '@culvert/contract';
import type { Inflater } from './inflater.js';
import { KeptBytes, type MessageMemory } from './kept-bytes.js';
import { MAX_COMPRESSED_BYTES, MAX_CONTENT_BYTES } from './limits.js';
import type { ByteReader, Direction, MessageSink } from './observed-message.js';

const Opcode = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;

const KINDS: Readonly<Record<number, MessageKind | undefined>> = {
  [Opcode.TEXT]: 'text',
  [Opcode.BINARY]: 'binary',
  [Opcode.CLOSE]: 'close',
  [Opcode.PING]: 'ping',
  [Opcode.PONG]: 'pong',
};

const FIN = 0x80;
const RSV1 = 0x40;
const RSV2_AND_3 = 0x30;
const MASK_BIT = 0x80;
const MAX_HEAD_BYTES = 14;
const MAX_CONTROL_BYTES = 125;

export interface WebSocketMessagesOptions {
  readonly direction: Direction;
  /** Null: the extension was not agreed on, so that no frame may be compressed. */
  readonly inflater: Inflater | null;
  readonly memory: MessageMemory;
  readonly sink: MessageSink;
}

/** A message whose frames are arriving. */
interface Begun {
  kind: MessageKind;
  isCompressed: boolean;
  bytes: number;
  /** Whether its content may be shown. */
  isRead: boolean;
}

export class WebSocketMessages implements ByteReader {
  private isOver = false;
  /** Head of the current frame as far as it has arrived, and its length as far as that is known. */
  private readonly head = Buffer.alloc(MAX_HEAD_BYTES);
  private headBytes = 0;
  private headLength = 2;
  /** Bytes of the frame's payload that are still to come; -1: its head is incomplete. */
  private payloadLeft = -1;
  private maskOffset = 0;
  private readonly data: KeptBytes;
  private readonly control: KeptBytes;
  private readonly message: Begun = { kind: 'text', isCompressed: false, bytes: 0, isRead: false };
  private isWithinMessage = false;
  private controlKind: MessageKind | null = null;
  private controlBytes = 0;
  private isControlRead = false;

  constructor(private readonly options: WebSocketMessagesOptions) {
    this.data = new KeptBytes(options.memory);
    this.control = new KeptBytes(options.memory);
  }

  push(buffer: Buffer, start: number, end: number): void {
    let at = start;
    while (!this.isOver && (at < end || this.payloadLeft === 0)) {
      at = this.payloadLeft < 0 ? this.readHead(buffer, at, end) : this.readPayload(buffer, at, end);
    }
  }

  /** Ends the reading and returns all memory. */
  close(): void {
    this.isOver = true;
    this.data.free();
    this.control.free();
    this.options.inflater?.free();
  }

  private readHead(buffer: Buffer, from: number, end: number): number {
    let at = from;
    while (at < end && this.headBytes < this.headLength) {
      this.head[this.headBytes++] = buffer[at++];
      if (this.headBytes === 2) this.headLength = headLengthOf(this.head[1]);
    }
    if (this.headBytes === this.headLength) this.beginFrame();
    return at;
  }

  private beginFrame(): void {
    const { head, headBytes } = this;
    const isMasked = (head[1] & MASK_BIT) !== 0;
    const length = payloadLengthOf(head);
    const fault = this.faultOf(length, isMasked);
    if (fault !== null) {
      this.giveUp(fault);
      return;
    }
    this.maskOffset = isMasked ? headBytes - 4 : -1;
    this.payloadLeft = length;
    this.headBytes = 0;
    this.headLength = 2;
    const opcode = head[0] & 0x0f;
    const kind = KINDS[opcode];
    if (opcode >= Opcode.CLOSE) {
      this.controlKind = kind ?? null;
      this.controlBytes = length;
      this.isControlRead = this.options.sink.begin();
      return;
    }
    this.controlKind = null;
    if (kind !== undefined) {
      this.isWithinMessage = true;
      this.message.kind = kind;
      this.message.isCompressed = (head[0] & RSV1) !== 0;
      this.message.bytes = 0;
      this.message.isRead = this.options.sink.begin();
    }
    this.message.bytes += length;
  }

  /** Returns what is wrong with the frame that begins; null: nothing. */
  private faultOf(length: number, isMasked: boolean): string | null {
    const [first] = this.head;
    const opcode = first & 0x0f;
    const isControl = opcode >= Opcode.CLOSE;
    if ((first & RSV2_AND_3) !== 0) return 'a frame has reserved bits';
    if (
      (first & RSV1) !== 0 &&
      (this.options.inflater === null || isControl || opcode === Opcode.CONTINUATION)
    )
      return 'a frame is marked as compressed and must not be';
    if (opcode !== Opcode.CONTINUATION && KINDS[opcode] === undefined)
      return `a frame has the reserved opcode ${opcode}`;
    if (isMasked !== (this.options.direction === 'request'))
      return isMasked ? 'a frame of the service is masked' : 'a frame of the visitor is not masked';
    if (!Number.isSafeInteger(length)) return 'the length of a frame is not possible';
    if (isControl && (length > MAX_CONTROL_BYTES || (first & FIN) === 0))
      return 'a control frame is too long or in fragments';
    if (isControl) return null;
    if ((opcode === Opcode.CONTINUATION) !== this.isWithinMessage)
      return this.isWithinMessage ? 'a message begins within another' : 'a fragment belongs to no message';
    return null;
  }

  private readPayload(buffer: Buffer, at: number, end: number): number {
    const next = Math.min(end, at + this.payloadLeft);
    if (this.controlKind === null ? this.keepsData : this.isControlRead) this.keep(buffer, at, next);
    this.payloadLeft -= next - at;
    if (this.payloadLeft === 0) this.endFrame();
    return next;
  }

  /** Whether the bytes of the current message are needed. */
  private get keepsData(): boolean {
    const { isRead, isCompressed } = this.message;
    return isRead || (isCompressed && this.options.inflater?.mustFollow === true);
  }

  private keep(buffer: Buffer, start: number, end: number): void {
    const kept = this.controlKind === null ? this.data : this.control;
    const maxBytes =
      this.controlKind === null && this.message.isCompressed ? MAX_COMPRESSED_BYTES : MAX_CONTENT_BYTES;
    const before = kept.bytes.length;
    kept.add(buffer, start, end, maxBytes);
    const { bytes } = kept;
    if (this.maskOffset < 0) return;
    const { head, maskOffset } = this;
    // The mask repeats every four bytes of the frame.
    const phase = this.frameBytesBefore();
    for (let i = before; i < bytes.length; i++) bytes[i] ^= head[maskOffset + ((phase + i - before) & 3)];
  }

  /** Bytes of the current frame's payload that have been read. */
  private frameBytesBefore(): number {
    return payloadLengthOf(this.head) - this.payloadLeft;
  }

  private endFrame(): void {
    this.payloadLeft = -1;
    if (this.controlKind !== null) this.endControl(this.controlKind);
    else if ((this.head[0] & FIN) !== 0) this.endMessage();
  }

  private endControl(kind: MessageKind): void {
    const { direction, sink } = this.options;
    if (this.isControlRead) {
      const payload = Buffer.from(this.control.bytes);
      const hasCode = kind === 'close' && payload.length >= 2;
      this.control.clear();
      sink.add({
        direction,
        kind,
        bytes: this.controlBytes,
        isCompressed: false,
        code: hasCode ? payload.readUInt16BE() : null,
        content: hasCode ? payload.subarray(2) : payload,
        isTruncated: payload.length < this.controlBytes,
      });
    } else sink.count(direction, this.controlBytes);
    // Nothing may follow it (RFC 6455 §5.5.1).
    if (kind === 'close') this.close();
  }

  private endMessage(): void {
    const { direction, sink } = this.options;
    const { kind, isCompressed, bytes, isRead } = this.message;
    this.isWithinMessage = false;
    if (!this.keepsData) {
      sink.count(direction, bytes);
      return;
    }
    const content = isCompressed ? this.inflated(bytes) : Buffer.from(this.data.bytes);
    this.data.clear();
    if (!isRead) {
      sink.count(direction, bytes);
      return;
    }
    sink.add({
      direction,
      kind,
      bytes,
      isCompressed,
      code: null,
      content: content?.subarray(0, MAX_CONTENT_BYTES) ?? null,
      isTruncated:
        content === null || content.length > MAX_CONTENT_BYTES || (!isCompressed && content.length < bytes),
    });
  }

  private inflated(bytes: number): Buffer | null {
    const { inflater } = this.options;
    const compressed = this.data.bytes;
    if (inflater === null) return null;
    return compressed.length < bytes ? inflater.miss() : inflater.inflate(compressed);
  }

  private giveUp(note: string): void {
    this.close();
    this.options.sink.giveUp(note);
  }
}

/** Returns the length of a frame's head from its second byte. */
function headLengthOf(second: number): number {
  const length = second & 0x7f;
  const moreBytes = length === 126 ? 2 : length === 127 ? 8 : 0;
  return 2 + moreBytes + ((second & MASK_BIT) === 0 ? 0 : 4);
}

/** Returns the length of a frame's payload from its whole head. It is inexact if it is not a safe integer. */
function payloadLengthOf(head: Buffer): number {
  const length = head[1] & 0x7f;
  if (length === 126) return head.readUInt16BE(2);
  return length === 127 ? head.readUInt32BE(2) * 2 ** 32 + head.readUInt32BE(6) : length;
}
