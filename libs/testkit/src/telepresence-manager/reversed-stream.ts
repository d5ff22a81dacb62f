/** The bytes in a reverse connection's Chunks, as the socket of the manager's HTTP/2 server. */
import { Duplex } from 'node:stream';
import type { Behaviour, Faults } from './behaviour.js';

const PREFACE_BYTES = 24;
const EMPTY: readonly Buffer[] = [];

export interface ChunkSink {
  /** Sends one Chunk that consists of these pieces; calls `done` when there is room for another. */
  sendChunk(content: readonly Buffer[], done: () => void): void;
  /** The server has closed its socket: the manager half-closes the call. */
  onServerClosed(): void;
}

export class ReversedStream extends Duplex {
  private received = 0;
  private isAnswering: boolean;
  /** Bytes that arrived before the server reads them. */
  private early: Buffer[] = [];

  constructor(
    private readonly sink: ChunkSink,
    private readonly behaviour: Behaviour,
    private readonly faults: Faults,
    private readonly onAnswering: () => void,
  ) {
    super();
    this.isAnswering = behaviour.speaksFirst && !faults.isMute;
    if (this.isAnswering) queueMicrotask(onAnswering);
  }

  /** Handles one Chunk of the cloud. */
  receiveChunk(content: Buffer): void {
    if (this.destroyed || content.length === 0) return;
    const hadPreface = this.received >= PREFACE_BYTES;
    this.received += content.length;
    if (this.isAnswering) {
      this.push(content);
      return;
    }
    this.early.push(content);
    const hasPreface = this.behaviour.waitsForChunkAfterPreface ? hadPreface : this.received >= PREFACE_BYTES;
    if (!hasPreface || this.faults.isMute) return;
    this.isAnswering = true;
    for (const chunk of this.early.splice(0)) this.push(chunk);
    this.onAnswering();
  }

  override _read(): void {
    // The call's own flow control is not used: real managers read without bound as well.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.send([chunk], callback);
  }

  override _writev(chunks: { readonly chunk: Buffer }[], callback: () => void): void {
    this.send(
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _final(callback: () => void): void {
    callback();
    this.sink.onServerClosed();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    callback(error);
    this.sink.onServerClosed();
  }

  private send(writes: readonly Buffer[], callback: () => void): void {
    const { coalescedBytes } = this.behaviour;
    const chunks = coalescedBytes === null ? writes.map((write) => [write]) : gather(writes, coalescedBytes);
    const all = this.faults.emptyChunks ? chunks.flatMap((chunk) => [EMPTY, chunk, EMPTY]) : chunks;
    let waiting = all.length;
    for (const chunk of all) {
      this.sink.sendChunk(chunk, () => {
        waiting -= 1;
        if (waiting === 0) callback();
      });
    }
  }
}

/** Chunks of `max` bytes and a rest. */
function gather(writes: readonly Buffer[], max: number): Buffer[][] {
  const chunks: Buffer[][] = [];
  let room = 0;
  for (const write of writes) {
    for (let at = 0; at < write.length;) {
      if (room === 0) {
        chunks.push([]);
        room = max;
      }
      const piece = write.subarray(at, at + room);
      chunks.at(-1)!.push(piece);
      room -= piece.length;
      at += piece.length;
    }
  }
  return chunks;
}
