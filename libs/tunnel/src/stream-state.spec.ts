import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mayReceiveData, nextState, StreamEvent, StreamState } from './stream-state.js';

const STATES = Object.entries(StreamState);
const EVENTS = Object.entries(StreamEvent);

/** Returns the table of docs/protocol.md §4: state name to the cells of its row, by column. */
function readTable(): Map<string, Record<string, string>> {
  const text = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.startsWith('| state |'));
  const cells = (line: string): string[] =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
  const columns = cells(lines[start]);
  const table = new Map<string, Record<string, string>>();
  for (let at = start + 2; lines[at].startsWith('|'); at++) {
    const row = cells(lines[at]);
    table.set(row[0], Object.fromEntries(columns.map((column, index) => [column, row[index]])));
  }
  return table;
}

const COLUMN: Record<string, string> = {
  SEND_OPENED: '!OPENED',
  RECEIVE_OPENED: '?OPENED',
  SEND_END: '!END',
  RECEIVE_END: '?END',
  RESET: 'RESET',
};

describe('the states of a stream', () => {
  const table = readTable();
  const name = (state: string): string => state.toLowerCase().replaceAll('_', '-');

  it('are the ones that docs/protocol.md lists', () => {
    expect([...table.keys()]).toEqual(STATES.map(([state]) => name(state)));
  });

  const edges = STATES.flatMap(([state, from]) =>
    EVENTS.map(([event, input]) => ({ state, from, event, input })),
  );
  it.each(edges)(
    'accept $event in $state only where docs/protocol.md does',
    ({ state, from, event, input }) => {
      const cell = table.get(name(state))![COLUMN[event]];
      const next = nextState(from, input);
      const nextName = STATES.find(([, value]) => value === next)?.[0];
      // A closed stream ignores a RESET from the wire: it stays closed.
      const expected = cell === 'ignore' && event === 'RESET' ? 'closed' : cell;
      expect(nextName === undefined ? null : name(nextName)).toBe(
        /^(|error|ignore)$/.test(expected) ? null : expected,
      );
    },
  );

  it.each(STATES)('accept DATA in %s only where docs/protocol.md does', (state, value) => {
    expect(mayReceiveData(value)).toBe(table.get(name(state))!['?DATA'] === 'accept');
  });
});
