import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

/** The service behind the previews of a `MixedLoad`. */
export interface MixedService {
  readonly port: number;
  stop(): void;
}

export async function startMixedService(): Promise<MixedService> {
  const server = http.createServer((request, response) => {
    const { url = '', headers } = request;
    if (url === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setInterval(() => response.write('data: tick\n\n'), 100);
      response.on('close', () => clearInterval(timer));
    } else if (url === '/upload') {
      const hash = createHash('sha256');
      request.on('data', (chunk: Buffer) => hash.update(chunk));
      request.on('end', () => response.end(hash.digest('hex')));
    } else {
      response.end(`page of ${String(headers['x-forwarded-host'])} ${url}`);
    }
  });
  const webSockets = new WebSocketServer({ server });
  webSockets.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('message', (message) => socket.send(message));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => {
      for (const socket of webSockets.clients) socket.terminate();
      server.closeAllConnections();
      server.close();
    },
  };
}
