import { describe, expect, it } from 'vitest';
import { nameOfState, readStateTable } from '../spec/state-table.js';
import { expectsHead, hasExchange, Http1State, mayFollow } from './http1-state.js';

const STATES = Object.entries(Http1State);

describe('Http1State', () => {
  const table = readStateTable('States of an HTTP/1.1 connection');

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

  it.each(STATES)('has an exchange in %s only if its name says so', (state, value) => {
    expect(hasExchange(value)).toBe(state.endsWith('EXCHANGE'));
  });

  it.each(STATES)('expects a head in %s only where an exchange may follow', (_state, value) => {
    const canStart = mayFollow(value, Http1State.EXCHANGE);
    expect(expectsHead(value)).toBe(canStart);
  });
});
