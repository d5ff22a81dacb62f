import { describe, expect, it } from 'vitest';
import { nameOfState, readStateTable } from '../spec/state-table.js';
import { ExchangeState, isWaiting, mayFollow } from './exchange-state.js';

const STATES = Object.entries(ExchangeState);

describe('ExchangeState', () => {
  const table = readStateTable('States of an exchange');

  it('has the states that docs/relay.md lists', () => {
    expect([...table.keys()]).toEqual(STATES.map(([state]) => nameOfState(state)));
  });

  const pairs = STATES.flatMap(([from, fromState]) =>
    STATES.map(([to, toState]) => ({ from: nameOfState(from), fromState, to: nameOfState(to), toState })),
  );
  it.each(pairs)(
    'lets $to follow $from only where docs/relay.md does',
    ({ from, fromState, to, toState }) => {
      expect(mayFollow(fromState, toState)).toBe(table.get(from)!.includes(to));
    },
  );

  it.each(STATES)('counts %s as waiting only if its name says so', (state, value) => {
    expect(isWaiting(value)).toBe(state.startsWith('WAITING'));
  });
});
