import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Deferred } from '@culvert/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { connectIngress } from './connect-ingress.js';

let server: Server;
let peer: Socket;

afterEach(async () => {
  peer.destroy();
  server.close();
  await once(server, 'close');
});

/** Resolves with a connection to a server, whose end of it is `peer`. */
async function connect(onData: (chunk: Buffer) => void): Promise<Socket> {
  const accepted = new Deferred<Socket>();
  server = createServer((socket) => accepted.resolve(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connectIngress({ host: '127.0.0.1', port, tls: null }, onData);
  await once(socket, 'connect');
  peer = await accepted.promise;
  return socket;
}

describe(connectIngress.name, () => {
  /*
   * A service that refuses an upload answers and closes while it is still being sent to. The next write failed, and the
   * socket was closed with the answer unread: visitors got a 502 in its place.
   */
  it('reads an answer that arrived before a write failed', async () => {
    let received = '';
    const socket = await connect((chunk) => (received += chunk.toString()));
    const failed = once(socket, 'error');
    socket.write('upload');
    await once(peer, 'data');
    await new Promise((resolve) => peer.write('413', resolve));
    peer.resetAndDestroy();
    // The reset has arrived, and nothing was read since: this write is refused.
    socket.write('more');
    const [error] = await failed;
    expect(error).toMatchObject({ syscall: 'write' });
    expect(received).toBe('413');
  });
});
