import type { Socket } from 'node:net';
import { isShared } from '@culvert/sockets';
import { MAX_PENDING_BYTES } from '../limits.js';

/**
 * Bytes that a visitor has sent too early, and whether its socket is read. Holds `MAX_PENDING_BYTES` and one
 * read of the socket at most.
 */
export class ReadAhead {
  /** Whether body bytes are not wanted for now. Call `adjust` after a change. */
  isPaused = false;
  private bytes: Buffer | null = null;

  constructor(private readonly socket: Socket) {}

  /** Takes out what is held; null for nothing. */
  drain(): Buffer | null {
    const { bytes } = this;
    this.bytes = null;
    return bytes;
  }

  /** Takes out what is held, with `chunk` behind it, in memory that may be kept. */
  drainWith(chunk: Buffer): Buffer {
    const bytes = this.drain();
    return bytes === null ? owned(chunk) : Buffer.concat([bytes, chunk]);
  }

  /** Holds `bytes[offset..)`. Only after what was held has been taken out. */
  hold(bytes: Buffer, offset: number): void {
    this.bytes = offset === 0 ? bytes : bytes.subarray(offset);
  }

  /** Body bytes are not wanted for now. */
  pause(): void {
    this.isPaused = true;
    this.adjust();
  }

  /** Reads from the socket exactly while there is room for what it brings. */
  adjust(): void {
    const hasRoom = !this.isPaused && (this.bytes === null || this.bytes.length < MAX_PENDING_BYTES);
    if (hasRoom !== this.socket.isPaused()) return;
    if (hasRoom) this.socket.resume();
    else this.socket.pause();
  }
}

/** Returns `bytes`, or a copy when they lie in memory that the next read of any socket changes. */
export function owned(bytes: Buffer): Buffer {
  return isShared(bytes) ? Buffer.from(bytes) : bytes;
}
