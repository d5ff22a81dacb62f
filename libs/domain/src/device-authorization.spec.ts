import { describe, expect, it } from 'vitest';
import { generateUserCode, hashUserCode, readUserCode } from './device-authorization.js';

describe('the code that people type', () => {
  it('has eight letters that form no words and resemble no digits, in two groups', () => {
    const codes = Array.from({ length: 200 }, generateUserCode);
    for (const code of codes) expect(code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    expect(new Set(codes).size).toBe(codes.length);
    // Every letter is used.
    expect(new Set(codes.join('')).size).toBe(21);
  });

  it.each(['WDJB-MJHT', 'wdjbmjht', ' wdjb mjht\n', 'WDJB–MJHT', 'w.d.j.b_m.j.h.t'])(
    'is recognized however it is typed: %j',
    (typed) => {
      expect(readUserCode(typed)).toBe('WDJB-MJHT');
    },
  );

  it.each([
    '',
    'WDJB-MJH',
    'WDJB-MJHTT',
    'WDJB-MJHA',
    'WDJB-MJH0',
    'ＷDJB-MJHT',
    `${' '.repeat(32)}WDJB-MJHT`,
  ])('cannot be %j', (typed) => {
    expect(readUserCode(typed)).toBeNull();
  });

  it('is stored as a hash of its usual form', () => {
    expect(hashUserCode('WDJB-MJHT')).toMatch(/^[0-9a-f]{64}$/);
    expect(hashUserCode('WDJB-MJHT')).not.toBe(hashUserCode('WDJB-MJHV'));
  });
});
