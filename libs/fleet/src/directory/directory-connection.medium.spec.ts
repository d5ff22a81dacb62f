import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { COMMAND_TIMEOUT_MS } from '@culvert/redis';
import { expect, inject, it } from 'vitest';
import { DirectoryConnection } from './directory-connection.js';

// When a process stood still for longer than the limit, its timers ran before it read the replies that had arrived. All
// its commands then counted as failed, and were sent again.
it('DirectoryConnection receives replies that arrived while the process stood still for longer than the limit', async () => {
  const errors: unknown[] = [];
  const ready = new EventTarget();
  const connection = new DirectoryConnection(inject('redisUrl'), [`test:${randomUUID()}`], {
    onReady: () => ready.dispatchEvent(new Event('ready')),
    onListening: () => {},
    onMessage: () => {},
    onError: (error) => errors.push(error),
  });
  try {
    await once(ready, 'ready');
    // Redis answers after a second, so not before the process stands still.
    const replies = connection.run([['blpop', `test:${randomUUID()}`, 1]]);
    await turn();
    const end = performance.now() + COMMAND_TIMEOUT_MS + 200;
    while (performance.now() < end);
    expect(await replies).toEqual([null]);
    expect(errors).toEqual([]);
  } finally {
    connection.close();
  }
});
