import { randomUUID } from 'node:crypto';
import type { Exchange, ExchangeBodies } from '@culvert/contract';
import {
  type Keeping,
  type KeptExchangeBatch,
  type KeptExchangeDraft,
  StoreUnavailableError,
} from '@culvert/domain';
import type { ExchangeOwner, WrittenExchange } from '@culvert/exchanges';
import { createLog } from '@culvert/runtime';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { KeptExchangeQueue } from './kept-exchange-queue.js';
import { KeptExchangeWriter } from './kept-exchange-writer.js';

const KEEPING: Keeping = { count: 10, hours: 1, bodies: true, redactedNames: ['pin'], policyVersion: 3 };

const field = (name: string, value: string) => ({ name, value, isMasked: false });
function exchangeOf(target = '/', padding = 0): Exchange {
  return {
    id: randomUUID(),
    startedAt: '2030-01-01T00:00:00.000Z',
    target,
    request: { fields: [field('x', 'x'.repeat(padding))], isTruncated: false },
    response: null,
    changes: [],
  } as unknown as Exchange;
}

describe(KeptExchangeWriter.name, () => {
  let writer: KeptExchangeWriter;
  /** What was added, each with its preview. */
  let added: (KeptExchangeBatch & { readonly previewId: string })[];
  let failure: Error | null;
  let lockedTeam: string | null;
  let sealed: string[];

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
    [added, failure, lockedTeam, sealed] = [[], null, null, []];
    const vault = {
      async seal(_owner: ExchangeOwner, written: readonly WrittenExchange[]) {
        sealed.push(...written.map(({ exchange, bodies }) => exchange + (bodies ?? '')));
        return written.map(({ id, startedAt }): KeptExchangeDraft => ({
          id,
          startedAt: new Date(startedAt),
          omitted: 0,
          keyId: 'k',
          sealed: Buffer.from(''),
          sealedBodies: null,
        }));
      },
      forget: () => {},
    };
    const store = {
      async add(teamId: string, previewId: string, batch: KeptExchangeBatch) {
        if (failure !== null || teamId === lockedTeam) throw failure ?? new StoreUnavailableError({});
        added.push({ ...batch, previewId });
        return true;
      },
    };
    writer = new KeptExchangeWriter(vault, store, createLog({ level: 'silent', app: 'edge' }));
  });
  afterEach(() => void vi.useRealTimers());

  const queueOf = (id = 'p', keep = KEEPING, teamId = 't'): KeptExchangeQueue =>
    writer.queueFor({ id, teamId, keep })!;
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
  const counts = () => added.map(({ drafts }) => drafts.filter(({ omitted }) => omitted === 0).length);
  const omitted = () =>
    added.flatMap(({ drafts }) => drafts.map((draft) => draft.omitted)).reduce((a, b) => a + b, 0);

  it('writes exchanges of each preview together, a moment later, under the policy that they were recorded with', async () => {
    const [one, two] = [queueOf('p1'), queueOf('p2', { ...KEEPING, policyVersion: 4 })];
    for (let i = 0; i < 3; i++) one.add(exchangeOf(), null);
    two.add(exchangeOf(), null);
    expect(added).toEqual([]);
    await pass(500);
    expect(added).toMatchObject([
      { previewId: 'p1', policyVersion: 3 },
      { previewId: 'p2', policyVersion: 4 },
    ]);
    expect(counts()).toEqual([3, 1]);
    // Without work there is no timer.
    await pass(1000);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('redacts before anything is sealed', async () => {
    const queue = queueOf();
    const base64 = Buffer.from('pin=1234').toString('base64');
    const body = {
      base64,
      bytes: 8,
      isTruncated: false,
      contentType: 'application/x-www-form-urlencoded',
      contentEncoding: null,
    };
    const exchange = {
      ...exchangeOf('/?pin=1234'),
      request: { fields: [field('Cookie', 'a=1234')], isTruncated: false },
    };
    queue.add(exchange, { id: exchange.id, request: body, response: null } satisfies ExchangeBodies);
    await pass(500);
    expect(sealed).toHaveLength(1);
    expect(sealed[0]).not.toMatch(new RegExp(`1234|${base64}`));
  });

  it('holds a bounded number of bytes while the database is away, and states how many exchanges it lacks', async () => {
    failure = new StoreUnavailableError({});
    const queue = queueOf();
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 300; i++) queue.add(exchangeOf('/', 8000), null);
      await pass(1000);
      expect(queue.bytes).toBeLessThanOrEqual(8 * 1024 * 1024);
      expect(queue.size).toBeLessThanOrEqual(1000);
    }
    expect(added).toEqual([]);
    const kept = queue.size;
    failure = null;
    await pass(5000);
    expect(counts().reduce((a, b) => a + b, 0)).toBe(kept);
    expect(omitted()).toBe(60 * 300 - kept);
    expect(writer.counts).toEqual({ kept, omitted: omitted() });
    expect(queue.isEmpty).toBe(true);
  });

  it('limits all previews together, and leaves room for others when one floods', async () => {
    failure = new StoreUnavailableError({});
    const flood = queueOf('flood');
    for (let i = 0; i < 5000; i++) flood.add(exchangeOf(), null);
    const other = queueOf('other');
    other.add(exchangeOf(), null);
    expect([flood.size, other.size]).toEqual([1000, 1]);
    const queues = Array.from({ length: 10 }, (_, i) => queueOf(`p${i}`));
    for (const queue of queues) for (let i = 0; i < 1000; i++) queue.add(exchangeOf(), null);
    expect(queues.reduce((sum, { size }) => sum + size, 0)).toBe(2999);
  });

  it('writes no more than a mebibyte a second of one preview, on average', async () => {
    const queue = queueOf();
    for (let second = 0; second < 30; second++) {
      for (let i = 0; i < 40; i++) queue.add(exchangeOf('/', 100_000), null);
      await pass(1000);
    }
    const kept = counts().reduce((a, b) => a + b, 0);
    expect(kept * 100_000).toBeLessThan(39 * 1024 * 1024);
    expect(kept * 100_000).toBeGreaterThan(34 * 1024 * 1024);
    // One statement in ten seconds, so that statements do not push exchanges out.
    await pass(20_000);
    expect(added.flatMap(({ drafts }) => drafts.filter((draft) => draft.omitted > 0)).length).toBeLessThan(7);
    expect(omitted()).toBe(30 * 40 - kept);
  });

  it('leaves out exchanges that cannot be stored, and writes later ones', async () => {
    failure = new Error('a constraint');
    const queue = queueOf();
    queue.add(exchangeOf(), null);
    await pass(500);
    failure = null;
    queue.add(exchangeOf(), null);
    await pass(500);
    expect(counts()).toEqual([1]);
    await pass(10_000);
    expect(omitted()).toBe(1);
    expect(writer.counts).toEqual({ kept: 1, omitted: 1 });
  });

  it('writes the exchanges of other teams while the rows of one are locked, and its own afterwards', async () => {
    lockedTeam = 'locked';
    const locked = queueOf('p1', KEEPING, lockedTeam);
    const other = queueOf('p2');
    for (let i = 0; i < 3; i++) {
      for (const queue of [locked, other]) queue.add(exchangeOf(), null);
      await pass(2000);
    }
    expect([locked.size, other.size]).toEqual([3, 0]);
    expect(added.every(({ previewId }) => previewId === 'p2')).toBe(true);
    lockedTeam = null;
    await pass(2000);
    expect(locked.isEmpty).toBe(true);
  });

  it('redacts no bodies of a preview that writes too much', async () => {
    const queue = queueOf();
    const base64 = 'A'.repeat(80_000);
    const body = { base64, bytes: 60_000, isTruncated: false, contentType: null, contentEncoding: null };
    const given = exchangeOf();
    const bodies = { id: given.id, request: body, response: body } satisfies ExchangeBodies;
    const spend = vi.spyOn(writer.redactionBudget, 'spend');
    failure = new StoreUnavailableError({});
    for (let i = 0; i < 60; i++) queue.add(exchangeOf('/', 150_000), null);
    queue.add(given, bodies);
    expect(spend).not.toHaveBeenCalled();
    await pass(10_000);
    expect(writer.counts.omitted).toBeGreaterThan(0);
  });

  it('writes the rest when it closes, and refuses further ones', async () => {
    const queue = queueOf();
    queue.add(exchangeOf(), null);
    queue.omit();
    await writer.close();
    expect([counts(), omitted()]).toEqual([[1], 1]);
    queue.add(exchangeOf(), null);
    await pass(1000);
    expect(added).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not wait long for a database that is away when it closes', async () => {
    failure = new StoreUnavailableError({});
    queueOf().add(exchangeOf(), null);
    await writer.close();
    expect(added).toEqual([]);
  });
});
