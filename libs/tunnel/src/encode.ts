/** Writes frames (docs/protocol.md §2) to a batch, which leaves as one message of the carrier. */
import { Slab, SlabBatch } from '@culvert/flow';
import { FrameType, HEADER_BYTES } from './frame.js';
import type { GoAwayCode } from './frame.js';
import { encodeText } from './text.js';
import type { ResetCode } from './types.js';

/** Shared by all tunnels of the process. */
const slab = new Slab();

export class FrameBatch extends SlabBatch {
  constructor() {
    super(slab);
  }

  data(id: number, payload: Buffer): void {
    this.header(FrameType.DATA, payload.length, id);
    this.bytes(payload);
  }

  /** HELLO, WELCOME, and PING or PONG, whose stream id is 0. */
  tunnelFrame(type: FrameType, payload: Buffer): void {
    this.header(type, payload.length, 0);
    this.bytes(payload);
  }

  goAway(code: GoAwayCode, reason: string): void {
    this.codeAndText(FrameType.GOAWAY, 0, code, reason);
  }

  /** `target` is OPEN's JSON. */
  open(id: number, credit: number, target: Buffer): void {
    this.header(FrameType.OPEN, 4 + target.length, id);
    this.u32(credit);
    this.bytes(target);
  }

  opened(id: number, credit: number): void {
    this.header(FrameType.OPENED, 4, id);
    this.u32(credit);
  }

  end(id: number): void {
    this.header(FrameType.END, 0, id);
  }

  reset(id: number, code: ResetCode, detail: string): void {
    this.codeAndText(FrameType.RESET, id, code, detail);
  }

  window(id: number, credit: number): void {
    this.header(FrameType.WINDOW, 4, id);
    this.u32(credit);
  }

  private codeAndText(type: FrameType, id: number, code: number, text: string): void {
    const bytes = encodeText(text);
    this.header(type, 2 + bytes.length, id);
    this.u16(code);
    this.bytes(bytes);
  }

  private header(type: FrameType, length: number, id: number): void {
    const at = this.reserve(HEADER_BYTES);
    const { memory } = this;
    memory[at] = type;
    memory[at + 1] = length >>> 16;
    memory[at + 2] = length >>> 8;
    memory[at + 3] = length;
    memory[at + 4] = id >>> 24;
    memory[at + 5] = id >>> 16;
    memory[at + 6] = id >>> 8;
    memory[at + 7] = id;
  }
}
