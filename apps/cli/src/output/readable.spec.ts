import { describe, expect, it } from 'vitest';
import { isIdOf, shortIds, showBytes, showSpan, showTime } from './readable.js';

describe(showTime.name, () => {
  it('shows a time to the minute, in the time zone of this machine', () => {
    const noon = new Date(2030, 0, 31, 12, 5, 59, 123);
    expect(showTime(noon.toISOString())).toBe('2030-01-31 12:05');
    expect(showTime(null)).toBe('never');
  });
});

describe(showBytes.name, () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [9949, '9.9 kB'],
    [9950, '10 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [2.5e15, '2500 TB'],
  ])('shows %d bytes as %s', (bytes, text) => {
    expect(showBytes(bytes)).toBe(text);
  });
});

describe(showSpan.name, () => {
  it.each([
    [604_800, '7d'],
    [43_200, '12h'],
    [5400, '90m'],
    [61, '61s'],
  ])('shows %d seconds as %s', (seconds, text) => {
    expect(showSpan(seconds)).toBe(text);
  });
});

describe(shortIds.name, () => {
  const [one, two, other] = [
    '01a22b8d-1111-7000-8000-000000000001',
    '01a22b8d-2222-7000-8000-000000000001',
    '01a22b8e-2222-7000-8000-000000000001',
  ];

  it('shortens ids as far as they stay distinct', () => {
    expect(shortIds([one, other])).toEqual(['01a22b8d', '01a22b8e']);
    // Created in the same minute.
    expect(shortIds([one, two, other])).toEqual(['01a22b8d-1111', '01a22b8d-2222', '01a22b8e-2222']);
    expect(shortIds([])).toEqual([]);
  });

  it('shows ids that are understood as input', () => {
    for (const short of shortIds([one, two]))
      expect([one, two].filter((id) => isIdOf(id, short))).toHaveLength(1);
    expect(isIdOf(one, one)).toBe(true);
    expect(isIdOf(one, '01a')).toBe(false);
  });
});
