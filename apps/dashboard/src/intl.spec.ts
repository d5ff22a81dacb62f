import { describe, expect, it } from 'vitest';
import { formatsOf } from './intl.js';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const english = formatsOf(['en-US'], 'America/New_York');
const german = formatsOf(['de-DE'], 'Europe/Berlin');
const hindi = formatsOf(['hi-IN'], 'Asia/Kolkata');

/** Languages separate a number from its unit by different spaces. */
function plainSpaces(text: string): string {
  return text.replaceAll(/[\u00a0\u202f]/g, ' ');
}

describe('formatsOf', () => {
  it('leaves out languages that are not valid', () => {
    expect(formatsOf(['en-US@posix', 'de-DE']).formatNumber(1234)).toBe('1.234');
    const ofEnvironment = formatsOf().formatNumber(1234);
    expect(formatsOf(['en-US@posix', '']).formatNumber(1234)).toBe(ofEnvironment);
  });
});

describe('formatNumber', () => {
  it('groups digits as the language does', () => {
    expect([english, german, hindi].map(({ formatNumber }) => formatNumber(1_234_567.5))).toEqual([
      '1,234,567.5',
      '1.234.567,5',
      '12,34,567.5',
    ]);
  });
});

describe('formatBytes', () => {
  it('uses the largest unit of at least one, with one digit after the point below ten', () => {
    const amounts = [0, 1, 999, 1000, 1536, 10_000, 5e9, 2e18];
    expect(amounts.map((bytes) => plainSpaces(english.formatBytes(bytes)))).toEqual([
      '0 bytes',
      '1 byte',
      '999 bytes',
      '1.0 kB',
      '1.5 kB',
      '10 kB',
      '5.0 GB',
      '2,000 PB',
    ]);
  });

  it('names units as the language does', () => {
    expect(plainSpaces(german.formatBytes(1536))).toBe('1,5 kB');
    expect(plainSpaces(formatsOf(['fr']).formatBytes(1536))).toBe('1,5 ko');
  });
});

describe('formatMilliseconds', () => {
  it('changes to seconds from one second, and keeps one digit of small values', () => {
    const times = [0.44, 12.3, 999.4, 1234];
    expect(times.map((ms) => plainSpaces(english.formatMilliseconds(ms)))).toEqual([
      '0.4 ms',
      '12 ms',
      '999 ms',
      '1.2 sec',
    ]);
    expect(times.map((ms) => plainSpaces(german.formatMilliseconds(ms)))).toEqual([
      '0,4 ms',
      '12 ms',
      '999 ms',
      '1,2 Sek.',
    ]);
  });
});

describe('formatSeconds', () => {
  it('uses the largest unit that divides the duration', () => {
    expect([0, 1, 90, 60, 3600, 5400, 86_400, 604_800].map(english.formatSeconds)).toEqual([
      '0 seconds',
      '1 second',
      '90 seconds',
      '1 minute',
      '1 hour',
      '90 minutes',
      '1 day',
      '7 days',
    ]);
    expect(german.formatSeconds(7200)).toBe('2 Stunden');
  });
});

describe('formatTimeAgo', () => {
  it.each([
    ['2026-11-25T11:59:31Z', 'this minute'],
    ['2026-11-25T12:00:59Z', 'this minute'],
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
    expect(english.formatTimeAgo(moment, NOW)).toBe(text);
  });

  it('speaks the language of the browser', () => {
    expect(german.formatTimeAgo('2026-11-25T11:57:00Z', NOW)).toBe('vor 3 Minuten');
  });
});

describe('formatTime', () => {
  it('shows the time in the time zone of the browser, with the name of the zone', () => {
    const moment = '2026-11-25T17:12:26Z';
    expect([english, german, hindi].map(({ formatTime }) => plainSpaces(formatTime(moment)))).toEqual([
      'Nov 25, 2026, 12:12:26 PM EST',
      '25. Nov. 2026, 18:12:26 MEZ',
      '25 नव॰ 2026, 10:42:26 pm IST',
    ]);
  });

  it('follows summer time', () => {
    expect(plainSpaces(english.formatTime('2026-07-01T12:00:00Z'))).toBe('Jul 1, 2026, 8:00:00 AM EDT');
  });
});

describe('formatClock and timeZoneAt', () => {
  it('split a time into its clock and the zone that a header shows once', () => {
    const moment = Date.parse('2026-07-01T12:00:00Z');
    expect([plainSpaces(english.formatClock(moment)), english.timeZoneAt(moment)]).toEqual([
      '8:00:00 AM',
      'EDT',
    ]);
    expect([german.formatClock(moment), german.timeZoneAt(moment)]).toEqual(['14:00:00', 'MESZ']);
  });
});

describe('formatList', () => {
  it('joins items as the language does', () => {
    expect(english.formatList(['a', 'b', 'c'])).toBe('a, b, and c');
    expect(german.formatList(['a', 'b', 'c'])).toBe('a, b und c');
  });
});
