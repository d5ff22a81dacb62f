/**
 * Names of what is cached: `[team, resource, …]`, so that a change of a resource, as an event tells it, puts out of date
 * everything that shows it, and another team's data is never taken for one's own.
 */
import { chosenTeam } from './chosen-team.js';

/** As the event stream names them. */
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
  | 'user-session';

export type Key = readonly [team: string | null, resource: Resource, ...rest: readonly unknown[]];

/** The key of what is asked of `resource` for the chosen team: `keyOf('preview', id)`. */
export function keyOf(resource: Resource, ...rest: readonly unknown[]): Key {
  return [chosenTeam(), resource, ...rest];
}
