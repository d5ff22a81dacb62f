/** Figures of a running deployment. */
import type { Program } from './process.js';

/** Returns the value of an edge's metric without labels. */
export async function readMetric(port: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)![1]);
}

/** Watches the resident memory of a process from here on. */
export class MemoryWatch {
  private readonly before: number;
  private peak: number;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly program: Program) {
    this.before = program.residentMiB();
    this.peak = this.before;
    this.timer = setInterval(() => this.look(), 50);
  }

  /** Ends the watch; returns how far memory rose above its initial value, in MiB. */
  stop(): number {
    clearInterval(this.timer);
    this.look();
    return this.peak - this.before;
  }

  private look(): void {
    this.peak = Math.max(this.peak, this.program.residentMiB());
  }
}

/** Returns the value that 99 of 100 do not exceed. */
export function percentile99(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.99) - 1];
}
