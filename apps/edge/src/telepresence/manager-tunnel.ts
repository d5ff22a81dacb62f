import type { ReverseTunnelConnection } from '@culvert/telepresence';
import type { Stream, StreamHandler, StreamTarget, Tunnel, TunnelState } from '@culvert/tunnel';

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
}
