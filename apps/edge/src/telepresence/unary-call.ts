import { Field, type RequestHead } from '@culvert/http1';
import type { HandedOffStream, HandedOffStreamHandler } from '@culvert/relay';
import { GrpcStatus } from '@culvert/telepresence';
import { refuseCall, trailersOf } from './call-carrier.js';
import { CallError } from './credentials.js';

/** Flag and length of a gRPC message. */
const PREFIX_BYTES = 5;
const MAX_MESSAGE_BYTES = 262_144;
/** Maximum number of bytes of the message of a call without credentials. */
const MAX_ANONYMOUS_MESSAGE_BYTES = 16_384;
const MAX_REPORTED_BYTES = 16_777_216;
/** Milliseconds from the head of a call to its last byte. */
const REQUEST_TIMEOUT_MS = 15_000;
const TIMEOUT = /^(\d{1,8})([HMSmun])$/;
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};
/** Longest timer of Node. */
const MAX_TIMER_MS = 2_147_483_647;

/**
 * Reads the messages of a call until its end; of a stream of reports, checks only the framing.
 * @throws CallError
 */
export function readMessage(stream: HandedOffStream, isStreamOfReports: boolean): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    new MessageCollector(stream, isStreamOfReports, resolve, reject).start();
  });
}

/** Knows whether the caller still waits for the answer: until its `grpc-timeout` is over, or it is gone. */
export class CallWait {
  private readonly over = new AbortController();

  get isOver(): boolean {
    return this.over.signal.aborted;
  }

  /** Records that the caller is gone. */
  end(): void {
    this.over.abort();
  }

  /** @throws CallError `DEADLINE_EXCEEDED` if the caller no longer waits */
  check(): void {
    if (this.isOver) throw tooLate();
  }

  /**
   * Resolves as `work` does, unless the caller's deadline passes first.
   * @throws CallError `DEADLINE_EXCEEDED`; errors of `work`
   */
  async within<T>(head: RequestHead, work: Promise<T>): Promise<T> {
    const [, digits, unit] = TIMEOUT.exec(head.valueNamed('grpc-timeout') ?? '') ?? [];
    if (digits === undefined) return work;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => {
          this.end();
          reject(tooLate());
        },
        Math.min(Number(digits) * UNIT_MS[unit], MAX_TIMER_MS),
      );
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function tooLate(): CallError {
  return new CallError(GrpcStatus.DEADLINE_EXCEEDED, 'the deadline of the call has passed');
}

/** Answers a call with one message. */
export function answerCall(stream: HandedOffStream, message: Buffer): void {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  stream.respond({ 'content-type': 'application/grpc' });
  stream.write(Buffer.concat([prefix, message]));
  stream.end(trailersOf(GrpcStatus.OK, ''));
}

/** Ends a call with the status of `error`; reports whether the error was a CallError. */
export function failCall(stream: HandedOffStream, error: unknown): boolean {
  const isOurs = error instanceof CallError;
  if (isOurs) refuseCall(stream, error.status, error.message);
  else refuseCall(stream, GrpcStatus.UNAVAILABLE, 'Culvert cannot answer at the moment: try again');
  return isOurs;
}

function maxMessageBytes(head: RequestHead): number {
  const showsCredential =
    head.find(Field.AUTHORIZATION) >= 0 || head.valueNamed('x-ambassador-api-key') !== null;
  return showsCredential ? MAX_MESSAGE_BYTES : MAX_ANONYMOUS_MESSAGE_BYTES;
}

class MessageCollector implements HandedOffStreamHandler {
  private readonly chunks: Buffer[] = [];
  private size = 0;
  private readonly maxBytes: number;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly stream: HandedOffStream,
    private readonly isStreamOfReports: boolean,
    private readonly resolve: (message: Buffer) => void,
    private readonly reject: (error: CallError) => void,
  ) {
    this.maxBytes = isStreamOfReports ? MAX_REPORTED_BYTES : PREFIX_BYTES + maxMessageBytes(stream.head);
  }

  start(): void {
    this.stream.handler = this;
    this.timer = setTimeout(
      () => this.fail(GrpcStatus.DEADLINE_EXCEEDED, 'the request did not arrive in time'),
      REQUEST_TIMEOUT_MS,
    );
    this.timer.unref();
    this.stream.resume();
  }

  onData(chunk: Buffer): void {
    this.size += chunk.length;
    if (this.size > this.maxBytes) this.fail(GrpcStatus.RESOURCE_EXHAUSTED, 'the request is too large');
    else if (!this.isStreamOfReports) this.chunks.push(chunk);
  }

  onEnd(): void {
    clearTimeout(this.timer);
    if (this.isStreamOfReports) {
      this.resolve(Buffer.alloc(0));
      return;
    }
    const bytes = Buffer.concat(this.chunks);
    if (bytes.length < PREFIX_BYTES || bytes.readUInt32BE(1) !== bytes.length - PREFIX_BYTES)
      this.fail(GrpcStatus.INTERNAL, 'the request is not one gRPC message');
    else if (bytes[0] !== 0) this.fail(GrpcStatus.UNIMPLEMENTED, 'compressed messages are not supported');
    else this.resolve(bytes.subarray(PREFIX_BYTES));
  }

  onDrain(): void {}

  onClose(): void {
    this.fail(GrpcStatus.CANCELLED, 'the caller is gone');
  }

  private fail(status: GrpcStatus, message: string): void {
    clearTimeout(this.timer);
    this.reject(new CallError(status, message));
  }
}
