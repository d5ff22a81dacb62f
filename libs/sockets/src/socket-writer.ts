/**
 * Bypasses Node's stream as long as the kernel accepts everything at once. That stream creates an object, a callback and a
 * tick for every write: a tenth of the cost of a small request in a traffic agent (docs/decisions/0011-direct-writes.md).
 */
import { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';

/** Two pieces that together are no longer than this are cheaper to copy than to write one by one. */
export const MAX_JOINED_BYTES = 32_768;

/** Fields that a handle needs beside the bytes: it reports when a delayed write is done. */
interface WriteRequest {
  oncomplete?: (status: number) => void;
  /** The only reference that keeps the bytes' memory from being reused while the kernel has yet to read it. */
  buffer?: Buffer;
  /** `NOT_IN_USE` while no write holds it. */
  getAsyncId(): number;
}

const NOT_IN_USE = -1;

interface Handle {
  writeBuffer(request: WriteRequest, bytes: Buffer): number;
}

const WriteRequest = findWriteRequest();

/** For the next write: one that completed at once leaves no trace in it. Null if Node's internals are not as expected. */
let request: WriteRequest | null = WriteRequest && new WriteRequest();
if (request?.getAsyncId?.() !== NOT_IN_USE) request = null;

/** Memory for joining pieces, and the part that the last ones filled. */
let joint = Buffer.allocUnsafeSlow(MAX_JOINED_BYTES);
let joined = joint;

export class SocketWriter {
  private readonly isDirect: boolean;
  /**
   * The kernel did not accept all of the last direct write. Further writes go through the stream, which queues behind it.
   */
  private isWaiting = false;

  /** @param onDrain called when there is room again, after a write that returned false */
  constructor(
    private readonly socket: Socket,
    private readonly onDrain: () => void,
  ) {
    this.isDirect = request !== null && isPlainTcp(handleOf(socket));
    socket.on('drain', onDrain);
  }

  /** Whether bytes wait in this process. */
  get hasBacklog(): boolean {
    return this.isWaiting || this.socket.writableLength > 0;
  }

  /** Whether the last write returned false, and there is no room yet. */
  get needsDrain(): boolean {
    return this.isWaiting || this.socket.writableNeedDrain;
  }

  /** Returns false if the writer should wait for `onDrain`. `chunk` must not change: it may have to wait. */
  write(chunk: Buffer): boolean {
    const handle = this.directHandle();
    return handle === null ? this.socket.write(chunk) : this.writeDirect(handle, chunk);
  }

  /**
   * Like `write`, for two pieces joined into one; neither is kept.
   * @param head latin1 when it is text; both have at most `MAX_JOINED_BYTES` together
   */
  writeJoined(head: string | Buffer, body: Buffer): boolean {
    const length = head.length + body.length;
    const handle = this.directHandle();
    if (handle === null) return this.socket.write(join(Buffer.allocUnsafe(length), head, body));
    if (joined.length !== length) joined = joint.subarray(0, length);
    const hasRoom = this.writeDirect(handle, join(joined, head, body));
    if (this.isWaiting) {
      // The kernel has yet to read from it.
      joint = Buffer.allocUnsafeSlow(MAX_JOINED_BYTES);
      joined = joint;
    }
    return hasRoom;
  }

  /** Null while the stream is in charge: it is not connected yet, holds bytes, or was ended. */
  private directHandle(): Handle | null {
    const { socket } = this;
    const isFree =
      this.isDirect &&
      !this.isWaiting &&
      !socket.connecting &&
      socket.writableLength === 0 &&
      socket.writableCorked === 0 &&
      !socket.writableEnded;
    return isFree ? handleOf(socket) : null;
  }

  private writeDirect(handle: Handle, chunk: Buffer): boolean {
    const status = handle.writeBuffer(request!, chunk);
    if (status !== 0) {
      request = new WriteRequest!();
      this.socket.destroy(errorOf(status));
      return true;
    }
    // Not `writeQueueSize`: what the kernel accepts at the second attempt is sent, but its request is still held.
    if (request!.getAsyncId() === NOT_IN_USE) return true;
    this.isWaiting = true;
    request!.buffer = chunk;
    request!.oncomplete = this.handleWritten;
    request = new WriteRequest!();
    return false;
  }

  private readonly handleWritten = (status: number): void => {
    this.isWaiting = false;
    if (status === 0) this.onDrain();
    else this.socket.destroy(errorOf(status));
  };
}

function join(target: Buffer, head: string | Buffer, body: Buffer): Buffer {
  if (typeof head === 'string') target.write(head, 0, head.length, 'latin1');
  else target.set(head, 0);
  target.set(body, head.length);
  return target;
}

function handleOf(socket: Socket): Handle | null {
  return (socket as unknown as { readonly _handle: Handle | null })._handle;
}

/** Other handles encrypt, or live in this process: they never write at once. */
function isPlainTcp(handle: Handle | null): boolean {
  return handle !== null && handle.constructor.name === 'TCP' && typeof handle.writeBuffer === 'function';
}

/** The error that Node's own stream would report for a failed write. */
function errorOf(status: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(status);
  return Object.assign(new Error(`write ${code}`), { code, errno: status, syscall: 'write' });
}

/** The class that handles accept as requests. It is internal to Node, but every socket's handle gets one. */
function findWriteRequest(): (new () => WriteRequest) | null {
  let found: (new () => WriteRequest) | null = null;
  const socket = new Socket();
  const setHandle = (handle: unknown): void => void Object.assign(socket, { _handle: handle });
  setHandle({
    writeBuffer: (given: object) => {
      found = given.constructor as new () => WriteRequest;
      return 0;
    },
  });
  socket.on('error', () => {});
  socket.write(Buffer.alloc(1));
  setHandle(null);
  socket.destroy();
  return found;
}
