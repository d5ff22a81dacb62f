import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { acceptTunnel, probeTunnel, WEBSOCKET_OPTIONS, WebSocketCarrier } from './index.js';

describe('the probe of a tunnel', () => {
  let server: Server;
  let target: { readonly url: URL; readonly apiKey: string; readonly timeoutMs: number };
  const sockets = new WebSocketServer({ noServer: true, ...WEBSOCKET_OPTIONS });
  beforeEach(async () => {
    server = createServer((_request, response) => void response.writeHead(200).end('no upgrade'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    target = { url, apiKey: 'the-key', timeoutMs: 5000 };
  });
  afterEach(async () => {
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  it('passes at an acceptor, which never gets to register the dialer', async () => {
    const hellos: unknown[] = [];
    const credentials: unknown[] = [];
    const ended = new Promise((resolve) => {
      server.on('upgrade', (request, socket, head) => {
        credentials.push(request.headers.authorization);
        sockets.handleUpgrade(request, socket, head, (webSocket) => {
          acceptTunnel(new WebSocketCarrier(webSocket), {
            onHello: (hello) => {
              hellos.push(hello);
              return Promise.reject(new Error('unexpected'));
            },
            onClose: resolve,
          });
        });
      });
    });
    expect(await probeTunnel(target, '1.0.0')).toMatchObject({
      ok: true,
      upgradeMs: expect.any(Number) as number,
      answerMs: expect.any(Number) as number,
    });
    await ended;
    expect([hellos, credentials]).toEqual([[], ['Bearer the-key']]);
  });

  it('reports the status of a refused upgrade', async () => {
    server.on('upgrade', (_request, socket) => {
      socket.end('HTTP/1.1 401 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    });
    expect(await probeTunnel(target, '1.0.0')).toMatchObject({ ok: false, phase: 'upgrade', status: 401 });
  });

  it('reports a server that ignores the upgrade', async () => {
    expect(await probeTunnel(target, '1.0.0')).toMatchObject({ ok: false, phase: 'upgrade', status: 200 });
  });

  it.each([
    ['is silent', 50, () => {}, /did not answer within 50 ms/],
    [
      'sends something else',
      5000,
      (send: (bytes: Buffer) => void) => send(Buffer.from('HTTP/1.1 200 OK\r\n\r\n')),
      /./,
    ],
    [
      'answers with WELCOME',
      5000,
      (send: (bytes: Buffer) => void) => send(Buffer.from('02000002000000007b7d', 'hex')),
      /type 2/,
    ],
  ])('reports a WebSocket server that %s', async (_name, timeoutMs, answer, reason) => {
    server.on('upgrade', (request, socket, head) => {
      sockets.handleUpgrade(request, socket, head, (webSocket) => answer((bytes) => webSocket.send(bytes)));
    });
    expect(await probeTunnel({ ...target, timeoutMs }, '1.0.0')).toMatchObject({
      ok: false,
      phase: 'handshake',
      reason: expect.stringMatching(reason) as string,
    });
  });
});
