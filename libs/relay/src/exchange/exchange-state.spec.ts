import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ExchangeState, isWaiting, mayFollow } from './exchange-state.js';

const STATES = Object.entries(ExchangeState);
const nameOf = (state: string): string => state.toLowerCase().replaceAll('_', '-');

/** The table of docs/relay.md: each state with those that may follow it. */
function readTable(): Map<string, readonly string[]> {
  const text = readFileSync(new URL('../../../../docs/relay.md', import.meta.url), 'utf8');
  const rows = text
    .slice(text.indexOf('## States of an exchange'))
    .matchAll(/^\| `([a-z-]+)` \|[^|]*\|([^|]*)\|$/gm);
  return new Map(
    [...rows].map(([, state, following]) => [
      state,
      [...following.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name),
    ]),
  );
}

describe('ExchangeState', () => {
  const table = readTable();

  it('has the states that docs/relay.md lists', () => {
    expect([...table.keys()]).toEqual(STATES.map(([state]) => nameOf(state)));
  });

  const pairs = STATES.flatMap(([from, fromState]) =>
    STATES.map(([to, toState]) => ({ from: nameOf(from), fromState, to: nameOf(to), toState })),
  );
  it.each(pairs)(
    'lets $to follow $from only where docs/relay.md does',
    ({ from, fromState, to, toState }) => {
      expect(mayFollow(fromState, toState)).toBe(table.get(from)!.includes(to));
    },
  );

  it.each(STATES)('counts %s as waiting by its name', (state, value) => {
    expect(isWaiting(value)).toBe(state.startsWith('WAITING'));
  });
});
