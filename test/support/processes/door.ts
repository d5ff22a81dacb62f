/**
 * `door.js PATH`: opens connections from its own host for clients that connect to the socket at PATH and send `ADDRESS PORT`
 * on a line. Answers `connected`, then passes bytes both ways; or answers the code of the failure.
 */
import net from 'node:net';

const [path = ''] = process.argv.slice(2);

function open(near: net.Socket, first: Buffer): void {
  near.pause();
  const end = first.indexOf(0x0a);
  const [address, port] = first.toString('latin1', 0, end).split(' ');
  const far = net.connect({ host: address, port: Number(port), allowHalfOpen: true });
  let isConnected = false;
  far.once('connect', () => {
    isConnected = true;
    near.write('connected\n');
    far.write(first.subarray(end + 1));
    near.pipe(far);
    far.pipe(near);
  });
  far.on('error', (error: NodeJS.ErrnoException) => {
    if (isConnected) near.destroy();
    else near.end(`${error.code ?? 'UNKNOWN'}\n`);
  });
  near.once('close', () => far.destroy());
}

const server = net.createServer({ allowHalfOpen: true }, (near) => {
  near.on('error', () => near.destroy());
  near.once('data', (first: Buffer) => open(near, first));
});
server.listen(path, () => process.stdout.write('open\n'));
