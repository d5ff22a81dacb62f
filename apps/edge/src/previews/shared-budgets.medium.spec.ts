import { randomUUID } from 'node:crypto';
import { RequestBudgets } from '@culvert/relay';
import { createLog } from '@culvert/runtime';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { SharedBudgets } from './shared-budgets.js';

const PER_MINUTE = 600;
/** Counts are shared only when the test asks for it. */
const NEVER_MS = 1_000_000;
/** The start of the minute of these tests. */
const MINUTE = Math.floor(Date.now() / 60_000) * 60_000;

const log = createLog({ app: 'test', level: 'silent' });
let teamId: string;
let closing: (() => void)[];
beforeEach(() => {
  teamId = randomUUID();
  closing = [];
});
afterEach(() => {
  for (const close of closing) close();
});

/** One edge: the budgets of its relay, which share only when the test says so. */
class EdgeBudgets {
  private readonly budgets = new RequestBudgets(PER_MINUTE);
  readonly shared: SharedBudgets;
  /** On the clock of the relay. */
  private now = 0;

  constructor(redisUrl = inject('redisUrl')) {
    const relay = {
      drainUnsharedRequests: (min: number) => this.budgets.drainUnshared(min),
      lowerRequestBudget: (id: string, left: number) => this.budgets.lowerTo(id, left, this.now),
    };
    this.shared = new SharedBudgets(relay, PER_MINUTE, redisUrl, log, NEVER_MS);
    closing.push(() => this.shared.close());
  }

  /** Returns how many of `requests` pass. */
  pass(requests: number, now = this.now): number {
    this.now = now;
    const budget = this.budgets.hold(teamId, now);
    let passed = 0;
    for (let i = 0; i < requests; i++) if (budget.consume(now)) passed++;
    return passed;
  }

  share(afterMs = 0): Promise<void> {
    return this.shared.share(new Date(MINUTE + afterMs));
  }
}

/** Resolves once these edges can share. */
async function connected(...edges: readonly EdgeBudgets[]): Promise<void> {
  await expect.poll(() => edges.every((edge) => edge.shared.isConnected)).toBe(true);
}

describe('SharedBudgets', () => {
  it('refuses at every edge what all edges together have let through', async () => {
    const [one, other] = [new EdgeBudgets(), new EdgeBudgets()];
    await connected(one, other);
    expect(one.pass(400)).toBe(400);
    await one.share();
    expect(other.pass(100)).toBe(100);
    await other.share();
    // 100 of 600 are left for both.
    expect(other.pass(300)).toBe(100);
    await other.share();
    expect(one.pass(1)).toBe(1);
    await one.share();
    expect(one.pass(100)).toBe(0);
  });

  it('lets an edge that begins late pass what the last minute leaves', async () => {
    const early = new EdgeBudgets();
    await connected(early);
    expect(early.pass(600)).toBe(600);
    await early.share();
    const late = new EdgeBudgets();
    await connected(late);
    expect(late.pass(1)).toBe(1);
    // Half of the minute after: half of the former minute's requests lie within the last 60 seconds.
    await late.share(90_000);
    expect(late.pass(1000)).toBe(299);
  });

  it('counts alone while Redis is away', async () => {
    const [one, other] = [new EdgeBudgets('redis://127.0.0.1:1'), new EdgeBudgets('redis://127.0.0.1:1')];
    expect(one.pass(1000)).toBe(600);
    await one.share();
    expect(other.pass(1000)).toBe(600);
    await other.share();
    expect(one.pass(1000, 1000)).toBe(10);
  });
});
