/** Puts a field block together that comes in several frames (RFC 9113 §4.3). */
import { calm, violation } from '../frames/errors.js';
import { Flag } from '../frames/frame.js';
import { MAX_CONTINUATIONS } from './limits.js';

const EMPTY = Buffer.alloc(0);

export class FieldBlock {
  /** The stream whose block is under way, or 0. */
  streamId = 0;
  /** Flags of its HEADERS. */
  flags = 0;
  private bytes: Buffer = EMPTY;
  private continuations = 0;

  /** Keeps a copy of the first part, `buffer[from..to)`. */
  begin(streamId: number, flags: number, buffer: Buffer, from: number, to: number): void {
    this.bytes = Buffer.from(buffer.subarray(from, to));
    this.streamId = streamId;
    this.flags = flags;
    this.continuations = 0;
  }

  /** Adds the payload of a CONTINUATION. Returns the whole block when this is its last part, or null. */
  add(flags: number, buffer: Buffer, from: number, to: number): Buffer | null {
    if (this.streamId === 0) violation('CONTINUATION without HEADERS');
    if (++this.continuations > MAX_CONTINUATIONS) throw calm('a field block in too many frames');
    const block = Buffer.concat([this.bytes, buffer.subarray(from, to)]);
    if ((flags & Flag.END_HEADERS) === 0) {
      this.bytes = block;
      return null;
    }
    this.bytes = EMPTY;
    this.streamId = 0;
    return block;
  }
}
