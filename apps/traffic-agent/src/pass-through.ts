import { connect, type Socket } from 'node:net';

/** Joins a connection to the application unchanged: bytes, ends and failures, both ways. */
export function passThrough(visitor: Socket, application: { host: string; port: number }): void {
  const far = connect({ ...application, allowHalfOpen: true, noDelay: true });
  link(visitor, far);
  link(far, visitor);
}

function link(from: Socket, to: Socket): void {
  from.on('error', () => to.destroy());
  from.on('close', () => {
    // After a clean end, bytes on their way to the other side are still delivered.
    if (!from.readableEnded) to.destroy();
  });
  from.pipe(to);
}
