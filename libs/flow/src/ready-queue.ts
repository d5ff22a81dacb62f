/**
 * A queue of the streams that have something to send. Each in turn may send a quantum, and a stream that has more goes to
 * the end of the queue. The links are in the streams themselves, so that a turn creates no object.
 */
export interface ReadyStream {
  /** Links of the queue, which only the queue sets. */
  nextReady: ReadyStream | null;
  isReady: boolean;
  /** Sends at most `maxBytes`, and adds itself to the queue again when it has more. */
  serve(maxBytes: number): void;
}

export class ReadyQueue {
  private first: ReadyStream | null = null;
  private last: ReadyStream | null = null;

  /**
   * @param quantumBytes what a stream may send before the next one's turn
   * @param aloneBytes what it may send when no other stream waits
   */
  constructor(
    private readonly quantumBytes: number,
    private readonly aloneBytes: number,
  ) {}

  get isEmpty(): boolean {
    return this.first === null;
  }

  /** Adds `stream` as the last one. Returns false when it is in the queue already. */
  add(stream: ReadyStream): boolean {
    if (stream.isReady) return false;
    stream.isReady = true;
    if (this.last === null) this.first = stream;
    else this.last.nextReady = stream;
    this.last = stream;
    return true;
  }

  /** Gives the first stream its turn. Returns false when there is none. */
  serveNext(): boolean {
    const stream = this.first;
    if (stream === null) return false;
    const next = stream.nextReady;
    this.first = next;
    if (next === null) this.last = null;
    stream.nextReady = null;
    stream.isReady = false;
    // A stream that is alone shares with no other.
    stream.serve(next === null ? this.aloneBytes : this.quantumBytes);
    return true;
  }

  /** Forgets every stream. Only at the end of their connection: they cannot be added again. */
  clear(): void {
    this.first = null;
    this.last = null;
  }
}
