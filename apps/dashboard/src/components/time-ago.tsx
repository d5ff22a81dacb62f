import { useSyncExternalStore, type ReactElement } from 'react';

const TICK_MS = 15_000;
const UNITS: readonly (readonly [unit: Intl.RelativeTimeFormatUnit, seconds: number])[] = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const absolute = new Intl.DateTimeFormat('en-GB', {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
});

// One timer for all of them, which runs while any is shown.
const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  now = Date.now();
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** A duration that was a whole unit a moment ago still counts as one. */
const TOLERANCE = 1.01;

/**
 * `3 minutes ago`, `in 2 days`; less than a minute either way is `just now`. Past times are rounded down, as people
 * count them. Future times are rounded to the nearest unit, so that a week does not become 6 days while it is shown.
 */
export function timeAgo(moment: string, at: number): string {
  const seconds = (Date.parse(moment) - at) / 1000;
  const reach = seconds > 0 ? seconds * TOLERANCE : -seconds;
  const [unit, size] = UNITS.find(([, length]) => reach >= length) ?? [];
  if (unit === undefined || size === undefined) return 'just now';
  return relative.format(seconds > 0 ? Math.round(seconds / size) : Math.trunc(seconds / size), unit);
}

/** Returns the current time in milliseconds, updated as often as it is worth rendering. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** A relative time; the tooltip has the exact one. */
export function TimeAgo({ at, never = 'never' }: { at: string | null; never?: string }): ReactElement {
  const present = useNow();
  if (at === null) return <span>{never}</span>;
  return (
    <time dateTime={at} title={exactTime(at)}>
      {timeAgo(at, present)}
    </time>
  );
}

/** `25 Nov 2026, 18:12:26 GMT+1`, in the time zone of the browser. */
export function exactTime(moment: string): string {
  return absolute.format(new Date(moment));
}

/** A moment as in a log. */
export function ExactTime({ at }: { readonly at: string }): ReactElement {
  return <time dateTime={at}>{exactTime(at)}</time>;
}
