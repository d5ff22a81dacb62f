/** Readers of flag values. Commander adds which flag a refused value belongs to. */
import { MIN_IDLE_EXPIRY_SECONDS } from '@culvert/terms';
import { InvalidArgumentError } from 'commander';

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const MAX_SECONDS = 10 * 366 * 86_400;
const DURATION = /^(\d{1,9})([smhdw])$/;

/** Returns the seconds in `90s`, `30m`, `12h`, `7d` or `2w`. */
export function readDuration(text: string): number {
  const [, amount = '', unit = ''] = DURATION.exec(text) ?? [];
  const seconds = Number(amount) * (UNITS[unit] ?? Number.NaN);
  if (amount !== '' && seconds <= MAX_SECONDS) return seconds;
  throw new InvalidArgumentError('Use a number with a unit, such as 30m, 12h or 7d.');
}

/** Returns the milliseconds in `250`, `250ms` or a duration such as `2s`. */
export function readMilliseconds(text: string): number {
  const [, amount] = /^(\d{1,9})(ms)?$/.exec(text) ?? [];
  if (amount !== undefined) return Number(amount);
  if (DURATION.test(text)) return readDuration(text) * 1000;
  throw new InvalidArgumentError('Use milliseconds, such as 250 or 250ms, or a duration such as 2s.');
}

/** Returns the whole hours in a duration, at least one: `24h`, `7d`. */
export function readHours(text: string): number {
  const hours = readDuration(text) / 3600;
  if (Number.isInteger(hours) && hours >= 1) return hours;
  throw new InvalidArgumentError('Use whole hours, such as 24h or 7d.');
}

/** When something ends. An object, since Commander replaces a bare null by an empty text. */
export interface Expiry {
  /** A time as the API takes it; null: never. */
  readonly at: string | null;
}

/** Reads a duration from now, a time such as 2030-01-31T12:00:00Z, or `never`. */
export function readExpiry(text: string): Expiry {
  if (text === 'never') return { at: null };
  if (/^\d{4}-\d\d-\d\dT/.test(text)) {
    const at = Date.parse(text);
    if (!Number.isNaN(at)) return { at: new Date(at).toISOString() };
  } else if (DURATION.test(text)) {
    return { at: new Date(Date.now() + readDuration(text) * 1000).toISOString() };
  }
  throw new InvalidArgumentError(
    'Use a duration such as 12h or 7d, a time such as 2030-01-31T12:00:00Z, or never.',
  );
}

/** Reads a duration before now, such as `12h`, or a time. Returns a time as the API takes it. */
export function readPast(text: string): string {
  if (DURATION.test(text)) return new Date(Date.now() - readDuration(text) * 1000).toISOString();
  const at = /^\d{4}-\d\d-\d\d(T|$)/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return new Date(at).toISOString();
  throw new InvalidArgumentError('Use a duration such as 12h or 7d, or a time such as 2030-01-31T12:00:00Z.');
}

/** Reads a duration in seconds, at least `MIN_IDLE_EXPIRY_SECONDS`, or `never`: 0. */
export function readIdleExpiry(text: string): number {
  const seconds = text === 'never' ? 0 : readDuration(text);
  if (seconds === 0 || seconds >= MIN_IDLE_EXPIRY_SECONDS) return seconds;
  throw new InvalidArgumentError('Use at least 5m, or never.');
}

/** How long a preview may be unused. An object, since Commander replaces a bare null by an empty text. */
export interface IdleExpiry {
  /** Seconds; 0: never ends; null: as set for the team. */
  readonly seconds: number | null;
}

/** Reads what `readIdleExpiry` reads, or `team`. */
export function readInheritedIdleExpiry(text: string): IdleExpiry {
  return { seconds: text === 'team' ? null : readIdleExpiry(text) };
}

export function readPort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new InvalidArgumentError('Use a number from 1 to 65535.');
}

/** Adds one `NAME=VALUE` of a repeatable flag for headers, whose names are in lower case. */
export function collectHeader(
  text: string,
  before: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  const [, name = '', value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === '') throw new InvalidArgumentError('Use NAME=VALUE, such as x-dev=alice.');
  return collectPair(`${name.toLowerCase()}=${value}`, before);
}

/** Adds one `NAME=VALUE` of a repeatable flag. */
export function collectPair(
  text: string,
  before: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Use NAME=VALUE.');
  const name = text.slice(0, at);
  if (before !== undefined && Object.hasOwn(before, name))
    throw new InvalidArgumentError(`${name} is given twice.`);
  return { ...before, [name]: text.slice(at + 1) };
}

/** Adds one value of a repeatable flag. */
export function collect(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}
