import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startRig, type Rig } from '../spec/relay-rig.js';

/** Visitors with real sockets that report other addresses: loopback has a single IPv6 address. */
let rig: Rig;
let listener: net.Server;
const visitors: net.Socket[] = [];
afterEach(async () => {
  for (const visitor of visitors.splice(0)) visitor.destroy();
  listener.close();
  await rig.stop();
});

async function start(maxConnectionsPerAddress: number): Promise<void> {
  rig = await startRig((_request, response) => response.end('ok'), {
    limits: {
      maxConnectionsPerAddress,
    },
  });
  listener = net.createServer({ allowHalfOpen: true });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
}

/** Connects as if from `address`. Resolves to the socket if it is served, and to null if it is closed instead. */
async function connectFrom(address: string): Promise<net.Socket | null> {
  const accepted = once(listener, 'connection') as Promise<[net.Socket]>;
  const visitor = net.connect({ port: (listener.address() as AddressInfo).port, host: '127.0.0.1' });
  visitors.push(visitor);
  const [socket] = await accepted;
  Object.defineProperty(socket, 'remoteAddress', { value: address });
  rig.relay.accept(socket, { isSecure: false });
  visitor.on('error', () => {});
  visitor.write('GET / HTTP/1.1\r\nHost: demo.preview.test\r\n\r\n');
  const answer = await Promise.race([once(visitor, 'data'), once(visitor, 'close').then(() => null)]);
  if (answer === null) return null;
  expect(String(answer[0])).toMatch(/^HTTP\/1\.1 200 /);
  return visitor;
}

/** Ends a connection, and waits until the relay has forgotten it. */
async function leave(visitor: net.Socket | null): Promise<void> {
  const before = rig.relay.connectionCount;
  visitor?.destroy();
  await expect.poll(() => rig.relay.connectionCount, { interval: 5 }).toBe(before - 1);
}

describe('the connections of one address', () => {
  it('are counted for the /64 of an IPv6 address, whichever of its addresses they come from', async () => {
    await start(2);
    const first = await connectFrom('2001:db8:1:2::1');
    expect(first).not.toBeNull();
    expect(await connectFrom('2001:0db8:0001:0002:ffff::9')).not.toBeNull();
    expect(await connectFrom('2001:db8:1:2:3:4:5:6')).toBeNull();
    expect(await connectFrom('2001:db8:1:3::1')).not.toBeNull();
    await leave(first);
    expect(await connectFrom('2001:db8:1:2::7')).not.toBeNull();
    expect(await connectFrom('2001:db8:1:2::8')).toBeNull();
  });

  it('are counted for an IPv4 address however it is written, and for no other', async () => {
    await start(1);
    const first = await connectFrom('::ffff:192.0.2.1');
    expect(first).not.toBeNull();
    expect(await connectFrom('192.0.2.1')).toBeNull();
    expect(await connectFrom('::ffff:c000:201')).toBeNull();
    expect(await connectFrom('::ffff:192.0.2.2')).not.toBeNull();
    await leave(first);
    expect(await connectFrom('192.0.2.1')).not.toBeNull();
  });
});
