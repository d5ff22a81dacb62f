import { violation, windowOverflow } from '../frames/errors.js';
import { INITIAL_FRAME_BYTES, INITIAL_WINDOW_BYTES, MAX_WINDOW_BYTES, Setting } from '../frames/frame.js';

/** The peer's SETTINGS (RFC 9113 §6.5.2) that limit what this side sends. */
export class PeerSettings {
  /** Credit that a stream begins with. */
  windowBytes = INITIAL_WINDOW_BYTES;
  /** Largest payload of a frame that the peer takes. */
  maxFrameBytes = INITIAL_FRAME_BYTES;
  /** Streams that the peer takes at once. */
  maxStreams: number = Number.MAX_SAFE_INTEGER;
  /** Whether the peer takes extended CONNECT (RFC 8441 §3). */
  takesConnect = false;

  /** Throws Http2Error when `value` is not allowed. Unknown settings are ignored. */
  apply(id: number, value: number): void {
    switch (id) {
      case Setting.ENABLE_PUSH:
        if (value > 1) violation('a setting that is neither 0 nor 1');
        return;
      case Setting.ENABLE_CONNECT_PROTOCOL:
        if (value > 1 || (value === 0 && this.takesConnect)) violation('a setting that cannot be changed');
        this.takesConnect = value === 1;
        return;
      case Setting.MAX_CONCURRENT_STREAMS:
        this.maxStreams = value;
        return;
      case Setting.INITIAL_WINDOW_SIZE:
        if (value > MAX_WINDOW_BYTES) windowOverflow();
        this.windowBytes = value;
        return;
      case Setting.MAX_FRAME_SIZE:
        if (value < INITIAL_FRAME_BYTES || value >= 2 ** 24) violation('MAX_FRAME_SIZE out of range');
        this.maxFrameBytes = value;
        return;
      default:
        // MAX_HEADER_LIST_SIZE is advice, HEADER_TABLE_SIZE is the encoder's.
        return;
    }
  }
}
