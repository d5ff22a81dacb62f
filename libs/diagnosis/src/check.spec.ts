import { describe, expect, it } from 'vitest';
import { type Check, type CheckResult, type Finding, runChecks } from './check.js';

const never = new AbortController().signal;
const check = (id: string, run: Check['run'], rest: Partial<Check> = {}): Check => ({
  id,
  title: id,
  timeoutMs: 5000,
  run,
  ...rest,
});
const ok: Finding = { state: 'ok', message: 'fine' };
const states = (results: readonly CheckResult[]) => results.map(({ id, state }) => `${id} ${state}`);

describe('checks', () => {
  it('are skipped with a reason if one that they need failed, and so are those that need these', async () => {
    const results = await runChecks(
      [
        check('a', () => Promise.reject(Object.assign(new Error('broken'), { hint: 'Repair it.' }))),
        check('b', () => Promise.resolve(ok), { needs: ['a'] }),
        check('c', () => Promise.resolve(ok), { needs: ['b'] }),
        check('d', () => Promise.resolve(ok)),
      ],
      { signal: never, timeoutMs: 5000 },
    );
    expect(states(results)).toEqual(['a failure', 'b skipped', 'c skipped', 'd ok']);
    expect(results[0]).toMatchObject({ message: 'broken', advice: 'Repair it.' });
    expect(results[1]?.message).toContain('"a" failed');
    expect(results[2]?.message).toContain('"a" failed');
  });

  it('run after those that they need, even if these only warn', async () => {
    const order: string[] = [];
    await runChecks(
      [
        check('a', async () => {
          await new Promise((resolve) => setImmediate(resolve));
          order.push('a');
          return { state: 'warning', message: 'hm' };
        }),
        check('b', () => Promise.resolve(ok).finally(() => order.push('b')), { needs: ['a'] }),
      ],
      { signal: never, timeoutMs: 5000 },
    );
    expect(order).toEqual(['a', 'b']);
  });

  it('that never end fail at their own limit, with an aborted signal', async () => {
    let given: AbortSignal | null = null;
    const hanging = check('a', (signal) => new Promise(() => (given = signal)), { timeoutMs: 20 });
    const results = await runChecks([hanging, check('b', () => Promise.resolve(ok))], {
      signal: never,
      timeoutMs: 5000,
    });
    expect(states(results)).toEqual(['a failure', 'b ok']);
    expect(given).toMatchObject({ aborted: true });
  });

  it('all end when the time for all of them is over', async () => {
    const hanging = (id: string, needs: string[] = []) => check(id, () => new Promise(() => {}), { needs });
    const results = await runChecks([hanging('a'), hanging('b'), hanging('c', ['a'])], {
      signal: never,
      timeoutMs: 20,
    });
    expect(states(results)).toEqual(['a failure', 'b failure', 'c skipped']);
    expect(results[0]?.message).toContain('time for all checks');
  });

  it('reject with the reason of the signal when a person ends them', async () => {
    const ended = new AbortController();
    const hanging = check('a', () => {
      ended.abort(new Error('interrupted'));
      return new Promise(() => {});
    });
    await expect(runChecks([hanging], { signal: ended.signal, timeoutMs: 5000 })).rejects.toThrow(
      'interrupted',
    );
  });
});
