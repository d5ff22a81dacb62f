/** Maximum number of bytes that all streams of this process together hold for slow readers. */
const MAX_BYTES = 128 * 1024 * 1024;
/** Bytes that each stream can hold whatever the others hold, so that their slow readers do not affect it. */
const MIN_SHARE_BYTES = 64 * 1024;

/** Bounds the bytes that wait for readers, by stream and in total. */
export class WaitingBudget {
  private held = 0;

  constructor(private readonly maxBytes = MAX_BYTES) {}

  /** @param maxBytes limit of the one stream */
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

/** The share of one stream. */
export interface WaitingShare {
  /** Sets how many bytes wait now, 0 if the stream has ended. Returns whether that is within the limits. */
  note(bytes: number): boolean;
}
