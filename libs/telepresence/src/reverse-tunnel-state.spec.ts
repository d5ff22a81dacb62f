import { readFileSync } from 'node:fs';
import type { TunnelState } from '@culvert/tunnel';
import { describe, expect, it } from 'vitest';
import { mayFollow } from './reverse-tunnel-state.js';

const STATES: readonly TunnelState[] = ['handshake', 'open', 'draining', 'closed'];

/** Returns the table of docs/telepresence-tunnel.md: each state with those that may follow it. */
function readTable(): Map<string, readonly string[]> {
  const text = readFileSync(new URL('../../../docs/telepresence-tunnel.md', import.meta.url), 'utf8');
  const rows = text.matchAll(/^\| `([a-z]+)` +\|[^|]*\|([^|]*)\|$/gm);
  return new Map(
    [...rows].map(([, state, following]) => [
      state,
      [...following.matchAll(/`([a-z]+)`/g)].map(([, name]) => name),
    ]),
  );
}

describe('the states of a reverse connection', () => {
  const table = readTable();

  it('are the ones that docs/telepresence-tunnel.md lists', () => {
    expect([...table.keys()]).toEqual(STATES);
  });

  it.each(STATES.flatMap((from) => STATES.map((to) => ({ from, to }))))(
    'let $to follow $from only where docs/telepresence-tunnel.md does',
    ({ from, to }) => {
      expect(mayFollow(from, to)).toBe(table.get(from)!.includes(to));
    },
  );
});
