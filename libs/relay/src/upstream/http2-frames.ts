/** RFC 9113 §4.1: length (u24), type (u8), flags (u8), stream id (u31). */
const HEADER_BYTES = 9;

/** With the payload of GOAWAY (§6.8): last stream id (u31), error code (u32). */
const GOAWAY_BYTES = HEADER_BYTES + 8;

/** §3.4: what a client sends before its first frame. */
export const CLIENT_PREFACE_BYTES = 24;

const FrameType = { DATA: 0, HEADERS: 1, RST_STREAM: 3, SETTINGS: 4, GOAWAY: 7 } as const;

const FLAG_END_STREAM = 1;

export interface FrameObserver {
  /** `streamId` carries no more in this direction. */
  onEndStream?(streamId: number): void;
  onReset?(streamId: number): void;
  /** A DATA frame began, in the chunk with this serial number and size. */
  onDataFrame?(streamId: number, chunkNumber: number, chunkBytes: number): void;
  onGoAway?(code: number): void;
  /** This is not HTTP/2. */
  onForeign?(): void;
}

/**
 * Reads the frame headers of one direction, beside Node's own parser, for what that one does not tell: whether a
 * stream ended or was reset with NO_ERROR (both look like its end), who reset it, and that nghttp2 has given up a
 * connection (from then on it only waits for the peer to close it). Keeps no payload.
 */
export class FrameScanner {
  private readonly header = Buffer.alloc(GOAWAY_BYTES);
  private headerBytes = 0;
  private wantedBytes = HEADER_BYTES;
  /** Payload bytes still to skip. */
  private remaining: number;
  private isFirst = true;
  private chunkNumber = 0;

  /** @param prefaceBytes what comes before the first frame */
  constructor(
    private readonly observer: FrameObserver,
    prefaceBytes = 0,
  ) {
    this.remaining = prefaceBytes;
  }

  scan(chunk: Buffer): void {
    this.chunkNumber++;
    let at = 0;
    while (at < chunk.length) {
      if (this.remaining > 0) {
        const skipped = Math.min(this.remaining, chunk.length - at);
        this.remaining -= skipped;
        at += skipped;
        continue;
      }
      const taken = Math.min(this.wantedBytes - this.headerBytes, chunk.length - at);
      chunk.copy(this.header, this.headerBytes, at, at + taken);
      this.headerBytes += taken;
      at += taken;
      if (this.headerBytes === this.wantedBytes) this.handleHeader(chunk.length);
    }
  }

  private handleHeader(chunkBytes: number): void {
    const { header, observer } = this;
    const length = header.readUIntBE(0, 3);
    const type = header[3];
    const streamId = header.readUInt32BE(5) & 0x7fff_ffff;
    if (
      type === FrameType.GOAWAY &&
      length >= GOAWAY_BYTES - HEADER_BYTES &&
      this.headerBytes === HEADER_BYTES
    ) {
      this.wantedBytes = GOAWAY_BYTES;
      return;
    }
    const hasCode = this.headerBytes === GOAWAY_BYTES;
    this.remaining = HEADER_BYTES + length - this.headerBytes;
    this.headerBytes = 0;
    this.wantedBytes = HEADER_BYTES;
    if (this.isFirst) {
      this.isFirst = false;
      // RFC 9113 §3.4: a server's preface is a SETTINGS frame.
      if (type !== FrameType.SETTINGS || streamId !== 0) observer.onForeign?.();
    }
    if (type === FrameType.RST_STREAM) observer.onReset?.(streamId);
    else if (type === FrameType.DATA) observer.onDataFrame?.(streamId, this.chunkNumber, chunkBytes);
    else if (hasCode) observer.onGoAway?.(header.readUInt32BE(GOAWAY_BYTES - 4));
    const canEnd = type === FrameType.DATA || type === FrameType.HEADERS;
    if (canEnd && (header[4] & FLAG_END_STREAM) !== 0) observer.onEndStream?.(streamId);
  }
}
