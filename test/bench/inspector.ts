import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Program } from '../support/process.js';

/** Node arguments for a program whose memory `collectGarbage` settles. */
export const INSPECTABLE = ['--inspect=127.0.0.1:0'] as const;

const DEADLINE_MS = 30_000;

/** Makes a program started with `INSPECTABLE` give up all memory that nothing refers to. */
export async function collectGarbage(program: Program): Promise<void> {
  const [address] = await program.logged(/ws:\/\/127\.0\.0\.1:\S+/);
  const socket = new WebSocket(address, { perMessageDeflate: false });
  try {
    await once(socket, 'open', { signal: AbortSignal.timeout(DEADLINE_MS) });
    // Twice: finalizers of the first run release more.
    for (const id of [1, 2]) {
      socket.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }));
      await once(socket, 'message', { signal: AbortSignal.timeout(DEADLINE_MS) });
    }
  } finally {
    socket.terminate();
  }
}
