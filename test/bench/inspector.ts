import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Program } from '../support/process.js';

/** Node arguments for a program that `settledMemory` inspects. */
export const INSPECTABLE = ['--inspect=127.0.0.1:0'] as const;

const DEADLINE_MS = 30_000;

/** Returns the memory of a program started with `INSPECTABLE`, after garbage collection; in MiB. */
export async function settledMemory(program: Program): Promise<{
  readonly resident: number;
  /** Memory that JavaScript references: objects, and the buffers behind them. */
  readonly referred: number;
}> {
  const [address] = await program.logged(/ws:\/\/127\.0\.0\.1:\S+/);
  const socket = new WebSocket(address, { perMessageDeflate: false });
  try {
    await once(socket, 'open', { signal: AbortSignal.timeout(DEADLINE_MS) });
    // Twice: finalizers of the first run release more.
    await call(socket, 'HeapProfiler.collectGarbage');
    await call(socket, 'HeapProfiler.collectGarbage');
    const usage = await call(socket, 'Runtime.evaluate', {
      expression: '(({ heapUsed, external }) => heapUsed + external)(process.memoryUsage())',
    });
    return { resident: program.residentMiB(), referred: usage.result!.value! / 2 ** 20 };
  } finally {
    socket.terminate();
  }
}

interface Answer {
  readonly result?: { readonly value?: number };
}

async function call(socket: WebSocket, method: string, params: object = {}): Promise<Answer> {
  socket.send(JSON.stringify({ id: 1, method, params }));
  const [data] = (await once(socket, 'message', { signal: AbortSignal.timeout(DEADLINE_MS) })) as [Buffer];
  const { result, error } = JSON.parse(data.toString()) as { result?: Answer; error?: { message: string } };
  if (!result) throw new Error(`${method}: ${error?.message}`);
  return result;
}
