/** Passes streams of other edges on to the tunnels that this edge holds, never on to another edge. */
import type { Dialed } from '@culvert/relay';
import { type IncomingStream, ResetCode, type StreamHandler, type StreamTarget } from '@culvert/tunnel';
import { Hop } from './hop.js';

/** The tunnels of this edge. Implemented by `TunnelRegistry`. */
export interface LocalTunnels {
  /** Opens a stream on a tunnel of this edge. Parameters and results are those of `TunnelRegistry.openStream`. */
  openLocal(
    trafficManagerId: string,
    target: StreamTarget,
    handler: StreamHandler,
    inUse: number,
  ): Dialed | 'absent' | 'full';
  /** Reports whether this edge holds an open tunnel of the traffic manager, ready for the target or not. */
  isHeld(trafficManagerId: string): boolean;
  /** Calls back once when a stream that was 'absent' may succeed. Returns a function that cancels. */
  onArrival(trafficManagerId: string, callback: () => void): () => void;
}

/** Longest wait for a manager that is connected to become ready for a target, in milliseconds. */
const READY_WAIT_MS = 5000;

export class HopAcceptor {
  /** Hops in progress. */
  count = 0;
  /** Hops of each intercept: a preview gets no more of a tunnel through other edges than through this one. */
  private readonly perIntercept = new Map<string, number>();

  constructor(
    private readonly tunnels: LocalTunnels,
    private readonly readyWaitMs = READY_WAIT_MS,
  ) {}

  /** Joins a stream of another edge to a new one on a tunnel of this edge, or resets it. */
  accept(fromEdge: IncomingStream, target: StreamTarget): void {
    const { trafficManagerId } = target;
    if (trafficManagerId === undefined) {
      fromEdge.reset(ResetCode.FORBIDDEN, 'the stream names no traffic manager');
      return;
    }
    const answer = this.join(fromEdge, trafficManagerId, target);
    if (answer === 'full') this.refuseFull(fromEdge);
    else if (answer === 'absent') this.waitUntilReady(fromEdge, trafficManagerId, target);
  }

  private join(
    fromEdge: IncomingStream,
    trafficManagerId: string,
    target: StreamTarget,
  ): 'joined' | 'absent' | 'full' {
    const { interceptId } = target;
    const hop = new Hop(fromEdge, this.handleOver, interceptId);
    const inUse = (this.perIntercept.get(interceptId) ?? 0) + 1;
    const dialed = this.tunnels.openLocal(trafficManagerId, target, hop.managerSide, inUse);
    if (typeof dialed === 'string') return dialed;
    hop.stream = dialed.stream;
    fromEdge.handler = hop;
    this.count++;
    this.perIntercept.set(interceptId, inUse);
    return 'joined';
  }

  /**
   * A Telepresence manager may be connected and not have reported the intercept yet. The stream waits for that, with what
   * has arrived on it, which its window bounds.
   */
  private waitUntilReady(fromEdge: IncomingStream, trafficManagerId: string, target: StreamTarget): void {
    if (!this.tunnels.isHeld(trafficManagerId)) {
      refuseAbsent(fromEdge);
      return;
    }
    const wait = new ReadyWait(fromEdge, this.readyWaitMs, (tryAgain) =>
      this.tunnels.onArrival(trafficManagerId, tryAgain),
    );
    wait.start(() => {
      const answer = this.join(fromEdge, trafficManagerId, target);
      if (answer === 'full') this.refuseFull(fromEdge);
      else if (answer === 'absent' && !this.tunnels.isHeld(trafficManagerId)) refuseAbsent(fromEdge);
      return answer !== 'absent' || !fromEdge.isOpen;
    });
  }

  private refuseFull(fromEdge: IncomingStream): void {
    fromEdge.reset(ResetCode.STREAM_LIMIT, 'no tunnel of the traffic manager has room');
  }

  private readonly handleOver = ({ interceptId }: Hop): void => {
    this.count--;
    const left = (this.perIntercept.get(interceptId) ?? 1) - 1;
    if (left <= 0) this.perIntercept.delete(interceptId);
    else this.perIntercept.set(interceptId, left);
  };
}

function refuseAbsent(fromEdge: IncomingStream): void {
  fromEdge.reset(ResetCode.NO_TUNNEL, 'the edge holds no tunnel of the traffic manager');
}

/** A stream that waits until its traffic manager is ready for it, for a limited time. */
class ReadyWait implements StreamHandler {
  private timer: NodeJS.Timeout | null = null;
  private cancel: () => void = () => {};

  constructor(
    private readonly fromEdge: IncomingStream,
    private readonly maxMs: number,
    private readonly onArrival: (callback: () => void) => () => void,
  ) {}

  /** @param tryAgain returns whether the waiting is over */
  start(tryAgain: () => boolean): void {
    this.fromEdge.pause();
    this.fromEdge.handler = this;
    this.timer = setTimeout(() => {
      this.cancel();
      refuseAbsent(this.fromEdge);
    }, this.maxMs);
    this.listen(tryAgain);
  }

  onOpen(): void {}
  onData(): void {}
  onEnd(): void {}
  onDrain(): void {}
  onReset(): void {
    this.end();
  }

  private listen(tryAgain: () => boolean): void {
    this.cancel = this.onArrival(() => {
      if (!tryAgain()) {
        this.listen(tryAgain);
        return;
      }
      this.end();
      this.fromEdge.resume();
    });
  }

  private end(): void {
    this.cancel();
    if (this.timer !== null) clearTimeout(this.timer);
  }
}
