import { MAX_ABANDONED } from './limits.js';

/** Streams that ended here before the peer's side did: frames for them may be on their way. The oldest are forgotten. */
export class AbandonedStreams {
  private readonly ids = new Set<number>();

  get size(): number {
    return this.ids.size;
  }

  has(streamId: number): boolean {
    return this.ids.has(streamId);
  }

  add(streamId: number): void {
    this.ids.add(streamId);
    if (this.ids.size <= MAX_ABANDONED) return;
    for (const oldest of this.ids) {
      this.ids.delete(oldest);
      return;
    }
  }

  clear(): void {
    this.ids.clear();
  }
}
