import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import {
  collectHeader,
  readDuration,
  readExpiry,
  readIdleExpiry,
  readMilliseconds,
  readPort,
} from './flags.js';

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

  it.each([
    ['250', 250],
    ['250ms', 250],
    ['2s', 2000],
    ['1m', 60_000],
  ])('read %s as %i milliseconds', (text, ms) => {
    expect(readMilliseconds(text)).toBe(ms);
  });

  it.each(['', '-1', '1.5s', 'ms', '1y'])('refuse "%s" as milliseconds', (text) => {
    expect(() => readMilliseconds(text)).toThrow('such as 250 or 250ms');
  });

  it('reads times, durations from now, and never', () => {
    expect(readExpiry('2030-01-31T12:00:00+01:00').at).toBe('2030-01-31T11:00:00.000Z');
    const leftMs = Date.parse(readExpiry('1h').at ?? '') - Date.now();
    expect(Math.abs(leftMs - 3_600_000)).toBeLessThan(10_000);
    expect(readExpiry('never').at).toBeNull();
    for (const text of ['2030-13-01T00:00:00Z', '2030-01-31', 'tomorrow', ''])
      expect(() => readExpiry(text)).toThrow('a time such as 2030-01-31T12:00:00Z, or never');
    expect([readIdleExpiry('2h'), readIdleExpiry('never')]).toEqual([7200, 0]);
    expect(() => readIdleExpiry('299s')).toThrow('at least 5m');
  });

  // Commander replaces a null that a reader returns by an empty text.
  it('reaches commands as never', () => {
    const command = new Command().option('--expires <when>', '', readExpiry);
    expect(command.parse(['--expires', 'never'], { from: 'user' }).opts()).toEqual({ expires: { at: null } });
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
