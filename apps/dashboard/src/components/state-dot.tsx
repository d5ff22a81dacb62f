import type { ReactElement } from 'react';
import classes from './state-dot.module.css';

export type Tone = 'good' | 'waiting' | 'bad' | 'off';

/** A colored dot. It says nothing by itself: a word stands beside it. */
export function StateDot({ tone }: { tone: Tone }): ReactElement {
  return <span className={classes['dot']} data-tone={tone} aria-hidden />;
}
