/** JSON lines over one stream of a tunnel, either end (docs/cluster.md §2). */
import { ResetCode, type Stream, type StreamHandler } from '@culvert/tunnel';

/** Limit of one line, its line feed included. */
const MAX_LINE_BYTES = 262_144;

/** Limit of bytes that wait for a peer that does not read. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

const LINE_FEED = 0x0a;

export interface ControlStreamOwner {
  /** Called with the value of a line, which is an object with a string `type`. */
  onLine(line: ControlLine): void;
  /** The peer broke a rule of §2, or does not read. The stream has already been reset. Never called within `send`. */
  onViolation(reason: string): void;
  /** The peer ended or reset the stream, or its tunnel is gone. */
  onEnd(): void;
}

/** A received line whose shape is not checked yet. */
export interface ControlLine {
  readonly type: string;
}

/** Set it as a stream's handler, then `attach` the stream. */
export class ControlStream implements StreamHandler {
  private stream: Stream | null = null;
  private held: Buffer[] = [];
  private heldBytes = 0;
  private waitingBytes = 0;
  private isBlocked = false;
  private isOver = false;

  constructor(private readonly owner: ControlStreamOwner) {}

  attach(stream: Stream): void {
    this.stream = stream;
  }

  /** Sends `line`; does nothing once the stream is over. */
  send(line: object): void {
    if (this.isOver || this.stream === null) return;
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    if (bytes.length > MAX_LINE_BYTES) throw new RangeError('a control line is too long');
    if (this.isBlocked && (this.waitingBytes += bytes.length) > MAX_WAITING_BYTES) {
      this.giveUp('the peer does not read its control stream');
      return;
    }
    if (!this.stream.write(bytes)) this.isBlocked = true;
  }

  /** Stops reading. Lines received before still reach the owner. */
  pause(): void {
    this.stream?.pause();
  }

  /** Undoes `pause`. */
  resume(): void {
    this.stream?.resume();
  }

  /** Ends it at once, without a further call to its owner. */
  abandon(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.stream?.reset(ResetCode.CANCEL, 'no more lines');
  }

  onOpen(): void {
    // Lines may be sent before this.
  }

  onData(chunk: Buffer): void {
    let rest = chunk;
    for (let end = rest.indexOf(LINE_FEED); end >= 0 && !this.isOver; end = rest.indexOf(LINE_FEED)) {
      const line = this.heldBytes === 0 ? rest.subarray(0, end) : this.joined(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      if (line.length >= MAX_LINE_BYTES) this.violate('a control line is too long');
      else this.handleLine(line);
    }
    if (this.isOver || rest.length === 0) return;
    // A copy, so that an incomplete line does not keep a whole message of the tunnel in memory.
    this.held.push(Buffer.from(rest));
    this.heldBytes += rest.length;
    if (this.heldBytes >= MAX_LINE_BYTES) this.violate('a control line is too long');
  }

  onEnd(): void {
    this.finish();
  }

  onReset(): void {
    this.finish();
  }

  onDrain(): void {
    this.isBlocked = false;
    this.waitingBytes = 0;
  }

  private joined(end: Buffer): Buffer {
    const line = Buffer.concat([...this.held, end]);
    this.held = [];
    this.heldBytes = 0;
    return line;
  }

  private handleLine(line: Buffer): void {
    let value: unknown;
    try {
      value = JSON.parse(line.toString('utf8'));
    } catch {
      this.violate('a control line is not JSON');
      return;
    }
    if (isLine(value)) this.owner.onLine(value);
    else this.violate('a control line is not an object with a type');
  }

  private violate(reason: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.stream?.reset(ResetCode.CANCEL, reason);
    this.owner.onViolation(reason);
  }

  /** Deferred: the sender may be in the middle of sending to many. */
  private giveUp(reason: string): void {
    this.abandon();
    queueMicrotask(() => this.owner.onViolation(reason));
  }

  private finish(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.owner.onEnd();
  }
}

function isLine(value: unknown): value is ControlLine {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.hasOwn(value, 'type') &&
    typeof (value as { type: unknown }).type === 'string'
  );
}
