import type { ReactElement } from 'react';
import classes from './state-dot.module.css';

export type Tone = 'good' | 'waiting' | 'bad' | 'off';

/** A colored dot, always beside a word with the same meaning. */
export function StateDot({ tone }: { tone: Tone }): ReactElement {
  return <span className={classes['dot']} data-tone={tone} aria-hidden />;
}
