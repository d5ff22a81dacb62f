/**
 * Keys of the query cache: `[team, resource, …]`. An event about a resource invalidates everything that shows it, and
 * data of different teams never mix.
 */
import { chosenTeam } from './chosen-team.js';

/** Resources, by their names in the event stream. */
export type Resource =
  | 'api-key'
  | 'audit-event'
  | 'intercept'
  | 'invitation'
  | 'me'
  | 'member'
  | 'preview'
  | 'preview-metrics'
  | 'preview-token'
  | 'session'
  | 'share-link'
  | 'team'
  | 'traffic-manager'
  | 'user-session'
  | 'webhook'
  | 'workload-identity';

export type Key = readonly [team: string | null, resource: Resource, ...rest: readonly unknown[]];

/** Returns the cache key of a query about `resource` in the chosen team: `keyOf('preview', id)`. */
export function keyOf(resource: Resource, ...rest: readonly unknown[]): Key {
  return [chosenTeam(), resource, ...rest];
}
