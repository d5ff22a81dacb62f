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

/** Returns the state of an intercept in words. */
export function wordOfState(disposition: Intercept['disposition']): string {
  return STATES[disposition];
}
