import type { ShownIntercept } from './messages/types.js';
import { decodeSnapshot } from './messages/snapshot.js';
import { MessageError } from './messages/codec.js';

/** After each reading there is a pause this many times as long as it took. */
const PAUSE_FACTOR = 9;
const MAX_PAUSE_MS = 5000;

export interface SnapshotListener {
  onSnapshot(intercepts: readonly ShownIntercept[]): void;
  /** A snapshot could not be read. None follows. */
  onGarbage(error: MessageError): void;
}

/**
 * Reads snapshots as they come, but no more than a tenth of the time: of those that come in a pause only the newest is read,
 * which replaces those before it. So no manager can keep the edge from its other work.
 */
export class SnapshotFeed {
  private newest: Buffer | null = null;
  private pause: NodeJS.Timeout | null = null;
  private isStopped = false;

  constructor(private readonly listener: SnapshotListener) {}

  push(message: Buffer): void {
    if (this.isStopped) return;
    this.newest = message;
    if (this.pause === null) this.read();
  }

  /** Stops the feed: the listener receives no further snapshot. */
  stop(): void {
    this.isStopped = true;
    this.newest = null;
    if (this.pause !== null) clearTimeout(this.pause);
  }

  private read(): void {
    const message = this.newest;
    if (message === null) return;
    this.newest = null;
    const begin = performance.now();
    let intercepts: readonly ShownIntercept[];
    try {
      intercepts = decodeSnapshot(message);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      this.stop();
      this.listener.onGarbage(error);
      return;
    }
    const pauseMs = Math.min((performance.now() - begin) * PAUSE_FACTOR, MAX_PAUSE_MS);
    this.pause = setTimeout(() => {
      this.pause = null;
      this.read();
    }, pauseMs);
    this.pause.unref();
    this.listener.onSnapshot(intercepts);
  }
}
