import type { Histogram } from '@culvert/measure';
import { type IncomingStream, ResetCode, type Stream, type StreamHandler } from '@culvert/tunnel';

/** Largest code that a traffic manager may be sent. */
const LAST_CODE_FOR_MANAGER = ResetCode.FLOW_CONTROL;

/** Labels of hop times, and the series of each. */
export const HOP_LABELS = [{ name: 'outcome', values: ['ok', 'failed'] }] as const;
const HopOutcome = { OK: 0, FAILED: 1 } as const;
type HopOutcome = (typeof HopOutcome)[keyof typeof HopOutcome];

/**
 * A stream of another edge, joined to one on a tunnel of this edge: bytes pass without being copied, and a side that
 * takes no more pauses the other. This is the handler of the other edge's stream; `ManagerSide` is that of the tunnel's.
 */
export class Hop implements StreamHandler {
  readonly managerSide: StreamHandler = new ManagerSide(this);
  /** Stream on the tunnel of this edge. Set before anything arrives. */
  stream: Stream | null = null;
  private isOver = false;
  private isMeasured = false;
  private readonly arrivedAt = performance.now();

  /**
   * @param onOver called once, when the hop no longer counts
   * @param key what it counts under
   * @param times takes how long it took until it was open, or failed
   */
  constructor(
    readonly fromEdge: IncomingStream,
    private readonly onOver: (hop: Hop) => void,
    readonly key: string,
    private readonly times: Histogram,
  ) {}

  onOpen(): void {
    // The other edge has opened it.
  }

  onData(chunk: Buffer): void {
    if (!this.stream!.write(chunk)) this.fromEdge.pause();
  }

  onEnd(): void {
    this.stream!.end();
    this.endIfDone();
  }

  onReset(code: ResetCode, detail: string): void {
    this.end();
    this.stream!.reset(code <= LAST_CODE_FOR_MANAGER ? code : ResetCode.CANCEL, detail);
  }

  onDrain(): void {
    this.stream!.resume();
  }

  /** The manager's side is open, or has failed. Only the first report counts. */
  measure(outcome: HopOutcome): void {
    if (this.isMeasured) return;
    this.isMeasured = true;
    this.times.observe(outcome, performance.now() - this.arrivedAt);
  }

  /** Counts the hop no longer. */
  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.onOver(this);
  }

  endIfDone(): void {
    if (!this.fromEdge.isOpen && this.stream?.isOpen !== true) this.end();
  }
}

/** Handles the events of the stream on the tunnel of this edge. */
class ManagerSide implements StreamHandler {
  constructor(private readonly hop: Hop) {}

  onOpen(): void {
    this.hop.measure(HopOutcome.OK);
    this.hop.fromEdge.accept();
  }

  onData(chunk: Buffer): void {
    const { hop } = this;
    if (!hop.fromEdge.write(chunk)) hop.stream!.pause();
  }

  onEnd(): void {
    this.hop.fromEdge.end();
    this.hop.endIfDone();
  }

  /** TUNNEL_LOST goes to the other edge as it is, which then treats the loss as one of its own tunnels. */
  onReset(code: ResetCode, detail: string): void {
    this.hop.measure(HopOutcome.FAILED);
    this.hop.end();
    this.hop.fromEdge.reset(code, detail);
  }

  onDrain(): void {
    this.hop.fromEdge.resume();
  }
}
