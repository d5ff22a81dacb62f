/**
 * HTTP/2 towards an ingress: a dialer whose streams take and give HTTP/1.1, while the requests behind them share a few
 * HTTP/2 sessions (docs/decisions/0006-http2-towards-the-ingress.md).
 */
import type { StreamHandler } from '@culvert/tunnel';
import { type Http2SessionOwner, Http2UpstreamSession } from './http2-session.js';
import { type Http2StreamMaker, Http2UpstreamStream } from './http2-stream.js';
import type { Dialed, Dialer } from './stream-pool.js';

/** Sessions of one route that take requests. */
const MAX_SESSIONS = 64;

export interface Http2DialerOptions {
  /** The `:scheme` of the requests. */
  readonly scheme: 'http' | 'https';
  /** Called for an error that should never be thrown. Only the HTTP/2 session in which it was thrown fails. */
  readonly onFault: (error: unknown) => void;
}

export class Http2Dialer implements Dialer, Http2SessionOwner, Http2StreamMaker {
  readonly scheme: 'http' | 'https';
  readonly reportFault: (error: unknown) => void;
  private readonly sessions = new Set<Http2UpstreamSession>();

  /** @param dialer opens the streams that sessions run over */
  constructor(
    readonly dialer: Dialer,
    options: Http2DialerOptions,
  ) {
    this.scheme = options.scheme;
    this.reportFault = options.onFault;
  }

  dial(handler: StreamHandler): Dialed | 'absent' | 'full' {
    const session = this.findSession();
    if (typeof session === 'string') return session;
    const stream = new Http2UpstreamStream(session, handler, this);
    const { isReused, mayBeRefused } = session;
    session.reserve(stream);
    return { stream, origin: session.origin, isReused, mayBeRefused };
  }

  isPreferred(origin: object): boolean {
    return this.dialer.isPreferred(origin);
  }

  onArrival(callback: () => void): () => void {
    return this.dialer.onArrival(callback);
  }

  /** Ends every session once its requests are done. */
  close(): void {
    for (const session of this.sessions) session.retire();
  }

  // --- For sessions ---------------------------------------------------------------------------------------

  onRetired(session: Http2UpstreamSession): void {
    this.sessions.delete(session);
  }

  onReturned(stream: Http2UpstreamStream): void {
    this.place(stream);
  }

  /** Finds another session for a request that was not processed. */
  place(stream: Http2UpstreamStream): void {
    const session = this.findSession();
    if (typeof session === 'string') {
      stream.handleUnplaced(session);
      return;
    }
    session.reserve(stream);
    stream.moveTo(session);
  }

  /** A session with room over the tunnel to use now, or a new one. */
  private findSession(): Http2UpstreamSession | 'absent' | 'full' {
    for (const session of this.sessions) {
      if (!this.dialer.isPreferred(session.origin)) session.retire();
      else if (session.hasRoom) return session;
    }
    if (this.sessions.size >= MAX_SESSIONS) return 'full';
    const opened = Http2UpstreamSession.open(this, this.sessions.size + 1);
    if (typeof opened !== 'string') this.sessions.add(opened);
    return opened;
  }
}
