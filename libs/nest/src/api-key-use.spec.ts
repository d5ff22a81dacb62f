import type { Store } from '@culvert/domain';
import { beforeEach, describe, expect, it } from 'vitest';
import { ApiKeyUse } from './api-key-use.js';

const NOW = new Date('2026-01-01T12:00:00Z');
const ago = (ms: number): Date => new Date(NOW.getTime() - ms);

describe(ApiKeyUse.name, () => {
  let written: unknown[][];
  let fails: boolean;
  let warnings: unknown[];
  let use: ApiKeyUse;

  beforeEach(() => {
    [written, fails, warnings] = [[], false, []];
    const write = async (...what: unknown[]): Promise<void> => {
      if (fails) throw new Error('no database');
      written.push(what);
    };
    const store = { apiKeys: { recordUse: write, prolongUse: write } } as unknown as Store;
    use = new ApiKeyUse(store, { warn: (about: unknown) => warnings.push(about) } as never);
  });

  /** Resolves when background work has ended. */
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('records time and address of the first use of a key, and of later uses once a minute', async () => {
    for (const [id, lastUsedAt] of [
      ['first', null],
      ['recent', ago(59_999)],
      ['old', ago(60_000)],
      // Another process has a clock that is ahead.
      ['ahead', ago(-5000)],
    ] as const)
      use.record({ id, lastUsedAt }, '192.0.2.1', NOW);
    await settled();
    expect(written).toEqual([
      ['first', NOW, '192.0.2.1'],
      ['old', NOW, '192.0.2.1'],
    ]);
  });

  it('writes once for a burst', async () => {
    for (let i = 0; i < 5; i++) use.record({ id: 'a', lastUsedAt: null }, '2001:db8::1', NOW);
    await settled();
    expect(written).toEqual([['a', NOW, '2001:db8::1']]);
  });

  it.each([null, 'unknown', '', '192.0.2.1:80'])('writes no address for %j', async (address) => {
    use.record({ id: 'a', lastUsedAt: null }, address, NOW);
    await settled();
    expect(written).toEqual([['a', NOW, null]]);
  });

  it('survives a failed store, logs it, and writes the next use', async () => {
    fails = true;
    use.record({ id: 'a', lastUsedAt: null }, null, NOW);
    await settled();
    expect(warnings).toHaveLength(1);
    fails = false;
    use.record({ id: 'a', lastUsedAt: null }, null, NOW);
    await settled();
    expect(written).toEqual([['a', NOW, null]]);
  });

  it('marks keys with open tunnels as in use, once a minute', async () => {
    await use.recordOpen(['a', 'b'], NOW);
    expect(written).toEqual([[['a', 'b'], NOW, ago(60_000)]]);
  });
});
