import { createPreviewRequest } from '@culvert/contract';
import { describe, expect, it } from 'vitest';
import type { ApiClient } from '../api-client.js';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import { parseTarget } from '../target/target.js';
import type { ExposeFlags } from './expose-flags.js';
import { adoptPreview, checkName, nameOf, removeExposed, wantedPreview } from './exposed-preview.js';

const flags: ExposeFlags = { access: 'team', banner: true, log: true };

describe('the preview of what is exposed', () => {
  it.each([
    ['3000', 'localhost-3000'],
    ['[::1]:3000', '1-3000'],
    ['[::]:3000', 'address-3000'],
    ['https://app.my_team.test', 'app-my-team-test-443'],
    [`${'a.'.repeat(60)}b:1`, `${'a-'.repeat(25)}-1`],
  ])('of %s is called %s', (text, name) => {
    const found = nameOf(parseTarget(text));
    expect(found.replace(/-+/g, '-')).toBe(name.replace(/-+/g, '-'));
    expect(checkName(found)).toBe(found);
  });

  it.each(['', '-a', 'a-', 'a b', 'a/b', 'ä', 'a'.repeat(64)])('is not called %j', (name) => {
    expect(() => checkName(name)).toThrow(expect.objectContaining({ exitCode: EXIT.usage }));
  });

  it.each(['3000', '[::1]:3000', 'https://app.test'])('is one that the API takes, of %s', (text) => {
    const wanted = wantedPreview(parseTarget(text), {
      ...flags,
      addRequestHeader: { 'x-dev': 'a' },
      allowUpgrades: true,
      hostHeader: 'b.test',
    });
    expect(createPreviewRequest.parse({ ...wanted, interceptId: 'x' })).toMatchObject({
      ingress: { l5Host: 'b.test' },
      access: 'team',
      allowUpgrades: true,
      addRequestHeaders: { 'x-dev': 'a' },
      expiresAt: null,
    });
  });

  it('names neither a field of other protocols nor one of its session where the default is wanted', () => {
    const wanted = wantedPreview(parseTarget('3000'), { ...flags, keep: true });
    expect(wanted).not.toHaveProperty('allowUpgrades');
    expect(wanted).not.toHaveProperty('endsWithSession');
  });

  it('ends with its session unless it is kept, and names no other protocols unless they are allowed', () => {
    const wanted = wantedPreview(parseTarget('3000'), flags);
    expect(wanted).toMatchObject({ endsWithSession: true });
    expect(wanted).not.toHaveProperty('allowUpgrades');
  });
});

/** An API that refuses what it is told to, and remembers what was asked of it. */
function apiThat(refuses: Record<string, CliError>) {
  const asked: string[] = [];
  const answer = (what: string) => () => {
    asked.push(what);
    return refuses[what] === undefined ? Promise.resolve() : Promise.reject(refuses[what]);
  };
  const api = {
    preview: () => answer('read')().then(() => ({ allowUpgrades: false, endsWithSession: true })),
    updatePreview: answer('update'),
    deleteTrafficManager: answer('manager'),
    deleteIntercept: answer('intercept'),
    deletePreview: answer('preview'),
  };
  return { asked, api: api as unknown as ApiClient };
}

const may = new CliError(EXIT.refused, 'not allowed');
const gone = new CliError(EXIT.notFound, 'gone');
const away = new CliError(EXIT.unreachable, 'away');
const made = { trafficManagerId: '1', preview: { id: '2', interceptId: '3' } as never };

describe('removing it', () => {
  it('takes all at once, or as much as one may', async () => {
    const cases: [Record<string, CliError>, string[]][] = [
      [{}, ['manager']],
      [{ manager: gone }, ['manager']],
      [{ manager: may }, ['manager', 'intercept']],
      [{ manager: may, intercept: may }, ['manager', 'intercept', 'preview']],
    ];
    for (const [refuses, expected] of cases) {
      const { api, asked } = apiThat(refuses);
      await removeExposed(api, made);
      expect(asked).toEqual(expected);
    }
  });

  it('says when something stays', async () => {
    await expect(removeExposed(apiThat({ manager: away }).api, made)).rejects.toBe(away);
    const refused = apiThat({ manager: may, intercept: may, preview: may }).api;
    await expect(removeExposed(refused, made)).rejects.toBe(may);
  });
});

describe('a preview of an earlier run', () => {
  it('is taken over, unless it is gone', async () => {
    expect(
      await adoptPreview(apiThat({ read: gone }).api, '1', wantedPreview(parseTarget('1'), flags)),
    ).toBeNull();
    for (const api of [apiThat({ update: away }).api, apiThat({ read: away }).api])
      await expect(adoptPreview(api, '1', wantedPreview(parseTarget('1'), flags))).rejects.toBe(away);
  });

  it('is changed in what differs, also back to what is the default', async () => {
    const changes: object[] = [];
    const before = { allowUpgrades: true, endsWithSession: true };
    const api = {
      preview: () => Promise.resolve(before),
      updatePreview: (_id: string, change: object) => Promise.resolve(void changes.push(change)),
    } as unknown as ApiClient;
    await adoptPreview(api, '1', wantedPreview(parseTarget('1'), { ...flags, keep: true }));
    await adoptPreview(api, '1', wantedPreview(parseTarget('1'), { ...flags, allowUpgrades: true }));
    expect(changes[0]).toMatchObject({ allowUpgrades: false, endsWithSession: false });
    expect(changes[1]).not.toHaveProperty('allowUpgrades');
    expect(changes[1]).not.toHaveProperty('endsWithSession');
  });
});
