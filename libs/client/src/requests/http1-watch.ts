/**
 * Reads along with the HTTP/1.1 of one connection to find out which requests it carries. It changes nothing. It stops at
 * what it cannot follow (another protocol, broken framing), and the bytes pass as before.
 */
import {
  ChunkedScanner,
  DEFAULT_CHUNKED_LIMITS,
  DEFAULT_HEAD_LIMITS,
  Field,
  Framing,
  HeadReader,
  HttpSyntaxError,
  type OddityCode,
  oddityCodes,
  parseRequestHead,
  parseResponseHead,
} from '@culvert/http1';
import type { PreviewRequest } from '../public/types.js';
import type { RequestRecord, RequestRecorder } from './request-recorder.js';
import { type RefusalCode, RefusalScan } from './refusals.js';

/** One request that reached this machine, and its outcome. */
export interface SeenRequest extends PreviewRequest {
  /** What is wrong with a response that is delivered anyway. */
  readonly notes: readonly OddityCode[];
  /** The known refusal of a development server that the response is; null for every other response. */
  readonly refusal: RefusalCode | null;
}

/** One direction of the conversation: what its sender is expected to send next. */
type Reading =
  | { readonly kind: 'head' }
  | { readonly kind: 'length'; left: number }
  | { readonly kind: 'chunks'; readonly scanner: ChunkedScanner }
  /** Lasts until the end of the connection. */
  | { readonly kind: 'rest' };

interface Pending {
  readonly startedAt: Date;
  readonly startedMs: number;
  readonly method: string;
  readonly path: string;
  readonly asksForUpgrade: boolean;
  status: number | null;
  oddities: number;
  upgrade: string;
  receivedBytes: number;
  sentBytes: number;
  /** Null unless the response may be a known refusal. */
  scan: RefusalScan | null;
  /** Null: it is not recorded. */
  readonly record: RequestRecord | null;
}

/** Limit of requests that wait for their responses: the sender of these connections sends one after the other. */
const MAX_PENDING = 16;
const MAX_INTERIM_RESPONSES = 64;

const HEAD: Reading = { kind: 'head' };

/** Reasons for an incomplete response if the service ended the connection. */
export const SERVICE_CLOSED = 'service closed the connection';
export const SERVICE_RESET = 'service broke the connection';
/** Development servers refuse WebSockets from hostnames that they do not know, many without a message. */
const UPGRADE_REFUSED = 'service refused the WebSocket (often its origin check)';

export class Http1Watch {
  private isBlind = false;
  /** In the order of their responses. */
  private readonly pending: Pending[] = [];
  /** The request whose body is being received. */
  private receiving: Pending | null = null;
  private readonly requestHeads = new HeadReader(DEFAULT_HEAD_LIMITS, 'request');
  private readonly responseHeads = new HeadReader(DEFAULT_HEAD_LIMITS, 'response');
  private request: Reading = HEAD;
  private response: Reading = HEAD;
  private interimCount = 0;

  /**
   * @param tell receives each request when it ends; long ones also when they are answered
   * @param recorder receives what requests and responses consist of; null: nothing is recorded
   */
  constructor(
    private readonly tell: (request: SeenRequest) => void,
    private readonly recorder: RequestRecorder | null = null,
  ) {}

  /** Handles bytes on their way to the service. */
  handleRequestBytes(chunk: Buffer): void {
    this.follow(() => {
      let at = 0;
      while (at < chunk.length && !this.isBlind) at = this.readRequest(chunk, at);
    });
  }

  /** Handles bytes from the service. */
  handleResponseBytes(chunk: Buffer): void {
    this.follow(() => {
      let at = 0;
      while (at < chunk.length && !this.isBlind) at = this.readResponse(chunk, at);
    });
  }

  /** The service sends nothing further. */
  handleResponseEnd(): void {
    if (this.pending.length === 0) return;
    // Some bodies end this way (RFC 9112 §6.3), and so does a connection after an upgrade.
    if (this.response.kind === 'rest') this.finish(null);
    else this.handleClose(SERVICE_CLOSED);
  }

  /** The connection is over. @param failure why, for people; null if both ends finished */
  handleClose(failure: string | null): void {
    while (this.pending.length > 0) this.finish(failure ?? 'closed without a response');
    this.isBlind = true;
  }

  /** The service cannot be reached. Agents send a request only once it can, so that its head may not be known. */
  handleUnreachable(failure: string): void {
    if (this.pending.length === 0 && !this.isBlind)
      this.tell({
        startedAt: new Date(),
        method: '',
        path: '',
        state: 'ended',
        status: null,
        upgrade: '',
        durationMs: 0,
        receivedBytes: 0,
        sentBytes: 0,
        failure,
        notes: [],
        refusal: null,
      });
    this.handleClose(failure);
  }

  private follow(read: () => void): void {
    if (this.isBlind) return;
    try {
      read();
    } catch (error) {
      if (!(error instanceof HttpSyntaxError)) throw error;
      this.giveUp();
    }
  }

  /** Reports the pending requests as far as they are known. */
  private giveUp(): void {
    this.handleClose('invalid HTTP/1.1');
  }

  private readRequest(chunk: Buffer, at: number): number {
    const { request } = this;
    switch (request.kind) {
      case 'head':
        return this.readRequestHead(chunk, at);
      case 'length': {
        const taken = Math.min(request.left, chunk.length - at);
        request.left -= taken;
        countReceived(this.receiving!, chunk, at, at + taken);
        if (request.left === 0) this.request = HEAD;
        return at + taken;
      }
      case 'chunks': {
        const { receiving } = this;
        const end = request.scanner.scan(chunk, at, (buffer, from, to) =>
          countReceived(receiving!, buffer, from, to),
        );
        if (request.scanner.done) this.request = HEAD;
        return end;
      }
      case 'rest':
        if (this.receiving !== null) countReceived(this.receiving, chunk, at, chunk.length);
        return chunk.length;
      default:
        throw new Error(`unhandled reading ${String(request satisfies never)}`);
    }
  }

  private readRequestHead(chunk: Buffer, at: number): number {
    const end = this.requestHeads.push(chunk, at);
    if (end === -1) return chunk.length;
    const { buffer, start, end: headEnd } = this.requestHeads;
    const head = parseRequestHead(buffer, start, headEnd, DEFAULT_HEAD_LIMITS);
    this.requestHeads.reset();
    if (this.pending.length === MAX_PENDING) {
      this.giveUp();
      return chunk.length;
    }
    const pending: Pending = {
      startedAt: new Date(),
      startedMs: performance.now(),
      method: head.method,
      path: pathOf(head.target),
      asksForUpgrade: head.upgrade !== '',
      status: null,
      oddities: 0,
      upgrade: '',
      receivedBytes: 0,
      sentBytes: 0,
      scan: null,
      record: this.recorder?.begin(head) ?? null,
    };
    this.pending.push(pending);
    this.receiving = pending;
    this.request = readingOf(head.framing, head.contentLength);
    return end;
  }

  private readResponse(chunk: Buffer, at: number): number {
    const { response } = this;
    switch (response.kind) {
      case 'head':
        return this.readResponseHead(chunk, at);
      case 'length': {
        const taken = Math.min(response.left, chunk.length - at);
        response.left -= taken;
        countSent(this.pending[0], chunk, at, at + taken);
        if (response.left === 0) this.finish(null);
        return at + taken;
      }
      case 'chunks': {
        const [current] = this.pending;
        const end = response.scanner.scan(chunk, at, (buffer, from, to) =>
          countSent(current, buffer, from, to),
        );
        if (response.scanner.done) {
          if (response.scanner.trailers !== null) current.record?.trailed(response.scanner.trailers);
          this.finish(null);
        }
        return end;
      }
      case 'rest':
        if (this.pending[0] !== undefined) countSent(this.pending[0], chunk, at, chunk.length);
        return chunk.length;
      default:
        throw new Error(`unhandled reading ${String(response satisfies never)}`);
    }
  }

  private readResponseHead(chunk: Buffer, at: number): number {
    const [current] = this.pending;
    const end = this.responseHeads.push(chunk, at);
    if (end === -1) return chunk.length;
    const { buffer, start, end: headEnd } = this.responseHeads;
    const head = parseResponseHead(buffer, start, headEnd, DEFAULT_HEAD_LIMITS, current?.method ?? 'GET');
    this.responseHeads.reset();
    const next = end - head.surplus;
    // A response without a request: what follows cannot be known.
    if (current === undefined) {
      this.giveUp();
      return chunk.length;
    }
    current.oddities |= head.oddities;
    if (head.status < 200 && head.status !== 101) {
      if (++this.interimCount > MAX_INTERIM_RESPONSES) this.giveUp();
      return next;
    }
    current.status = head.status;
    current.record?.answered(head);
    current.scan = RefusalScan.of(head, current.path);
    if (head.status === 101) {
      this.request = this.response = { kind: 'rest' };
      this.receiving = current;
      current.upgrade = head.upgrade || head.otherUpgrade || 'other';
      this.tell(seen(current, 'open', null));
      return next;
    }
    this.response = readingOf(head.framing, head.contentLength);
    const type = head.find(Field.CONTENT_TYPE);
    if (type !== -1 && /^text\/event-stream\b/i.test(head.value(type)))
      this.tell(seen(current, 'open', null));
    if (this.response.kind === 'head') this.finish(null);
    return next;
  }

  /** The first pending request is over. */
  private finish(failure: string | null): void {
    const done = this.pending.shift();
    this.response = HEAD;
    this.interimCount = 0;
    if (done === undefined) return;
    const reason = isRefusedUpgrade(done, failure) ? UPGRADE_REFUSED : failure;
    done.record?.ended(reason, done.oddities);
    this.tell(seen(done, 'ended', reason));
  }
}

/** Notes bytes `from` to `to` of a request's body, or of an upgraded connection. */
function countReceived(pending: Pending, bytes: Buffer, from: number, to: number): void {
  pending.receivedBytes += to - from;
  pending.record?.addRequest(bytes, from, to);
}

/** Notes bytes `from` to `to` of a response's body, or of an upgraded connection. */
function countSent(pending: Pending, bytes: Buffer, from: number, to: number): void {
  pending.sentBytes += to - from;
  pending.record?.addResponse(bytes, from, to);
  pending.scan?.add(bytes, from, to);
}

function isRefusedUpgrade({ asksForUpgrade, status }: Pending, failure: string | null): boolean {
  const isServices = failure === null || failure === SERVICE_CLOSED || failure === SERVICE_RESET;
  return asksForUpgrade && status !== 101 && isServices;
}

function readingOf(framing: Framing, contentLength: number): Reading {
  switch (framing) {
    case Framing.NONE:
      return HEAD;
    case Framing.LENGTH:
      return contentLength === 0 ? HEAD : { kind: 'length', left: contentLength };
    case Framing.CHUNKED:
      return { kind: 'chunks', scanner: new ChunkedScanner('decoded', DEFAULT_CHUNKED_LIMITS) };
    case Framing.UNTIL_CLOSE:
      return { kind: 'rest' };
    default:
      throw new Error(`unhandled framing ${String(framing satisfies never)}`);
  }
}

function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

function seen(pending: Pending, state: SeenRequest['state'], failure: string | null): SeenRequest {
  const { startedAt, startedMs, method, path, status, oddities, upgrade, receivedBytes, sentBytes } = pending;
  const durationMs = performance.now() - startedMs;
  const notes = oddityCodes(oddities);
  return {
    startedAt,
    method,
    path,
    state,
    status,
    upgrade,
    durationMs,
    receivedBytes,
    sentBytes,
    failure,
    notes,
    refusal: state === 'ended' ? (pending.scan?.result() ?? null) : null,
  };
}
