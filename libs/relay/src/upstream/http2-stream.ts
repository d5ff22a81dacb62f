/**
 * One request to an ingress that speaks HTTP/2, as the stream that an exchange knows: HTTP/1.1 bytes go in and come
 * out. The exchange keeps one code path, and pays for the second one only on routes that need it.
 *
 * Bodies wait in the stream of the HTTP/2 connection: bounded by its window one way, by `write` the other.
 */
import type { ClientStream, HeaderField, ResponseFields, ResponseHandler } from '@culvert/http2';
import { ErrorCode } from '@culvert/http2';
import { ResetCode, type Stream, type StreamHandler } from '@culvert/tunnel';
import { errorName } from './http2-error-names.js';
import type { KnownHeads } from './http2-known-heads.js';
import { Http2Request, type RequestTarget } from './http2-request.js';
import { Http2Response } from './http2-response.js';
import { mayFollow, UpstreamState } from './http2-upstream-state.js';

const S = UpstreamState;

/** Sessions that one request is offered to. */
const MAX_ATTEMPTS = 3;

let nextId = 1;

/** The part of a session that the requests on it use. */
export interface Http2StreamHost {
  /** The heads that the session was given. */
  readonly heads: KnownHeads;
  /** Whether the tunnel's stream is open. Calls `handleOpen` when it becomes so. */
  readonly hasOpened: boolean;
  /** Starts a request that has a place, at once or as soon as the ingress has announced how many it takes. */
  submit(stream: Http2UpstreamStream): void;
  /** Schedules a call of `flush` after the current read. */
  noteOutput(stream: Http2UpstreamStream): void;
  /** Gives back the place of `stream`. */
  release(stream: Http2UpstreamStream): void;
}

/** Makes the streams: the dialer. */
export interface Http2StreamMaker {
  readonly scheme: 'http' | 'https';
  /** Finds a place in another session for a request that was not processed. */
  place(stream: Http2UpstreamStream): void;
}

export class Http2UpstreamStream implements Stream, ResponseHandler {
  readonly id = nextId++;
  private state: UpstreamState = S.HEAD;
  private attempts = 1;
  private request: Http2Request | null = null;
  private readonly response = new Http2Response();
  /** The stream of the HTTP/2 connection, until it is closed. */
  private call: ClientStream | null = null;
  private isPaused = false;
  private wantsDrain = false;
  private isEndDue = false;
  private isOutputNoted = false;
  /** When `checkLingering` first found the request lingering; 0 before. */
  private lingersSince = 0;

  /** @param session has a place reserved for this request */
  constructor(
    private session: Http2StreamHost,
    public handler: StreamHandler,
    private readonly maker: Http2StreamMaker,
  ) {}

  get isOpen(): boolean {
    return this.state < S.LINGERING;
  }

  /** Whether the request asks for a WebSocket. */
  get isUpgrade(): boolean {
    return this.request !== null && this.request.head.upgrade !== '';
  }

  // --- Stream: what the exchange calls --------------------------------------------------------------------

  write(chunk: Buffer): boolean {
    if (!this.isOpen) return true;
    if (this.state === S.UPGRADED && this.call === null) {
      this.failLater(ResetCode.INGRESS_RESET, 'ended the connection');
      return true;
    }
    const hasRoom = this.push(chunk);
    if (!hasRoom) this.wantsDrain = true;
    return hasRoom;
  }

  /** The visitor has ended its side of an upgraded connection. */
  end(): void {
    if (!this.isOpen || this.request === null) return;
    this.request.end();
    if (this.state === S.UPGRADED && this.call === null && !this.isEndDue) this.close();
  }

  reset(): void {
    if (!this.isOpen) return;
    const { call } = this;
    // An exchange resets a stream both when it has the whole response and when it drops the rest. Servers count
    // RST_STREAM against a client, so the END_STREAM that is still to come is waited for.
    if (this.state === S.RESPONDING && call !== null && call.isSent && this.response.isWhole) {
      this.transition(S.LINGERING);
      this.response.clear();
      call.resume();
    } else {
      this.close();
    }
  }

  pause(): void {
    this.isPaused = true;
    this.call?.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.flush();
    if (this.isHeld()) return;
    this.call?.resume();
    this.flush();
  }

  // --- What the session calls -----------------------------------------------------------------------------

  /**
   * Makes the request on `target`, which takes streams.
   * @param takesWebSockets whether the ingress takes extended CONNECT (RFC 8441 §3)
   */
  start(target: RequestTarget, takesWebSockets: boolean): void {
    const { request } = this;
    if (request === null || this.state !== S.WAITING) return;
    const { upgrade, otherUpgrade } = request.head;
    if (upgrade !== '' && !takesWebSockets) {
      this.failLater(ResetCode.INGRESS_PROTOCOL, 'speaks HTTP/2 without WebSockets (RFC 8441)');
      return;
    }
    if (otherUpgrade !== '') {
      this.failLater(ResetCode.INGRESS_PROTOCOL, 'speaks HTTP/2, where no connection switches protocols');
      return;
    }
    this.transition(S.REQUESTED);
    this.call = request.begin(target, this);
    if (!this.isPaused) this.call.resume();
    // Until then another edge may refuse the session, and the request has reached no ingress.
    if (this.session.hasOpened) this.handler.onOpen();
    if (request.hasRoom) this.onDrain();
  }

  /** The tunnel's stream is open. A request that has not begun opens when it begins. */
  handleOpen(): void {
    if (this.state === S.REQUESTED) this.handler.onOpen();
  }

  /**
   * Ends a request that lingers for longer than `maxMs`: its ingress took too long to end a response that was whole.
   * @param now as of `performance.now()`
   */
  checkLingering(now: number, maxMs: number): void {
    if (this.state !== S.LINGERING) return;
    if (this.lingersSince === 0) this.lingersSince = now;
    else if (now - this.lingersSince >= maxMs) this.close();
  }

  /** The connection with the ingress is lost. Responses that arrived in full may still be read. */
  handleLoss(code: ResetCode, detail: string): void {
    if (this.state === S.LINGERING) this.close();
    else if (this.call === null || !this.call.isInputDone) this.fail(code, detail);
  }

  /** No session takes this request. */
  handleUnplaced(reason: 'absent' | 'full'): void {
    if (reason === 'full') this.failLater(ResetCode.STREAM_LIMIT, 'no connection takes the request');
    else this.failLater(ResetCode.TUNNEL_LOST, 'the tunnel was lost before the request was sent');
  }

  /** Moves the request to a session that has a place for it. */
  moveTo(session: Http2StreamHost): void {
    this.session = session;
    session.submit(this);
  }

  /** Passes what arrived in one read to the exchange. */
  flush(): void {
    this.isOutputNoted = false;
    if (this.isPaused || !this.isOpen) return;
    if (!this.response.isEmpty) this.handler.onData(this.response.drain());
    if (this.isEndDue) this.deliverEnd();
  }

  // --- Request --------------------------------------------------------------------------------------------

  private push(chunk: Buffer): boolean {
    try {
      let { request } = this;
      if (request === null) {
        // The exchange writes the whole head at once.
        request = new Http2Request(chunk, this.session.heads, this.maker.scheme);
        this.request = request;
        this.transition(S.WAITING);
        this.session.submit(this);
      } else {
        request.push(chunk);
      }
      return request.isDone || request.hasRoom;
    } catch (error) {
      // The relay wrote this itself.
      this.failLater(
        ResetCode.INTERNAL,
        `the request cannot be expressed in HTTP/2: ${(error as Error).message}`,
      );
      return true;
    }
  }

  // --- ResponseHandler ------------------------------------------------------------------------------------

  onInterim(response: ResponseFields): void {
    if (this.state !== S.REQUESTED) return;
    this.response.addInterim(response);
    this.noteOutput();
  }

  onResponse(response: ResponseFields, isWhole: boolean): void {
    const { request } = this;
    if (this.state !== S.REQUESTED || request === null) return;
    request.commit();
    if (this.isUpgrade && response.status < 300) {
      this.transition(S.UPGRADED);
      this.response.beginRaw(request.head, response);
    } else {
      this.transition(S.RESPONDING);
      this.response.begin(request.head, response, isWhole);
    }
    this.noteOutput();
  }

  onData(chunk: Buffer): void {
    if (this.state !== S.RESPONDING && this.state !== S.UPGRADED) return;
    this.response.addBody(chunk);
    this.noteOutput();
  }

  onEnd(trailers: readonly HeaderField[]): void {
    if (this.state === S.UPGRADED) {
      this.isEndDue = true;
    } else if (this.state === S.RESPONDING) {
      this.transition(S.RESPONDED);
      this.response.end(trailers);
    } else {
      return;
    }
    this.noteOutput();
  }

  onDrain(): void {
    this.request?.handleDrain();
    if (!this.wantsDrain || !this.isOpen) return;
    this.wantsDrain = false;
    this.handler.onDrain();
  }

  onClose(): void {
    const { call } = this;
    if (call === null) return;
    this.call = null;
    // The session reports why it is lost.
    if (call.failure === 'lost') return;
    this.session.release(this);
    if (this.state === S.LINGERING) this.close();
    if (!this.isOpen) return;
    if (call.failure === 'none') {
      // An upgraded connection whose ingress has left for good: the visitor must be read, to see it leave as well.
      if (this.state === S.UPGRADED) this.onDrain();
      return;
    }
    this.flush();
    this.handleFailure(call);
  }

  private handleFailure({ failure, failureCode }: ClientStream): void {
    const name = errorName(failureCode);
    if (failure === 'malformed') {
      this.fail(ResetCode.INGRESS_PROTOCOL, `broke the rules of HTTP/2 (${name})`);
    } else if (failure === 'refused' && this.mayRepeat) {
      // RFC 9113 §8.7: a refused request was not processed, so even one that is not idempotent may be sent again.
      this.attempts++;
      this.request?.withdraw();
      this.transition(S.WAITING);
      this.maker.place(this);
    } else {
      this.fail(ResetCode.INGRESS_RESET, `reset the request (${name})`);
    }
  }

  private get mayRepeat(): boolean {
    const { request } = this;
    return (
      this.state === S.REQUESTED && this.attempts < MAX_ATTEMPTS && request !== null && request.isRepeatable
    );
  }

  private noteOutput(): void {
    if (this.isOutputNoted) return;
    this.isOutputNoted = true;
    this.session.noteOutput(this);
  }

  /** The ingress has ended its side of an upgraded connection. */
  private deliverEnd(): void {
    // The exchange may have paused or left.
    if (this.isHeld() || this.state !== S.UPGRADED) return;
    this.isEndDue = false;
    if (this.request !== null && this.request.isDone) this.close();
    this.handler.onEnd();
  }

  // --- Ends -----------------------------------------------------------------------------------------------

  private fail(code: ResetCode, detail: string): void {
    if (!this.isOpen) return;
    this.close();
    this.handler.onReset(code, detail);
  }

  /** Like `fail`, for calls from the exchange. */
  private failLater(code: ResetCode, detail: string): void {
    queueMicrotask(() => this.fail(code, detail));
  }

  private close(): void {
    const { call } = this;
    this.transition(S.CLOSED);
    this.request?.commit();
    this.response.clear();
    this.call = null;
    if (call !== null && !call.isClosed) {
      // A stream that both sides have ended is only read to its end.
      if (call.isSent && call.isInputDone) call.resume();
      else call.reset(ErrorCode.CANCEL);
    }
    this.session.release(this);
  }

  private transition(to: UpstreamState): void {
    if (!mayFollow(this.state, to)) throw new Error(`a request cannot go from state ${this.state} to ${to}`);
    this.state = to;
  }

  /** The exchange may pause from within a call: reads the state again, past the compiler's narrowing. */
  private isHeld(): boolean {
    return this.isPaused;
  }
}
