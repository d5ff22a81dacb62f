import type { Preview, PreviewAnnouncer, ResourceChange } from '@culvert/domain';
import type { ClusterEvent, EventBus } from './event-bus.js';

/** Where an announcer reports events that the bus refused. */
export interface AnnouncerLog {
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Notifies every process of changes in the database. */
export class Announcer implements PreviewAnnouncer {
  private readonly bus: EventBus;
  private readonly log: AnnouncerLog;

  constructor(bus: EventBus, log: AnnouncerLog) {
    this.bus = bus;
    this.log = log;
  }

  /**
   * Resolves once the bus has the events, or has refused them. A refusal does not fail the caller, whose change is already
   * in the database: edges look there again when their connection to the bus is back.
   */
  async announce(events: readonly ClusterEvent[]): Promise<void> {
    const outcomes = await Promise.allSettled(events.map((event) => this.bus.publish(event)));
    const refusals = outcomes.filter((outcome) => outcome.status === 'rejected');
    if (refusals.length > 0) {
      this.log.error({ err: refusals[0]?.reason, count: refusals.length }, 'cannot publish events');
    }
  }

  previewsChanged(hostnames: readonly string[]): Promise<void> {
    return this.announce(hostnames.map((hostname) => ({ type: 'preview.changed', hostname })));
  }

  previewsRemoved(
    previews: readonly Pick<Preview, 'hostname' | 'interceptId' | 'trafficManagerId'>[],
  ): Promise<void> {
    return this.announce(
      previews.flatMap(({ hostname, interceptId, trafficManagerId }): ClusterEvent[] => [
        { type: 'preview.changed', hostname },
        { type: 'preview.removed', hostname, interceptId, trafficManagerId },
      ]),
    );
  }

  /** In the background: if the bus refuses it, watchers are notified of the gap. */
  changed(change: ResourceChange): void {
    const { teamId, resource, id, change: kind } = change;
    this.bus
      .publish({ type: 'resource.changed', teamId, resource, id, change: kind })
      .catch((error: unknown) => this.log.warn({ err: error, change }, 'cannot announce a change'));
  }

  /** Makes every process look up again what a person may do. */
  userChanged(userId: string): Promise<void> {
    return this.announce([{ type: 'user.changed', userId }]);
  }
}
