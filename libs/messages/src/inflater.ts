/** Decompression of the messages of a WebSocket (RFC 7692), with bounds for output and time. */
import { constants, inflateRawSync } from 'node:zlib';
import type { MessageMemory } from './kept-bytes.js';
import { MAX_INFLATED_BYTES } from './limits.js';

/** Bytes that the sender of a compressed message leaves out (RFC 7692 §7.2.1). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);
/** The largest window of DEFLATE. It fits every smaller one. */
const WINDOW_BYTES = 32_768;
const EMPTY = Buffer.alloc(0);
/** What one call costs at least, as bytes: most of its time is spent before the first byte comes out. */
const CALL_BYTES = 16_384;

/**
 * Bytes that all observed exchanges of a process may decompress per second: decompression blocks the process, so that a
 * hostile sender must not decide how much of it there is.
 */
export class InflateBudget {
  private second = 0;
  private used = 0;

  constructor(private readonly bytesPerSecond: number) {}

  /** Reports whether more may be decompressed now. */
  get hasRoom(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.second) {
      this.second = second;
      this.used = 0;
    }
    return this.used < this.bytesPerSecond;
  }

  /** Counts one decompression. @param bytes what came out */
  spend(bytes: number): void {
    this.used += CALL_BYTES + bytes;
  }
}

export interface InflaterOptions {
  /** Whether a message may refer to bytes of earlier ones. */
  readonly hasContextTakeover: boolean;
  readonly budget: InflateBudget;
  readonly memory: MessageMemory;
}

/** Decompresses the messages of one direction, one after the other. */
export class Inflater {
  /** Last bytes that came out, to which the next message may refer. */
  private window = EMPTY;
  /** Whether a message was missed to which later ones may refer. */
  private isLost = false;

  constructor(private readonly options: InflaterOptions) {}

  /** Returns the content of a message; null if it is damaged, too large, or refers to bytes that were not seen. */
  inflate(compressed: Buffer): Buffer | null {
    const { budget } = this.options;
    if (this.isLost) return null;
    if (!budget.hasRoom) return this.miss();
    try {
      const content = inflateRawSync(Buffer.concat([compressed, TAIL]), {
        maxOutputLength: MAX_INFLATED_BYTES,
        finishFlush: constants.Z_SYNC_FLUSH,
        ...(this.window.length > 0 && { dictionary: this.window }),
      });
      budget.spend(content.length);
      return this.remember(content) ? content : null;
    } catch {
      budget.spend(MAX_INFLATED_BYTES);
      return this.miss();
    }
  }

  /** Whether a message must be decompressed even if it is not shown, because later ones may refer to it. */
  get mustFollow(): boolean {
    return this.options.hasContextTakeover && !this.isLost;
  }

  /** A message was not seen as a whole. Returns its content, which is null. */
  miss(): null {
    this.isLost = this.options.hasContextTakeover;
    if (this.isLost) this.free();
    return null;
  }

  free(): void {
    this.options.memory.release(this.window.length);
    this.window = EMPTY;
  }

  private remember(content: Buffer): boolean {
    const { hasContextTakeover, memory } = this.options;
    if (!hasContextTakeover || content.length === 0) return true;
    const kept = Math.min(WINDOW_BYTES, this.window.length + content.length);
    if (!memory.reserve(kept - this.window.length)) {
      this.miss();
      return true;
    }
    const both = Buffer.concat([this.window.subarray(-WINDOW_BYTES), content.subarray(-WINDOW_BYTES)]);
    // A copy: a part would hold the memory of the whole.
    this.window = Buffer.from(both.subarray(-kept));
    return true;
  }
}
