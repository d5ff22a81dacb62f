import { readFileSync } from 'node:fs';

/**
 * Reads a table of states in docs/relay.md: each state with those that may follow it.
 * @param heading of the section that the table is in
 */
export function readStateTable(heading: string): Map<string, readonly string[]> {
  const text = readFileSync(new URL('../../../../docs/relay.md', import.meta.url), 'utf8');
  const section = text.split(/^## /m).find((each) => each.startsWith(`${heading}\n`)) ?? '';
  const rows = section.matchAll(/^\| `([a-z-]+)` \|[^|]*\|([^|]*)\|$/gm);
  return new Map(
    [...rows].map(([, state, following]) => [
      state,
      [...following.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name),
    ]),
  );
}

/** Returns the name that docs/relay.md gives a state. */
export function nameOfState(state: string): string {
  return state.toLowerCase().replaceAll('_', '-');
}
