import type { ReactElement, ReactNode } from 'react';
import classes from './facts.module.css';

export type Fact = readonly [label: string, value: ReactNode];

interface FactsProps {
  readonly facts: readonly Fact[];
  /** `grid`: side by side as far as there is room, each below its label. Default: one below the other. */
  readonly layout?: 'list' | 'grid';
}

/** Names and values of one thing. Entries without a value are left out. */
export function Facts({ facts, layout = 'list' }: FactsProps): ReactElement {
  return (
    <dl className={classes[layout]}>
      {facts
        .filter(([, value]) => value !== '' && value !== null && value !== undefined && value !== false)
        .map(([label, value]) => (
          <div key={label} className={classes['fact']}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
