/** The heap of a running program, read through V8's inspector. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Program } from './process.js';

/** Arguments of Node for programs whose heap is read. */
export const WITH_INSPECTOR: readonly string[] = ['--inspect=127.0.0.1:0'];

/**
 * Collects garbage in a program that was started with `WITH_INSPECTOR`, and returns the remaining size in MiB: objects and
 * the bytes of their buffers. Unlike resident memory, it does not depend on when V8 last collected.
 */
export async function liveHeapMiB(program: Program): Promise<number> {
  const [, url = ''] = await program.logged(/^Debugger listening on (ws:\S+)/m);
  const socket = new WebSocket(url);
  await once(socket, 'open');
  const call = async (method: string): Promise<Record<string, number>> => {
    socket.send(JSON.stringify({ id: 1, method }));
    const [message] = (await once(socket, 'message')) as [Buffer];
    return (JSON.parse(message.toString()) as { result: Record<string, number> }).result;
  };
  try {
    await call('HeapProfiler.collectGarbage');
    const { usedSize, backingStorageSize = 0 } = await call('Runtime.getHeapUsage');
    return (usedSize + backingStorageSize) / 2 ** 20;
  } finally {
    socket.close();
  }
}
