import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { ClientError } from '../client-error.js';
import { checkOptions } from './check-options.js';
import { expose } from './expose.js';
import type { ExposeOptions } from './types.js';

const LATER = new Date(Date.now() + 3_600_000);

describe('the options of expose', () => {
  it('refuse a name that is not an option, and list those that are', async () => {
    const error = await expose(3000, { acess: 'public' } as object).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ClientError);
    expect(error).toMatchObject({
      code: 'usage',
      message: '"acess" is not an option of expose',
      hint: expect.stringMatching(/\baccess\b.*\bexpiresAt\b/) as string,
    });
  });

  it.each<[string, unknown, RegExp]>([
    ['expiresAt', '2d', /a Date in the future/],
    ['expiresAt', new Date(Number.NaN), /a Date in the future/],
    ['expiresAt', new Date(0), /a Date in the future/],
    ['access', 'all', /"team" or "public"/],
    ['access', null, /"team" or "public"/],
    ['keep', 'yes', /true or false/],
    ['apiKey', 7, /a string/],
    ['headers', { 'X-Count': 3 }, /values are strings/],
    ['headers', ['X-Count: 3'], /values are strings/],
    ['onRequest', 'log', /a function/],
    ['signal', new AbortController(), /an AbortSignal/],
  ])('refuse a value of %s that it does not accept (%j), and say what to set', (name, value, what) => {
    expect(() => checkOptions({ [name]: value })).toThrow(
      expect.objectContaining({
        code: 'usage',
        message: `the option ${name} has a value that it does not accept`,
        hint: expect.stringMatching(what) as string,
      }) as Error,
    );
  });

  it('accept what the types declare, undefined, and a Date of another realm', () => {
    const date = runInNewContext(`new Date(${LATER.getTime()})`) as Date;
    const accepted: ExposeOptions[] = [
      { url: 'https://culvert.example', access: 'public', keep: undefined, headers: { 'X-One': '1' } },
      { onRequest: () => undefined, signal: new AbortController().signal },
      { expiresAt: date },
      {},
    ];
    for (const options of accepted) expect(() => checkOptions(options)).not.toThrow();
  });
});
