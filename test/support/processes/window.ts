/**
 * `window.js PATH`: accepts connections at a port of loopback on its own host, which it prints, and passes each to the
 * socket at PATH.
 */
import net, { type AddressInfo } from 'node:net';

const [path = ''] = process.argv.slice(2);

const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
  const far = net.connect({ path, allowHalfOpen: true });
  near.on('error', () => far.destroy()).once('close', () => far.destroy());
  far.on('error', () => near.destroy()).once('close', () => near.destroy());
  near.pipe(far).pipe(near);
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`port ${(server.address() as AddressInfo).port}\n`));
