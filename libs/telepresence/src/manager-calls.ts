/** The few calls with whole messages, on the connection that also carries the streams. */
import { type ReadyStream, ReceiveWindow } from '@culvert/flow';
import {
  type ClientCall,
  type ClientConnection,
  ErrorCode,
  type FieldSection,
  Flag,
  Http2Error,
} from '@culvert/http2';
import { addRequestFields, readResponseFields } from './grpc-fields.js';
import { GrpcStatus } from './grpc-status.js';
import type { CallFailure, InterceptWatcher, ManagerClient } from './manager-client.js';
import { takesPreviewRemoval } from './manager-version.js';
import { Codecs, MessageError } from './messages/codec.js';
import { MAX_SNAPSHOT_BYTES } from './messages/snapshot.js';
import { SnapshotFeed } from './snapshot-feed.js';

const WATCH_INTERCEPTS = '/telepresence.manager.Manager/WatchIntercepts';
const UPDATE_INTERCEPT = '/telepresence.manager.Manager/UpdateIntercept';
const VERSION = '/telepresence.manager.Manager/Version';

/** A response message, of which snapshots are the largest. */
const MAX_MESSAGE_BYTES = MAX_SNAPSHOT_BYTES;
const PREFIX_BYTES = 5;

/** The manager makes a call of its own, which may take 3 s, before it answers UpdateIntercept. */
const UNARY_TIMEOUT_MS = 10_000;

/** Calls under way at once. Streams leave this much room. */
export const MAX_CALLS = 8;

export interface ManagerCallsHost {
  readonly connection: ClientConnection<ClientCall>;
  /** Why the connection ends, for people, once it does. */
  readonly loss: string;
  /** Window of a call's response. */
  readonly windowBytes: number;
  /** Whether calls can be made. */
  readonly isOpen: boolean;
}

interface CallHandler {
  onMessage(message: Buffer): void;
  onEnd(failure: CallFailure | null): void;
}

export class ManagerCalls implements ManagerClient {
  private readonly calls = new Set<Call>();

  constructor(private readonly host: ManagerCallsHost) {}

  watchIntercepts(watcher: InterceptWatcher): () => void {
    const feed = new SnapshotFeed({
      onSnapshot: (intercepts) => watcher.onSnapshot(intercepts),
      onGarbage: ({ message }) => {
        call?.cancel();
        watcher.onEnd({ status: GrpcStatus.INTERNAL, message });
      },
    });
    const call = this.call(WATCH_INTERCEPTS, Codecs.SessionInfo.encode({}), {
      onMessage: (message) => feed.push(message),
      onEnd: (failure) => {
        feed.stop();
        watcher.onEnd(failure ?? { status: GrpcStatus.OK, message: 'the watch ended' });
      },
    });
    return () => {
      feed.stop();
      call?.cancel();
    };
  }

  async removePreview(interceptId: string): Promise<CallFailure | null> {
    const asked = await this.unary(VERSION, Codecs.Empty.encode({}));
    if (!Buffer.isBuffer(asked)) return asked;
    const version = versionIn(asked);
    if (!takesPreviewRemoval(version)) {
      const message = `a traffic manager of version ${JSON.stringify(version)} is not asked to remove a preview`;
      return { status: GrpcStatus.FAILED_PRECONDITION, message };
    }
    const request = { session: { sessionId: '' }, name: interceptId, removePreviewDomain: true };
    const answer = await this.unary(UPDATE_INTERCEPT, Codecs.UpdateInterceptRequest.encode(request));
    return Buffer.isBuffer(answer) ? null : answer;
  }

  /** A call with one answer, which is returned unless the call fails. */
  private unary(path: string, request: Buffer): Promise<Buffer | CallFailure> {
    return new Promise((resolve) => {
      let answer: Buffer = Buffer.alloc(0);
      const timer = setTimeout(() => {
        call?.cancel();
        resolve({ status: GrpcStatus.DEADLINE_EXCEEDED, message: 'the traffic manager did not answer' });
      }, UNARY_TIMEOUT_MS);
      const call = this.call(path, request, {
        onMessage: (message) => (answer = Buffer.from(message)),
        onEnd: (failure) => {
          clearTimeout(timer);
          resolve(failure ?? answer);
        },
      });
    });
  }

  /** Begins a call. Returns null when that failed; `handler.onEnd` then follows later. */
  private call(path: string, request: Buffer, handler: CallHandler): Call | null {
    if (!this.host.isOpen || this.calls.size >= MAX_CALLS) {
      const failure = this.host.isOpen
        ? { status: GrpcStatus.RESOURCE_EXHAUSTED, message: 'too many calls to the traffic manager at once' }
        : { status: GrpcStatus.UNAVAILABLE, message: 'the reverse connection is not open' };
      queueMicrotask(() => handler.onEnd(failure));
      return null;
    }
    const { connection } = this.host;
    if (!connection.mayOpen) {
      queueMicrotask(() => handler.onEnd({ status: GrpcStatus.UNAVAILABLE, message: 'out of stream ids' }));
      return null;
    }
    const call = new Call(this.host, connection.nextStreamId, messageOf(request), {
      handler,
      forget: (ended) => this.calls.delete(ended),
    });
    addRequestFields(connection.beginHeaders(), path);
    connection.open(call, { endStream: false });
    this.calls.add(call);
    connection.output.enqueue(call);
    return call;
  }
}

/** `request` as gRPC sends it, behind its length. */
function messageOf(request: Buffer): Buffer {
  const message = Buffer.alloc(PREFIX_BYTES + request.length);
  message.writeUInt32BE(request.length, 1);
  message.set(request, PREFIX_BYTES);
  return message;
}

/** The manager's version, or an empty string when it does not report one. */
function versionIn(answer: Buffer): string {
  try {
    return Codecs.VersionInfo2.decode(answer).version;
  } catch (error) {
    if (error instanceof MessageError) return '';
    throw error;
  }
}

class Call implements ClientCall {
  nextReady: ReadyStream | null = null;
  isReady = false;
  private isEnded = false;
  private isSent = false;
  private parts: Buffer[] = [];
  private bytes = 0;
  private readonly window: ReceiveWindow;

  constructor(
    private readonly host: ManagerCallsHost,
    readonly id: number,
    /** The whole request, at most 512 bytes. */
    private readonly request: Buffer,
    private readonly user: { readonly handler: CallHandler; readonly forget: (call: Call) => void },
  ) {
    this.window = new ReceiveWindow(host.windowBytes);
  }

  get receiveCreditBytes(): number {
    return this.window.creditBytes;
  }

  /** Cancels the call: the handler receives no further events. */
  cancel(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.parts = [];
    this.host.connection.drop(this, ErrorCode.CANCEL);
    this.user.forget(this);
  }

  /** A request is far shorter than any window that a stream begins with. */
  serve(): void {
    if (this.isEnded || this.isSent) return;
    this.isSent = true;
    this.host.connection.output.sendData(this.id, this.request, Flag.END_STREAM);
  }

  /** Grants every byte again at once: the largest message bounds the bytes that wait. */
  handleFlow(length: number): void {
    if (!this.window.receive(length)) {
      throw new Http2Error(ErrorCode.FLOW_CONTROL_ERROR, `call ${this.id} overran its window`);
    }
    if (this.window.consume(length))
      this.host.connection.output.frames().windowUpdate(this.id, this.window.grant(0));
  }

  handleData(bytes: Buffer, start: number, end: number): void {
    // A copy: many small pieces would each keep the buffer they were cut from.
    this.parts.push(Buffer.from(bytes.subarray(start, end)));
    this.bytes += end - start;
    try {
      while (!this.isEnded && this.shiftMessage()) continue;
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      this.finish({ status: GrpcStatus.INTERNAL, message: error.message });
    }
  }

  handleFields({ fields }: FieldSection, isLast: boolean): void {
    const { status, grpcStatus, grpcMessage } = readResponseFields(fields);
    if (status !== 0 && status !== 200 && (status >= 200 || isLast)) {
      this.finish({ status: GrpcStatus.UNKNOWN, message: `HTTP status ${status}` });
    } else if (isLast) {
      const code = grpcStatus < 0 ? GrpcStatus.UNKNOWN : grpcStatus;
      this.finish(code === GrpcStatus.OK ? null : { status: code, message: grpcMessage });
    }
  }

  handleDataEnd(_overhead: number, isLast: boolean): void {
    if (isLast) this.finish({ status: GrpcStatus.INTERNAL, message: 'a call ended without a status' });
  }

  handleViolation(code: ErrorCode): void {
    this.finish({ status: GrpcStatus.INTERNAL, message: `the answer breaks the rules of HTTP/2 (${code})` });
  }

  handleReset(code: number): void {
    this.leave();
    this.finish({ status: GrpcStatus.CANCELLED, message: `canceled by the traffic manager (${code})` });
  }

  handleRefused(): void {
    this.handleLost();
  }

  handleLost(): void {
    this.leave();
    this.finish({ status: GrpcStatus.UNAVAILABLE, message: this.host.loss });
  }

  /** The request is sent as a whole, so that credit does not matter. */
  widen(): boolean {
    return true;
  }

  /** The call is gone at the manager already. */
  private leave(): void {
    this.host.connection.forget(this, 0, { isPeerDone: true });
  }

  private finish(failure: CallFailure | null): void {
    if (this.isEnded) return;
    this.cancel();
    this.user.handler.onEnd(failure);
  }

  /** Returns false when the next message has not arrived in full. */
  private shiftMessage(): boolean {
    if (this.bytes < PREFIX_BYTES) return false;
    if (this.parts[0].length < PREFIX_BYTES) this.parts = [Buffer.concat(this.parts)];
    const [head] = this.parts;
    if (head[0] !== 0) throw new MessageError('a message is compressed, or the bytes are not a message');
    const end = PREFIX_BYTES + head.readUInt32BE(1);
    if (end > MAX_MESSAGE_BYTES) throw new MessageError(`a message has ${end} bytes`);
    if (this.bytes < end) return false;
    const whole = this.parts.length === 1 ? head : Buffer.concat(this.parts);
    this.parts = end < whole.length ? [whole.subarray(end)] : [];
    this.bytes -= end;
    this.user.handler.onMessage(whole.subarray(PREFIX_BYTES, end));
    return true;
  }
}
