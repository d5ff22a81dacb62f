/** Two carriers in one process, joined. What one sends reaches the other in a later turn, as messages. */
import type { Carrier, CarrierHandler } from '../carrier.js';

export class MemoryCarrier implements Carrier {
  peer!: MemoryCarrier;
  /** What `close` was called with, or null. */
  closedWith: { readonly status: number; readonly reason: string } | null = null;
  private handler: CarrierHandler | null = null;
  private readonly queue: Buffer[] = [];
  private queuedBytes = 0;
  private isStalled = false;
  private isScheduled = false;
  private isGone = false;

  static pair(): [MemoryCarrier, MemoryCarrier] {
    const [left, right] = [new MemoryCarrier(), new MemoryCarrier()];
    left.peer = right;
    right.peer = left;
    return [left, right];
  }

  get bufferedBytes(): number {
    return this.queuedBytes;
  }

  start(handler: CarrierHandler): void {
    this.handler = handler;
    this.peer.schedule();
  }

  send(pieces: readonly Buffer[]): void {
    if (this.isGone) return;
    const message = Buffer.concat(pieces);
    this.queue.push(message);
    this.queuedBytes += message.length;
    this.schedule();
  }

  close(status: number, reason: string): void {
    this.closedWith = { status, reason };
    this.isStalled = false;
    this.schedule();
  }

  /** From now on nothing arrives at the peer, as if it had stopped reading. */
  stall(): void {
    this.isStalled = true;
  }

  unstall(): void {
    this.isStalled = false;
    this.schedule();
  }

  /** Ends both carriers as a broken connection does. */
  break(): void {
    for (const carrier of [this, this.peer]) carrier.end(1006, '');
  }

  private schedule(): void {
    if (this.isScheduled || this.isStalled) return;
    this.isScheduled = true;
    setImmediate(() => this.deliver());
  }

  private deliver(): void {
    this.isScheduled = false;
    if (this.isStalled || this.peer.handler === null) return;
    const messages = this.queue.splice(0);
    this.queuedBytes = 0;
    for (const message of messages) if (!this.peer.isGone) this.peer.handler.onMessage(message);
    if (this.closedWith !== null) {
      this.isGone = true;
      this.peer.end(this.closedWith.status, this.closedWith.reason);
    } else if (messages.length > 0) {
      this.handler?.onSent();
    }
  }

  private end(status: number, reason: string): void {
    if (this.isGone) return;
    this.isGone = true;
    this.handler?.onClose(status, reason);
  }
}
