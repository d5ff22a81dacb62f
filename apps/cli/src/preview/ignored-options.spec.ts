import { VERSION } from '@culvert/client';
import { describe, expect, it } from 'vitest';
import type { Preview } from '../api.js';
import { ignoredOptions } from './ignored-options.js';

describe(ignoredOptions.name, () => {
  const given = { addressedAs: '--rewrite-origin', allowUpgrades: '--allow-upgrades' };
  const old = { ingress: {} } as Preview;

  it('names the given options whose fields the answer lacks, and what to do', () => {
    const reason = `because it is older than culvert ${VERSION}. Ask its operator to update it.`;
    expect(ignoredOptions(old, given)).toBe(
      `Warning: the server ignores --rewrite-origin and --allow-upgrades, ${reason}`,
    );
    expect(ignoredOptions({ ...old, allowUpgrades: true }, given)).toBe(
      `Warning: the server ignores --rewrite-origin, ${reason}`,
    );
  });

  it('is silent about options that were not given, and towards a server that knows them', () => {
    expect(ignoredOptions(old, { addressedAs: false })).toBeNull();
    const known = { ingress: { addressedAs: 'target' }, allowUpgrades: false } as Preview;
    expect(ignoredOptions(known, given)).toBeNull();
  });
});
