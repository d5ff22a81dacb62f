/**
 * Tables of transitions. Each state has a row: a number whose bits are the states that may follow. A
 * machine has at most 31 states, numbered from 0 in the order of its rows.
 */

/** Returns the row of a state that `states` may follow. */
export function following(...states: readonly number[]): number {
  return states.reduce((row, state) => row | (1 << state), 0);
}

/** Reports whether `table` lets `to` follow `from`. */
export function follows(table: readonly number[], from: number, to: number): boolean {
  return (table[from] & (1 << to)) !== 0;
}
