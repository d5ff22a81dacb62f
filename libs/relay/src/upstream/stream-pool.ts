import { ResetCode, type Stream, type StreamHandler } from '@culvert/tunnel';

/** Opens the streams of one route. */
export interface Dialer {
  /**
   * Returns a new stream; 'absent' when nothing is connected there, 'full' when no tunnel has room.
   * @param inUse how many requests of the route are under way, this one included
   */
  dial(handler: StreamHandler, inUse?: number): Dialed | 'absent' | 'full';
  /** Reports whether streams of `origin` are still preferred; false once a newer tunnel has taken over. */
  isPreferred(origin: object): boolean;
  /** Calls back once, when a dial that was 'absent' may succeed. Returns a function that cancels. */
  onArrival(callback: () => void): () => void;
  /** The route is gone: closes what the dialer keeps open by itself, once it is not in use. */
  close?(): void;
}

export interface Dialed {
  readonly stream: Stream;
  /** The tunnel or other transport that carries the stream. */
  readonly origin: object;
  /** How long the stream may be kept idle, in milliseconds; absent where only the pool's own limits matter. */
  readonly maxIdleMs?: number;
  /** To the ingress and back, in milliseconds, as far as it is known. */
  readonly roundTripMs?: number;
  /** Whether it uses an older connection to the ingress, which may be dead by now. */
  readonly isReused?: boolean;
  /** Whether another edge may refuse the stream before it passes anything on, until the stream is open. */
  readonly mayBeRefused?: boolean;
}

export interface PoolLimits {
  /** Idle streams kept per route. */
  readonly maxIdle: number;
  /** How long an idle stream is kept. Below the 5 s after which Node's own HTTP server closes its side. */
  readonly maxIdleMs: number;
  /**
   * How long a stream may have been idle and still carry a request that cannot be repeated: the ingress may be
   * closing it at this moment, and then the request would be lost.
   */
  readonly maxIdleUnrepeatableMs: number;
}

export const DEFAULT_POOL_LIMITS: PoolLimits = { maxIdle: 256, maxIdleMs: 4000, maxIdleUnrepeatableMs: 1000 };

/**
 * A stream is kept idle for less time than its service keeps the connection: by two steps of the relay's clock, and
 * by so many round trips. A request that passes the end of the connection on its way is lost.
 */
const MARGIN_MS = 500;
const MARGIN_ROUND_TRIPS = 2;

/** The part of a set of pools that each pool uses. */
export interface StreamPoolHost {
  /** Notes that `pool` holds idle streams: it must be swept. */
  noteIdle(pool: StreamPool): void;
  /**
   * Closes an idle stream of some pool that stands on the tunnel `dialer` would use, and returns it; undefined when there
   * is none.
   */
  closeOneIdle(dialer: Dialer): PooledStream | undefined;
}

/** A stream with its place in the pool: the handler of its events while no exchange uses it. */
export class PooledStream implements StreamHandler {
  readonly stream: Stream;
  readonly origin: object;
  /** Whether the far end has reported that the stream is open: it can no longer be refused. */
  hasOpened = false;
  idleSince = 0;
  /** How long it may be idle, in milliseconds, as its service last announced. */
  maxIdleMs: number;
  /** How many exchanges it, or the connection that it stands on, has served. */
  uses: number;
  /** When it was dialed, on the clock of `performance.now`; 0: it stands on an older connection. */
  readonly dialedAt: number;

  constructor(
    private readonly dialed: Dialed,
    private readonly pool: StreamPool,
    private readonly limitMs: number,
  ) {
    this.stream = dialed.stream;
    this.origin = dialed.origin;
    this.maxIdleMs = limitMs;
    this.uses = dialed.isReused === true ? 1 : 0;
    this.dialedAt = dialed.isReused === true ? 0 : performance.now();
  }

  /** Whether the stream leads through another edge. Room there is reported later, so closing it need not help at once. */
  get isRemote(): boolean {
    return this.dialed.mayBeRefused === true;
  }

  /** Whether the stream leads through another edge, which may still refuse it and pass nothing on. */
  get mayBeRefused(): boolean {
    return !this.hasOpened && this.dialed.mayBeRefused === true;
  }

  /** @param keptMs how long the service keeps the connection while it is idle; Infinity: not announced */
  rest(now: number, keptMs: number): void {
    const { roundTripMs = 0 } = this.dialed;
    this.hasOpened = true;
    this.idleSince = now;
    this.maxIdleMs = Math.min(this.limitMs, keptMs - MARGIN_MS - MARGIN_ROUND_TRIPS * roundTripMs);
  }

  onOpen(): void {}
  onDrain(): void {}
  /** Nothing may arrive between two exchanges: such bytes must not reach the next visitor. */
  onData(): void {
    this.discard();
  }
  onEnd(): void {
    this.discard();
  }
  onReset(): void {
    this.pool.forget(this);
  }

  private discard(): void {
    this.pool.forget(this);
    this.stream.reset(ResetCode.CANCEL);
  }
}

/** The keep-alive connections of one route, most recently used first. */
export class StreamPool {
  private readonly idle: PooledStream[] = [];
  private isClosed = false;

  /** Use `StreamPools.open`. */
  constructor(
    readonly dialer: Dialer,
    private readonly host: StreamPoolHost,
    private readonly limits: PoolLimits = DEFAULT_POOL_LIMITS,
  ) {}

  /**
   * Returns an idle stream or a new one; `handler` gets its events.
   * @param now the relay's clock, in milliseconds
   * @param inUse as for `Dialer.dial`
   */
  acquire(
    handler: StreamHandler,
    now: number,
    isRepeatable: boolean,
    inUse?: number,
  ): PooledStream | 'absent' | 'full' {
    const maxIdleMs = isRepeatable ? Infinity : this.limits.maxIdleUnrepeatableMs;
    let pooled: PooledStream | undefined;
    while ((pooled = this.idle.pop()) !== undefined) {
      if (
        pooled.stream.isOpen &&
        now - pooled.idleSince <= Math.min(maxIdleMs, pooled.maxIdleMs) &&
        this.dialer.isPreferred(pooled.origin)
      ) {
        pooled.stream.handler = handler;
        pooled.uses++;
        return pooled;
      }
      pooled.stream.reset(ResetCode.CANCEL);
    }
    return this.dial(handler, inUse);
  }

  /** Returns a new stream, even if one is idle. For a request whose reused stream turned out to be dead. */
  dial(handler: StreamHandler, inUse?: number): PooledStream | 'absent' | 'full' {
    let dialed = this.dialer.dial(handler, inUse);
    // An idle stream, of whichever route, must not keep a request from its place on the tunnel.
    let isWorthMore = true;
    while (dialed === 'full' && isWorthMore) {
      const closed = this.host.closeOneIdle(this.dialer);
      if (closed === undefined) break;
      dialed = this.dialer.dial(handler, inUse);
      // The other edge may be full for a moment whatever is closed here: the other idle streams stay.
      isWorthMore = !closed.isRemote;
    }
    if (typeof dialed === 'string') return dialed;
    const maxIdleMs = Math.min(dialed.maxIdleMs ?? Infinity, this.limits.maxIdleMs);
    return new PooledStream(dialed, this, maxIdleMs);
  }

  /**
   * Takes back a stream whose exchange ended cleanly on both sides.
   * @param keptMs as for `PooledStream.rest`
   */
  release(pooled: PooledStream, now: number, keptMs = Infinity): void {
    pooled.rest(now, keptMs);
    const isFull = this.idle.length >= this.limits.maxIdle;
    if (this.isClosed || isFull || !pooled.stream.isOpen || pooled.maxIdleMs < 0) {
      pooled.stream.reset(ResetCode.CANCEL);
      return;
    }
    pooled.stream.handler = pooled;
    if (this.idle.push(pooled) === 1) this.host.noteIdle(this);
  }

  forget(pooled: PooledStream): void {
    const index = this.idle.indexOf(pooled);
    if (index >= 0) this.idle.splice(index, 1);
  }

  /**
   * Closes streams that are idle for too long, and those that no request would use: idle streams would keep a leaving
   * tunnel open. Called a few times a second while there are idle streams. Returns whether some are left.
   */
  sweep(now: number): boolean {
    const useless = this.idle.filter(
      ({ idleSince, maxIdleMs, origin }) => now - idleSince > maxIdleMs || !this.dialer.isPreferred(origin),
    );
    for (const pooled of useless) {
      this.forget(pooled);
      pooled.stream.reset(ResetCode.CANCEL);
    }
    return this.idle.length > 0;
  }

  /**
   * Closes and returns the stream that has been idle for longest on the tunnel that `dialer` would use; undefined when
   * there is none.
   */
  closeOldest(dialer: Dialer): PooledStream | undefined {
    const oldest = this.idle.find(({ origin }) => dialer.isPreferred(origin));
    if (oldest === undefined) return undefined;
    this.forget(oldest);
    oldest.stream.reset(ResetCode.CANCEL);
    return oldest;
  }

  /** Closes every idle stream, and every other one when its exchange ends. */
  close(): void {
    this.isClosed = true;
    this.dialer.close?.();
    for (const pooled of this.idle.splice(0)) pooled.stream.reset(ResetCode.CANCEL);
  }
}
