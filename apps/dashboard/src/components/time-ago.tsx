import { useSyncExternalStore, type ReactElement } from 'react';
import { formatTime, formatTimeAgo } from '../intl.js';

const TICK_MS = 15_000;

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

/** Returns the current time in milliseconds, updated as often as it is worth rendering. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** A relative time; the tooltip has the exact one. */
export function TimeAgo({ at, never = 'never' }: { at: string | null; never?: string }): ReactElement {
  const present = useNow();
  if (at === null) return <span>{never}</span>;
  return (
    <time dateTime={at} title={formatTime(at)}>
      {formatTimeAgo(at, present)}
    </time>
  );
}

/** A moment as in a log. */
export function ExactTime({ at }: { readonly at: string }): ReactElement {
  return <time dateTime={at}>{formatTime(at)}</time>;
}
