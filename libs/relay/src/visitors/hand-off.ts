import type { Socket } from 'node:net';
import type { RequestHead } from '@culvert/http1';
import type { HandedOffStream } from './handed-off-stream.js';

/** Takes a connection: the bytes that were read are back in its socket, which is paused. */
export type SocketReceiver = (socket: Socket) => void;

/** Takes one HTTP/2 request. */
export type StreamReceiver = (stream: HandedOffStream) => void;

/**
 * What a relay gives away instead of making exchanges of it. Each hook returns the function that takes it, or null to keep
 * it; a relay without a hook keeps everything. Hooks run once per connection or request, and must not throw.
 */
export interface HandOff {
  /** Gives a connection away for its first bytes, such as those of another protocol. */
  readonly ofBytes?: (bytes: Buffer) => SocketReceiver | null;
  /**
   * Gives an HTTP/1.1 connection away for a request that asks for an upgrade, such as a tunnel's. Over HTTP/2 such a request
   * is refused.
   */
  readonly ofUpgrade?: (request: RequestHead, hostname: string) => SocketReceiver | null;
  /** Gives one HTTP/2 request away; its connection stays. */
  readonly ofStream?: (request: RequestHead, hostname: string) => StreamReceiver | null;
}

/** Keeps everything. */
export const NO_HAND_OFF: Required<HandOff> = {
  ofBytes: () => null,
  ofUpgrade: () => null,
  ofStream: () => null,
};
