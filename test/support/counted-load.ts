/** Load of several kinds at once; records the result and the time of each request. */
import http from 'node:http';
import { visit } from './deployment.js';

/** One kind of request. */
export interface Lane {
  readonly port: number;
  readonly hostname: string;
  readonly method: 'GET' | 'POST';
  readonly headers: http.OutgoingHttpHeaders;
}

export interface Outcome {
  readonly lane: string;
  /** The body of a 200; else the status with Culvert's code, or the error of the connection. */
  readonly result: string;
  readonly startedAt: number;
  readonly endedAt: number;
}

/** Pause of a worker after a failure, since refused connections would otherwise repeat without limit. */
const PAUSE_MS = 5;

export class CountedLoad {
  private readonly outcomes: Outcome[] = [];
  /** By lane: its last result, and the length of its current run. */
  private readonly runs = new Map<string, { result: string; length: number }>();
  private readonly waiting = new Set<() => void>();
  private readonly workers: Promise<void>[];
  private isOver = false;

  /** Starts at once: this many workers for each lane, each with one request at a time on a kept connection. */
  constructor(
    readonly lanes: Readonly<Record<string, Lane>>,
    workersPerLane: number,
  ) {
    this.workers = Object.entries(lanes).flatMap(([name, lane]) =>
      Array.from({ length: workersPerLane }, () => this.work(name, lane)),
    );
  }

  /** Resolves once each of these lanes has had the given result `length` times in a row from now on. */
  async gets(wanted: Readonly<Record<string, string>>, length = 20): Promise<void> {
    this.runs.clear();
    const has = ([lane, result]: [string, string]): boolean => {
      const run = this.runs.get(lane);
      return run !== undefined && run.result === result && run.length >= length;
    };
    while (!Object.entries(wanted).every(has)) {
      await new Promise<void>((resolve) => void this.waiting.add(resolve));
    }
  }

  /** Returns what has ended since `time` (of `performance.now`). */
  since(time: number): readonly Outcome[] {
    return this.outcomes.filter(({ endedAt }) => endedAt >= time);
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.workers);
  }

  private async work(name: string, lane: Lane): Promise<void> {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    while (!this.isOver) {
      const startedAt = performance.now();
      const { result, isAnswered } = await send(lane, agent);
      this.note({ lane: name, result, startedAt, endedAt: performance.now() });
      if (!isAnswered) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    agent.destroy();
  }

  private note(outcome: Outcome): void {
    this.outcomes.push(outcome);
    const { lane, result } = outcome;
    const run = this.runs.get(lane);
    this.runs.set(lane, { result, length: run?.result === result ? run.length + 1 : 1 });
    for (const resolve of this.waiting) {
      this.waiting.delete(resolve);
      resolve();
    }
  }
}

async function send(
  { port, hostname, method, headers }: Lane,
  agent: http.Agent,
): Promise<{ result: string; isAnswered: boolean }> {
  try {
    const body = method === 'POST' ? { body: 'order' } : {};
    const answer = await visit(port, hostname, '/', { method, headers, agent, ...body });
    if (answer.status === 200) return { result: answer.body.toString(), isAnswered: true };
    const code = String(answer.headers['x-culvert-error'] ?? '');
    return { result: `${answer.status} ${code}`.trim(), isAnswered: false };
  } catch (error) {
    return { result: (error as NodeJS.ErrnoException).code ?? String(error), isAnswered: false };
  }
}
