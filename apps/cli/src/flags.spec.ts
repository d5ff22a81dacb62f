import { describe, expect, it } from 'vitest';
import { collectHeader, readDuration, readExpiry, readPort } from './flags.js';

describe('flag values', () => {
  it.each([
    ['90s', 90],
    ['30m', 1800],
    ['12h', 43_200],
    ['7d', 604_800],
    ['2w', 1_209_600],
    ['0s', 0],
  ])('read %s as %i seconds', (text, seconds) => {
    expect(readDuration(text)).toBe(seconds);
  });

  it.each(['', '7', 'd', '-1d', '1.5h', '1y', '999999999w', '7 d'])('refuse "%s" as a duration', (text) => {
    expect(() => readDuration(text)).toThrow('a number with a unit');
  });

  it('reads times, durations from now, and never', () => {
    expect(readExpiry('2030-01-31T12:00:00+01:00')).toBe('2030-01-31T11:00:00.000Z');
    const leftMs = Date.parse(readExpiry('1h') ?? '') - Date.now();
    expect(Math.abs(leftMs - 3_600_000)).toBeLessThan(10_000);
    expect(readExpiry('never')).toBeNull();
    expect(() => readExpiry('2030-13-01T00:00:00Z')).toThrow('such as 2030');
    expect(() => readExpiry('tomorrow')).toThrow('a number with a unit');
  });

  it('reads ports', () => {
    expect(readPort('65535')).toBe(65_535);
    for (const text of ['0', '65536', 'http', '1e3', ' 80'])
      expect(() => readPort(text)).toThrow('from 1 to 65535');
  });

  it('collects headers with arbitrary values', () => {
    expect(collectHeader('X-B=1=2', collectHeader('x-a=', undefined))).toEqual({ 'x-a': '', 'x-b': '1=2' });
    expect(() => collectHeader('x-a', undefined)).toThrow('NAME=VALUE');
    expect(() => collectHeader('=x', undefined)).toThrow('NAME=VALUE');
    expect(() => collectHeader('X-A=2', { 'x-a': '1' })).toThrow('twice');
  });
});
