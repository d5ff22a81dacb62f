/** Figures of a running deployment. */
import type { Program } from './process.js';

/** Returns a metric of an edge: the sum of all its series, or one series if `name` has labels. */
export async function readMetric(port: number, name: string): Promise<number> {
  return metricIn(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text(), name);
}

/** Returns a metric of a page of Prometheus, as `readMetric`. @throws Error if the page does not have it */
export function metricIn(page: string, name: string): number {
  const [metric] = name.split('{');
  if (!page.includes(`# TYPE ${metric} `)) throw new Error(`no metric ${metric}`);
  const values = page
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
  return values.reduce((sum, value) => sum + value, 0);
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
