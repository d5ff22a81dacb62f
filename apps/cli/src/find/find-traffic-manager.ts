import type { Api, TrafficManager } from '../api.js';
import { findOne } from './find-one.js';

/** Finds a traffic manager by its name, the name it reports for itself, or its id. @throws CliError */
export async function findTrafficManager(api: Api, reference: string): Promise<TrafficManager> {
  return findOne(await api.list('listTrafficManagers'), reference, {
    nouns: ['traffic manager', 'traffic managers'],
    idOf: ({ id }) => id,
    namesOf: ({ managerId, name }) => [managerId, name].filter((each) => each !== ''),
    hint: '"culvert traffic-managers list" shows them with their ids.',
  });
}

/** Returns the id for a `--traffic-manager` flag; undefined without one. */
export async function findTrafficManagerId(
  api: Api,
  reference: string | undefined,
): Promise<string | undefined> {
  return reference === undefined ? undefined : (await findTrafficManager(api, reference)).id;
}
