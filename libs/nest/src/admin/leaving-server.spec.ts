import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { LeavingServer } from './leaving-server.js';

describe(LeavingServer.name, () => {
  let server: http.Server;
  let leaving: LeavingServer;
  let finish = (): void => {};
  const sockets: net.Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    server.closeAllConnections();
    server.close();
  });

  async function start(): Promise<void> {
    server = http.createServer((request, response) => {
      if (request.url === '/slow') finish = () => response.end('finished');
      else response.end('ok');
    });
    // A client that keeps its connection would hold up the end for so long.
    server.keepAliveTimeout = 60_000;
    leaving = new LeavingServer(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }

  interface Client {
    readonly socket: net.Socket;
    readonly ended: Promise<unknown>;
    received: string;
  }

  async function connect(): Promise<Client> {
    const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
    sockets.push(socket);
    const client = { socket, received: '', ended: once(socket, 'end') };
    socket.on('data', (chunk) => (client.received += chunk.toString()));
    await once(socket, 'connect');
    return client;
  }

  const request = (path = '/'): string => `GET ${path} HTTP/1.1\r\nHost: api.test\r\n\r\n`;

  it('serves kept and new connections after its notice, and ends each with its answer', async () => {
    await start();
    const kept = await connect();
    kept.socket.write(request());
    await expect.poll(() => kept.received).toMatch(/keep-alive[^]*ok$/);
    kept.received = '';
    leaving.giveNotice();
    const fresh = await connect();
    for (const { socket } of [kept, fresh]) socket.write(request());
    for (const client of [kept, fresh]) {
      await client.ended;
      expect(client.received).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*Connection: close\r\n[^]*ok$/);
    }
  });

  it('closes its port, idle connections, and others once they are idle', async () => {
    await start();
    const unused = await connect();
    const idle = await connect();
    idle.socket.write(request());
    await expect.poll(() => idle.received).toMatch(/ok$/);
    const slow = await connect();
    slow.socket.write(request('/slow'));
    await once(server, 'request');
    leaving.closePort();
    await Promise.all([unused.ended, idle.ended]);
    expect(server.listening).toBe(false);
    // As an application does that closes the server itself.
    const closed = new Promise((resolve) => server.close(resolve));
    finish();
    await slow.ended;
    expect(slow.received).toMatch(/finished$/);
    await closed;
  });
});
