/**
 * One HTTP/1.1 connection from a visitor: its state machine from the first byte to the end. It reads requests
 * and runs their exchanges one after the other; `RequestHeads` knows heads, `ReadAhead` holds what came too early, and
 * `Http1Requester` writes. Input is bounded by `ReadAhead`, output by pausing the exchange's stream while the socket is full.
 */
import type { Socket } from 'node:net';
import type { RequestHead } from '@culvert/http1';
import { plainAddress, readShared, SocketWriter } from '@culvert/sockets';
import { relayErrorOf } from '../answers/failures.js';
import { RelayError } from '../answers/relay-error.js';
import { Exchange } from '../exchange/exchange.js';
import { stopExchange } from '../exchange/stopping.js';
import type { SocketReceiver } from './hand-off.js';
import type { ConnectionHost } from './host.js';
import { expectsHead, hasExchange, Http1State as State, mayFollow } from './http1-state.js';
import { isOverdue, type TimedConnection } from './http1-time-limits.js';
import { Http1Requester, type Http1RequesterOwner } from './http1-requester.js';
import { Lingering } from './lingering.js';
import { owned, ReadAhead } from './read-ahead.js';
import { RequestHeads } from './request-heads.js';
import type { VisitorConnection } from './visitor-connection.js';

/** Forget the cached request head after this much idle time. */
const REPEAT_MS = 1000;

const NO_BYTES = Buffer.alloc(0);

export class Http1Connection implements VisitorConnection, TimedConnection, Http1RequesterOwner {
  readonly peer: string;
  readonly heads: RequestHeads;
  readonly writer: SocketWriter;
  readonly ahead: ReadAhead;
  /** Whether the visitor has closed its sending side. */
  hasInputEnded = false;
  /** Null except in LINGERING. */
  lingering: Lingering | null = null;
  /** Time when the current state began, or bytes last moved; on the relay's clock. */
  activeAt: number;

  private current: State = State.NEW;
  /** The exchange under way, from EXCHANGE to UPGRADED; null otherwise. */
  private running: Exchange | null = null;
  private readonly requester: Http1Requester;

  constructor(
    readonly host: ConnectionHost,
    readonly socket: Socket,
    private readonly isSecure: boolean,
  ) {
    this.peer = plainAddress(socket.remoteAddress);
    this.activeAt = host.clock.now;
    this.heads = new RequestHeads(host, this.peer, isSecure);
    this.ahead = new ReadAhead(socket);
    if (readShared(socket, this.handleSharedBytes)) socket.resume();
    else socket.on('data', this.handleData);
    this.writer = new SocketWriter(socket, this.handleDrain);
    this.requester = new Http1Requester(this);
    socket.on('end', this.handleEnd);
    socket.on('error', this.handleError);
    socket.on('close', this.handleClose);
  }

  get state(): State {
    return this.current;
  }

  get isIdleCarrier(): boolean {
    return false;
  }

  exchanges(): readonly Exchange[] {
    return this.running === null ? [] : [this.running];
  }

  sweep(now: number): void {
    const { current, host, heads } = this;
    if (current === State.IDLE && now - this.activeAt > REPEAT_MS) heads.forget();
    if (!isOverdue(this, now, host.limits)) this.running?.sweep(now);
    else if (current !== State.HEAD) this.socket.destroy();
    else this.refuse(slowHead(), heads.held ?? NO_BYTES);
  }

  /** Does nothing: the next answer carries `Connection: close`. */
  giveNotice(): void {}

  drain(): void {
    if (this.current === State.HEAD) this.transition(State.LINGERING);
    else if (this.current === State.NEW || this.current === State.IDLE) this.transition(State.CLOSING);
    else this.endWithExchange();
  }

  stop(): void {
    if (this.running !== null) stopExchange(this.running);
  }

  destroy(): void {
    this.socket.destroy();
  }

  // --- Socket events --------------------------------------------------------------------------------------

  private readonly handleSharedBytes = (bytes: Buffer): void => {
    if (this.current === State.HANDED_OFF) this.socket.push(Buffer.from(bytes));
    else this.handleData(bytes);
  };

  private readonly handleData = (chunk: Buffer): void => {
    this.host.counters.bytesIn += chunk.length;
    switch (this.current) {
      case State.NEW:
        this.begin(chunk);
        return;
      case State.IDLE:
      case State.HEAD:
        this.readRequests(chunk);
        return;
      case State.EXCHANGE:
      case State.LAST_EXCHANGE:
        this.feedExchange(this.ahead.drainWith(chunk));
        return;
      case State.UPGRADED:
        this.touch();
        this.exchange.pushRaw(owned(chunk));
        return;
      case State.LINGERING:
        if (this.lingering?.drop(chunk.length, this.host.clock.now) === false) this.socket.destroy();
        return;
      case State.CLOSING:
      case State.HANDED_OFF:
      case State.CLOSED:
        return;
      default:
        throw new Error(`unhandled state ${String(this.current satisfies never)}`);
    }
  };

  private readonly handleDrain = (): void => {
    this.touch();
    this.running?.handleRequesterDrain();
  };

  private readonly handleEnd = (): void => {
    this.hasInputEnded = true;
    this.touch();
    if (this.current === State.UPGRADED) this.exchange.endRaw();
    else if (!hasExchange(this.current)) this.socket.end();
    // Input may end after a whole request; a partial one is dropped.
    else if (this.exchange.wantsBody) this.socket.destroy();
    else this.endWithExchange();
  };

  private readonly handleError = (): void => {
    this.socket.destroy();
  };

  private readonly handleClose = (): void => {
    const exchange = this.running;
    if (this.current !== State.CLOSED) this.transition(State.CLOSED);
    this.host.forget(this);
    exchange?.cancel();
  };

  // --- Requests -------------------------------------------------------------------------------------------

  /** Takes the first bytes of the connection, which may show that it must be handed off. */
  private begin(chunk: Buffer): void {
    const receive = this.host.handOff.ofBytes(chunk);
    if (receive !== null) {
      this.handOver(Buffer.from(chunk), receive);
      return;
    }
    this.transition(State.IDLE);
    this.readRequests(chunk);
  }

  /**
   * Starts the exchanges of the requests in `chunk`, as far as they can start now. Nothing is held ahead while it runs: an
   * exchange that ends at once leaves the rest of `chunk` to it.
   */
  private readRequests(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length && expectsHead(this.current)) offset = this.readHead(chunk, offset);
    if (hasExchange(this.current) && offset < chunk.length)
      this.feedExchange(owned(offset === 0 ? chunk : chunk.subarray(offset)));
  }

  /** Returns the offset of the first byte that was not used. */
  private readHead(chunk: Buffer, offset: number): number {
    const { heads } = this;
    let request: RequestHead | null;
    try {
      request = heads.read(chunk, offset);
    } catch (error) {
      const { head } = this.host.limits;
      const fault = relayErrorOf(error, 'request', head, (cause) => this.host.reportFault(cause));
      this.refuse(fault, heads.held ?? chunk.subarray(offset));
      return chunk.length;
    }
    if (request === null) {
      if (heads.held !== null && this.current === State.IDLE) this.transition(State.HEAD);
      return chunk.length;
    }
    if (request.upgrade !== '') {
      const receive = this.host.handOff.ofUpgrade(request, heads.hostnameOf(request));
      if (receive !== null) {
        const rest = chunk.subarray(heads.next);
        this.handOver(Buffer.concat([Buffer.from(request.text, 'latin1'), rest]), receive);
        return chunk.length;
      }
    }
    const { next } = heads;
    this.startExchange(request);
    return next;
  }

  private startExchange(request: RequestHead): void {
    const isLast = !request.keepAlive || this.hasInputEnded;
    this.transition(isLast ? State.LAST_EXCHANGE : State.EXCHANGE);
    this.ahead.isPaused = false;
    const exchange = new Exchange(this.host, this.requester, request, this.heads.hostnameOf(request));
    this.running = exchange;
    exchange.start();
  }

  /** Passes the exchange the part of `bytes` that it wants, and holds the rest. */
  private feedExchange(bytes: Buffer): void {
    const { exchange, ahead } = this;
    const taken = exchange.wantsBody ? exchange.pushBody(bytes, 0) : 0;
    if (taken < bytes.length && hasExchange(this.current)) ahead.hold(bytes, taken);
    ahead.adjust();
  }

  /** @param bytes what has been read, in memory of its own */
  private handOver(bytes: Buffer, receive: SocketReceiver): void {
    const { socket } = this;
    this.transition(State.HANDED_OFF);
    this.host.forget(this);
    socket.off('data', this.handleData);
    socket.off('drain', this.handleDrain);
    socket.off('end', this.handleEnd);
    socket.off('error', this.handleError);
    socket.off('close', this.handleClose);
    socket.pause();
    socket.unshift(bytes);
    receive(socket);
  }

  // --- What the exchange asks of this connection, through its visitor -------------------------------------

  get exchange(): Exchange {
    if (this.running === null) throw new Error(`a connection in state ${this.current} has no exchange`);
    return this.running;
  }

  get isLastExchange(): boolean {
    return this.current === State.LAST_EXCHANGE;
  }

  touch(): void {
    this.activeAt = this.host.clock.now;
  }

  endWithExchange(): void {
    if (this.current === State.EXCHANGE) this.transition(State.LAST_EXCHANGE);
  }

  upgrade(): void {
    this.transition(State.UPGRADED);
  }

  resumeBody(): void {
    const { ahead } = this;
    ahead.isPaused = false;
    const bytes = ahead.drain();
    if (bytes !== null) {
      if (this.current === State.UPGRADED) this.exchange.pushRaw(bytes);
      else this.feedExchange(bytes);
    }
    ahead.adjust();
  }

  finish(isRequestDone: boolean): void {
    this.running = null;
    if (!isRequestDone) {
      this.transition(State.LINGERING);
    } else if (this.current === State.LAST_EXCHANGE) {
      this.transition(State.CLOSING);
    } else {
      this.transition(State.IDLE);
      this.ahead.isPaused = false;
      const bytes = this.ahead.drain();
      if (bytes !== null) this.readRequests(bytes);
      this.ahead.adjust();
    }
  }

  finishRaw(): void {
    // The visitor may have gone since the exchange ended.
    if (this.current !== State.UPGRADED) return;
    this.running = null;
    this.transition(State.CLOSING);
  }

  abort(): void {
    if (this.current === State.CLOSED) return;
    this.transition(State.CLOSED);
    // A reset instead of an orderly end: the visitor must see that the response is not complete. (TLS has no
    // reset; there the missing close_notify shows it.)
    // A socket that has ended cannot be reset: Node 20 fails with EINVAL and keeps it.
    if (this.isSecure || this.socket.writableEnded) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  // --- Ends -----------------------------------------------------------------------------------------------

  /**
   * Rejects a malformed request.
   * @param bytes those that arrived: they may show whether a person waits for the answer
   */
  private refuse(error: RelayError, bytes: Buffer): void {
    this.host.recordRefusal(error, this.peer);
    this.requester.sendRefusal(error, bytes);
    this.transition(State.LINGERING);
  }

  /** Enters `to`. Throws if docs/relay.md has no such transition. */
  private transition(to: State): void {
    const from = this.current;
    if (!mayFollow(from, to)) throw new Error(`a connection must not go from state ${from} to state ${to}`);
    this.current = to;
    switch (to) {
      case State.IDLE:
        // The first byte of a connection does not restart the time that it has for its first request.
        if (from !== State.NEW) this.touch();
        return;
      case State.HEAD:
      case State.EXCHANGE:
      case State.LAST_EXCHANGE:
      case State.UPGRADED:
        this.touch();
        return;
      case State.LINGERING:
        this.lingering = new Lingering(this.host.limits.linger);
        this.closeAfterOutput();
        return;
      case State.CLOSING:
        this.closeAfterOutput();
        return;
      case State.HANDED_OFF:
        return;
      case State.CLOSED:
        this.running = null;
        this.ahead.drain();
        return;
      default:
        throw new Error(`unhandled state ${to}`);
    }
  }

  private closeAfterOutput(): void {
    this.touch();
    this.ahead.drain();
    this.socket.resume();
    this.socket.end();
  }
}

function slowHead(): RelayError {
  return new RelayError('request_timeout', 'The request head did not arrive in time.');
}
