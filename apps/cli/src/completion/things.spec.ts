import { describe, expect, it } from 'vitest';
import { keyCandidates } from './things.js';

describe(keyCandidates.name, () => {
  const key = (id: string, name: string, change: { revokedAt?: string; expiresAt?: string } = {}) => ({
    id,
    name,
    hint: 'cvt_abcd',
    revokedAt: null,
    expiresAt: null,
    ...change,
  });

  it('offers names, and ids where a name does not find one key or a shell would split it', () => {
    const keys = [
      key('id-1', 'ci'),
      key('id-2', 'twice'),
      key('id-3', 'twice'),
      key('id-4', 'two words'),
      key('id-5', 'expired', { expiresAt: '2020-01-01T00:00:00.000Z' }),
      key('id-6', 'revoked', { revokedAt: '2020-01-01T00:00:00.000Z' }),
    ];
    expect(keyCandidates(keys).map(({ value }) => value)).toEqual(['ci', 'id-2', 'id-3', 'id-4', 'id-5']);
  });
});
