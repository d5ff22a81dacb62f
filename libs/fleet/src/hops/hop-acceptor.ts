/** Passes streams of other edges on to the tunnels that this edge holds, never on to another edge. */
import { Histogram } from '@culvert/measure';
import type { Dialed } from '@culvert/relay';
import { type IncomingStream, ResetCode, type StreamHandler, type StreamTarget } from '@culvert/tunnel';
import { HOP_LABELS, Hop } from './hop.js';

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
  /** Times from the arrival of a stream until its hop was open, or failed. */
  readonly times = new Histogram(HOP_LABELS);
  /** Hops in progress. */
  count = 0;
  /**
   * Hops of each intercept, by `interceptKey`: a preview gets no more of a tunnel through other edges than through this
   * one.
   */
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
    const key = interceptKey(trafficManagerId, target.interceptId);
    const hop = new Hop(fromEdge, this.handleOver, key, this.times);
    const inUse = (this.perIntercept.get(key) ?? 0) + 1;
    const dialed = this.tunnels.openLocal(trafficManagerId, target, hop.managerSide, inUse);
    if (typeof dialed === 'string') return dialed;
    hop.stream = dialed.stream;
    fromEdge.handler = hop;
    this.count++;
    this.perIntercept.set(key, inUse);
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
    const wait = new ReadyWait(fromEdge, this.readyWaitMs, {
      onArrival: (tryAgain) => this.tunnels.onArrival(trafficManagerId, tryAgain),
      tryAgain: () => {
        const answer = this.join(fromEdge, trafficManagerId, target);
        if (answer === 'full') this.refuseFull(fromEdge);
        else if (answer === 'absent' && !this.tunnels.isHeld(trafficManagerId)) refuseAbsent(fromEdge);
        return answer !== 'absent' || !fromEdge.isOpen;
      },
      onTimeout: () => {
        if (this.tunnels.isHeld(trafficManagerId)) refuseUnknown(fromEdge);
        else refuseAbsent(fromEdge);
      },
    });
    wait.start();
  }

  private refuseFull(fromEdge: IncomingStream): void {
    fromEdge.reset(ResetCode.STREAM_LIMIT, 'no tunnel of the traffic manager has room');
  }

  private readonly handleOver = ({ key }: Hop): void => {
    this.count--;
    const left = (this.perIntercept.get(key) ?? 1) - 1;
    if (left <= 0) this.perIntercept.delete(key);
    else this.perIntercept.set(key, left);
  };
}

/** An intercept ID is unique within its traffic manager only: teams must not share a count. */
function interceptKey(trafficManagerId: string, interceptId: string): string {
  return `${trafficManagerId} ${interceptId}`;
}

function refuseAbsent(fromEdge: IncomingStream): void {
  fromEdge.reset(ResetCode.NO_TUNNEL, 'the edge holds no tunnel of the traffic manager');
}

/** NO_TUNNEL would make the other edge doubt the holder, which all previews of the manager use. */
function refuseUnknown(fromEdge: IncomingStream): void {
  fromEdge.reset(ResetCode.INGRESS_UNREACHABLE, 'the traffic manager does not know the intercept');
}

/** How a stream waits. */
interface ReadyWaitOptions {
  readonly onArrival: (callback: () => void) => () => void;
  /** Returns whether the wait is over. */
  readonly tryAgain: () => boolean;
  readonly onTimeout: () => void;
}

/** A stream that waits until its traffic manager is ready for it, for a limited time. */
class ReadyWait implements StreamHandler {
  private timer: NodeJS.Timeout | null = null;
  /** Whether the other edge ended its side meanwhile, without bytes that wait before the end. */
  private hasEnded = false;
  private cancel: () => void = () => {};

  constructor(
    private readonly fromEdge: IncomingStream,
    private readonly maxMs: number,
    private readonly options: ReadyWaitOptions,
  ) {}

  start(): void {
    this.fromEdge.pause();
    this.fromEdge.handler = this;
    this.timer = setTimeout(() => {
      this.cancel();
      this.options.onTimeout();
    }, this.maxMs);
    this.listen();
  }

  onOpen(): void {}
  onData(): void {}
  onEnd(): void {
    this.hasEnded = true;
  }
  onDrain(): void {}
  onReset(): void {
    this.end();
  }

  private listen(): void {
    this.cancel = this.options.onArrival(() => {
      if (!this.options.tryAgain()) {
        this.listen();
        return;
      }
      this.end();
      this.fromEdge.resume();
      if (this.hasEnded) this.fromEdge.handler.onEnd();
    });
  }

  private end(): void {
    this.cancel();
    if (this.timer !== null) clearTimeout(this.timer);
  }
}
