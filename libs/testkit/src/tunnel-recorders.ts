/** Handlers of streams and tunnels that record their events. */
import {
  type GoAwayCode,
  goAwayName,
  type IncomingStream,
  ResetCode,
  type StreamHandler,
  type StreamTarget,
  type TunnelHandler,
  type Welcome,
} from '@culvert/tunnel';

const RESET_NAMES = new Map(Object.entries(ResetCode).map(([name, code]) => [code as number, name]));

export class StreamRecorder implements StreamHandler {
  /** Events in order: `open`, `data` for any number of pieces, `end`, `reset CANCEL: why`, `drain`. */
  readonly events: string[] = [];
  readonly chunks: Buffer[] = [];
  bytes = 0;
  private wakers: (() => void)[] = [];

  get data(): Buffer {
    return Buffer.concat(this.chunks);
  }

  onOpen(): void {
    this.note('open');
  }
  onData(chunk: Buffer): void {
    this.chunks.push(Buffer.from(chunk));
    this.bytes += chunk.length;
    if (this.events.at(-1) === 'data') this.wake();
    else this.note('data');
  }
  onEnd(): void {
    this.note('end');
  }
  onReset(code: ResetCode, detail: string): void {
    this.note(`reset ${RESET_NAMES.get(code)}: ${detail}`);
  }
  onDrain(): void {
    this.note('drain');
  }

  /** Waits for an event that begins with `event`, now or later. */
  async until(event: string): Promise<string> {
    return this.untilTrue(() => this.events.find((one) => one.startsWith(event)));
  }

  async untilTrue<T>(probe: () => T | undefined | false): Promise<T> {
    for (;;) {
      const found = probe();
      if (found !== undefined && found !== false) return found;
      await new Promise<void>((resolve) => this.wakers.push(resolve));
    }
  }

  private note(event: string): void {
    this.events.push(event);
    this.wake();
  }

  private wake(): void {
    for (const wake of this.wakers.splice(0)) wake();
  }
}

export class TunnelRecorder implements TunnelHandler {
  readonly events: string[] = [];
  readonly streams: IncomingStream[] = [];
  readonly targets: StreamTarget[] = [];
  readonly recorders: StreamRecorder[] = [];
  readonly faults: unknown[] = [];
  welcome: Welcome | null = null;
  private wakers: (() => void)[] = [];

  onOpen(welcome: Welcome): void {
    this.welcome = welcome;
    this.note('open');
  }
  onGoAway(code: GoAwayCode, reason: string): void {
    this.note(`goaway ${goAwayName(code)}: ${reason}`);
  }
  onStream(stream: IncomingStream, target: StreamTarget): void {
    const recorder = new StreamRecorder();
    stream.handler = recorder;
    this.streams.push(stream);
    this.targets.push(target);
    this.recorders.push(recorder);
    this.note(`stream ${stream.id}`);
  }
  onRefused(trafficManagerId: string, code: ResetCode): void {
    this.note(`refused ${trafficManagerId}: ${RESET_NAMES.get(code)}`);
  }
  onClose(code: GoAwayCode, reason: string, wasError: boolean): void {
    this.note(`close ${goAwayName(code)}: ${reason} ${wasError}`);
  }
  onFault(error: unknown): void {
    this.faults.push(error);
  }

  async until(event: string): Promise<string> {
    for (;;) {
      const found = this.events.find((one) => one.startsWith(event));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.wakers.push(resolve));
    }
  }

  private note(event: string): void {
    this.events.push(event);
    for (const wake of this.wakers.splice(0)) wake();
  }
}
