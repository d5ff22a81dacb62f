import type { CSSProperties, ReactElement } from 'react';
import type { Exchange } from '../../api/exchanges.js';
import classes from './inspector.module.css';

const STEPS = [
  ['gateMs', 'Gate'],
  ['waitMs', 'Wait for the manager'],
  ['connectMs', 'Connect'],
  ['firstByteMs', 'First byte'],
  ['bodyMs', 'Body'],
] as const;

/** Shows how long each step of an exchange took. */
export function Waterfall({ timings }: { timings: Exchange['timings'] }): ReactElement {
  const durations = STEPS.map(([step]) => timings[step] ?? 0);
  const sumUntil = (end: number): number => durations.slice(0, end).reduce((sum, ms) => sum + ms, 0);
  const total = Math.max(0.001, sumUntil(STEPS.length));
  const rows = STEPS.map(([step, label], index) => ({
    step,
    label,
    duration: timings[step],
    left: (sumUntil(index) / total) * 100,
    width: ((durations[index] ?? 0) / total) * 100,
    // A step that was skipped, if a later one was reached.
    isPassed: STEPS.slice(index).some(([later]) => timings[later] !== null),
  }));
  return (
    <dl className={classes['waterfall']}>
      {rows.map(({ step, label, duration, left, width, isPassed }) => (
        <div key={step} className={classes['span']}>
          <dt>{label}</dt>
          <dd className={classes['track']} aria-hidden>
            {duration !== null && (
              <span
                className={classes['bar']}
                data-step={step}
                style={{ '--left': `${left}%`, '--width': `${width}%` } as CSSProperties}
              />
            )}
          </dd>
          <dd className={classes['duration']}>
            {duration === null ? (isPassed ? 'none' : 'not reached') : milliseconds(duration)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** `0.4 ms`, `12 ms`, `1.2 s`. */
export function milliseconds(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

/** Returns the duration so far; null before anything is known. */
export function totalMs({ timings }: Exchange): number | null {
  const known = STEPS.map(([step]) => timings[step]).filter((ms) => ms !== null);
  return known.length === 0 ? null : known.reduce((sum, ms) => sum + ms, 0);
}
