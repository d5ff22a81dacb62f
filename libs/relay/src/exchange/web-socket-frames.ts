/** Where frames of a WebSocket begin and end (RFC 6455 §5.2), in one direction: nothing else of them is read or kept. */

/** Bytes of a head before the length that it announces is known. */
const FIRST_BYTES = 2;
const MASK_BIT = 0x80;
const MASK_BYTES = 4;
const CLOSE_OPCODE = 8;
/** Lengths of 7 bits with another meaning: a length of so many more bytes follows. */
const LENGTH_OF_2_BYTES = 126;
const LENGTH_OF_8_BYTES = 127;

/**
 * Follows the frames of one direction of a WebSocket, wherever their bytes are cut. It costs a few steps per frame and per
 * chunk, whatever their size, and allocates nothing.
 */
export class WebSocketFrames {
  /** Whether a close frame has begun: no other frame may follow it. */
  hasClose = false;
  /** Bytes of the current frame's head that were seen, and how long the head is as far as that is known. */
  private headBytes = 0;
  private headLength = FIRST_BYTES;
  /** Offset after the length in the current frame's head. */
  private lengthEnd = FIRST_BYTES;
  /** Bytes of the payload that are still to come. Above 2^53 it is not exact, but no such frame ever ends. */
  private payloadLeft = 0;

  /** Whether the bytes so far end with a whole frame, so that another one may be put behind them. */
  get isBetween(): boolean {
    return this.headBytes === 0;
  }

  /** Follows all frames in `chunk`. */
  follow(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) at = this.next(chunk, at);
  }

  /** Follows the frame in `chunk[from..)`. Returns the offset after its last byte, or the chunk's length if it continues. */
  next(chunk: Buffer, from: number): number {
    let at = from;
    if (this.headBytes === 0 && at + 1 < chunk.length) {
      // Most frames are short and whole.
      const second = chunk[at + 1];
      const end = at + FIRST_BYTES + (second < MASK_BIT ? 0 : MASK_BYTES) + (second & 0x7f);
      if ((second & 0x7f) < LENGTH_OF_2_BYTES && end <= chunk.length) {
        if ((chunk[at] & 0x0f) === CLOSE_OPCODE) this.hasClose = true;
        return end;
      }
    }
    while (this.headBytes < this.headLength) {
      if (at === chunk.length) return at;
      this.readHead(chunk[at++]);
    }
    const end = Math.min(chunk.length, at + this.payloadLeft);
    this.payloadLeft -= end - at;
    if (this.payloadLeft === 0) {
      this.headBytes = 0;
      this.headLength = FIRST_BYTES;
    }
    return end;
  }

  private readHead(byte: number): void {
    const index = this.headBytes++;
    if (index === 0) {
      if ((byte & 0x0f) === CLOSE_OPCODE) this.hasClose = true;
    } else if (index === 1) {
      const length = byte & 0x7f;
      const moreBytes = length === LENGTH_OF_2_BYTES ? 2 : length === LENGTH_OF_8_BYTES ? 8 : 0;
      this.payloadLeft = moreBytes === 0 ? length : 0;
      this.lengthEnd = FIRST_BYTES + moreBytes;
      this.headLength = this.lengthEnd + ((byte & MASK_BIT) === 0 ? 0 : MASK_BYTES);
    } else if (index < this.lengthEnd) {
      this.payloadLeft = this.payloadLeft * 256 + byte;
    }
  }
}

/**
 * Returns a close frame (RFC 6455 §5.5.1).
 * @param reason at most 123 bytes of ASCII
 * @param mask four random bytes for a frame from a client to a server; null for the other direction
 */
export function closeFrame(code: number, reason: string, mask: Buffer | null): Buffer {
  const payload = Buffer.alloc(2 + reason.length);
  payload.writeUInt16BE(code);
  payload.write(reason, 2, 'latin1');
  if (mask !== null) for (let i = 0; i < payload.length; i++) payload[i] ^= mask[i % MASK_BYTES];
  const head = Buffer.from([0x80 | CLOSE_OPCODE, (mask === null ? 0 : MASK_BIT) | payload.length]);
  return Buffer.concat(mask === null ? [head, payload] : [head, mask, payload]);
}
