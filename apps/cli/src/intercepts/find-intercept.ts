import type { Api, Intercept } from '../api.js';
import { findOne } from '../find/find-one.js';

/** Finds an intercept by its id, a prefix of that, or its name. @throws CliError */
export async function findIntercept(api: Api, reference: string): Promise<Intercept> {
  // `<uuid>:<name>` is an id in full.
  if (reference.includes(':')) return api.call('getIntercept', { interceptId: reference });
  return findOne(await api.list('listIntercepts'), reference, {
    nouns: ['intercept', 'intercepts'],
    idOf: ({ id }) => id,
    namesOf: ({ name }) => [name],
    hint: '"culvert intercepts list" shows them with their ids.',
  });
}
