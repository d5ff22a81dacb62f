import { describe, expect, it } from 'vitest';
import { timeAgo } from './time-ago.js';

const NOW = Date.parse('2026-11-25T12:00:00Z');

describe(timeAgo.name, () => {
  it.each([
    ['2026-11-25T11:59:31Z', 'just now'],
    ['2026-11-25T12:00:59Z', 'just now'],
    ['2026-11-25T11:58:01Z', '1 minute ago'],
    ['2026-11-25T11:01:00Z', '59 minutes ago'],
    ['2026-11-25T10:00:00Z', '2 hours ago'],
    ['2026-11-24T11:00:00Z', 'yesterday'],
    ['2026-11-28T13:00:00Z', 'in 3 days'],
    ['2026-12-02T11:59:58Z', 'in 7 days'],
    ['2026-12-01T13:00:00Z', 'in 6 days'],
    ['2026-11-25T12:59:58Z', 'in 1 hour'],
    ['2026-11-25T23:00:00Z', 'in 11 hours'],
    ['2025-11-20T12:00:00Z', 'last year'],
  ])('%s is %s', (moment, text) => {
    expect(timeAgo(moment, NOW)).toBe(text);
  });
});
