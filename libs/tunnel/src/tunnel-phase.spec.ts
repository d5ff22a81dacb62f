import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hasPeerLeft, isHandshake, mayFollow, stateOf, TunnelPhase } from './tunnel-phase.js';

const PHASES = Object.entries(TunnelPhase);
const nameOf = (phase: string): string => phase.toLowerCase().replaceAll('_', '-');

/** Returns the table of docs/protocol.md §6: each phase with those that may follow it. */
function readTable(): Map<string, readonly string[]> {
  const text = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
  const section = text.split(/^## /m).find((each) => each.startsWith('6. ')) ?? '';
  const rows = section.matchAll(/^\| `([a-z-]+)` \|[^|]*\|([^|]*)\|$/gm);
  return new Map(
    [...rows].map(([, phase, following]) => [
      phase,
      [...following.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name),
    ]),
  );
}

describe('the phases of a tunnel', () => {
  const table = readTable();

  it('are the ones that docs/protocol.md lists', () => {
    expect([...table.keys()]).toEqual(PHASES.map(([phase]) => nameOf(phase)));
  });

  const pairs = PHASES.flatMap(([from, fromPhase]) =>
    PHASES.map(([to, toPhase]) => ({ from: nameOf(from), fromPhase, to: nameOf(to), toPhase })),
  );
  it.each(pairs)(
    'let $to follow $from only where docs/protocol.md does',
    ({ from, fromPhase, to, toPhase }) => {
      expect(mayFollow(fromPhase, toPhase)).toBe(table.get(from)!.includes(to));
    },
  );

  it.each([
    ['handshake', ['AWAITING_HELLO', 'DECIDING', 'AWAITING_WELCOME']],
    ['open', ['OPEN']],
    ['draining', ['LEAVING', 'DISMISSED', 'PARTING']],
    ['closed', ['CLOSED']],
  ])('are shown to users as %s', (state, names) => {
    expect(PHASES.filter(([, phase]) => stateOf(phase) === state).map(([name]) => name)).toEqual(names);
  });

  it.each(PHASES)('are part of the handshake in %s only where OPEN may follow', (_name, phase) => {
    const isBeforeOpen = phase === TunnelPhase.AWAITING_HELLO || mayFollow(phase, TunnelPhase.OPEN);
    expect(isHandshake(phase)).toBe(isBeforeOpen);
  });

  it('show the peer as leaving once it has sent GOAWAY', () => {
    expect(PHASES.filter(([, phase]) => hasPeerLeft(phase)).map(([name]) => name)).toEqual([
      'DISMISSED',
      'PARTING',
    ]);
  });
});
