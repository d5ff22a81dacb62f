import type { ResourceChange } from '@culvert/domain';
import type { EventBus } from './event-bus.js';

/**
 * Tells those who watch a team of a change, after its commit. In the background: nobody waits for it, and when the bus
 * does not take it, `onError` hears why and the watchers hear of the gap.
 */
export function announceChange(
  bus: EventBus,
  { teamId, resource, id, change }: ResourceChange,
  onError: (error: unknown) => void,
): void {
  bus.publish({ type: 'resource.changed', teamId, resource, id, change }).catch(onError);
}
