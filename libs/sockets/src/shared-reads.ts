/**
 * One buffer for the reads of all connections, instead of 64 KiB of new memory for each read: 2 to 3 µs of CPU per
 * request less (docs/decisions/0005-shared-reads.md).
 */
import { type OnReadOpts, Socket } from 'node:net';

/** Enough for a bulk transfer to take few reads; one for the whole process, since reads are handled at once. */
const SHARED_BYTES = 262_144;
const shared = Buffer.allocUnsafeSlow(SHARED_BYTES);

/** Internal keys of Node's for what its `onread` option sets; every socket has them. */
const bufferKey = keyOf('kBuffer');
const callbackKey = keyOf('kBufferCb');

interface SocketInternals {
  readonly _handle?: { useUserBuffer?: (buffer: Buffer) => void } | null;
  [key: symbol]: unknown;
}

/** Returns the `onread` option for a new TCP connection; the chunks that `onData` gets belong to the receiver. */
export function sharedReads(onData: (chunk: Buffer) => void): OnReadOpts {
  return {
    buffer: shared,
    callback: (count) => {
      onData(Buffer.from(shared.subarray(0, count)));
      return true;
    },
  };
}

/**
 * Makes a socket that is there already, with TLS or without, read into the shared memory. `onBytes` gets a view that is
 * only valid during the call. Returns false for sockets that cannot do this, and for those that have read something
 * already: they emit 'data' as usual.
 */
export function readShared(socket: Socket, onBytes: (bytes: Buffer) => void): boolean {
  const internals = socket as unknown as SocketInternals;
  const handle = internals._handle;
  if (bufferKey === undefined || callbackKey === undefined || socket.readableLength > 0) return false;
  if (typeof handle?.useUserBuffer !== 'function') return false;
  handle.useUserBuffer(shared);
  internals[bufferKey] = shared;
  internals[callbackKey] = (count: number): boolean => {
    onBytes(shared.subarray(0, count));
    return true;
  };
  return true;
}

/** Reports whether `bytes` lie in the shared memory, where they are valid only during the call of `onBytes`. */
export function isShared(bytes: Buffer): boolean {
  return bytes.buffer === shared.buffer;
}

function keyOf(description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(new Socket()).find((key) => key.description === description);
}
