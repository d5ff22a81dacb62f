/** What all streams of this process together may hold for readers that are slow. */
const MAX_BYTES = 128 * 1024 * 1024;
/** What each may hold however much the others do: their slow readers are no fault of its own. */
const MIN_SHARE_BYTES = 64 * 1024;

/** Bounds what waits for readers, by stream and over all of them. */
export class WaitingBudget {
  private held = 0;

  constructor(private readonly maxBytes = MAX_BYTES) {}

  /** @param maxBytes of the one stream */
  share(maxBytes: number): WaitingShare {
    let own = 0;
    return {
      note: (bytes) => {
        this.held += bytes - own;
        own = bytes;
        return bytes <= maxBytes && (bytes <= MIN_SHARE_BYTES || this.held <= this.maxBytes);
      },
    };
  }
}

/** One stream's part. */
export interface WaitingShare {
  /** Tells how much waits now, 0 when the stream is gone. Returns whether that may be. */
  note(bytes: number): boolean;
}
