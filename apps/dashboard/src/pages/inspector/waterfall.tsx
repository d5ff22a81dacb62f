import type { CSSProperties, ReactElement } from 'react';
import type { Exchange } from '../../api/exchanges.js';
import { formatMilliseconds } from '../../intl.js';
import { texts } from './texts.js';
import classes from './inspector.module.css';

const STEPS = [
  ['gateMs', texts.waterfall.gate],
  ['waitMs', texts.waterfall.waitForManager],
  ['connectMs', texts.waterfall.connect],
  ['firstByteMs', texts.waterfall.firstByte],
  ['bodyMs', texts.waterfall.body],
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
            {duration === null
              ? isPassed
                ? texts.waterfall.none
                : texts.waterfall.notReached
              : formatMilliseconds(duration)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Returns the duration so far; null before anything is known. */
export function totalMs({ timings }: Exchange): number | null {
  const known = STEPS.map(([step]) => timings[step]).filter((ms) => ms !== null);
  return known.length === 0 ? null : known.reduce((sum, ms) => sum + ms, 0);
}
