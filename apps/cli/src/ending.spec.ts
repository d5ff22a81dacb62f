import { describe, expect, it } from 'vitest';
import { CliError } from './cli-error.js';
import { Ending } from './ending.js';
import { EXIT } from './exit-code.js';

const interrupted = new CliError(EXIT.interrupted, 'interrupted');
const gone = new CliError(EXIT.notFound, 'gone');
const never = new Promise<never>(() => undefined);

describe('the end of a long-running command', () => {
  it('comes when a person asks for it', async () => {
    const aborter = new AbortController();
    const ending = new Ending(aborter.signal);
    expect([ending.isReached, ending.isAsked]).toEqual([false, false]);
    aborter.abort(interrupted);
    await expect(ending.unless(never)).rejects.toBe(interrupted);
    expect([ending.isReached, ending.isAsked]).toEqual([true, true]);
    await expect(new Ending(aborter.signal).reached).rejects.toBe(interrupted);
  });

  it('keeps the first reason', async () => {
    const aborter = new AbortController();
    const ending = new Ending(aborter.signal);
    ending.end(gone);
    aborter.abort(interrupted);
    await expect(ending.reached).rejects.toBe(gone);
    expect(ending.isAsked).toBe(false);
  });

  it('comes when the awaited work fails', async () => {
    const ending = new Ending(new AbortController().signal);
    await expect(ending.unless(Promise.reject(gone))).rejects.toBe(gone);
    await expect(ending.reached).rejects.toBe(gone);
  });

  it('comes when the time is up', async () => {
    const ending = new Ending(new AbortController().signal);
    expect(await ending.within(10_000, Promise.resolve('in time'), () => gone)).toBe('in time');
    await expect(ending.within(1, never, () => gone)).rejects.toBe(gone);
  });

  it('reports a bug of the program as one', async () => {
    const ending = new Ending(new AbortController().signal);
    ending.end(new TypeError('x is not a function'));
    await expect(ending.reached).rejects.toMatchObject({
      exitCode: EXIT.failure,
      cause: expect.any(TypeError),
    });
  });
});
