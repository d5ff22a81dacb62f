import type { ReactElement, ReactNode } from 'react';
import classes from './fact-grid.module.css';

export type Fact = readonly [name: string, value: ReactNode];

/** Names and values, beside each other where there is room. */
export function FactGrid({ facts }: { facts: readonly Fact[] }): ReactElement {
  return (
    <dl className={classes['facts']}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
