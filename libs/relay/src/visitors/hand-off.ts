import type { Socket } from 'node:net';
import type { RequestHead } from '@culvert/http1';
import type { HandedOffStream } from './handed-off-stream.js';

/** Takes a connection: the bytes that were read are back in its socket, which is paused. */
export type SocketReceiver = (socket: Socket) => void;

/** Takes one HTTP/2 request. */
export type StreamReceiver = (stream: HandedOffStream) => void;

/**
 * The connections and requests that a relay hands off instead of making exchanges of them. Each hook returns the receiver,
 * or null to keep it; a relay without a hook keeps everything. Hooks run once per connection or request, and must not throw.
 */
export interface HandOff {
  /** Hands a connection off for its first bytes, such as those of another protocol. */
  readonly ofBytes?: (bytes: Buffer) => SocketReceiver | null;
  /**
   * Hands an HTTP/1.1 connection off for a request that asks for an upgrade, such as a tunnel's. Over HTTP/2 such a request
   * is refused.
   */
  readonly ofUpgrade?: (request: RequestHead, hostname: string) => SocketReceiver | null;
  /** Hands one HTTP/2 request off; its connection stays. */
  readonly ofStream?: (request: RequestHead, hostname: string) => StreamReceiver | null;
}

/** Keeps everything. */
export const NO_HAND_OFF: Required<HandOff> = {
  ofBytes: () => null,
  ofUpgrade: () => null,
  ofStream: () => null,
};
