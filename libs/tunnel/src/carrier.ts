/** An ordered, reliable two-way pipe below a tunnel. */
export interface Carrier {
  /** Bytes that were given to `send` and have not left the process. */
  readonly bufferedBytes: number;
  /** Begins delivery; called once. Nothing that arrived before is lost. */
  start(handler: CarrierHandler): void;
  /** Sends `pieces` in order, at least one, and takes ownership of them. Does nothing once closed. */
  send(pieces: readonly Buffer[]): void;
  /**
   * Ends the carrier after the bytes that were sent, with a WebSocket close status and reason. The carrier
   * destroys itself when the peer does not answer. `onClose` is not called.
   */
  close(status: number, reason: string): void;
}

export interface CarrierHandler {
  /** Bytes from the peer, in order. Valid during the call only: carriers read into memory that is used again. */
  onMessage(bytes: Buffer): void;
  /** Something that was sent has left: `bufferedBytes` is smaller. */
  onSent(): void;
  /** The carrier is gone. `status` is the peer's WebSocket close status, or 1006 when it gave none. */
  onClose(status: number, reason: string): void;
}
