/**
 * A service that behaves like a gRPC server: HTTP/2 without TLS, each request is answered with its own body and trailers
 * once it is complete. Prints `Port N` once it listens on loopback.
 */
import { once } from 'node:events';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';

const server = createServer();
server.on('stream', (stream: ServerHttp2Stream) => {
  const parts: Buffer[] = [];
  stream.on('error', () => {});
  stream.on('data', (part: Buffer) => parts.push(part));
  stream.on('end', () => {
    // The end comes after a reset as well.
    if (stream.destroyed) return;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.concat(parts));
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.once('SIGTERM', () => process.exit(0));
process.stdout.write(`Port ${(server.address() as AddressInfo).port}\n`);
