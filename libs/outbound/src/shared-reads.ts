import type { OnReadOpts } from 'node:net';

/**
 * One buffer for the reads of all connections, instead of 64 KiB for each read: what arrives is copied at once, at its
 * own size (docs/decisions/0005-shared-reads.md).
 */
const shared = Buffer.allocUnsafeSlow(262_144);

/** The `onread` option of a TCP connection; the chunks that `onData` gets are the receiver's own. */
export function sharedReads(onData: (chunk: Buffer) => void): OnReadOpts {
  return {
    buffer: shared,
    callback: (count) => {
      onData(Buffer.from(shared.subarray(0, count)));
      return true;
    },
  };
}
