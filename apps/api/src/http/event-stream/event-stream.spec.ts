import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Response } from 'express';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventStream } from './event-stream.js';
import { WaitingBudget } from './waiting-budget.js';

const MIB = 1024 * 1024;
const EVENT = { name: 'change', data: `"${'x'.repeat(MIB / 4)}"` };

describe(EventStream.name, () => {
  let server: Server;
  const readers: Socket[] = [];
  const arrived: ((response: Response) => void)[] = [];

  beforeEach(async () => {
    server = createServer((_request, response) =>
      // Express adds `status`; a stream uses nothing else of it.
      arrived.shift()!(
        Object.assign(response, { status: (code: number) => void (response.statusCode = code) }) as never,
      ),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    for (const reader of readers.splice(0)) reader.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  /** A stream whose reader reads only on demand. */
  async function open(budget: WaitingBudget, maxBytes: number) {
    const response = new Promise<Response>((resolve) => arrived.push(resolve));
    const reader = connect((server.address() as AddressInfo).port, '127.0.0.1');
    readers.push(reader);
    reader.pause();
    reader.on('error', () => {});
    reader.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const stream = new EventStream(await response, { waiting: budget.share(maxBytes), onClose: () => {} });
    return { stream, reader };
  }

  /** Sends until the stream ends, or this much was sent. */
  function flood(stream: EventStream, mib: number): void {
    for (let sent = 0; sent < mib * 4 && stream.isOpen; sent++) stream.send(EVENT);
  }

  it('ends if more waits for its reader than it can hold', async () => {
    const { stream } = await open(new WaitingBudget(1024 * MIB), 2 * MIB);
    flood(stream, 64);
    expect(stream.isOpen).toBe(false);
  });

  // Otherwise one team could have every stream that it can open hold as much as one stream may.
  it('ends if all streams together hold too much, without affecting readers that keep up', async () => {
    const budget = new WaitingBudget(8 * MIB);
    const slow = await open(budget, 64 * MIB);
    const quick = await open(budget, 64 * MIB);
    flood(slow.stream, 6);
    const other = await open(budget, 64 * MIB);
    flood(other.stream, 32);
    expect(other.stream.isOpen).toBe(false);
    expect(slow.stream.isOpen).toBe(true);
    quick.stream.send({ name: 'change', data: '{}' });
    expect(quick.stream.isOpen).toBe(true);
  });

  it('releases held events once its reader has read them or is gone', async () => {
    const budget = new WaitingBudget(8 * MIB);
    const gone = await open(budget, 64 * MIB);
    flood(gone.stream, 7);
    gone.reader.destroy();
    await expect.poll(() => gone.stream.isOpen).toBe(false);
    const late = await open(budget, 64 * MIB);
    flood(late.stream, 7);
    expect(late.stream.isOpen).toBe(true);
    let received = 0;
    late.reader.on('data', (chunk) => (received += chunk.length)).resume();
    await expect.poll(() => received).toBeGreaterThan(7 * MIB - 1);
    late.reader.pause();
    flood(late.stream, 6);
    expect(late.stream.isOpen).toBe(true);
  });
});
