import { queryOptions } from '@tanstack/react-query';
import { allPages } from './all-pages.js';
import { answerOf, api, type Schemas } from './client.js';
import { keyOf } from './keys.js';

export type TrafficManager = Schemas['TrafficManager'];
export type Session = Schemas['Session'];

/** Query for every traffic manager of the team. */
export const trafficManagers = () =>
  queryOptions({
    queryKey: keyOf('traffic-manager', 'all'),
    queryFn: () =>
      allPages<TrafficManager>((query) =>
        answerOf(api.GET('/api/v1/traffic-managers', { params: { query } })),
      ),
  });

/** Query for the sessions with an open tunnel, whose traffic manager is connected. */
export const connectedSessions = () =>
  queryOptions({
    queryKey: keyOf('session', 'connected'),
    queryFn: () =>
      allPages<Session>((query) =>
        answerOf(api.GET('/api/v1/sessions', { params: { query: { ...query, state: 'connected' } } })),
      ),
  });

/** Returns the name of a traffic manager, or else its manager id. */
export function nameOfManager({ name, managerId }: Pick<TrafficManager, 'name' | 'managerId'>): string {
  return name === '' ? managerId : name;
}
