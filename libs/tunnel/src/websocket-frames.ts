/**
 * Takes the payloads of binary messages out of the bytes of a WebSocket (RFC 6455 §5), piece by piece as they arrive: the
 * tunnel is a byte stream, so that a message need not be put together. Control frames are passed on whole, for the library
 * that made the handshake and answers them.
 */
export interface WebSocketFramesSink {
  /** Bytes of binary messages, in order. Valid during the call only. */
  onPayload(piece: Buffer): void;
  /** One close, ping or pong frame with its header, as it arrived. Valid during the call only. */
  onControl(frame: Buffer): void;
  /** The peer broke a rule, for which RFC 6455 §7.4.1 has a close status. Nothing follows. */
  onViolation(status: ViolationStatus, reason: string): void;
}

export const ViolationStatus = { PROTOCOL_ERROR: 1002, UNACCEPTABLE_DATA: 1003, TOO_BIG: 1009 } as const;
export type ViolationStatus = (typeof ViolationStatus)[keyof typeof ViolationStatus];

const FIN = 0x80;
const RESERVED_BITS = 0x70;
const OPCODE_BITS = 0x0f;
const MASKED = 0x80;

const Opcode = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;

/** Payload lengths from here on are codes for 2 or 8 bytes of length. */
const LENGTH_IN_16_BITS = 126;
const LENGTH_IN_64_BITS = 127;
const MAX_CONTROL_BYTES = 125;
const MASK_BYTES = 4;
const MAX_HEADER_BYTES = 14;

const State = { HEADER: 0, PAYLOAD: 1, CONTROL: 2, STOPPED: 3 } as const;
type State = (typeof State)[keyof typeof State];

export class WebSocketFrames {
  private state: State = State.HEADER;
  /** A header, or a control frame, that continues in the next bytes. */
  private readonly partial = Buffer.allocUnsafeSlow(MAX_HEADER_BYTES + MAX_CONTROL_BYTES);
  private partialBytes = 0;
  /** Bytes of the payload, or of the control frame, that are still to come. */
  private remaining = 0;
  private readonly mask = new Uint8Array(MASK_BYTES);
  private isMaskZero = true;
  /** Place in the mask of the next byte. */
  private maskAt = 0;
  /** Bytes of the current message so far; -1 between two messages. */
  private messageBytes = -1;

  /**
   * @param options `isMasked`: whether the peer is the client, which must mask its frames. `maxMessageBytes`: largest message
   */
  constructor(
    private readonly sink: WebSocketFramesSink,
    private readonly options: { readonly isMasked: boolean; readonly maxMessageBytes: number },
  ) {}

  /** Takes what arrived next. Changes masked bytes in place. */
  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      switch (this.state) {
        case State.HEADER:
          at = this.readHeader(bytes, at);
          break;
        case State.PAYLOAD:
          at = this.readPayload(bytes, at);
          break;
        case State.CONTROL:
          at = this.readControl(bytes, at);
          break;
        case State.STOPPED:
          return;
        default:
          throw new Error('unhandled state of a WebSocket');
      }
    }
  }

  /** Ignores everything from here on. */
  stop(): void {
    this.state = State.STOPPED;
  }

  private readHeader(bytes: Buffer, at: number): number {
    if (this.partialBytes === 0) {
      const end = at + headerBytes(bytes, at);
      if (end <= bytes.length) {
        this.handleHeader(bytes, at, end);
        return end;
      }
    }
    // One byte at a time: a header is rarely cut, and its second byte decides its length.
    this.partial[this.partialBytes++] = bytes[at];
    if (this.partialBytes === 2 && !this.check(this.partial[0], this.partial[1])) return at + 1;
    if (this.partialBytes >= 2 && this.partialBytes === headerBytes(this.partial, 0)) {
      const end = this.partialBytes;
      this.partialBytes = 0;
      this.handleHeader(this.partial, 0, end);
    }
    return at + 1;
  }

  /** @param end where the header ends in `bytes` */
  private handleHeader(bytes: Buffer, at: number, end: number): void {
    if (!this.check(bytes[at], bytes[at + 1])) return;
    const flags = bytes[at];
    const length = payloadBytes(bytes, at);
    if ((flags & OPCODE_BITS) >= Opcode.CLOSE) {
      this.beginControl(bytes, at, end, length);
      return;
    }
    this.messageBytes = Math.max(this.messageBytes, 0) + length;
    const { maxMessageBytes } = this.options;
    if (this.messageBytes > maxMessageBytes)
      return this.fail(`a message above ${maxMessageBytes / 2 ** 20} MiB`, ViolationStatus.TOO_BIG);
    if ((flags & FIN) !== 0) this.messageBytes = -1;
    if (this.options.isMasked) this.readMask(bytes, end - MASK_BYTES);
    if (length === 0) return;
    this.remaining = length;
    this.state = State.PAYLOAD;
  }

  /** Checks the first two bytes of a header: a peer that breaks a rule may never send the rest. */
  private check(flags: number, second: number): boolean {
    const opcode = flags & OPCODE_BITS;
    const isMasked = (second & MASKED) !== 0;
    if ((flags & RESERVED_BITS) !== 0) this.fail('a WebSocket frame with a reserved bit');
    else if (isMasked !== this.options.isMasked)
      this.fail(isMasked ? 'a masked WebSocket frame' : 'a WebSocket frame without a mask');
    else if (opcode >= Opcode.CLOSE) this.checkControl(flags, second);
    else if (opcode === Opcode.TEXT) this.fail('a text message', ViolationStatus.UNACCEPTABLE_DATA);
    else if (opcode !== (this.messageBytes < 0 ? Opcode.BINARY : Opcode.CONTINUATION))
      this.fail(`a WebSocket frame of type ${opcode} out of turn`);
    return this.state !== State.STOPPED;
  }

  /** RFC 6455 §5.5: a control frame is whole, and its length needs no further bytes. */
  private checkControl(flags: number, second: number): void {
    const isKnown = (flags & OPCODE_BITS) <= Opcode.PONG;
    if (!isKnown || (flags & FIN) === 0 || (second & ~MASKED) > MAX_CONTROL_BYTES)
      this.fail('a malformed control frame of the WebSocket');
  }

  private beginControl(bytes: Buffer, at: number, end: number, length: number): void {
    bytes.copy(this.partial, 0, at, end);
    this.partialBytes = end - at;
    this.remaining = length;
    this.state = State.CONTROL;
    if (length === 0) this.endControl();
  }

  private readControl(bytes: Buffer, at: number): number {
    const taken = Math.min(bytes.length - at, this.remaining);
    bytes.copy(this.partial, this.partialBytes, at, at + taken);
    this.partialBytes += taken;
    this.remaining -= taken;
    if (this.remaining === 0) this.endControl();
    return at + taken;
  }

  private endControl(): void {
    const frame = this.partial.subarray(0, this.partialBytes);
    this.partialBytes = 0;
    // RFC 6455 §5.5.1: nothing follows a close frame.
    this.state = (frame[0] & OPCODE_BITS) === Opcode.CLOSE ? State.STOPPED : State.HEADER;
    this.sink.onControl(frame);
  }

  private readPayload(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.remaining);
    this.remaining -= end - at;
    if (this.remaining === 0) this.state = State.HEADER;
    if (!this.isMaskZero) this.unmask(bytes, at, end);
    this.sink.onPayload(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
    return end;
  }

  private readMask(bytes: Buffer, at: number): void {
    const { mask } = this;
    for (let i = 0; i < MASK_BYTES; i++) mask[i] = bytes[at + i];
    this.isMaskZero = (mask[0] | mask[1] | mask[2] | mask[3]) === 0;
    this.maskAt = 0;
  }

  private unmask(bytes: Buffer, from: number, to: number): void {
    const { mask } = this;
    let at = this.maskAt;
    for (let i = from; i < to; i++) {
      bytes[i] ^= mask[at];
      at = (at + 1) & 3;
    }
    this.maskAt = at;
  }

  private fail(reason: string, status: ViolationStatus = ViolationStatus.PROTOCOL_ERROR): void {
    this.stop();
    this.sink.onViolation(status, reason);
  }
}

/** Returns the length of the header that begins at `at`; as if it were the shortest when its second byte is missing. */
function headerBytes(bytes: Buffer, at: number): number {
  if (at + 1 >= bytes.length) return 2;
  const second = bytes[at + 1];
  const code = second & ~MASKED;
  const extra = code === LENGTH_IN_16_BITS ? 2 : code === LENGTH_IN_64_BITS ? 8 : 0;
  return 2 + extra + ((second & MASKED) === 0 ? 0 : MASK_BYTES);
}

/** Returns the length of the payload; Infinity for one that no number holds. */
function payloadBytes(bytes: Buffer, at: number): number {
  const code = bytes[at + 1] & ~MASKED;
  if (code === LENGTH_IN_16_BITS) return bytes.readUInt16BE(at + 2);
  if (code !== LENGTH_IN_64_BITS) return code;
  return bytes.readUInt32BE(at + 2) === 0 ? bytes.readUInt32BE(at + 6) : Infinity;
}
