import { GrpcStatus, type ReverseTunnelConnection } from '@culvert/telepresence';
import type { Stream, StreamHandler, StreamTarget, Tunnel, TunnelState } from '@culvert/tunnel';

/**
 * Time that open streams have while this edge stops. A manager reaches another edge only after its call has ended and up
 * to five more seconds have passed. Requests at other edges wait ten seconds for it.
 */
const MAX_LEAVE_MS = 2000;

/**
 * A reverse connection on which a stream is opened only after its manager has reported the intercept and its preview:
 * an earlier stream crashes the manager (all versions).
 */
export class ManagerTunnel implements Tunnel {
  readonly kind = 'telepresence';
  /** IDs of the intercepts that the manager reports with a preview. */
  private shown: ReadonlySet<string> = new Set();

  constructor(readonly connection: ReverseTunnelConnection) {}

  get state(): TunnelState {
    return this.connection.state;
  }

  get streamCount(): number {
    return this.connection.streamCount;
  }

  get maxStreams(): number {
    return this.connection.maxStreams;
  }

  get roundTripMs(): number {
    return this.connection.roundTripMs;
  }

  get receivedBytes(): number {
    return this.connection.receivedBytes;
  }

  get sentBytes(): number {
    return this.connection.sentBytes;
  }

  get maxIdleStreamMs(): number | undefined {
    return this.connection.maxIdleStreamMs;
  }

  show(interceptIds: ReadonlySet<string>): void {
    this.shown = interceptIds;
  }

  isReadyFor({ interceptId }: StreamTarget): boolean {
    return this.shown.has(interceptId);
  }

  openStream(target: StreamTarget, handler: StreamHandler): Stream | null {
    return this.isReadyFor(target) ? this.connection.openStream(target, handler) : null;
  }

  /**
   * Opens no further streams, and ends the call with its last stream.
   * @param options.mustHurry whether streams that last longer than MAX_LEAVE_MS are ended
   */
  leave(reason: string, { mustHurry }: { readonly mustHurry: boolean }): void {
    const { connection } = this;
    connection.drain(GrpcStatus.UNAVAILABLE, reason);
    if (!mustHurry || connection.state === 'closed') return;
    setTimeout(() => connection.close(GrpcStatus.UNAVAILABLE, reason), MAX_LEAVE_MS).unref();
  }
}
