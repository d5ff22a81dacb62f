import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Sink {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts a service that reads bodies to their end and discards them. It runs in the bench itself, idle at other times. */
export async function startSink(): Promise<Sink> {
  const server = createServer((request, response) => {
    request.on('end', () => response.end());
    request.resume();
  });
  server.keepAliveTimeout = 120_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
