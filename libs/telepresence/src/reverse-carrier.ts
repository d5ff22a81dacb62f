import type { GrpcStatus } from './grpc-status.js';

/**
 * One ReverseConnection call, seen from the cloud: the bytes of its gRPC message streams, that is what the call's HTTP/2
 * DATA frames carry (a length prefix of 5 bytes and a Chunk, again and again), cut anywhere. The server of the call
 * implements this and answers the response headers itself; the tunnel does the framing.
 */
export interface ReverseCarrier {
  /** Begins delivery; called once, and before anything else. Nothing that arrived before is lost. */
  start(handler: ReverseCarrierHandler): void;
  /**
   * Sends bytes and takes ownership of them. Always accepts, and returns false when the caller should wait for
   * `onDrain`. Does nothing once ended or closed. The bytes of one call must not be delayed because they are few.
   */
  write(bytes: Buffer): boolean;
  /** Stops `onData`; what the manager sends meanwhile waits in its own process, by HTTP/2's flow control. */
  pause(): void;
  resume(): void;
  /** Ends the call after what was written, with `grpc-status` and `grpc-message`. `onClose` is not called. */
  end(status: GrpcStatus, message: string): void;
}

export interface ReverseCarrierHandler {
  /** Bytes from the manager, in order; they belong to the receiver. */
  onData(bytes: Buffer): void;
  /** After `write` returned false: more may be written. */
  onDrain(): void;
  /** The manager half-closed the call. It waits for the end of the call. */
  onEnd(): void;
  /** The call is gone: canceled, or its connection lost. */
  onClose(reason: string): void;
}
