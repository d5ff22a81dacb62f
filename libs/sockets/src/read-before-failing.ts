import type { Socket } from 'node:net';

/**
 * Makes a plain TCP socket read what has arrived before a failed write closes it. A peer may answer and close the connection
 * while it is still being sent to: the next write then fails, and Node would close the socket with the answer unread.
 * `error` and `close` follow one turn of the event loop later than otherwise. Over TLS this does not help: Node drops what it
 * has not decrypted. Returns the socket.
 */
export function readBeforeFailing<T extends Socket>(socket: T): T {
  const destroy = socket.destroy.bind(socket);
  socket.destroy = (error?: NodeJS.ErrnoException): T => {
    if (error?.syscall !== 'write') return destroy(error);
    // The first runs before the event loop checks for received bytes, the second after.
    setImmediate(() => setImmediate(destroy, error));
    return socket;
  };
  return socket;
}
