/**
 * The socket of a `pg` client whose server is PGlite in this process. Both kinds of database thus share one driver: its
 * conversions, its errors, its transactions.
 *
 * PGlite has one session and processes a message completely before it returns, so at most one stream may be in use at a
 * time. Messages are passed on whole and only up to one that requires an answer, because PGlite ends each call with
 * ReadyForQuery. Message formats: PostgreSQL manual, "Message Formats".
 */
import { Duplex } from 'node:stream';
import type { PGlite } from '@electric-sql/pglite';

/** Types of messages after which a client waits: Query, Sync, Flush and password. */
const ANSWERED = new Set(Buffer.from('QSHp'));
const TERMINATE = 'X'.charCodeAt(0);
const ROLLBACK = simpleQuery('ROLLBACK');

export class PGliteStream extends Duplex {
  private readonly db: PGlite;
  private pending: Buffer = Buffer.alloc(0);
  private isStarted = false;

  constructor(db: PGlite) {
    super();
    this.db = db;
  }

  // The part of net.Socket that `pg` uses.
  connect(): this {
    queueMicrotask(() => this.emit('connect'));
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }

  override _read(): void {
    // Answers are pushed as they come; the client has at most one pending query.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    // As on a socket, no answer comes before the write has returned: the client's parser is not re-entrant. Waiting for the
    // next turn of the event loop also gives the network a turn between two queries.
    setImmediate(() => void this.receive(chunk, done));
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error) => void): void {
    setImmediate(() => void this.receive(Buffer.concat(chunks.map(({ chunk }) => chunk)), done));
  }

  private async receive(chunk: Buffer, done: (error?: Error) => void): Promise<void> {
    try {
      this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
      if (!this.isStarted) await this.start();
      await this.run();
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  private async start(): Promise<void> {
    if (this.pending.length < 4 || this.pending.length < this.pending.readUInt32BE(0)) return;
    const length = this.pending.readUInt32BE(0);
    // A client that disconnects amid a transaction leaves it open in the one session.
    if (this.db.isInTransaction()) await this.ask(ROLLBACK);
    this.isStarted = true;
    await this.exchange(length);
  }

  private async run(): Promise<void> {
    if (!this.isStarted) return;
    const length = answeredLength(this.pending);
    if (length > 0) await this.exchange(length);
    // Not forwarded to PGlite: it would end the session that the next client needs.
    if (this.pending[0] === TERMINATE) this.push(null);
  }

  private async exchange(length: number): Promise<void> {
    const request = this.pending.subarray(0, length);
    this.pending = this.pending.subarray(length);
    for (const answer of await this.ask(request)) this.push(answer);
  }

  /**
   * Returns PGlite's answer. This is the only call that keeps nothing: `execProtocolRaw` and `execProtocolRawSync` also
   * parse each answer and add it to a list that is never emptied. PGlite has answered when the call returns its promise.
   */
  private async ask(request: Uint8Array): Promise<readonly Buffer[]> {
    const answers: Buffer[] = [];
    // The bytes are PGlite's own memory, and the client must not be called from within PGlite.
    const onRawData = (bytes: Uint8Array): void => void answers.push(Buffer.from(bytes));
    await this.db.execProtocolRawStream(request, { syncToFs: false, onRawData });
    return answers;
  }
}

/** Returns how many bytes of `buffer` are whole messages up to the last one that is answered, before any Terminate. */
function answeredLength(buffer: Buffer): number {
  let answered = 0;
  let start = 0;
  while (start + 5 <= buffer.length && buffer[start] !== TERMINATE) {
    const end = start + 1 + buffer.readUInt32BE(start + 1);
    if (end > buffer.length) break;
    if (ANSWERED.has(buffer[start])) answered = end;
    start = end;
  }
  return answered;
}

function simpleQuery(sql: string): Buffer {
  const text = Buffer.from(`${sql}\0`);
  const head = Buffer.alloc(5);
  head.write('Q');
  head.writeUInt32BE(4 + text.length, 1);
  return Buffer.concat([head, text]);
}
