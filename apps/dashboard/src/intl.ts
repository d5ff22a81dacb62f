/**
 * Numbers, sizes, durations and times as text, by `Intl`, in the languages and the time zone of the browser. Everything that
 * the dashboard shows of these kinds comes from here.
 */

/** The functions of this module for one list of languages and one time zone. */
export interface Formats {
  /** `1,200`. */
  readonly formatNumber: (value: number) => string;
  /** `0 bytes`, `1.5 kB`, `23 MB`, in steps of 1000. */
  readonly formatBytes: (bytes: number) => string;
  /** `0.4 ms`, `12 ms`, `1.2 sec`. */
  readonly formatMilliseconds: (ms: number) => string;
  /** `8 hours`, `90 seconds`: the largest unit that divides the duration without a rest. */
  readonly formatSeconds: (seconds: number) => string;
  /** `a, b, and c`. */
  readonly formatList: (items: readonly string[]) => string;
  /**
   * `3 minutes ago`, `in 2 days`; less than a minute either way is `this minute`. Past times are rounded down, as people count
   * them. Future times are rounded to the nearest unit, so that a week does not become 6 days while it is shown.
   */
  readonly formatTimeAgo: (moment: string, now: number) => string;
  /** `Nov 25, 2026, 6:12:26 PM GMT+1`. */
  readonly formatTime: (moment: string | number) => string;
  /** `6:12:26 PM`, for tables whose header has the time zone. */
  readonly formatClock: (moment: string | number) => string;
  /**
   * Name of the time zone, as all times show it: `GMT+1`. Places with summer time have two names, so it is that of
   * `moment`, by default of now.
   */
  readonly timeZoneAt: (moment?: string | number) => string;
}

const BYTE_UNITS = ['kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'] as const;

const TIME_UNITS = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const;

const DURATION_UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const;

/** A duration that was a whole unit a moment ago still counts as one. */
const TOLERANCE = 1.01;

/**
 * Returns the functions for these languages (BCP 47, best first) and this time zone (IANA). Without them, those of the
 * environment apply. Languages that are not valid are left out: browsers report some, such as `en-US@posix`.
 */
export function formatsOf(languages?: readonly string[], timeZone?: string): Formats {
  const locales = languages?.filter(isLanguageTag);
  const plain = new Intl.NumberFormat(locales);
  const list = new Intl.ListFormat(locales);
  const relative = new Intl.RelativeTimeFormat(locales, { numeric: 'auto' });
  const clockFields = { hour: 'numeric', minute: '2-digit', second: '2-digit' } as const;
  const clock = new Intl.DateTimeFormat(locales, { ...clockFields, timeZone });
  const time = new Intl.DateTimeFormat(locales, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    ...clockFields,
    timeZoneName: 'short',
    timeZone,
  });

  // A formatter is costly to make, and a table needs a few of them thousands of times.
  const units = new Map<string, Intl.NumberFormat>();
  const inUnit = (value: number, unit: string, unitDisplay: 'short' | 'long', digits: number): string => {
    const key = `${unit} ${digits}`;
    let format = units.get(key);
    if (format === undefined) {
      format = new Intl.NumberFormat(locales, {
        style: 'unit',
        unit,
        unitDisplay,
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
      });
      units.set(key, format);
    }
    return format.format(value);
  };

  return {
    formatNumber: (value) => plain.format(value),
    formatBytes: (bytes) => {
      if (bytes < 1000) return inUnit(bytes, 'byte', 'long', 0);
      let step = 0;
      let value = bytes / 1000;
      for (; value >= 1000 && step < BYTE_UNITS.length - 1; step++) value /= 1000;
      return inUnit(value, BYTE_UNITS[step] ?? 'byte', 'short', value < 10 ? 1 : 0);
    },
    formatMilliseconds: (ms) =>
      ms >= 1000
        ? inUnit(ms / 1000, 'second', 'short', 1)
        : inUnit(ms, 'millisecond', 'short', ms < 10 ? 1 : 0),
    formatSeconds: (seconds) => {
      const [unit, length] = DURATION_UNITS.find(([, size]) => seconds > 0 && seconds % size === 0) ?? [
        'second',
        1,
      ];
      return inUnit(seconds / length, unit, 'long', 0);
    },
    formatList: (items) => list.format(items),
    formatTimeAgo: (moment, now) => {
      const seconds = (Date.parse(moment) - now) / 1000;
      const reach = seconds > 0 ? seconds * TOLERANCE : -seconds;
      const [unit, size] = TIME_UNITS.find(([, length]) => reach >= length) ?? [];
      if (unit === undefined || size === undefined) return relative.format(0, 'minute');
      return relative.format(seconds > 0 ? Math.round(seconds / size) : Math.trunc(seconds / size), unit);
    },
    formatTime: (moment) => time.format(new Date(moment)),
    formatClock: (moment) => clock.format(new Date(moment)),
    timeZoneAt: (moment = Date.now()) =>
      time.formatToParts(new Date(moment)).find(({ type }) => type === 'timeZoneName')?.value ?? 'UTC',
  };
}

function isLanguageTag(text: string): boolean {
  try {
    Intl.getCanonicalLocales(text);
    return true;
  } catch {
    return false;
  }
}

/** The formats of this browser. */
export const {
  formatNumber,
  formatBytes,
  formatMilliseconds,
  formatSeconds,
  formatList,
  formatTimeAgo,
  formatTime,
  formatClock,
  timeZoneAt,
} = formatsOf(typeof navigator === 'undefined' ? undefined : navigator.languages);
