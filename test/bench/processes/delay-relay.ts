/**
 * A process between two TCP peers that simulates a long path: every byte arrives `DELAY_MS` after it was sent. Its bandwidth
 * is unlimited. As on a real path, a sender may only have a limited number of bytes in flight: a byte counts from when it is
 * read here until its acknowledgement would be back, `DELAY_MS` after it was delivered.
 *
 * Environment: TARGET_PORT, DELAY_MS (one direction), MAX_IN_FLIGHT_BYTES (each direction of each connection).
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

const targetPort = Number(process.env['TARGET_PORT']);
const delayMs = Number(process.env['DELAY_MS']);
const maxInFlightBytes = Number(process.env['MAX_IN_FLIGHT_BYTES']);

function carry(from: Socket, to: Socket): void {
  let inFlightBytes = 0;
  const acknowledge = (bytes: number): void => {
    inFlightBytes -= bytes;
    if (inFlightBytes < maxInFlightBytes) from.resume();
  };
  // Timers of one length fire in the order they were set: bytes stay in order.
  from.on('data', (chunk) => {
    inFlightBytes += chunk.length;
    if (inFlightBytes >= maxInFlightBytes) from.pause();
    setTimeout(() => {
      if (to.writable) to.write(chunk, () => setTimeout(acknowledge, delayMs, chunk.length));
    }, delayMs);
  });
  from.on('end', () => setTimeout(() => to.end(), delayMs));
  from.on('error', () => from.destroy());
  from.on('close', () => setTimeout(() => to.destroy(), 2 * delayMs));
}

const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
  const far = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  carry(near, far);
  carry(far, near);
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`Listening ${(server.address() as AddressInfo).port}\n`);
});
process.once('SIGTERM', () => process.exit(0));
