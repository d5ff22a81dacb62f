import type { Intercept } from '../api.js';

/** States of an intercept, in words. docs/cli.md explains them. */
const STATES: Readonly<Record<Intercept['disposition'], string>> = {
  UNSPECIFIED: 'not reported',
  ACTIVE: 'active',
  WAITING: 'waiting',
  NO_CLIENT: 'no client',
  NO_AGENT: 'no agent',
  NO_MECHANISM: 'no mechanism',
  NO_PORTS: 'no port',
  AGENT_ERROR: 'agent error',
  BAD_ARGS: 'bad arguments',
};

const WORDS: ReadonlyMap<string, string> = new Map(Object.entries(STATES));

/** Returns the state of an intercept in words. A state that only a newer Culvert knows is returned as it is. */
export function wordOfState(disposition: string): string {
  return WORDS.get(disposition) ?? disposition;
}
